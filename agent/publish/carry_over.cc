#include "agent/publish/carry_over.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/publish/copy_node.h"
#include "agent/publish/layout.h"
#include "common/log/log.h"
#include "common/path/beneath.h"

namespace gitops {
namespace {

constexpr int kMaxDepth = 256;

std::pair<std::string, std::string> Split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::string Join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : absl::StrCat(directory, "/", name);
}

void AddParents(std::string path, std::set<std::string>& directories) {
  for (size_t slash = path.rfind('/'); slash != std::string::npos; slash = path.rfind('/')) {
    path.resize(slash);
    if (!directories.insert(path).second) return;
  }
}

absl::StatusOr<Fd> OpenDirectory(int root, const std::string& path, int flags = O_RDONLY) {
  return OpenBeneath(root, path, flags | O_DIRECTORY | O_NOFOLLOW, 0,
                     RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

// Equal now means not written since. Nothing: it does not exist.
struct Stamp {
  bool exists = false;
  bool directory = false;
  ino_t inode = 0;
  off_t size = 0;
  mode_t mode = 0;
  int64_t mtime_ns = 0, ctime_ns = 0;

  bool operator==(const Stamp&) const = default;
};

Stamp StampOf(int directory, const std::string& name) {
  struct stat stat = {};
  if (::fstatat(directory, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) return {};
  const auto nanoseconds = [](const timespec& t) {
    return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
  };
  return {true,
          S_ISDIR(stat.st_mode),
          stat.st_ino,
          stat.st_size,
          stat.st_mode,
          nanoseconds(stat.st_mtim),
          nanoseconds(stat.st_ctim)};
}

Stamp StampAt(int root, const std::string& path) {
  const auto [parent, name] = Split(path);
  absl::StatusOr<Fd> directory = OpenDirectory(root, parent, O_PATH);
  return directory.ok() ? StampOf(directory->get(), name) : Stamp();
}

absl::StatusOr<std::vector<std::string>> NamesIn(int directory) {
  const int again = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = again < 0 ? nullptr : ::fdopendir(again);
  if (stream == nullptr) return absl::ErrnoToStatus(errno, "cannot list a directory");
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(stream);
  return names;
}

// By path, so that a directory comes before what is in it.
using Untracked = std::map<std::string, Stamp>;

class CarryOverImpl : public CarryOver {
 public:
  explicit CarryOverImpl(Request request) : request_(std::move(request)) {
    for (const std::string& path : request_.excluded) {
      excluded_.insert(path);
      AddParents(path, above_excluded_);
    }
  }

  absl::Status CopyAll() override {
    copied_.clear();
    absl::Status status = FindUntracked(request_.from.get(), "", 0, /*say=*/true, seen_);
    if (!status.ok()) return status;
    std::set<std::string> keep = above_excluded_;
    for (const auto& [path, stamp] : seen_) {
      if (stamp.directory) keep.insert(path);
      AddParents(path, keep);
    }
    status = RemoveStale(request_.to.get(), "", 0, keep);
    for (const auto& [path, stamp] : seen_) {
      if (!status.ok()) return status;
      status = Copy(path, stamp);
    }
    return status.ok() ? FinishDirectories() : status;
  }

  absl::Status CopyChanged() override {
    Untracked now;
    absl::Status status = FindUntracked(request_.from.get(), "", 0, /*say=*/false, now);
    if (!status.ok()) return status;
    for (const auto& [path, stamp] : now) {
      const auto before = seen_.find(path);
      const bool known = before != seen_.end() && before->second.directory == stamp.directory;
      if (known && (stamp.directory || before->second == stamp)) continue;
      if (!Untouched(path)) continue;
      if (status = Copy(path, stamp); !status.ok()) return status;
    }
    for (auto gone = seen_.rbegin(); gone != seen_.rend(); ++gone) {
      if (!now.contains(gone->first)) RemoveCopy(gone->first, gone->second.directory);
    }
    return absl::OkStatus();
  }

 private:
  void Say(absl::string_view message, const std::string& path) const {
    LogWarning(message, {{"path", absl::StrCat(request_.local, "/", path)}});
  }

  absl::Status FindUntracked(int directory, const std::string& path, int depth, bool say,
                             Untracked& found) const {
    absl::StatusOr<std::vector<std::string>> names = NamesIn(directory);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const std::string child = Join(path, name);
      if (request_.tracked_from.files.contains(child) || excluded_.contains(child)) continue;
      if (absl::StartsWith(name, kUnfinishedPrefix)) continue;
      const Stamp stamp = StampOf(directory, name);
      if (!stamp.exists) continue;
      if (IsRepositorys(child, stamp.directory)) {
        if (say) Say("not carried over: the new revision has something of that name", child);
        continue;
      }
      if (!stamp.directory) {
        if (!LeadsToRevisions(directory, name)) found[child] = stamp;
        continue;
      }
      const bool made_to_hold_others =
          request_.tracked_from.directories.contains(child) || above_excluded_.contains(child);
      if (!made_to_hold_others) found[child] = stamp;
      absl::StatusOr<Fd> below = OpenDirectory(directory, name);
      if (!below.ok() || depth >= kMaxDepth) continue;  // gone, replaced, or a mount of others
      absl::Status status = FindUntracked(below->get(), child, depth + 1, say, found);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  bool LeadsToRevisions(int directory, const std::string& name) const {
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(directory, name.c_str(), target, sizeof target);
    return length > 0 && !request_.revisions.empty() &&
           absl::StartsWith(absl::string_view(target, static_cast<size_t>(length)),
                            absl::StrCat(request_.revisions, "/"));
  }

  bool IsRepositorys(const std::string& path, bool directory) const {
    return request_.tracked_to.files.contains(path) ||
           (!directory && request_.tracked_to.directories.contains(path));
  }

  // Removes from `to` what is neither tracked nor about to be carried as the directory it is.
  absl::Status RemoveStale(int directory, const std::string& path, int depth,
                           const std::set<std::string>& keep) const {
    absl::StatusOr<std::vector<std::string>> names = NamesIn(directory);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const std::string child = Join(path, name);
      if (request_.tracked_to.files.contains(child) || excluded_.contains(child)) continue;
      const bool is_directory = StampOf(directory, name).directory;
      if (!is_directory) {
        const auto carried = seen_.find(child);
        const bool replaced = carried != seen_.end() && !carried->second.directory;
        if (!replaced && ::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) {
          return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", child));
        }
        continue;
      }
      if (depth >= kMaxDepth) continue;
      absl::StatusOr<Fd> below = OpenDirectory(directory, name);
      if (!below.ok()) return below.status();
      absl::Status status = RemoveStale(below->get(), child, depth + 1, keep);
      if (!status.ok()) return status;
      if (keep.contains(child) || request_.tracked_to.directories.contains(child)) continue;
      if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
        return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", child));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Copy(const std::string& path, const Stamp& stamp) {
    if (stamp.directory) return MakeParents(path).status();
    const auto [parent, name] = Split(path);
    absl::StatusOr<Fd> from = OpenDirectory(request_.from.get(), parent, O_PATH);
    if (!from.ok()) return absl::OkStatus();  // gone meanwhile
    absl::StatusOr<Fd> to = MakeParents(parent);
    if (!to.ok()) return to.status();
    absl::Status status = CopyNode(from->get(), to->get(), name);
    if (absl::IsUnimplemented(status)) {
      Say("not carried over: a socket or device; restart what made it", path);
      return absl::OkStatus();
    }
    if (absl::IsNotFound(status)) return absl::OkStatus();
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("cannot carry over ", request_.local, "/",
                                                      path, ": ", status.message()));
    }
    copied_[path] = StampOf(to->get(), name);
    return absl::OkStatus();
  }

  // The directory in `to`; what had to be made is noted, to be given its owner, mode and times.
  absl::StatusOr<Fd> MakeParents(const std::string& path) {
    absl::StatusOr<Fd> there = OpenDirectory(request_.to.get(), path, O_PATH);
    if (there.ok()) {
      if (path != "." && seen_.contains(path)) made_.insert(path);
      return there;
    }
    if (!absl::IsNotFound(there.status())) return there.status();
    made_.insert(path);
    AddParents(path, made_);
    return MakeDirectoriesBeneath(request_.to.get(), path, 0700);
  }

  // Inner ones first, as filling a directory changes its times. Of the repository's directories
  // only those that were missing in `to` were made, and these get the old one's.
  absl::Status FinishDirectories() {
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) {
      if (request_.tracked_to.directories.contains(*path)) continue;
      const auto [parent, name] = Split(*path);
      absl::StatusOr<Fd> from = OpenDirectory(request_.from.get(), parent, O_PATH);
      absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), parent, O_PATH);
      if (!from.ok() || !to.ok()) continue;
      absl::Status status = CopyDirectoryMetadata(from->get(), to->get(), name);
      if (!status.ok() && !absl::IsNotFound(status)) return status;
    }
    made_.clear();
    return absl::OkStatus();
  }

  // Whether the copy is still as it was made, so that it may be replaced.
  bool Untouched(const std::string& path) const {
    const auto copy = copied_.find(path);
    const Stamp now = StampAt(request_.to.get(), path);
    if (now == (copy == copied_.end() ? Stamp() : copy->second)) return true;
    if (!now.directory) {
      Say("changed in the old revision and in the new one; the new one's is kept", path);
    }
    return false;
  }

  void RemoveCopy(const std::string& path, bool directory) {
    if (!directory && !Untouched(path)) return;
    const auto [parent, name] = Split(path);
    absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), parent, O_PATH);
    if (to.ok()) ::unlinkat(to->get(), name.c_str(), directory ? AT_REMOVEDIR : 0);
  }

  const Request request_;
  std::set<std::string> excluded_, above_excluded_;
  Untracked seen_;    // in `from`, when CopyAll ran
  Untracked copied_;  // in `to`, as CopyAll left it
  std::set<std::string> made_;
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
