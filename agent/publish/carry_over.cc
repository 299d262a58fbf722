#include "agent/publish/carry_over.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/publish/layout.h"
#include "agent/publish/untracked.h"
#include "common/log/log.h"
#include "common/path/directory_names.h"
#include "common/path/remove_tree.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr int kMaxLevels = 128;
constexpr size_t kMaxPath = 4095;  // bytes
constexpr int kEntriesPerLook = 256;
constexpr int kMaxSaid = 20;                  // lines of log for one publication
constexpr size_t kShownPath = 300;            // bytes of a path in a message
constexpr int64_t kClockStepNs = 20'000'000;  // more than a step of a file system's clock
constexpr int64_t kUnsettled = -1;

std::string Join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : absl::StrCat(directory, "/", name);
}

std::string Shown(const std::string& path) {
  return EscapeText(path.size() <= kShownPath ? path : path.substr(0, kShownPath) + "...");
}

uint64_t HashOf(const std::string& name) { return absl::HashOf(name); }

void AddParents(std::string path, std::set<std::string>& directories) {
  for (size_t slash = path.rfind('/'); slash != std::string::npos; slash = path.rfind('/')) {
    path.resize(slash);
    if (!directories.insert(path).second) return;
  }
}

// A directory of `from`, as it was before it was listed.
struct Directory {
  std::string name;
  uint32_t parent = 0;
  uint32_t first_file = 0, files = 0;      // in carried_
  uint32_t first_child = 0, children = 0;  // in directories_
  int level = 0;
  uint64_t inode = 0;
  int64_t mtime_ns = kUnsettled, ctime_ns = kUnsettled;
  bool gone = false;
  bool copies = false;  // holds copies of files, which do not change with them
  bool filled = false;  // in `to` it gets the times of this one
};

// A node that is not a directory, as it was carried.
struct Carried {
  uint64_t name = 0;          // hash
  uint64_t inode = 0;         // in `to`
  uint64_t from = 0, to = 0;  // prints
  int64_t mtime_ns = 0;       // in `to`
  bool linked = false;
};
using CarriedByName = absl::flat_hash_map<uint64_t, const Carried*>;

class CarryOverImpl : public CarryOver {
 public:
  explicit CarryOverImpl(Request request)
      : request_(std::move(request)),
        carrier_(std::move(request_.stage), request_.budget.get(), request_.stop, request_.hooks) {
    for (const std::string& path : request_.excluded) {
      excluded_.insert(path);
      AddParents(path, above_excluded_);
    }
  }

  absl::Status CopyAll() override {
    published_ = false;
    removals_ = request_.budget->max_files;
    directories_.assign(1, {});
    carried_.clear();
    absl::Status status = carrier_.EmptyStage();
    if (status.ok()) status = VisitAll({0});
    if (status.ok()) status = SetTimes();
    // A copy in the stage would be a former state of its file in the second pass.
    if (status.ok()) status = carrier_.EmptyStage();
    return Named(status);
  }

  absl::Status CopyChanged() override {
    published_ = true;
    request_.budget->files = 0;
    const auto known = static_cast<uint32_t>(directories_.size());
    absl::Status status;
    for (uint32_t i = 0; i < known && status.ok(); ++i) status = VisitIfChanged(i);
    for (uint32_t i = known; i-- > 1 && status.ok();) {
      if (directories_[i].gone) status = RemoveCarried(i);
    }
    return Named(status);
  }

 private:
  // ---- What is said.

  void Say(absl::string_view message, const std::string& path) {
    if (++said_ > kMaxSaid) return;
    LogWarning(said_ == kMaxSaid ? "not carried over: more, which are not named" : message,
               {{"path", absl::StrCat(request_.local, "/", Shown(path))}});
  }

