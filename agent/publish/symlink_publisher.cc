#include "agent/publish/symlink_publisher.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/publish/copy_node.h"
#include "agent/publish/place_publisher.h"
#include "common/path/make_node.h"
#include "common/path/split_path.h"
#include "common/path/walk.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

absl::StatusOr<std::string> ReadLink(int directory, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(directory, name.c_str(), target, sizeof target);
  if (length < 0) return FileStatus(errno, absl::StrCat("cannot read symlink ", name));
  return std::string(target, static_cast<size_t>(length));
}

// What is at a name now, and what may replace it.
enum class Occupant { kNothing, kOurs, kEmpty, kForeign };

class SymlinkPublisher final : public PlacePublisher {
 public:
  explicit SymlinkPublisher(SymlinkPublisherOptions options)
      : PlacePublisher(options.spec, options.store, std::move(options.last_published),
                       options.clock),
        before_replace_(std::move(options.before_replace)) {}

 private:
  // The outer place's revision has the same content at this path: no symlink is needed.
  static bool IsPartOfOuter(const Place& place) {
    return place.outer && place.spec.link == place.path_in_revision;
  }

  // Its owner may have made the symlink: what leads out of the root again is not ours, and is not
  // put back either, as a symlink of root's that others are trusted to follow.
  std::optional<std::string> PathInRoot(const std::string& target) const {
    std::optional<std::string> path = PathBelow(target, Root());
    if (!path) return std::nullopt;
    for (const absl::string_view name : absl::StrSplit(*path, '/')) {
      if (name.empty() || name == "." || name == "..") return std::nullopt;
    }
    return path;
  }

  absl::StatusOr<Shown> ShownAt(const Place& place) override {
    if (IsPartOfOuter(place)) {
      absl::StatusOr<Shown> outer = ShownAt(places()[*place.outer]);
      if (outer.ok()) outer->link = place.spec.link;
      return outer;
    }
    absl::StatusOr<std::string> target = ReadLink(AT_FDCWD, place.spec.local);
    if (absl::IsNotFound(target.status())) return Shown{"", "", "does not exist"};
    if (absl::IsInvalidArgument(target.status())) return Shown{"", "", "is not a symlink"};
    if (absl::IsFailedPrecondition(target.status())) {
      return Shown{"", "", std::string(target.status().message())};
    }
    if (!target.ok()) return target.status();
    const std::optional<std::string> path = PathInRoot(*target);
    if (!path) return Shown{"", "", absl::StrCat("is a symlink to ", EscapeText(*target))};
    Shown shown = ShownBelowRoot(place, *path);
    if (!shown.fault.empty()) return shown;
    const absl::Status exists = OpenPart(shown.directory, place).status();
    if (absl::IsNotFound(exists)) return Shown{"", "", Removed()};
    if (!exists.ok() && !absl::IsFailedPrecondition(exists)) return exists;
    if (!exists.ok()) shown.fault = std::string(exists.message());
    return shown;
  }

