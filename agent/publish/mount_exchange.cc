#include "agent/publish/mount_exchange.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/publish/mount_calls.h"
#include "agent/publish/mount_table.h"
#include "agent/publish/target_mounts.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/path/beneath.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

// A parent mount is shared between targets, and its propagation may change for a moment.
Mutex& ExchangeMutex() {
  static Mutex& mutex = *new Mutex;
  return mutex;
}

absl::Status Annotate(const absl::Status& status, absl::string_view what) {
  return absl::Status(status.code(), absl::StrCat(what, ": ", status.message()));
}

// The mounts below a target, copied, and open so that the originals can be found when covered.
struct KeptMount {
  InnerMount inner;
  Fd copy;
  Fd original;
};

absl::StatusOr<std::vector<KeptMount>> CopyInner(const TargetMounts& mounts) {
  std::vector<KeptMount> kept;
  for (const InnerMount& inner : mounts.inner) {
    const std::string path = absl::StrCat(mounts.target, "/", inner.path);
    absl::StatusOr<Fd> copy = CloneMount(AT_FDCWD, path, /*with_inner=*/true);
    if (!copy.ok()) return Annotate(copy.status(), "cannot keep a mount below the target");
    Fd original(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    kept.push_back({inner, *std::move(copy), std::move(original)});
  }
  return kept;
}

// The mount point of `inner` in the new tree; created if it is missing.
absl::StatusOr<Fd> OpenMountPoint(int tree, const InnerMount& inner) {
  constexpr int kResolve = RESOLVE_NO_SYMLINKS;
  absl::StatusOr<Fd> there = OpenBeneath(tree, inner.path, O_PATH | O_NOFOLLOW, 0, kResolve);
  if (there.ok() || !absl::IsNotFound(there.status())) return there;
  if (inner.directory) return MakeDirectoriesBeneath(tree, inner.path, 0755);
  const size_t slash = inner.path.rfind('/');
  if (slash != std::string::npos) {
    absl::StatusOr<Fd> above = MakeDirectoriesBeneath(tree, inner.path.substr(0, slash), 0755);
    if (!above.ok()) return above.status();
  }
  return OpenBeneath(tree, inner.path, O_CREAT | O_EXCL | O_RDONLY, 0644, kResolve);
}

absl::Status AttachInner(int tree, const std::vector<KeptMount>& kept) {
  for (const KeptMount& mount : kept) {
    absl::StatusOr<Fd> place = OpenMountPoint(tree, mount.inner);
    absl::Status status = place.status();
    if (status.ok()) status = AttachMount(mount.copy.get(), place->get(), "");
    if (!status.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot keep the mount on ", mount.inner.path,
                       " below the target in the new revision: ", status.message()));
    }
  }
  return absl::OkStatus();
}

// The parent mount must be the visible one at its path, or its propagation cannot be set.
absl::Status CheckReachable(const MountEntry& mount) {
  absl::StatusOr<PathView> view = ViewPath(mount.mount_point);
  if (!view.ok()) return view.status();
  if (view->mount_id == mount.id && view->mount_root) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("another mount covers ", mount.mount_point,
                   ", so mounts on it cannot be exchanged; unmount the upper one"));
}

