#include "agent/publish/mount_exchange.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "agent/publish/mount_calls.h"
#include "agent/publish/target.h"
#include "agent/publish/target_mounts.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/mount/mount_table.h"
#include "common/rpc/state_reason.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

// A parent mount is shared between targets, and its propagation may change for a moment.
Mutex& ExchangeMutex() {
  static Mutex& mutex = *new Mutex;
  return mutex;
}

absl::Status Annotate(const absl::Status& status, absl::string_view what) {
  return WithStateReason(StateReasonOf(status),
                         absl::Status(status.code(), absl::StrCat(what, ": ", status.message())));
}

absl::Status Changed(const Target& target) {
  return absl::AbortedError(absl::StrCat("what is at ", target.local,
                                         " changed while it was being exchanged; try again"));
}

// The name anew, in the directory that was found.
absl::StatusOr<Target> LookAgain(const Target& target) {
  Fd directory(::fcntl(target.place.directory.get(), F_DUPFD_CLOEXEC, 0));
  if (!directory) return absl::ErrnoToStatus(errno, "cannot copy a descriptor");
  return OpenTarget({std::move(directory), target.place.name}, target.local);
}

// The root of the mount that the directory is on. Reached by "..", since a path could lead to
// another mount by now.
absl::StatusOr<Fd> RootAbove(const Target& target, uint64_t mount_id) {
  constexpr int kMaxLevels = 4096;
  Fd here(::openat(target.place.directory.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (int level = 0; here && level < kMaxLevels; ++level) {
    absl::StatusOr<PathView> view = ViewFd(here.get());
    if (!view.ok()) return view.status();
    if (view->mount_id != mount_id) return Changed(target);
    if (view->mount_root) return here;
    here = Fd(::openat(here.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  return here ? Changed(target) : absl::ErrnoToStatus(errno, "cannot open the mount above");
}

// A copy keeps the read-only flag of the original, but must not be its peer: mounts on a peer of
// the revisions' mount would appear in the revision's own directory.
absl::StatusOr<Fd> PrivateCopy(int node) {
  absl::StatusOr<Fd> copy = CloneMount(node, /*with_inner=*/false);
  if (!copy.ok()) return copy.status();
  absl::Status status = SetPropagation(copy->get(), Propagation::kPrivate);
  if (!status.ok()) return status;
  return copy;
}

// Runs `work` in a separate namespace where `peer`, a copy of the mount with the directory above
// the target, is attached. `bare`: the target on it, with nothing mounted.
absl::Status OnPeer(int peer, const Target& target,
                    absl::FunctionRef<absl::Status(int bare)> work) {
  return InCopiedNamespace([&](int stage) -> absl::Status {
    absl::Status status = AttachMount(peer, stage);
    if (!status.ok()) return status;
    const Fd bare(::openat(peer, target.place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat stat = {};
    if (!bare || ::fstat(bare.get(), &stat) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot open what ", target.local, " covers"));
    }
    if ((stat.st_mode & S_IFMT) != (target.view.mode & S_IFMT)) return Changed(target);
    status = work(bare.get());
    status.Update(SetPropagation(peer, Propagation::kPrivate));
    return status;
  });
}

// Calls `work` while the mount with the directory above the target is shared, with its root and a
// new peer of it.
absl::Status WithPeer(const TargetMounts& mounts,
                      absl::FunctionRef<absl::Status(int root, int peer)> work) {
  const Target& target = mounts.target;
  absl::StatusOr<Fd> root = RootAbove(target, mounts.parent.id);
  if (!root.ok()) return root.status();
  absl::Status status;
  if (!mounts.parent.shared) status = SetPropagation(root->get(), Propagation::kShared);
  if (!status.ok()) return status;
  absl::StatusOr<Fd> peer = CloneMount(target.place.directory.get(), /*with_inner=*/false);
  status = peer.ok() ? work(root->get(), peer->get()) : peer.status();
  if (!mounts.parent.shared) {
    status.Update(SetPropagation(
        root->get(), mounts.parent.slave ? Propagation::kSlave : Propagation::kPrivate));
  }
  return status;
}

// See ExchangeWay::kPropagation.
absl::Status AttachByPropagation(int tree, const TargetMounts& mounts) {
  return WithPeer(mounts, [&](int, int peer) {
    return OnPeer(peer, mounts.target, [&](int bare) { return AttachMount(tree, bare); });
  });
}

// Removes the lowest mount at the target, while the others stay in sight. Unmounting it would take
// them with it, but an unmount at the same place of a peer does not. The peer needs a mount there
// that the parent has not got from it, so it becomes a peer afterwards.
absl::Status RemoveLowest(const TargetMounts& mounts) {
  return WithPeer(mounts, [&](int root, int peer) -> absl::Status {
    absl::Status status = SetPropagation(peer, Propagation::kPrivate);
    if (!status.ok()) return status;
    return OnPeer(peer, mounts.target, [&](int bare) -> absl::Status {
      absl::StatusOr<Fd> other = PrivateCopy(bare);
      if (!other.ok()) return other.status();
      absl::Status step = AttachMount(other->get(), bare);
      if (step.ok()) step = JoinPeers(peer, root);
      return step.ok() ? DetachMount(other->get()) : step;
    });
  });
}

absl::StatusOr<MountExchanger::Former> Remember(const Target& target, bool mounted) {
  MountExchanger::Former former{
      .changed = true, .target = target.local, .place = {}, .mount = Fd()};
  former.place.name = target.place.name;
  former.place.directory = Fd(::fcntl(target.place.directory.get(), F_DUPFD_CLOEXEC, 0));
  if (!former.place.directory) return absl::ErrnoToStatus(errno, "cannot copy a descriptor");
  if (!mounted) return former;
  absl::StatusOr<Fd> copy = PrivateCopy(target.node.get());
  if (!copy.ok()) return copy.status();
  former.mount = *std::move(copy);
  return former;
}

bool Shows(const TargetMounts& mounts, const PathView& wanted, bool read_only) {
  return !mounts.stack.empty() && mounts.stack.front().read_only == read_only &&
         mounts.target.view.SameFile(wanted);
}

// Detaching would expose the bare target if the new mount were not there.
absl::Status CheckBeneath(const TargetMounts& mounts) {
  absl::StatusOr<Target> now = LookAgain(mounts.target);
  if (!now.ok()) return now.status();
  absl::StatusOr<MountTable> table = MountTable::Read();
  if (!table.ok()) return table.status();
  const bool beneath =
      now->view.mount_id == mounts.stack.front().id &&
      table->StackUnder(now->view.mount_id, mounts.parent.id).size() == mounts.stack.size() + 1;
  return beneath ? absl::OkStatus() : Changed(mounts.target);
}

// After a failure before the former mount was detached.
void TakeBackBeneath(int tree, const TargetMounts& mounts) {
  absl::Status status = CheckBeneath(mounts);
  if (absl::IsAborted(status)) return;  // it is not there, or no longer what was found
  if (status.ok()) {
    // Those on it would keep it.
    for (const InnerMount& inner : mounts.inner) DetachInner(tree, inner).IgnoreError();
    status = RemoveLowest(mounts);
  }
  if (status.ok() && CheckBeneath(mounts).ok()) status = absl::InternalError("it stayed");
  if (status.ok()) return;
  LogWarning("a mount stays beneath the published one until the next exchange",
             {{"path", mounts.target.local}, {"error", std::string(status.message())}});
}

// The target anew, if it shows what `tree` is the mount of.
absl::StatusOr<Target> Shown(int tree, const Target& target) {
  absl::StatusOr<Target> now = LookAgain(target);
  if (!now.ok()) return now;
  absl::StatusOr<PathView> wanted = ViewFd(tree);
  if (!wanted.ok()) return wanted.status();
  if (!now->view.mount_root || !now->view.SameFile(*wanted)) return Changed(target);
  return now;
}

// After kPropagation through a parent that is not shared, the new mount must not stay shared
// either.
void Unshare(const Target& now, const TargetMounts& mounts) {
  if (absl::Status status = MakePrivate(now, mounts); !status.ok()) {
    LogWarning("a published mount stays shared",
               {{"path", now.local}, {"error", std::string(status.message())}});
  }
}

// The mounts below the target return to where they were before it was covered.
absl::Status TakeAway(const TargetMounts& mounts) {
  if (mounts.stack.empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<Fd>> copies = CopyInner(mounts);
  if (!copies.ok()) return copies.status();
  absl::Status status = DetachMount(mounts.target.node.get());
  if (!status.ok()) return status;
  absl::StatusOr<Target> now = LookAgain(mounts.target);
  return now.ok() ? PutBackInner(*now, mounts, *copies) : now.status();
}

}  // namespace

absl::StatusOr<MountExchanger::Former> MountExchanger::Exchange(int source, const std::string& path,
                                                                bool read_only) {
  MutexLock lock(ExchangeMutex());
  absl::StatusOr<Target> target = OpenTarget(path);
  if (!target.ok()) return target.status();
  absl::StatusOr<PathView> wanted = ViewFd(source);
  if (!wanted.ok()) return wanted.status();
  if (absl::Status kind = target->CheckKind(S_ISREG(wanted->mode)); !kind.ok()) return kind;
  absl::StatusOr<TargetMounts> mounts = ReadCleared(*std::move(target));
  if (!mounts.ok()) return mounts.status();
  if (Shows(*mounts, *wanted, read_only)) return Former{};
  // A mount whose directory was removed cannot be put back.
  const bool mounted = !mounts->stack.empty() && !mounts->stack.front().IsRemoved();
  absl::StatusOr<Former> former = Remember(mounts->target, mounted);
  if (!former.ok()) return former;
  absl::StatusOr<Fd> mount = PrivateCopy(source);
  if (!mount.ok()) return mount.status();
  absl::Status status = Put(*std::move(mount), *mounts, read_only);
  if (!status.ok()) return Annotate(status, absl::StrCat("cannot publish ", path));
  return former;
}

absl::Status MountExchanger::Restore(Former former) {
  if (!former.changed) return absl::OkStatus();
  MutexLock lock(ExchangeMutex());
  absl::StatusOr<Target> target = OpenTarget(std::move(former.place), former.target);
  if (!target.ok()) return target.status();
  absl::StatusOr<TargetMounts> mounts = ReadCleared(*std::move(target));
  if (!mounts.ok()) return mounts.status();
  absl::Status status =
      former.mount ? Put(std::move(former.mount), *mounts, /*read_only=*/false) : TakeAway(*mounts);
  return status.ok() ? status : Annotate(status, absl::StrCat("cannot restore ", former.target));
}

absl::StatusOr<TargetMounts> MountExchanger::ReadCleared(Target target) const {
  if (absl::Status status = Step("look", target); !status.ok()) return status;
  absl::StatusOr<TargetMounts> mounts =
      ReadTargetMounts(std::move(target), options_.owned_directory);
  while (mounts.ok() && mounts->covering > 0) {
    LogWarning("removing a mount that covers the published one",
               {{"path", mounts->target.local}, {"shows", mounts->stack.front().root}});
    absl::Status status = DetachMount(mounts->target.node.get());
    if (!status.ok()) return status;
    absl::StatusOr<Target> below = LookAgain(mounts->target);
    if (!below.ok()) return below.status();
    mounts = ReadTargetMounts(*std::move(below), options_.owned_directory);
  }
  return mounts;
}

absl::Status MountExchanger::Step(absl::string_view step, const Target& target) const {
  return options_.before_step ? options_.before_step(step, target.local) : absl::OkStatus();
}

// Attaches `mount`, with the mounts below the target, in place of the current one.
absl::Status MountExchanger::Put(Fd mount, const TargetMounts& mounts, bool read_only) const {
  absl::StatusOr<std::vector<Fd>> copies = CopyInner(mounts);
  if (!copies.ok()) return copies.status();
  if (!copies->empty()) {
    absl::StatusOr<Fd> tree = JoinTree(std::move(mount), mounts, *copies, read_only);
    if (!tree.ok()) return tree.status();
    mount = *std::move(tree);
  } else if (read_only) {
    if (absl::Status status = MakeReadOnly(mount.get()); !status.ok()) return status;
  }
  if (absl::Status status = Step("attach", mounts.target); !status.ok()) return status;
  return mounts.stack.empty() ? Cover(mount.get(), mounts) : Replace(mount.get(), mounts);
}

absl::Status MountExchanger::Cover(int tree, const TargetMounts& mounts) const {
  absl::Status status = AttachMount(tree, mounts.target.node.get());
  if (!status.ok()) return status;
  if (absl::StatusOr<Target> now = Shown(tree, mounts.target); !now.ok()) {
    DetachMount(tree).IgnoreError();
    return now.status();
  }
  for (const InnerMount& inner : mounts.inner) {
    if (absl::Status detached = DetachMount(inner.node.get()); !detached.ok()) {
      LogWarning("a covered mount stays",
                 {{"path", inner.path}, {"error", std::string(detached.message())}});
    }
  }
  return absl::OkStatus();
}

absl::Status MountExchanger::Replace(int tree, const TargetMounts& mounts) const {
  const Target& target = mounts.target;
  bool propagated = false;
  absl::Status status = AttachBeneath(tree, mounts, &propagated);
  if (status.ok()) status = CheckBeneath(mounts);
  CrashPoint("within-exchange");
  if (status.ok()) status = Step("detach", target);
  if (status.ok()) status = DetachMount(target.node.get());
  if (!status.ok()) {
    TakeBackBeneath(tree, mounts);
    return status;
  }
  absl::StatusOr<Target> now = Shown(tree, target);
  if (absl::IsAborted(now.status())) return now.status();
  // The exchange was made: it must not count as failed, and stay while others are undone.
  if (!now.ok()) {
    LogWarning("cannot look at what was mounted",
               {{"path", target.local}, {"error", std::string(now.status().message())}});
  } else if (propagated && !mounts.parent.shared) {
    Unshare(*now, mounts);
  }
  return absl::OkStatus();
}

absl::Status MountExchanger::AttachBeneath(int tree, const TargetMounts& mounts,
                                           bool* propagated) const {
  if (options_.way != ExchangeWay::kPropagation) {
    absl::Status status = Step("beneath", mounts.target);
    if (status.ok()) status = AttachMount(tree, mounts.target.node.get(), /*beneath=*/true);
    if (options_.way != ExchangeWay::kAuto || !absl::IsUnimplemented(status)) return status;
  }
  *propagated = true;
  absl::Status status = Step("propagate", mounts.target);
  return status.ok() ? AttachByPropagation(tree, mounts) : status;
}

}  // namespace gitops
