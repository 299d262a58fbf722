#include "agent/publish/carry_over.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/path/directory_names.h"
#include "common/path/split_path.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr int kMaxSaid = 20;                // lines of log for one publication
constexpr int64_t kMaxCounted = 1'000'000;  // entries, for a message

}  // namespace

CarryOver::CarryOver(Request request)
    : request_(std::move(request)),
      rules_(std::move(request_.tracked_from), std::move(request_.tracked_to), request_.excluded,
             request_.revisions),
      limits_(request_.budget, request_.local, request_.stop),
      carrier_(std::move(request_.stage), request_.budget.get(), request_.stop, request_.hooks) {}

absl::Status CarryOver::CopyAll() {
  published_ = false;
  next_ = 0;
  removals_ = request_.budget->max_files;
  carried_.directories.assign(1, {});
  carried_.files.clear();
  absl::Status status = carrier_.EmptyStage();
  if (status.ok()) status = VisitRest();
  if (status.ok()) status = SetTimes();
  // A copy in the stage would be a former state of its file in the second pass.
  if (status.ok()) status = carrier_.EmptyStage();
  return Named(status);
}

void CarryOver::Say(absl::string_view message, const std::string& path) {
  if (++said_ > kMaxSaid) return;
  LogWarning(said_ == kMaxSaid ? "not carried over: more, which are not named" : message,
             {{"path", absl::StrCat(request_.local, "/", ShownPath(path))},
              {"stays_in", absl::StrCat(request_.from_path, "/", ShownPath(path))}});
}

absl::Status CarryOver::Named(const absl::Status& status) {
  if (status.ok()) return status;
  std::string message = absl::StrCat("cannot carry over the untracked files of ", request_.local,
                                     ": ", status.message());
  if (absl::IsResourceExhausted(status)) {
    FindFullest();
    absl::StrAppend(&message, "; ", limits_.Fullest());
  }
  return WithMessage(status, message);
}

// A limit ends a pass before it has seen everything.
void CarryOver::FindFullest() {
  Untracked all;
  all.directories.resize(1);
  int64_t left = kMaxCounted;
  for (uint32_t i = 0; i < all.directories.size() && left > 0; ++i) {
    const std::string path = all.PathOf(i);
    const absl::StatusOr<Fd> directory = OpenDirectory(request_.from.get(), path);
    if (!directory.ok()) continue;
    limits_.BeginDirectory();
    const int level = all.directories[i].level + 1;
    const absl::Status listed =
        ForEachEntry(directory->get(), [&](const DirectoryEntry& entry) -> absl::Status {
          const std::string inner = JoinPath(path, entry.name);
          if (--left < 0) return absl::CancelledError("enough");
          if (rules_.IsLeftOut(inner, entry.name)) return absl::OkStatus();
          const bool is_directory = IsDirectory(directory->get(), entry);
          if (!is_directory || !rules_.IsMadeToHoldOthers(inner)) limits_.Note(path);
          if (is_directory && CarryLimits::CheckPath(inner, level).ok()) {
            all.directories.push_back({.name = entry.name, .parent = i, .level = level});
          }
          return limits_.Look();
        });
    if (absl::IsCancelled(listed)) return;
  }
}

absl::Status CarryOver::About(const absl::Status& status, const std::string& path) const {
  return WithMessage(status, absl::StrCat("\"", ShownPath(path), "\": ", status.message()));
}

// Visits find further directories, which come last.
absl::Status CarryOver::VisitRest() {
  for (; next_ < carried_.directories.size(); ++next_) {
    const bool known = published_ && next_ < known_;
    if (absl::Status status = known ? VisitIfChanged(next_) : Visit(next_); !status.ok()) {
      return status;
    }
    settled_.clear();
  }
  return absl::OkStatus();
}

// Visits an entry of the directory `next_`, unless that was done before an error.
absl::Status CarryOver::Once(const std::string& name, absl::FunctionRef<absl::Status()> visit) {
  const uint64_t hash = HashOf(name);
  if (settled_.contains(hash)) return absl::OkStatus();
  absl::Status status = visit();
  if (status.ok() && published_) settled_.insert(hash);
  return status;
}

// One that was removed can still be opened, and seems to be empty.
absl::StatusOr<Fd> CarryOver::OpenRoot(int root) const {
  absl::StatusOr<Fd> fd = OpenDirectory(root, "");
  struct stat stat = {};
  if (fd.ok() && ::fstat(fd->get(), &stat) != 0) {
    return absl::ErrnoToStatus(errno, "stat the directory of a revision");
  }
  if (fd.ok() ? stat.st_nlink > 0 : !absl::IsNotFound(fd.status())) return fd;
  return absl::DataLossError("one of the revisions was removed meanwhile");
}

