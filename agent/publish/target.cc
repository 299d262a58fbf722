#include "agent/publish/target.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

std::string Describe(int node, mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISREG(mode)) return "a file";
  if (!S_ISLNK(mode)) return "a special file";
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(node, "", target, sizeof target);
  const absl::string_view to(target, length < 0 ? 0 : static_cast<size_t>(length));
  return absl::StrCat("a symlink to ", EscapeText(to));
}

}  // namespace

absl::Status Target::CheckKind(bool file) const {
  if (file ? S_ISREG(view.mode) : S_ISDIR(view.mode)) return absl::OkStatus();
  return WithStateReason(StateReason::kInTheWay,
                         absl::FailedPreconditionError(absl::StrCat(
                             "cannot publish a ", file ? "file" : "directory", " to ", local, ": ",
                             Describe(node.get(), view.mode),
                             " is in the way; remove it, or correct this entry of `dirs`")));
}

absl::StatusOr<Target> OpenTarget(NameInDirectory place, const std::string& local) {
  Target target{.local = local, .place = std::move(place), .node = Fd(), .view = {}};
  target.node = Fd(::openat(target.place.directory.get(), target.place.name.c_str(),
                            O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!target.node) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", local));
  absl::StatusOr<PathView> view = ViewFd(target.node.get());
  if (!view.ok()) return view.status();
  target.view = *view;
  return target;
}

absl::StatusOr<Target> OpenTarget(const std::string& local) {
  absl::StatusOr<NameInDirectory> place =
      WalkToParent(local, {.attempt = absl::StrCat("cannot open ", local)});
  if (!place.ok()) return place.status();
  return OpenTarget(*std::move(place), local);
}

}  // namespace gitops
