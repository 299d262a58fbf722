#include "agent/publish/target_mounts.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

absl::StatusOr<std::string> RealPath(const std::string& path) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot resolve ", path));
  }
  return std::string(resolved);
}

std::string WithSlash(absl::string_view path) {
  return absl::StrCat(absl::StripSuffix(path, "/"), "/");
}

absl::Status FindParent(const MountTable& table, TargetMounts& mounts) {
  absl::StatusOr<PathView> directory = ViewPath(mounts.directory);
  if (!directory.ok()) return directory.status();
  const MountEntry* parent = table.Find(directory->mount_id);
  if (parent == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("the mount that contains ", mounts.directory, " is not in the mount table"));
  }
  mounts.parent = *parent;
  return absl::OkStatus();
}

// A btrfs subvolume has a root other than "/", and this inode number.
bool IsWholeFileSystem(const MountEntry& mount, const PathView& top) {
  constexpr uint64_t kSubvolumeInode = 256;
  return mount.root == "/" || (mount.type == "btrfs" && top.inode == kSubvolumeInode);
}

// Both ways of exchange can replace only the lowest mount of a stack; mounts that cover it are
// removed if they are ours.
absl::Status FindReplaceable(const OwnedMounts& owned, const PathView& top, TargetMounts& mounts) {
  if (mounts.stack.empty()) return absl::OkStatus();
  const MountEntry& lowest = mounts.stack.back();
  const bool ours = owned.PathOf(lowest).has_value();
  if (ours || (mounts.stack.size() == 1 && !IsWholeFileSystem(lowest, top))) {
    mounts.covering = mounts.stack.size() - 1;
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("cannot publish ", mounts.target, ": a file system (", lowest.type, ", device ",
                   lowest.device,
                   ") is mounted there; unmount it, or choose another "
                   "`local`"));
}

// A mount point that a later mount covers shows another mount than the table's entry: not kept.
void FindInner(const MountTable& table, uint64_t base, TargetMounts& mounts) {
  const std::string prefix = WithSlash(mounts.target);
  for (const MountEntry* child : table.ChildrenOf(base)) {
    if (!absl::StartsWith(child->mount_point, prefix)) continue;
    absl::StatusOr<PathView> view = ViewPath(child->mount_point);
    if (!view.ok() || !view->mount_root) continue;
    const auto visible = table.StackUnder(view->mount_id);
    if (std::none_of(visible.begin(), visible.end(),
                     [&](const MountEntry* entry) { return entry->id == child->id; })) {
      continue;
    }
    mounts.inner.push_back(
        {child->mount_point.substr(prefix.size()), visible.front()->shared, S_ISDIR(view->mode)});
  }
}

}  // namespace

absl::StatusOr<std::string> CanonicalTarget(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash + 1 == path.size()) {
    return absl::InvalidArgumentError(absl::StrCat("cannot publish to \"", path, "\""));
  }
  absl::StatusOr<std::string> directory = RealPath(slash == 0 ? "/" : path.substr(0, slash));
  if (!directory.ok()) return directory.status();
  return WithSlash(*directory) + path.substr(slash + 1);
}

absl::StatusOr<OwnedMounts> OwnedMounts::Below(const std::string& directory,
                                               const MountTable& table) {
  absl::StatusOr<std::string> real = RealPath(directory);
  if (!real.ok()) return real.status();
  absl::StatusOr<PathView> view = ViewPath(*real);
  if (!view.ok()) return view.status();
  const MountEntry* mount = table.Find(view->mount_id);
  if (mount == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("the mount that contains ", directory, " is not in the mount table"));
  }
  OwnedMounts owned;
  owned.device_ = mount->device;
  const absl::string_view below =
      absl::StripPrefix(absl::StripPrefix(*real, absl::StripSuffix(mount->mount_point, "/")), "/");
  owned.prefix_ = WithSlash(absl::StrCat(WithSlash(mount->root), below));
  return owned;
}

std::optional<std::string> OwnedMounts::PathOf(const MountEntry& mount) const {
  if (mount.device != device_ || !absl::StartsWith(mount.root, prefix_)) return std::nullopt;
  return mount.root.substr(prefix_.size());
}

absl::StatusOr<TargetMounts> ReadTargetMounts(const std::string& target,
                                              const std::string& owned_directory) {
  TargetMounts mounts;
  absl::StatusOr<std::string> canonical = CanonicalTarget(target);
  if (!canonical.ok()) return canonical.status();
  mounts.target = *canonical;
  const size_t slash = mounts.target.rfind('/');
  mounts.directory = slash == 0 ? "/" : mounts.target.substr(0, slash);
  mounts.name = mounts.target.substr(slash + 1);

  absl::StatusOr<MountTable> table = MountTable::Read();
  if (!table.ok()) return table.status();
  absl::StatusOr<OwnedMounts> owned = OwnedMounts::Below(owned_directory, *table);
  if (!owned.ok()) return owned.status();
  if (absl::Status status = FindParent(*table, mounts); !status.ok()) return status;
  absl::StatusOr<PathView> view = ViewPath(mounts.target);
  if (!view.ok()) return view.status();

  if (view->mount_root) {
    for (const MountEntry* entry : table->StackUnder(view->mount_id)) {
      mounts.stack.push_back(*entry);
    }
  }
  if (absl::Status status = FindReplaceable(*owned, *view, mounts); !status.ok()) return status;
  if (mounts.covering == 0) {
    FindInner(*table, mounts.stack.empty() ? mounts.parent.id : mounts.stack.front().id, mounts);
  }
  return mounts;
}

}  // namespace gitops
