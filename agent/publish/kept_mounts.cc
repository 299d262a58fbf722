#include "agent/publish/kept_mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/publish/mount_calls.h"
#include "common/path/beneath.h"
#include "common/path/make_node.h"

namespace gitops {
namespace {

absl::StatusOr<Fd> OpenInner(int tree, const InnerMount& inner) {
  return OpenBeneath(tree, inner.path, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
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
    absl::StatusOr<Fd> place = OpenInner(now.node.get(), mounts.inner[i]);
    status.Update(place.ok() ? AttachMount(copies[i].get(), place->get()) : place.status());
  }
  return status;
}

absl::Status DetachInner(int tree, const InnerMount& inner) {
  absl::StatusOr<Fd> node = OpenInner(tree, inner);
  return node.ok() ? DetachMount(node->get()) : node.status();
}

absl::Status MakePrivate(const Target& now, const TargetMounts& mounts) {
  absl::Status status = SetPropagation(now.node.get(), Propagation::kPrivate);
  for (const InnerMount& inner : mounts.inner) {
    if (inner.shared) continue;
    absl::StatusOr<Fd> place = OpenInner(now.node.get(), inner);
    status.Update(place.ok() ? SetPropagation(place->get(), Propagation::kPrivate)
                             : place.status());
  }
  return status;
}

}  // namespace gitops