  absl::StatusOr<Occupant> LookAt(int directory, const std::string& name, bool file) const {
    struct stat stat = {};
    if (::fstatat(directory, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return Occupant::kNothing;
      return FileStatus(errno, absl::StrCat("cannot stat ", name));
    }
    if (S_ISLNK(stat.st_mode)) {
      absl::StatusOr<std::string> target = ReadLink(directory, name);
      if (!target.ok()) return target.status();
      return PathInRoot(*target) ? Occupant::kOurs : Occupant::kForeign;
    }
    // Removing a directory shows whether it is empty.
    if (S_ISDIR(stat.st_mode) && !file) return Occupant::kEmpty;
    if (S_ISREG(stat.st_mode) && file && stat.st_size == 0) return Occupant::kEmpty;
    return Occupant::kForeign;
  }

  static absl::Status InTheWay(const std::string& path, absl::string_view what) {
    return WithStateReason(
        StateReason::kInTheWay,
        absl::FailedPreconditionError(absl::StrCat("cannot publish to ", path, ": ", what,
                                                   " is in the way; move it aside, or correct this "
                                                   "entry of `dirs`")));
  }

  absl::Status Prepare(const Place& place, Targets& targets) override {
    absl::StatusOr<NameInDirectory> at = targets.CreateParents(place.spec.local);
    if (!at.ok()) return at.status();
    absl::StatusOr<Occupant> there = LookAt(at->directory.get(), at->name, place.spec.file);
    if (!there.ok()) return there.status();
    if (*there != Occupant::kForeign) return absl::OkStatus();
    absl::StatusOr<std::string> target = ReadLink(at->directory.get(), at->name);
    return InTheWay(place.spec.local, target.ok()
                                          ? absl::StrCat("a symlink to ", EscapeText(*target))
                                          : "something that the agent did not create");
  }

  absl::Status PrepareInner(const Place& inner, int outer_source, const std::string& directory,
                            Targets& targets) override {
    if (IsPartOfOuter(inner)) return absl::OkStatus();
    const auto [parent, name] = SplitPath(inner.path_in_outer);
    absl::StatusOr<Fd> above = MakeBeneath(outer_source, parent, NodeKind::kDirectory);
    if (!above.ok()) return above.status();
    return Put(inner, {*std::move(above), std::string(name)},
               inner.PathIn(store().TreePath(directory)))
        .status();
  }

  absl::StatusOr<Undo> Show(const Place& place, int source, const std::string& directory) override {
    // A nested place is published with its outer one.
    if (place.outer) return Undo([] { return absl::OkStatus(); });
    if (before_replace_) {
      if (absl::Status status = before_replace_(place.spec.local); !status.ok()) return status;
    }
    // Makes what another service's publication, which failed, has removed meanwhile.
    absl::StatusOr<NameInDirectory> at = Targets().CreateParents(place.spec.local);
    if (!at.ok()) return at.status();
    return Put(place, *std::move(at), place.PathIn(store().TreePath(directory)));
  }

  // Makes the name a symlink to `target`, in one step.
  absl::StatusOr<Undo> Put(const Place& place, NameInDirectory at, const std::string& target) {
    const int directory = at.directory.get();
    absl::StatusOr<Occupant> there = LookAt(directory, at.name, place.spec.file);
    if (!there.ok()) return there.status();
    if (*there == Occupant::kForeign) {
      return InTheWay(place.spec.local, "something that the agent did not create");
    }
    std::string former;
    if (*there == Occupant::kOurs) {
      absl::StatusOr<std::string> link = ReadLink(directory, at.name);
      if (!link.ok()) return link.status();
      former = *link;
      if (former == target) return Undo([] { return absl::OkStatus(); });
    }
    const bool empty = *there == Occupant::kEmpty;
    absl::Status status = empty ? ReplaceEmpty(place, directory, at.name, target)
                                : Rename(directory, at.name, target);
    if (!status.ok()) return status;
    auto kept = std::make_shared<NameInDirectory>(std::move(at));
    return Undo([former, empty, kept, file = place.spec.file] {
      return TakeBack(*kept, former, empty, file);
    });
  }

  static absl::StatusOr<std::string> MakeTemporary(int directory, const std::string& name,
                                                   const std::string& target) {
    const std::string temporary = absl::StrCat(kUnfinishedPrefix, name).substr(0, NAME_MAX);
    ::unlinkat(directory, temporary.c_str(), 0);
    if (::symlinkat(target.c_str(), directory, temporary.c_str()) != 0) {
      return FileStatus(errno, absl::StrCat("cannot create a symlink to ", target));
    }
    return temporary;
  }

  static absl::Status Rename(int directory, const std::string& name, const std::string& target) {
    absl::StatusOr<std::string> temporary = MakeTemporary(directory, name, target);
    if (!temporary.ok()) return temporary.status();
    if (::renameat(directory, temporary->c_str(), directory, name.c_str()) != 0) {
      const int error = errno;
      ::unlinkat(directory, temporary->c_str(), 0);
      return FileStatus(error, absl::StrCat("cannot replace ", name));
    }
    return absl::OkStatus();
  }

  // Exchanges the two, so that the name always exists; exchanges back a directory that is not
  // empty.
  absl::Status ReplaceEmpty(const Place& place, int directory, const std::string& name,
                            const std::string& target) {
    absl::StatusOr<std::string> temporary = MakeTemporary(directory, name, target);
    if (!temporary.ok()) return temporary.status();
    const auto exchange = [&] {
      return ::renameat2(directory, temporary->c_str(), directory, name.c_str(), RENAME_EXCHANGE);
    };
    if (exchange() != 0) {
      const int error = errno;
      ::unlinkat(directory, temporary->c_str(), 0);
      return FileStatus(error, absl::StrCat("cannot replace ", place.spec.local));
    }
    const int flags = place.spec.file ? 0 : AT_REMOVEDIR;
    if (::unlinkat(directory, temporary->c_str(), flags) == 0) return absl::OkStatus();
    exchange();
    ::unlinkat(directory, temporary->c_str(), 0);
    return InTheWay(place.spec.local, "a directory that is not empty");
  }

  // In the directory where it was published, wherever that is now.
  static absl::Status TakeBack(const NameInDirectory& at, const std::string& former, bool empty,
                               bool file) {
    const int directory = at.directory.get();
    if (!former.empty()) return Rename(directory, at.name, former);
    if (::unlinkat(directory, at.name.c_str(), 0) != 0) {
      return FileStatus(errno, absl::StrCat("cannot remove the symlink ", at.name));
    }
    if (!empty) return absl::OkStatus();
    return MakeNode(directory, at.name, file ? NodeKind::kFile : NodeKind::kDirectory).status();
  }

  const std::function<absl::Status(const std::string& local)> before_replace_;
};

}  // namespace

std::unique_ptr<Publisher> NewSymlinkPublisher(SymlinkPublisherOptions options) {
  return std::make_unique<SymlinkPublisher>(std::move(options));
}

}  // namespace gitops
