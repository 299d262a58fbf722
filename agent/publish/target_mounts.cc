#include "agent/publish/target_mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/publish/mount_calls.h"
#include "common/mount/owned_mounts.h"
#include "common/path/beneath.h"
#include "common/path/make_node.h"
#include "common/rpc/state_reason.h"

namespace gitops {
namespace {

absl::Status FindParent(const MountTable& table, TargetMounts& mounts) {
  absl::StatusOr<PathView> directory = ViewFd(mounts.target.place.directory.get());
  if (!directory.ok()) return directory.status();
  const MountEntry* parent = table.Find(directory->mount_id);
  if (parent == nullptr) {
    return absl::UnavailableError(absl::StrCat("the mount that contains ", mounts.target.local,
                                               " is not in the mount table"));
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
absl::Status FindReplaceable(const OwnedMounts& owned, TargetMounts& mounts) {
  if (mounts.stack.empty()) return absl::OkStatus();
  const MountEntry& lowest = mounts.stack.back();
  const bool ours = owned.PathOf(lowest).has_value();
  if (ours || (mounts.stack.size() == 1 && !IsWholeFileSystem(lowest, mounts.target.view))) {
    mounts.covering = mounts.stack.size() - 1;
    return absl::OkStatus();
  }
  return WithStateReason(
      StateReason::kInTheWay,
      absl::FailedPreconditionError(absl::StrCat(
          "cannot publish ", mounts.target.local, ": a file system (", lowest.type, ", device ",
          lowest.device, ") is mounted there; unmount it, or choose another `local`")));
}

absl::StatusOr<Fd> OpenWithin(int target, const std::string& path) {
  return OpenBeneath(target, path, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
}

bool IsElsewhere(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
         absl::IsPermissionDenied(status);
}

// Opens the mount `child` at `path` beneath the target, if it is there and visible: a later mount
// may cover its mount point, and its directories may have been renamed since the table was read.
absl::StatusOr<Fd> OpenInner(const MountTable& table, const MountEntry& child,
                             const std::string& path, int target, InnerMount& inner) {
  absl::StatusOr<Fd> node = OpenWithin(target, path);
  if (IsElsewhere(node.status())) return Fd();
  if (!node.ok()) return node;
  absl::StatusOr<PathView> view = ViewFd(node->get());
  if (!view.ok()) return view.status();
  const std::vector<const MountEntry*> visible = table.StackUnder(view->mount_id, child.parent_id);
  const bool same = view->mount_root &&
                    std::any_of(visible.begin(), visible.end(),
                                [&](const MountEntry* entry) { return entry->id == child.id; });
  if (!same) return Fd();
  inner.shared = visible.front()->shared;
  inner.directory = S_ISDIR(view->mode);
  return node;
}

absl::Status Renamed(const Target& target) {
  return absl::AbortedError(absl::StrCat("the directories above ", target.local,
                                         " were renamed while its mounts were read; try again"));
}

absl::Status FindInner(const MountTable& table, TargetMounts& mounts) {
  const int target = mounts.target.node.get();
  const bool mounted = !mounts.stack.empty();
  absl::StatusOr<std::string> above = mounted ? mounts.stack.front().mount_point : PathOfFd(target);
  if (!above.ok()) return above.status();
  const std::string prefix = absl::StrCat(absl::StripSuffix(*above, "/"), "/");
  const uint64_t base = mounted ? mounts.stack.front().id : mounts.parent.id;
  for (const MountEntry* child : table.ChildrenOf(base)) {
    if (child->IsRemoved()) continue;  // it shows nothing, and no copy of it can be mounted
    if (!absl::StartsWith(child->mount_point, prefix)) {
      // What is mounted on the target's mount is below it, unless what is above was renamed.
      if (mounted) return Renamed(mounts.target);
      continue;
    }
    InnerMount inner{.path = child->mount_point.substr(prefix.size()), .node = Fd()};
    absl::StatusOr<Fd> node = OpenInner(table, *child, inner.path, target, inner);
    if (!node.ok()) return node.status();
    if (!*node) continue;
    inner.node = *std::move(node);
    mounts.inner.push_back(std::move(inner));
  }
  return absl::OkStatus();
}

absl::Status AttachCopies(int tree, const TargetMounts& mounts, const std::vector<Fd>& copies) {
  for (size_t i = 0; i < copies.size(); ++i) {
    const InnerMount& inner = mounts.inner[i];
    absl::StatusOr<Fd> place =
        MakeBeneath(tree, inner.path, inner.directory ? NodeKind::kDirectory : NodeKind::kFile);
    absl::Status status = place.status();
    if (status.ok()) status = AttachMount(copies[i].get(), place->get());
    if (!status.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot keep the mount on ", inner.path,
                       " below the target in the new revision: ", status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TargetMounts> ReadTargetMounts(Target target, const std::string& owned_directory) {
  TargetMounts mounts;
  mounts.target = std::move(target);
  absl::StatusOr<MountTable> table = MountTable::Read();
  if (!table.ok()) return table.status();
  absl::StatusOr<OwnedMounts> owned = OwnedMounts::Below(owned_directory, *table);
  if (!owned.ok()) return owned.status();
  if (absl::Status status = FindParent(*table, mounts); !status.ok()) return status;
  if (mounts.target.view.mount_root) {
    for (const MountEntry* entry :
         table->StackUnder(mounts.target.view.mount_id, mounts.parent.id)) {
      mounts.stack.push_back(*entry);
    }
    if (mounts.stack.empty()) {
      return absl::AbortedError(absl::StrCat("the mounts at ", mounts.target.local,
                                             " changed while they were read; try again"));
    }
  }
  if (absl::Status status = FindReplaceable(*owned, mounts); !status.ok()) return status;
  if (mounts.covering == 0) {
    if (absl::Status status = FindInner(*table, mounts); !status.ok()) return status;
  }
  return mounts;
}

absl::StatusOr<std::vector<Fd>> CopyInner(const TargetMounts& mounts) {
  std::vector<Fd> copies;
  for (const InnerMount& inner : mounts.inner) {
    absl::StatusOr<Fd> copy = CloneMount(inner.node.get(), /*with_inner=*/true);
    if (!copy.ok()) {
      return absl::Status(copy.status().code(),
                          absl::StrCat("cannot keep the mount on ", inner.path,
                                       " below the target: ", copy.status().message()));
    }
    copies.push_back(*std::move(copy));
  }
  return copies;
}

// In a separate namespace: before Linux 6.15 nothing can be mounted on a detached mount.
absl::StatusOr<Fd> JoinTree(Fd mount, const TargetMounts& mounts, const std::vector<Fd>& copies,
                            bool read_only) {
  Fd tree;
  absl::Status status = InCopiedNamespace([&](int stage) -> absl::Status {
    absl::Status step = AttachMount(mount.get(), stage);
    if (step.ok()) step = AttachCopies(mount.get(), mounts, copies);
    if (step.ok() && read_only) step = MakeReadOnly(mount.get());
    if (!step.ok()) return step;
    absl::StatusOr<Fd> joined = CloneMount(mount.get(), /*with_inner=*/true);
    if (!joined.ok()) return joined.status();
    tree = *std::move(joined);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return tree;
}

absl::Status PutBackInner(const Target& now, const TargetMounts& mounts,
                          const std::vector<Fd>& copies) {
  absl::Status status;
  for (size_t i = 0; i < copies.size(); ++i) {
    absl::StatusOr<Fd> place = OpenWithin(now.node.get(), mounts.inner[i].path);
    status.Update(place.ok() ? AttachMount(copies[i].get(), place->get()) : place.status());
  }
  return status;
}

absl::Status DetachInner(int tree, const InnerMount& inner) {
  absl::StatusOr<Fd> node = OpenWithin(tree, inner.path);
  return node.ok() ? DetachMount(node->get()) : node.status();
}

absl::Status MakePrivate(const Target& now, const TargetMounts& mounts) {
  absl::Status status = SetPropagation(now.node.get(), Propagation::kPrivate);
  for (const InnerMount& inner : mounts.inner) {
    if (inner.shared) continue;
    absl::StatusOr<Fd> place = OpenWithin(now.node.get(), inner.path);
    status.Update(place.ok() ? SetPropagation(place->get(), Propagation::kPrivate)
                             : place.status());
  }
  return status;
}

}  // namespace gitops
