#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/publish/carry_over.h"
#include "common/log/log.h"
#include "common/path/directory_names.h"
#include "common/path/split_path.h"

namespace gitops {

absl::Status CarryOver::CopyChanged(std::stop_token stop) {
  limits_.StopBy(stop);
  carrier_.StopBy(std::move(stop));
  // Each call has a budget of its own, so that one after a limit was reached gets further.
  request_.budget->files = request_.budget->most = 0;
  if (published_) request_.budget->bytes = 0;
  if (!std::exchange(published_, true)) {
    known_ = static_cast<uint32_t>(carried_.directories.size());
    if (request_.since_ns.has_value()) carried_.directories.resize(1);
    next_ = 0;
  }
  // What a call that failed copied is a former state by now.
  absl::Status status = carrier_.EmptyStage();
  if (status.ok()) status = VisitRest();
  // Else nothing of what it had would be left in the published one.
  if (status.ok()) status = OpenRoot(request_.from.get()).status();
  for (uint32_t i = known_; i-- > 1 && status.ok();) {
    if (carried_.directories[i].gone) status = RemoveCarried(i);
  }
  return Named(status);
}

absl::Status CarryOver::VisitIfChanged(uint32_t index) {
  if (absl::Status status = limits_.Look(); !status.ok()) return status;
  absl::StatusOr<Pair> pair = Open(index);
  carried_.directories[index].gone = absl::IsNotFound(pair.status());
  if (carried_.directories[index].gone) return absl::OkStatus();
  if (!pair.ok()) return pair.status();
  struct stat stat = {};
  if (::fstat(pair->from.get(), &stat) != 0) return absl::ErrnoToStatus(errno, pair->path);
  const CarriedDirectory& before = carried_.directories[index];
  if (!before.copies && !before.HasChanged(Stamp::Of(stat))) return absl::OkStatus();
  return VisitChanged(*pair);
}

absl::Status CarryOver::VisitChanged(Pair& pair) {
  limits_.BeginDirectory();
  absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), pair.path);
  if (!to.ok() && !absl::IsNotFound(to.status())) return to.status();
  if (to.ok()) {
    pair.to = *std::move(to);
    pair.blocked =
        !rules_.HoldsOthersNext(pair.path) && !SameAccess(pair.from.get(), pair.to.get());
  }
  const Untracked::ByName carried = carried_.FilesOf(pair.index);
  const absl::flat_hash_set<uint64_t> children = carried_.ChildrenOf(pair.index);
  absl::flat_hash_set<uint64_t> present;
  absl::Status status = ForEachEntry(pair.from.get(), [&](const DirectoryEntry& entry) {
    const uint64_t name = HashOf(entry.name);
    const bool directory = IsDirectory(pair.from.get(), entry);
    if (directory && children.contains(name)) return limits_.Look();  // visited by itself
    const auto known = carried.find(name);
    const bool fresh = directory || known == carried.end();
    if (!fresh) present.insert(name);
    return Once(entry.name, [&] {
      return fresh ? VisitEntry(pair, entry.name) : CarryAgain(pair, entry.name, *known->second);
    });
  });
  return status.ok() && pair.to ? RemoveGone(pair, carried, present) : status;
}

// A node that was there in the first pass.
absl::Status CarryOver::CarryAgain(Pair& pair, const std::string& name, const CarriedFile& before) {
  if (absl::Status status = limits_.Look(); !status.ok()) return status;
  absl::StatusOr<Stamp> now = StampOf(pair.from.get(), name);
  if (!now.ok()) return now.status();
  if (!now->exists || now->directory || now->inode == before.inode || now->print == before.from ||
      rules_.LeadsToRevisions(pair.from.get(), name)) {
    return absl::OkStatus();
  }
  const std::string path = JoinPath(pair.path, name);
  absl::StatusOr<bool> replace = MayReplace(pair, name, path, before);
  if (!replace.ok() || !*replace) return replace.status();
  return CarryFile(pair, name, path, *now, /*replace=*/true);
}

// Whether the node in `to` is as it was carried over, and was not written by the service since it
// is published.
absl::StatusOr<bool> CarryOver::MayReplace(const Pair& pair, const std::string& name,
                                           const std::string& path, const CarriedFile& before) {
  absl::StatusOr<Stamp> now = pair.to ? StampOf(pair.to.get(), name) : Stamp();
  if (!now.ok()) return now.status();
  if (now->print == before.to) return true;
  // It was also a file of `from` until that name was removed, which changed only its ctime; or it
  // has another name, which is or will be carried over.
  if (before.linked && now->exists && before.inode == now->inode &&
      (now->links > 1 || before.mtime_ns == now->mtime_ns || now->ctime_ns > now->mtime_ns)) {
    return true;
  }
  Say("changed in the old revision and in the new one; the file of the new one is kept", path);
  return false;
}

// Removes from `to` what was carried over and `from` has no longer. `present`: what it has, by a
// listing, which may lack a name that got another node meanwhile.
absl::Status CarryOver::RemoveGone(Pair& pair, const Untracked::ByName& carried,
                                   const absl::flat_hash_set<uint64_t>& present) {
  return ForEachEntry(pair.to.get(), [&](const DirectoryEntry& entry) -> absl::Status {
    const std::string& name = entry.name;
    const auto known = carried.find(HashOf(name));
    if (known == carried.end() || present.contains(known->first)) return limits_.Look();
    absl::StatusOr<Stamp> now = pair.from ? StampOf(pair.from.get(), name) : Stamp();
    if (!now.ok()) return now.status();
    if (now->exists && !now->directory) {
      return Once(name, [&] { return CarryAgain(pair, name, *known->second); });
    }
    absl::StatusOr<bool> remove = MayReplace(pair, name, JoinPath(pair.path, name), *known->second);
    if (!remove.ok()) return remove.status();
    if (*remove) ::unlinkat(pair.to.get(), name.c_str(), 0);
    return limits_.Look();
  });
}

absl::Status CarryOver::RemoveCarried(uint32_t index) {
  Pair pair = {.index = index, .path = carried_.PathOf(index), .from = Fd(), .to = Fd()};
  absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), pair.path);
  if (!to.ok()) return absl::IsNotFound(to.status()) ? absl::OkStatus() : to.status();
  pair.to = *std::move(to);
  absl::Status status = RemoveGone(pair, carried_.FilesOf(index), {});
  if (!rules_.HoldsOthersNext(pair.path)) RemoveEmpty(index);
  return status;
}

}  // namespace gitops
