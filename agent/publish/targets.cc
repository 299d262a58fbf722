#include "agent/publish/targets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/publish/target.h"
#include "common/account/lookup.h"
#include "common/path/make_node.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

NodeKind KindOf(bool file) { return file ? NodeKind::kFile : NodeKind::kDirectory; }

}  // namespace

absl::StatusOr<Owner> LookUpOwner(const std::string& name) {
  if (name.empty()) return Owner{};
  const absl::StatusOr<UserAccount> found = LookUpUser(name);
  if (!found.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(found.status().message(),
                     ", the owner of the files; create the account, or change `user`"));
  }
  if (::geteuid() != 0) return Owner{};
  return Owner{found->uid, found->gid};
}

void Targets::Note(int directory, const std::string& name) {
  // Without a descriptor left, it stays when the publication fails.
  Fd again(::openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (again) created_.push_back({std::move(again), name});
  if (after_making) after_making(directory, name);
}

absl::StatusOr<NameInDirectory> Targets::CreateParents(const std::string& path) {
  return WalkToParent(
      path, {.attempt = absl::StrCat("cannot publish to ", path),
             .make_directories = true,
             .made = [this](int directory, const std::string& name) { Note(directory, name); }});
}

absl::Status Targets::Create(const std::string& path, bool file) {
  constexpr int kMaxTries = 100;
  absl::Status status;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    absl::StatusOr<NameInDirectory> place = CreateParents(path);
    if (!place.ok()) return place.status();
    const int directory = place->directory.get();
    absl::StatusOr<bool> made = MakeNode(directory, place->name, KindOf(file));
    status = made.status();
    if (made.ok() && *made) Note(directory, place->name);
    if (status.ok()) {
      absl::StatusOr<Target> there = OpenTarget(*std::move(place), path);
      if (there.ok()) return there->CheckKind(file);
      status = there.status();
    }
    // Another publication, which failed, has removed the directory again.
    if (!absl::IsNotFound(status)) break;
  }
  return WithMessage(status, absl::StrCat("cannot publish to ", path, ": ", status.message()));
}

absl::Status Targets::CreateBeneath(int root, const std::string& path, bool file) {
  absl::StatusOr<Fd> made = MakeBeneath(root, path, KindOf(file));
  if (made.ok()) return absl::OkStatus();
  return WithMessage(made.status(),
                     absl::StrCat("cannot publish a ", file ? "file" : "directory",
                                  " in the outer directory's revision: ", made.status().message()));
}

void Targets::RemoveCreated() {
  for (auto made = created_.rbegin(); made != created_.rend(); ++made) {
    const int directory = made->directory.get();
    struct stat stat = {};
    if (::fstatat(directory, made->name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(stat.st_mode)) {
      ::unlinkat(directory, made->name.c_str(), AT_REMOVEDIR);
    } else if (S_ISREG(stat.st_mode) && stat.st_size == 0) {
      ::unlinkat(directory, made->name.c_str(), 0);
    }
  }
  created_.clear();
}

}  // namespace gitops
