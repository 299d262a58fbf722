#include "common/mount/owned_mounts.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/path/fd.h"

namespace gitops {
namespace {

std::string WithSlash(absl::string_view path) {
  return absl::StrCat(absl::StripSuffix(path, "/"), "/");
}

// Adds the first name of `path` below `prefix`, which ends in a slash.
void AddFirstName(absl::string_view path, absl::string_view prefix, std::set<std::string>& names) {
  if (!absl::ConsumePrefix(&path, prefix) || path.empty()) return;
  names.emplace(path.substr(0, path.find('/')));
}

}  // namespace

OwnedMounts OwnedMounts::Of(const MountEntry& mount, absl::string_view path) {
  OwnedMounts owned;
  owned.device_ = mount.device;
  owned.path_ = WithSlash(path);
  // The kernel shows a mount's root as a path within its file system, wherever that is mounted:
  // comparing such paths finds bind mounts made through any path.
  const absl::string_view on_mount = absl::StripPrefix(owned.path_, WithSlash(mount.mount_point));
  owned.prefix_ = absl::StrCat(WithSlash(mount.root), on_mount);
  return owned;
}

absl::StatusOr<OwnedMounts> OwnedMounts::Below(int directory, const MountTable& table) {
  absl::StatusOr<PathView> view = ViewFd(directory);
  if (!view.ok()) return view.status();
  absl::StatusOr<std::string> path = PathOfFd(directory);
  if (!path.ok()) return path.status();
  const MountEntry* const mount = table.Find(view->mount_id);
  if (mount != nullptr) return Of(*mount, *path);
  return absl::UnavailableError(
      absl::StrCat("the mount that contains ", *path, " is not in the mount table"));
}

absl::StatusOr<OwnedMounts> OwnedMounts::Below(const std::string& directory,
                                               const MountTable& table) {
  const Fd open(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!open) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", directory));
  return Below(open.get(), table);
}

std::optional<std::string> OwnedMounts::PathOf(const MountEntry& mount) const {
  if (mount.device != device_ || !absl::StartsWith(mount.root, prefix_)) return std::nullopt;
  return mount.root.substr(prefix_.size());
}

std::set<std::string> OwnedMounts::EntriesIn(const MountTable& table) const {
  std::set<std::string> names;
  for (const MountEntry& mount : table.entries()) {
    AddFirstName(mount.mount_point, path_, names);
    if (mount.device == device_) AddFirstName(mount.root, prefix_, names);
  }
  return names;
}

absl::StatusOr<std::set<std::string>> MountedEntries(int directory) {
  absl::StatusOr<MountTable> table = MountTable::Read();
  if (!table.ok()) return table.status();
  absl::StatusOr<OwnedMounts> owned = OwnedMounts::Below(directory, *table);
  if (!owned.ok()) return owned.status();
  return owned->EntriesIn(*table);
}

}  // namespace gitops