  absl::Status Named(const absl::Status& status) const {
    if (status.ok()) return status;
    std::string message = absl::StrCat("cannot carry over the untracked files of ", request_.local,
                                       ": ", status.message());
    if (absl::IsResourceExhausted(status)) {
      absl::StrAppend(&message, "; the fullest directory is \"", Shown(fullest_), "\", with ",
                      fullest_entries_,
                      " entries of the service. Remove files there, or raise the ", "limit");
    }
    return absl::Status(status.code(), message);
  }

  absl::Status About(const absl::Status& status, const std::string& path) const {
    return absl::Status(status.code(), absl::StrCat("\"", Shown(path), "\": ", status.message()));
  }

  // ---- Limits.

  absl::Status Look() {
    if (++looks_ % kEntriesPerLook == 0 && request_.stop.stop_requested()) {
      return absl::CancelledError("asked to stop");
    }
    return absl::OkStatus();
  }

  absl::Status CountEntry(const std::string& directory) {
    if (++entries_here_ > fullest_entries_) {
      fullest_entries_ = entries_here_;
      if (fullest_ != directory) fullest_ = directory;
    }
    CarryBudget& budget = *request_.budget;
    if (++budget.files <= budget.max_files) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat("they are more than ", budget.max_files, " (max_untracked_files)"));
  }

  absl::Status CheckPath(const std::string& path, int level) const {
    if (path.size() <= kMaxPath && level <= kMaxLevels) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat(
        "\"", Shown(path), "\" is ",
        level > kMaxLevels ? absl::StrCat("more than ", kMaxLevels, " levels deep")
                           : absl::StrCat("a path of more than ", kMaxPath, " bytes")));
  }

  // ---- Walking: one directory of each revision at a time.

  std::string PathOf(uint32_t index) const {
    if (index == 0) return "";
    std::vector<absl::string_view> names;
    for (; index != 0; index = directories_[index].parent)
      names.push_back(directories_[index].name);
    std::reverse(names.begin(), names.end());
    return absl::StrJoin(names, "/");
  }

  absl::Status VisitAll(std::vector<uint32_t> pending) {
    while (!pending.empty()) {
      const uint32_t index = pending.back();
      pending.pop_back();
      if (absl::Status status = Visit(index); !status.ok()) return status;
      const Directory& directory = directories_[index];
      for (uint32_t i = 0; i < directory.children; ++i) {
        pending.push_back(directory.first_child + i);
      }
    }
    return absl::OkStatus();
  }

  // The pair of directories that is being visited.
  struct Pair {
    uint32_t index;
    std::string path;
    Fd from, to;           // `to` is not open if it does not exist, and is made for the first entry
    bool blocked = false;  // `to` protects its files in another way, which the service chose
  };

  absl::StatusOr<Fd> OpenRoot(int root) const {
    absl::StatusOr<Fd> fd = OpenDirectory(root, "");
    if (!absl::IsNotFound(fd.status())) return fd;
    return absl::FailedPreconditionError("one of the revisions was removed meanwhile");
  }

  // NOT_FOUND: `from` no longer has it.
  absl::StatusOr<Pair> Open(uint32_t index) {
    Pair pair = {.index = index, .path = PathOf(index), .from = Fd(), .to = Fd()};
    absl::StatusOr<Fd> from =
        index == 0 ? OpenRoot(request_.from.get()) : OpenDirectory(request_.from.get(), pair.path);
    if (!from.ok()) return from.status();
    pair.from = *std::move(from);
    return pair;
  }

  // Before it is listed, so that later changes are found.
  void NoteStamp(Directory& directory, int from) {
    struct stat stat = {};
    timespec now = {};
    if (::fstat(from, &stat) != 0 || ::clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0) return;
    const Stamp stamp = Stamp::Of(stat);
    directory.inode = stamp.inode;
    directory.mtime_ns = stamp.mtime_ns;
    // A change within the same step of the clock would not show.
    const int64_t settled = int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec - kClockStepNs;
    directory.ctime_ns = stamp.ctime_ns < settled ? stamp.ctime_ns : kUnsettled;
  }

  absl::Status Visit(uint32_t index) {
    absl::StatusOr<Pair> pair = Open(index);
    if (absl::IsNotFound(pair.status())) return absl::OkStatus();
    if (!pair.ok()) return pair.status();
    entries_here_ = 0;
    NoteStamp(directories_[index], pair->from.get());
    directories_[index].first_file = static_cast<uint32_t>(carried_.size());
    directories_[index].first_child = static_cast<uint32_t>(directories_.size());
    absl::Status status = EnterIfNeeded(*pair);
    if (status.ok() && !published_ && pair->to) status = RemoveStale(*pair);
    if (!status.ok() || pair->blocked) return status;
    return ForEachEntry(pair->from.get(),
                        [&](const DirectoryEntry& entry) { return VisitEntry(*pair, entry.name); });
  }

  // Whether it holds tracked files or other places, rather than being the service's own.
  bool IsMadeToHoldOthers(const std::string& path) const {
    return request_.tracked_from.directories.contains(path) || above_excluded_.contains(path);
  }

  bool IsOurs(const std::string& path) const {
    return path.empty() || request_.tracked_to.directories.contains(path) ||
           above_excluded_.contains(path);
  }

  bool IsLeftOut(const std::string& path, const std::string& name) const {
    return request_.tracked_from.files.contains(path) || excluded_.contains(path) ||
           absl::StartsWith(name, kUnfinishedPrefix);
  }

  bool IsRepositorys(const std::string& path, bool directory) const {
    return request_.tracked_to.files.contains(path) ||
           (!directory && request_.tracked_to.directories.contains(path));
  }

  bool LeadsToRevisions(int directory, const std::string& name) const {
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(directory, name.c_str(), target, sizeof target);
    return length > 0 && !request_.revisions.empty() &&
           absl::StartsWith(absl::string_view(target, static_cast<size_t>(length)),
                            absl::StrCat(request_.revisions, "/"));
  }

  // Adds a directory to directories_; carries over anything else.
  absl::Status VisitEntry(Pair& pair, const std::string& name) {
    absl::Status status = Look();
    const std::string path = Join(pair.path, name);
    if (!status.ok() || IsLeftOut(path, name)) return status;
    absl::StatusOr<Stamp> stamp = StampOf(pair.from.get(), name);
    if (!stamp.ok()) return stamp.status();
    if (!stamp->exists) return absl::OkStatus();
    if (!stamp->directory || !IsMadeToHoldOthers(path)) status = CountEntry(pair.path);
    const int level = directories_[pair.index].level + 1;
    if (status.ok()) status = CheckPath(path, level);
    if (!status.ok()) return status;
    if (IsRepositorys(path, stamp->directory)) {
      Say("not carried over: the new revision has this path", path);
      return absl::OkStatus();
    }
    if (stamp->directory) {
      directories_.push_back({.name = name, .parent = pair.index, .level = level});
      ++directories_[pair.index].children;
      return absl::OkStatus();
    }
    if (LeadsToRevisions(pair.from.get(), name)) return absl::OkStatus();
    return CarryFile(pair, name, path, *stamp, /*replace=*/!published_);
  }

  absl::Status CarryFile(Pair& pair, const std::string& name, const std::string& path,
                         const Stamp& stamp, bool replace) {
    if (pair.blocked) {
      Say("not carried over: its directory has other permissions in the new revision", path);
      return absl::OkStatus();
    }
    if (!pair.to) {
      absl::StatusOr<Fd> to = Enter(pair.index, pair.path);
      if (!to.ok()) return Judge(to.status(), pair.path);
      pair.to = *std::move(to);
    }
    absl::StatusOr<CarryResult> how = carrier_.Carry(pair.from.get(), pair.to.get(), name, replace);
    if (!how.ok()) return Judge(how.status(), path);
    if (published_) return absl::OkStatus();
    absl::StatusOr<Stamp> there = StampOf(pair.to.get(), name);
    if (!there.ok()) return there.status();
    const bool linked = *how == CarryResult::kLinked;
    carried_.push_back(
        {HashOf(name), there->inode, stamp.print, there->print, there->mtime_ns, linked});
    Directory& directory = directories_[pair.index];
    ++directory.files;
    directory.copies |= !linked;
    return absl::OkStatus();
  }

  // Whether a failure to carry over one node is a reason to end.
  absl::Status Judge(const absl::Status& status, const std::string& path) {
    if (absl::IsNotFound(status)) return absl::OkStatus();  // it was removed meanwhile
    if (absl::IsUnimplemented(status) || absl::IsAlreadyExists(status)) {
      Say(absl::StrCat("not carried over: ", status.message()), path);
      return absl::OkStatus();
    }
    return About(status, path);
  }

  // ---- The directories of `to`.

  // Opens or makes the directory of `to`, except one that would only hold tracked files of the old
  // revision: that is made when there is something to put into it.
  absl::Status EnterIfNeeded(Pair& pair) {
    const bool wait = pair.index != 0 && IsMadeToHoldOthers(pair.path) && !IsOurs(pair.path);
    absl::StatusOr<Fd> to =
        wait ? OpenDirectory(request_.to.get(), pair.path) : Enter(pair.index, pair.path);
    pair.blocked = absl::IsAlreadyExists(to.status());
    if (pair.blocked) Say(absl::StrCat("not carried over: ", to.status().message()), pair.path);
    if (to.ok()) pair.to = *std::move(to);
    return to.ok() || pair.blocked || absl::IsNotFound(to.status()) ? absl::OkStatus()
                                                                    : to.status();
  }

  // NOT_FOUND: `from` no longer has it.
  absl::StatusOr<Fd> Enter(uint32_t index, const std::string& path) {
    if (index == 0) return OpenRoot(request_.to.get());
    const std::string above = PathOf(directories_[index].parent);
    absl::StatusOr<Fd> parent = OpenDirectory(request_.to.get(), above);
    // At most kMaxLevels calls.
    if (absl::IsNotFound(parent.status())) parent = Enter(directories_[index].parent, above);
    if (!parent.ok()) return parent.status();
    absl::StatusOr<Fd> from = OpenDirectory(request_.from.get(), path);
    if (!from.ok()) return from.status();
    return EnterOrMake(from->get(), parent->get(), index, path);
  }

  // Files that `from` protects must not be in a directory that protects less. But the mode of an
  // existing directory is never changed: its owner may replace it meanwhile.
  absl::StatusOr<Fd> EnterOrMake(int from, int parent, uint32_t index, const std::string& path) {
    const std::string& name = directories_[index].name;
    absl::StatusOr<Fd> there = OpenDirectory(parent, name);
    if (!there.ok() && !absl::IsNotFound(there.status())) return there;
    if (there.ok() && IsOurs(path)) return there;
    directories_[index].filled = !published_;
    if (there.ok() && SameAccess(from, there->get())) return there;
    if (published_) {
      if (there.ok()) return absl::AlreadyExistsError("its directory has other permissions now");
      return carrier_.MakeDirectoryLike(from, parent, name);
    }
    if (absl::Status status = RemoveFromNext(parent, name, path); !status.ok()) return status;
    absl::StatusOr<Fd> made = carrier_.MakeDirectoryLike(from, parent, name);
    if (absl::IsAlreadyExists(made.status())) {
      return absl::AbortedError(absl::StrCat(
          "\"", Shown(path), "\" of the new revision is changed ", "while it is prepared"));
    }
    return made;
  }

  // Removes what cannot stay in `to`, which is not published yet.
  absl::Status RemoveFromNext(int parent, const std::string& name, const std::string& path) {
    absl::Status status = RemoveTreeAt(parent, name, {request_.stop, &removals_});
    if (status.ok() || absl::IsCancelled(status)) return status;
    return absl::AbortedError(
        absl::StrCat("cannot prepare the new revision: \"", Shown(path), "\": ", status.message()));
  }

  // Removes from `to` what is neither tracked nor will be replaced by a node of `from`.
  absl::Status RemoveStale(const Pair& pair) {
    return ForEachEntry(pair.to.get(), [&](const DirectoryEntry& entry) -> absl::Status {
      const std::string& name = entry.name;
      const std::string path = Join(pair.path, name);
      if (absl::Status status = Look(); !status.ok()) return status;
      const bool directory = IsDirectory(pair.to.get(), entry);
      if (request_.tracked_to.files.contains(path) || excluded_.contains(path)) {
        return absl::OkStatus();
      }
      if (directory && IsOurs(path)) return absl::OkStatus();
      absl::StatusOr<Stamp> next = StampOf(pair.from.get(), name);
      if (!next.ok()) return next.status();
      const bool stays = next->exists && next->directory == directory && !IsLeftOut(path, name) &&
                         !IsRepositorys(path, directory) &&
                         (directory || !LeadsToRevisions(pair.from.get(), name));
      return stays ? absl::OkStatus() : RemoveFromNext(pair.to.get(), name, path);
    });
  }

  // Filling a directory changed its times. One that holds nothing any more is removed.
  absl::Status SetTimes() {
    for (auto i = static_cast<uint32_t>(directories_.size()); i-- > 1;) {
      if (absl::Status status = Look(); !status.ok()) return status;
      const std::string path = PathOf(i);
      if (IsMadeToHoldOthers(path) && !IsOurs(path)) RemoveEmpty(i);
      if (!directories_[i].filled) continue;
      absl::StatusOr<Fd> from = OpenDirectory(request_.from.get(), path);
      absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), path);
      struct stat stat = {};
      if (!from.ok() || !to.ok() || ::fstat(from->get(), &stat) != 0) continue;
      const timespec times[] = {stat.st_atim, stat.st_mtim};
      ::futimens(to->get(), times);
    }
    return absl::OkStatus();
  }

  void RemoveEmpty(uint32_t index) {
    absl::StatusOr<Fd> parent =
        OpenDirectory(request_.to.get(), PathOf(directories_[index].parent));
    if (parent.ok()) ::unlinkat(parent->get(), directories_[index].name.c_str(), AT_REMOVEDIR);
  }

  // ---- The second pass.

  CarriedByName CarriedIn(const Directory& directory) const {
    CarriedByName all;
    for (uint32_t i = 0; i < directory.files; ++i) {
      const Carried& carried = carried_[directory.first_file + i];
      all[carried.name] = &carried;
    }
    return all;
  }

  absl::Status VisitIfChanged(uint32_t index) {
    if (absl::Status status = Look(); !status.ok()) return status;
    absl::StatusOr<Pair> pair = Open(index);
    directories_[index].gone = absl::IsNotFound(pair.status());
    if (directories_[index].gone) return absl::OkStatus();
    if (!pair.ok()) return pair.status();
    struct stat stat = {};
    if (::fstat(pair->from.get(), &stat) != 0) return absl::ErrnoToStatus(errno, pair->path);
    const Stamp now = Stamp::Of(stat);
    const Directory& before = directories_[index];
    if (!before.copies && before.inode == now.inode && before.mtime_ns == now.mtime_ns &&
        before.ctime_ns == now.ctime_ns) {
      return absl::OkStatus();
    }
    return VisitChanged(*pair);
  }

  absl::Status VisitChanged(Pair& pair) {
    entries_here_ = 0;
    absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), pair.path);
    if (!to.ok() && !absl::IsNotFound(to.status())) return to.status();
    if (to.ok()) {
      pair.to = *std::move(to);
      pair.blocked = !IsOurs(pair.path) && !SameAccess(pair.from.get(), pair.to.get());
    }
    const CarriedByName carried = CarriedIn(directories_[pair.index]);
    absl::flat_hash_set<uint64_t> children, present;
    for (uint32_t i = 0; i < directories_[pair.index].children; ++i) {
      children.insert(HashOf(directories_[directories_[pair.index].first_child + i].name));
    }
    const auto first_new = static_cast<uint32_t>(directories_.size());
    absl::Status status = ForEachEntry(pair.from.get(), [&](const DirectoryEntry& entry) {
      const std::string& name = entry.name;
      const auto known = carried.find(HashOf(name));
      if (known != carried.end()) {
        present.insert(known->first);
        return CarryAgain(pair, name, *known->second);
      }
      return children.contains(HashOf(name)) ? Look() : VisitEntry(pair, name);
    });
    if (status.ok() && pair.to) status = RemoveGone(pair, carried, present);
    if (!status.ok()) return status;
    std::vector<uint32_t> made;
    for (auto i = first_new; i < directories_.size(); ++i) made.push_back(i);
    return VisitAll(std::move(made));
  }

  // A node that was there in the first pass.
  absl::Status CarryAgain(Pair& pair, const std::string& name, const Carried& before) {
    if (absl::Status status = Look(); !status.ok()) return status;
    absl::StatusOr<Stamp> now = StampOf(pair.from.get(), name);
    if (!now.ok()) return now.status();
    if (!now->exists || now->directory || now->inode == before.inode || now->print == before.from ||
        LeadsToRevisions(pair.from.get(), name)) {
      return absl::OkStatus();
    }
    const std::string path = Join(pair.path, name);
    absl::StatusOr<bool> replace = MayReplace(pair, name, path, before);
    if (!replace.ok() || !*replace) return replace.status();
    return CarryFile(pair, name, path, *now, /*replace=*/true);
  }

  // Whether the node in `to` is as it was carried over, and was not written by the service since it
  // is published.
  absl::StatusOr<bool> MayReplace(const Pair& pair, const std::string& name,
                                  const std::string& path, const Carried& before) {
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
  // complete listing.
  absl::Status RemoveGone(const Pair& pair, const CarriedByName& carried,
                          const absl::flat_hash_set<uint64_t>& present) {
    return ForEachEntry(pair.to.get(), [&](const DirectoryEntry& entry) -> absl::Status {
      const std::string& name = entry.name;
      const auto known = carried.find(HashOf(name));
      if (known == carried.end() || present.contains(known->first)) return Look();
      absl::StatusOr<bool> remove = MayReplace(pair, name, Join(pair.path, name), *known->second);
      if (!remove.ok()) return remove.status();
      if (*remove) ::unlinkat(pair.to.get(), name.c_str(), 0);
      return Look();
    });
  }

  absl::Status RemoveCarried(uint32_t index) {
    Pair pair = {.index = index, .path = PathOf(index), .from = Fd(), .to = Fd()};
    absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), pair.path);
    if (!to.ok()) return absl::IsNotFound(to.status()) ? absl::OkStatus() : to.status();
    pair.to = *std::move(to);
    absl::Status status = RemoveGone(pair, CarriedIn(directories_[index]), {});
    if (!IsOurs(pair.path)) RemoveEmpty(index);
    return status;
  }

  Request request_;
  std::set<std::string> excluded_, above_excluded_;
  NodeCarrier carrier_;
  bool published_ = false;  // whether `to` is published
  std::vector<Directory> directories_;
  std::vector<Carried> carried_;  // those of one directory are together
  int64_t removals_ = 0;          // entries of `to` that may still be removed
  int64_t looks_ = 0;
  int64_t entries_here_ = 0, fullest_entries_ = 0;
  std::string fullest_;
  int said_ = 0;
};

}  // namespace

TrackedPaths TrackedPaths::Of(const Manifest& manifest, absl::string_view link) {
  TrackedPaths tracked;
  for (const ManifestEntry& entry : manifest.entries) {
    const auto path = PathBelow(entry.path, link);
    if (!path || path->empty()) continue;
    tracked.files.insert(*path);
    AddParents(*path, tracked.directories);
  }
  return tracked;
}

std::unique_ptr<CarryOver> CarryOver::New(Request request) {
  return std::make_unique<CarryOverImpl>(std::move(request));
}

}  // namespace gitops