// `mount` with the kept mounts on it, as one detached tree. Built in a separate namespace: before
// Linux 6.15 nothing can be mounted on a detached mount.
absl::StatusOr<Fd> JoinTree(Fd mount, const TargetMounts& mounts,
                            const std::vector<KeptMount>& kept, bool read_only) {
  Fd tree;
  absl::Status status = CheckReachable(mounts.parent);
  if (!status.ok()) return status;
  status = InCopiedNamespace([&]() -> absl::Status {
    absl::Status step = SetPropagation(AT_FDCWD, mounts.parent.mount_point, Propagation::kPrivate);
    if (step.ok()) step = AttachMount(mount.get(), AT_FDCWD, mounts.directory);
    if (step.ok()) step = AttachInner(mount.get(), kept);
    if (step.ok() && read_only) step = MakeReadOnly(mount.get());
    if (!step.ok()) return step;
    absl::StatusOr<Fd> joined = CloneMount(mount.get(), "", /*with_inner=*/true);
    if (!joined.ok()) return joined.status();
    tree = *std::move(joined);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return tree;
}

// See ExchangeWay::kPropagation.
absl::Status AttachToPeer(int tree, const TargetMounts& mounts) {
  return InCopiedNamespace([&]() -> absl::Status {
    absl::StatusOr<Fd> peer = CloneMount(AT_FDCWD, mounts.directory, /*with_inner=*/false);
    if (!peer.ok()) return peer.status();
    // The parent in the copied namespace must not propagate the mount of the peer.
    absl::Status status =
        SetPropagation(AT_FDCWD, mounts.parent.mount_point, Propagation::kPrivate);
    if (status.ok()) status = AttachMount(peer->get(), AT_FDCWD, mounts.directory);
    if (status.ok()) status = AttachMount(tree, peer->get(), mounts.name);
    if (status.ok()) status = SetPropagation(peer->get(), "", Propagation::kPrivate);
    return status;
  });
}

absl::Status AttachByPropagation(int tree, const TargetMounts& mounts) {
  absl::Status status = CheckReachable(mounts.parent);
  if (!status.ok()) return status;
  const std::string& parent = mounts.parent.mount_point;
  if (!mounts.parent.shared) status = SetPropagation(AT_FDCWD, parent, Propagation::kShared);
  if (!status.ok()) return status;
  status = AttachToPeer(tree, mounts);
  if (!mounts.parent.shared) {
    status.Update(SetPropagation(
        AT_FDCWD, parent, mounts.parent.slave ? Propagation::kSlave : Propagation::kPrivate));
  }
  return status;
}

// After kPropagation through a parent that is not shared, the new mount must not stay shared
// either.
void Unshare(const TargetMounts& mounts) {
  absl::Status status = SetPropagation(AT_FDCWD, mounts.target, Propagation::kPrivate);
  for (const InnerMount& inner : mounts.inner) {
    if (inner.shared) continue;
    status.Update(SetPropagation(AT_FDCWD, absl::StrCat(mounts.target, "/", inner.path),
                                 Propagation::kPrivate));
  }
  if (!status.ok()) {
    LogWarning("a published mount stays shared",
               {{"path", mounts.target}, {"error", std::string(status.message())}});
  }
}

class MountExchangerImpl : public MountExchanger {
 public:
  explicit MountExchangerImpl(Options options) : options_(std::move(options)) {}

  absl::StatusOr<Former> Exchange(int source, const std::string& target, bool read_only) override {
    MutexLock lock(ExchangeMutex());
    absl::StatusOr<TargetMounts> mounts = ReadCleared(target);
    if (!mounts.ok()) return mounts.status();
    if (Shows(*mounts, source, read_only)) return Former{};
    Former former{.changed = true, .mount = Fd()};
    if (!mounts->stack.empty()) {
      absl::StatusOr<Fd> copy = PrivateCopy(AT_FDCWD, mounts->target);
      if (!copy.ok()) return copy.status();
      former.mount = *std::move(copy);
    }
    absl::StatusOr<Fd> mount = PrivateCopy(source, "");
    if (!mount.ok()) return mount.status();
    absl::Status status = Put(*std::move(mount), *mounts, read_only);
    if (!status.ok()) return Annotate(status, absl::StrCat("cannot publish ", target));
    return former;
  }

  absl::Status Restore(Former former, const std::string& target) override {
    if (!former.changed) return absl::OkStatus();
    MutexLock lock(ExchangeMutex());
    absl::StatusOr<TargetMounts> mounts = ReadCleared(target);
    if (!mounts.ok()) return mounts.status();
    absl::Status status = former.mount ? Put(std::move(former.mount), *mounts, /*read_only=*/false)
                                       : TakeAway(*mounts);
    return status.ok() ? status : Annotate(status, absl::StrCat("cannot restore ", target));
  }

 private:
  // A copy keeps the read-only flag of the original, but must not be its peer: mounts on a peer of
  // the revisions' mount would appear in the revision's own directory.
  static absl::StatusOr<Fd> PrivateCopy(int at, const std::string& path) {
    absl::StatusOr<Fd> copy = CloneMount(at, path, /*with_inner=*/false);
    if (!copy.ok()) return copy.status();
    absl::Status status = SetPropagation(copy->get(), "", Propagation::kPrivate);
    if (!status.ok()) return status;
    return copy;
  }

  absl::StatusOr<TargetMounts> ReadCleared(const std::string& target) const {
    absl::StatusOr<TargetMounts> mounts = ReadTargetMounts(target, options_.owned_directory);
    if (!mounts.ok() || mounts->covering == 0) return mounts;
    for (size_t i = 0; i < mounts->covering; ++i) {
      LogWarning("removing a mount that covers the published one",
                 {{"path", mounts->target}, {"shows", mounts->stack[i].root}});
      absl::Status status = DetachMount(mounts->target);
      if (!status.ok()) return status;
    }
    return ReadTargetMounts(target, options_.owned_directory);
  }

  static bool Shows(const TargetMounts& mounts, int source, bool read_only) {
    if (mounts.stack.empty() || mounts.stack.front().read_only != read_only) return false;
    absl::StatusOr<PathView> now = ViewPath(mounts.target);
    absl::StatusOr<PathView> wanted = ViewFd(source);
    return now.ok() && wanted.ok() && now->SameFile(*wanted);
  }

  absl::Status Step(absl::string_view step, const TargetMounts& mounts) const {
    return options_.before_step ? options_.before_step(step, mounts.target) : absl::OkStatus();
  }

  // Attaches `mount`, with the mounts below the target, in place of the current one.
  absl::Status Put(Fd mount, const TargetMounts& mounts, bool read_only) const {
    absl::StatusOr<std::vector<KeptMount>> kept = CopyInner(mounts);
    if (!kept.ok()) return kept.status();
    if (!kept->empty()) {
      absl::StatusOr<Fd> tree = JoinTree(std::move(mount), mounts, *kept, read_only);
      if (!tree.ok()) return tree.status();
      mount = *std::move(tree);
    } else if (read_only) {
      if (absl::Status status = MakeReadOnly(mount.get()); !status.ok()) return status;
    }
    if (absl::Status status = Step("attach", mounts); !status.ok()) return status;
    return mounts.stack.empty() ? Cover(mount.get(), mounts, *kept) : Replace(mount.get(), mounts);
  }

  absl::Status Cover(int tree, const TargetMounts& mounts,
                     const std::vector<KeptMount>& kept) const {
    absl::Status status = AttachMount(tree, AT_FDCWD, mounts.target);
    if (!status.ok()) return status;
    for (const KeptMount& mount : kept) {
      if (absl::Status detached = DetachOpenMount(mount.original.get()); !detached.ok()) {
        LogWarning("a covered mount stays",
                   {{"path", mount.inner.path}, {"error", std::string(detached.message())}});
      }
    }
    return absl::OkStatus();
  }

  absl::Status Replace(int tree, const TargetMounts& mounts) const {
    bool propagated = options_.way == ExchangeWay::kPropagation;
    absl::Status status =
        propagated ? AttachByPropagation(tree, mounts) : AttachBeneath(tree, mounts);
    if (options_.way == ExchangeWay::kAuto && absl::IsUnimplemented(status)) {
      propagated = true;
      status = AttachByPropagation(tree, mounts);
    }
    if (status.ok()) status = CheckBeneath(mounts);
    CrashPoint("within-exchange");
    if (status.ok()) status = Step("detach", mounts);
    if (status.ok()) status = DetachMount(mounts.target);
    if (status.ok() && propagated && !mounts.parent.shared) Unshare(mounts);
    return status;
  }

  absl::Status AttachBeneath(int tree, const TargetMounts& mounts) const {
    absl::Status status = Step("beneath", mounts);
    if (!status.ok()) return status;
    return AttachMount(tree, AT_FDCWD, mounts.target, /*beneath=*/true);
  }

  // Detaching would expose the bare target if the new mount were not there.
  static absl::Status CheckBeneath(const TargetMounts& mounts) {
    absl::StatusOr<MountTable> table = MountTable::Read();
    if (!table.ok()) return table.status();
    absl::StatusOr<PathView> view = ViewPath(mounts.target);
    if (!view.ok()) return view.status();
    if (view->mount_id == mounts.stack.front().id &&
        table->StackUnder(view->mount_id).size() == mounts.stack.size() + 1) {
      return absl::OkStatus();
    }
    return absl::AbortedError(absl::StrCat("the mounts at ", mounts.target,
                                           " changed while they were being exchanged; try again"));
  }

  // The mounts below the target return to where they were before it was covered.
  static absl::Status TakeAway(const TargetMounts& mounts) {
    if (mounts.stack.empty()) return absl::OkStatus();
    absl::StatusOr<std::vector<KeptMount>> kept = CopyInner(mounts);
    if (!kept.ok()) return kept.status();
    absl::Status status = DetachMount(mounts.target);
    for (const KeptMount& mount : *kept) {
      status.Update(AttachMount(mount.copy.get(), AT_FDCWD,
                                absl::StrCat(mounts.target, "/", mount.inner.path)));
    }
    return status;
  }

  const Options options_;
};

}  // namespace

std::unique_ptr<MountExchanger> MountExchanger::New(Options options) {
  return std::make_unique<MountExchangerImpl>(std::move(options));
}

}  // namespace gitops
