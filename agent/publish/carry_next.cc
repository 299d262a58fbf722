#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "agent/publish/carry_over.h"
#include "common/path/directory_names.h"
#include "common/path/remove_tree.h"
#include "common/path/split_path.h"

namespace gitops {

// Opens or makes the directory of `to`, except one that would only hold tracked files of the old
// revision: that is made when there is something to put into it.
absl::Status CarryOver::EnterIfNeeded(Pair& pair) {
  const bool wait =
      pair.index != 0 && rules_.IsMadeToHoldOthers(pair.path) && !rules_.HoldsOthersNext(pair.path);
  // One that was there before the first pass was removed by the service since.
  const bool old = pair.index != 0 && request_.since_ns.has_value() && !pair.changed;
  absl::StatusOr<Fd> to =
      wait || old ? OpenDirectory(request_.to.get(), pair.path) : Enter(pair.index, pair.path);
  if (old && !wait && to.ok()) to = Enter(pair.index, pair.path);  // it may protect files less
  pair.blocked = absl::IsAlreadyExists(to.status());
  if (pair.blocked) Say(absl::StrCat("not carried over: ", to.status().message()), pair.path);
  if (to.ok()) pair.to = *std::move(to);
  return to.ok() || pair.blocked || absl::IsNotFound(to.status()) ? absl::OkStatus() : to.status();
}

// NOT_FOUND: `from` no longer has it.
absl::StatusOr<Fd> CarryOver::Enter(uint32_t index, const std::string& path) {
  if (index == 0) return OpenRoot(request_.to.get());
  const std::string above = carried_.PathOf(carried_.directories[index].parent);
  absl::StatusOr<Fd> parent = OpenDirectory(request_.to.get(), above);
  // One call for each level, of which there are few: see CheckPath.
  if (absl::IsNotFound(parent.status())) parent = Enter(carried_.directories[index].parent, above);
  if (!parent.ok()) return parent.status();
  absl::StatusOr<Fd> from = OpenDirectory(request_.from.get(), path);
  if (!from.ok()) return from.status();
  return EnterOrMake(from->get(), parent->get(), index, path);
}

// Files that `from` protects must not be in a directory that protects less. But the mode of an
// existing directory is never changed: its owner may replace it meanwhile.
absl::StatusOr<Fd> CarryOver::EnterOrMake(int from, int parent, uint32_t index,
                                          const std::string& path) {
  const std::string& name = carried_.directories[index].name;
  absl::StatusOr<Fd> there = OpenDirectory(parent, name);
  if (!there.ok() && !absl::IsNotFound(there.status())) return there;
  if (there.ok() && rules_.HoldsOthersNext(path)) return there;
  carried_.directories[index].filled = !published_;
  if (there.ok() && SameAccess(from, there->get())) return there;
  if (published_) {
    if (there.ok()) return absl::AlreadyExistsError("its directory has other permissions now");
    return carrier_.MakeDirectoryLike(from, parent, name);
  }
  if (absl::Status status = RemoveFromNext(parent, name, path); !status.ok()) return status;
  absl::StatusOr<Fd> made = carrier_.MakeDirectoryLike(from, parent, name);
  if (absl::IsAlreadyExists(made.status())) {
    return absl::AbortedError(absl::StrCat(
        "\"", ShownPath(path), "\" of the new revision is changed ", "while it is prepared"));
  }
  return made;
}

// Removes what cannot stay in `to`, which is not published yet.
absl::Status CarryOver::RemoveFromNext(int parent, const std::string& name,
                                       const std::string& path) {
  absl::Status status = RemoveTreeAt(parent, name, {request_.stop, &removals_});
  if (status.ok() || absl::IsCancelled(status)) return status;
  return absl::AbortedError(absl::StrCat("cannot prepare the new revision: \"", ShownPath(path),
                                         "\": ", status.message()));
}

// Removes from `to` what is neither tracked nor will be replaced by a node of `from`.
absl::Status CarryOver::RemoveStale(const Pair& pair) {
  return ForEachEntry(pair.to.get(), [&](const DirectoryEntry& entry) -> absl::Status {
    const std::string& name = entry.name;
    const std::string path = JoinPath(pair.path, name);
    if (absl::Status status = limits_.Look(); !status.ok()) return status;
    const bool directory = IsDirectory(pair.to.get(), entry);
    if (rules_.IsNotOfService(path)) {
      return absl::OkStatus();
    }
    if (directory && rules_.HoldsOthersNext(path)) return absl::OkStatus();
    absl::StatusOr<Stamp> next = StampOf(pair.from.get(), name);
    if (!next.ok()) return next.status();
    const bool stays = next->exists && next->directory == directory &&
                       !rules_.IsLeftOut(path, name) && !rules_.IsRepositorys(path, directory) &&
                       (directory || !rules_.LeadsToRevisions(pair.from.get(), name));
    return stays ? absl::OkStatus() : RemoveFromNext(pair.to.get(), name, path);
  });
}

// Filling a directory changed its times. One that holds nothing any more is removed.
absl::Status CarryOver::SetTimes() {
  for (auto i = static_cast<uint32_t>(carried_.directories.size()); i-- > 1;) {
    if (absl::Status status = limits_.Look(); !status.ok()) return status;
    const std::string path = carried_.PathOf(i);
    if (rules_.IsMadeToHoldOthers(path) && !rules_.HoldsOthersNext(path)) RemoveEmpty(i);
    if (!carried_.directories[i].filled) continue;
    absl::StatusOr<Fd> from = OpenDirectory(request_.from.get(), path);
    absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), path);
    struct stat stat = {};
    if (!from.ok() || !to.ok() || ::fstat(from->get(), &stat) != 0) continue;
    const timespec times[] = {stat.st_atim, stat.st_mtim};
    ::futimens(to->get(), times);
  }
  return absl::OkStatus();
}

void CarryOver::RemoveEmpty(uint32_t index) {
  absl::StatusOr<Fd> parent =
      OpenDirectory(request_.to.get(), carried_.PathOf(carried_.directories[index].parent));
  if (parent.ok())
    ::unlinkat(parent->get(), carried_.directories[index].name.c_str(), AT_REMOVEDIR);
}

}  // namespace gitops