// NOT_FOUND: `from` no longer has it.
absl::StatusOr<CarryOver::Pair> CarryOver::Open(uint32_t index) {
  Pair pair = {.index = index, .path = carried_.PathOf(index), .from = Fd(), .to = Fd()};
  absl::StatusOr<Fd> from =
      index == 0 ? OpenRoot(request_.from.get()) : OpenDirectory(request_.from.get(), pair.path);
  if (!from.ok()) return from.status();
  pair.from = *std::move(from);
  return pair;
}

absl::Status CarryOver::Visit(uint32_t index) {
  absl::StatusOr<Pair> pair = Open(index);
  if (absl::IsNotFound(pair.status())) return absl::OkStatus();
  if (!pair.ok()) return pair.status();
  limits_.BeginDirectory();
  carried_.directories[index].NoteStamp(pair->from.get());
  if (request_.since_ns.has_value()) {
    struct stat stat = {};
    if (::fstat(pair->from.get(), &stat) != 0) return absl::ErrnoToStatus(errno, pair->path);
    pair->changed = Stamp::Of(stat).ctime_ns >= *request_.since_ns;
  }
  carried_.directories[index].first_file = static_cast<uint32_t>(carried_.files.size());
  carried_.directories[index].first_child = static_cast<uint32_t>(carried_.directories.size());
  absl::Status status = EnterIfNeeded(*pair);
  if (status.ok() && !published_ && pair->to) status = RemoveStale(*pair);
  if (!status.ok() || pair->blocked) return status;
  return ForEachEntry(pair->from.get(), [&](const DirectoryEntry& entry) {
    return Once(entry.name, [&] { return VisitEntry(*pair, entry.name); });
  });
}

// Notes a directory, to visit it later; carries over anything else.
absl::Status CarryOver::VisitEntry(Pair& pair, const std::string& name) {
  absl::Status status = limits_.Look();
  const std::string path = JoinPath(pair.path, name);
  if (!status.ok() || rules_.IsLeftOut(path, name)) return status;
  absl::StatusOr<Stamp> stamp = StampOf(pair.from.get(), name);
  if (!stamp.ok()) return stamp.status();
  if (!stamp->exists) return absl::OkStatus();
  const int level = carried_.directories[pair.index].level + 1;
  if (!stamp->directory || !rules_.IsMadeToHoldOthers(path)) {
    status = limits_.Count(pair.path);
    if (status.ok()) status = CarryLimits::CheckPath(path, level);
    if (!status.ok()) return status;
  }
  if (rules_.IsRepositorys(path, stamp->directory)) {
    Say("not carried over: the new revision has this path", path);
    return absl::OkStatus();
  }
  if (stamp->directory) {
    carried_.directories.push_back({.name = name, .parent = pair.index, .level = level});
    if (!published_) ++carried_.directories[pair.index].children;
    return absl::OkStatus();
  }
  if (rules_.LeadsToRevisions(pair.from.get(), name)) return absl::OkStatus();
  if (!request_.since_ns.has_value()) {
    return CarryFile(pair, name, path, *stamp, /*replace=*/!published_);
  }
  const absl::StatusOr<bool> late = IsLate(pair, name, *stamp);
  if (!late.ok() || !*late) return late.status();
  return CarryFile(pair, name, path, *stamp, /*replace=*/true);
}

// A name that was added, given to another file or removed changes its directory, and its file.
absl::StatusOr<bool> CarryOver::IsLate(const Pair& pair, const std::string& name,
                                       const Stamp& stamp) const {
  absl::StatusOr<Stamp> there = pair.to ? StampOf(pair.to.get(), name) : Stamp();
  if (!there.ok()) return there.status();
  if (stamp.ctime_ns < *request_.since_ns) return false;
  if (!there->exists) return pair.changed;
  // A copy does not change its directory when it is written.
  return there->inode != stamp.inode && stamp.mtime_ns > there->mtime_ns &&
         (pair.changed || stamp.mtime_ns >= *request_.since_ns);
}

absl::Status CarryOver::CarryFile(Pair& pair, const std::string& name, const std::string& path,
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
  carried_.files.push_back(
      {HashOf(name), there->inode, stamp.print, there->print, there->mtime_ns, linked});
  CarriedDirectory& directory = carried_.directories[pair.index];
  ++directory.files;
  directory.copies |= !linked;
  return absl::OkStatus();
}

// Whether a failure to carry over one node is a reason to end.
absl::Status CarryOver::Judge(const absl::Status& status, const std::string& path) {
  if (absl::IsNotFound(status)) return absl::OkStatus();  // it was removed meanwhile
  if (absl::IsUnimplemented(status) || absl::IsAlreadyExists(status)) {
    Say(absl::StrCat("not carried over: ", status.message()), path);
    return absl::OkStatus();
  }
  return About(status, path);
}

}  // namespace gitops
