#include "agent/publish/carry_over.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/publish/layout.h"
#include "agent/publish/untracked.h"
#include "common/log/log.h"

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

void EraseBelow(Untracked& nodes, const std::string& directory) {
  const std::string prefix = directory + "/";
  auto node = nodes.lower_bound(prefix);
  while (node != nodes.end() && absl::StartsWith(node->first, prefix)) node = nodes.erase(node);
}

// The same directory in both revisions, opened for reading.
struct Pair {
  Fd from, to;
};

class CarryOverImpl : public CarryOver {
 public:
  explicit CarryOverImpl(Request request) : request_(std::move(request)) {
    for (const std::string& path : request_.excluded) {
      excluded_.insert(path);
      AddParents(path, above_excluded_);
    }
  }

  absl::Status CopyAll() override {
    published_ = false;
    seen_.clear();
    carried_.clear();
    linked_.clear();
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
      status = Carry(path, stamp);
    }
    SetTimes();
    return status;
  }

  absl::Status CopyChanged() override {
    published_ = true;
    here_path_.clear();
    Untracked now;
    absl::Status status = FindUntracked(request_.from.get(), "", 0, /*say=*/false, now);
    if (!status.ok()) return status;
    std::set<ino_t> inodes;
    for (const auto& [path, stamp] : now) inodes.insert(stamp.inode);
    for (const auto& [path, stamp] : now) {
      if (IsCarried(path, stamp) || !MayReplace(path, inodes)) continue;
      if (status = Carry(path, stamp); !status.ok()) return status;
    }
    for (auto gone = seen_.rbegin(); gone != seen_.rend(); ++gone) {
      if (now.contains(gone->first)) continue;
      if (gone->second.directory || MayReplace(gone->first, inodes)) {
        Remove(gone->first, gone->second.directory);
      }
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
        if (say) Say("not carried over: the new revision has this path", child);
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
      if (!below.ok()) continue;  // removed, replaced, or another mount
      if (depth >= kMaxDepth) {
        if (say) Say("not carried over: deeper directories than this", child);
        continue;
      }
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

  // Removes from `to` what is neither tracked nor will be carried over as a directory or, unless
  // `all` is set, as a file in its place.
  absl::Status RemoveStale(int directory, const std::string& path, int depth,
                           const std::set<std::string>& keep, bool all = false) const {
    absl::StatusOr<std::vector<std::string>> names = NamesIn(directory);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const std::string child = Join(path, name);
      if (request_.tracked_to.files.contains(child) || excluded_.contains(child)) continue;
      const bool is_directory = StampOf(directory, name).directory;
      if (!is_directory) {
        const auto carried = seen_.find(child);
        const bool replaced = !all && carried != seen_.end() && !carried->second.directory;
        if (!replaced && ::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) {
          return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", child));
        }
        continue;
      }
      if (depth >= kMaxDepth) continue;
      absl::StatusOr<Fd> below = OpenDirectory(directory, name);
      if (!below.ok()) return below.status();
      absl::Status status = RemoveStale(below->get(), child, depth + 1, keep, all);
      if (!status.ok()) return status;
      if (keep.contains(child) || request_.tracked_to.directories.contains(child)) continue;
      if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
        return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", child));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Carry(const std::string& path, const Stamp& stamp) {
    const auto [parent, name] = Split(path);
    absl::Status status = Enter(stamp.directory ? path : parent);
    if (status.ok() && !stamp.directory) {
      absl::StatusOr<CarryResult> how =
          CarryNode(here_.from.get(), here_.to.get(), name, request_.hooks);
      status = how.status();
      if (how.ok()) {
        carried_[path] = StampOf(here_.to.get(), name);
        if (*how == CarryResult::kLinked) linked_.insert(path);
      }
    }
    if (status.ok() || absl::IsNotFound(status)) return absl::OkStatus();
    if (absl::IsUnimplemented(status)) {
      Say("not carried over: a socket or device; restart the process that created it", path);
      return absl::OkStatus();
    }
    if (absl::IsAborted(status) || absl::IsAlreadyExists(status) ||
        absl::IsFailedPrecondition(status)) {
      // It was replaced meanwhile: not a reason to fail the publication.
      Say(absl::StrCat("not carried over: ", status.message()), path);
      return absl::OkStatus();
    }
    return absl::Status(status.code(), absl::StrCat("cannot carry over ", request_.local, "/", path,
                                                    ": ", status.message()));
  }

  // Opens the directory `path` of both as `here_`, and creates it in `to`. NOT_FOUND: it no longer
  // exists.
  absl::Status Enter(const std::string& path) {
    if (here_path_ == path) return absl::OkStatus();
    here_path_.clear();
    absl::StatusOr<Fd> from = OpenDirectory(request_.from.get(), ".");
    absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), ".");
    if (!from.ok() || !to.ok()) return from.ok() ? to.status() : from.status();
    std::string so_far;
    for (const std::string& name : std::vector<std::string>(absl::StrSplit(path, '/'))) {
      if (name == ".") break;
      so_far = Join(so_far, name);
      absl::StatusOr<Fd> next = OpenDirectory(from->get(), name);
      if (!next.ok()) return absl::NotFoundError(absl::StrCat(so_far, " no longer exists"));
      to = EnterOrMake(next->get(), to->get(), so_far, name);
      if (!to.ok()) return to.status();
      from = std::move(next);
    }
    here_ = {*std::move(from), *std::move(to)};
    here_path_ = path;
    return absl::OkStatus();
  }

  // Files that `from` protects must not be in a directory that protects less. But the mode of an
  // existing directory is never changed: its owner may replace it meanwhile.
  absl::StatusOr<Fd> EnterOrMake(int from, int parent, const std::string& path,
                                 const std::string& name) {
    absl::StatusOr<Fd> there = OpenDirectory(parent, name);
    const bool made_by_us =
        request_.tracked_to.directories.contains(path) || above_excluded_.contains(path);
    if (there.ok() && made_by_us) return there;
    if (there.ok() && SameAccess(from, there->get())) {
      filled_.insert(path);
      return there;
    }
    if (there.ok() && published_) {
      return absl::AbortedError("its directory has other permissions in the new revision");
    }
    if (there.ok()) {
      absl::Status status = RemoveStale(there->get(), path, 0, {}, /*all=*/true);
      if (!status.ok()) return status;
      ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
      EraseBelow(carried_, path);
    } else if (!absl::IsNotFound(there.status())) {
      return absl::AbortedError(there.status().message());
    }
    filled_.insert(path);
    return MakeDirectoryLike(from, parent, name, request_.hooks);
  }

  // Inner ones first, as filling a directory changes its times.
  void SetTimes() {
    for (auto path = filled_.rbegin(); path != filled_.rend(); ++path) {
      absl::StatusOr<Fd> from = OpenDirectory(request_.from.get(), *path);
      absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), *path);
      struct stat stat = {};
      if (!from.ok() || !to.ok() || ::fstat(from->get(), &stat) != 0) continue;
      const timespec times[] = {stat.st_atim, stat.st_mtim};
      ::futimens(to->get(), times);
    }
    filled_.clear();
  }

  // Whether the new revision has, or had, the node at `path` in the old one.
  bool IsCarried(const std::string& path, const Stamp& now) const {
    const auto before = seen_.find(path);
    const bool known = before != seen_.end() && before->second.directory == now.directory;
    if (now.directory) return known;
    const auto carried = carried_.find(path);
    if (carried == carried_.end()) return known && S_ISSOCK(now.mode);
    return carried->second.inode == now.inode || (known && before->second == now);
  }

  // Whether the node at `path` in `to` was carried over, and was not written by the service since
  // `to` is published. `inodes`: the nodes that `from` still has.
  bool MayReplace(const std::string& path, const std::set<ino_t>& inodes) const {
    const auto carried = carried_.find(path);
    const Stamp before = carried == carried_.end() ? Stamp() : carried->second;
    const Stamp now = StampAt(request_.to.get(), path);
    if (before == now) return true;
    if (linked_.contains(path) && before.inode == now.inode) {
      // It was also a file of `from`, until that name was removed, which changed only its ctime.
      if (inodes.contains(now.inode) || before.mtime_ns == now.mtime_ns ||
          now.ctime_ns > now.mtime_ns) {
        return true;
      }
    }
    if (!now.directory) {
      Say("changed in the old revision and in the new one; the file of the new one is kept", path);
    }
    return false;
  }

  void Remove(const std::string& path, bool directory) const {
    const auto [parent, name] = Split(path);
    absl::StatusOr<Fd> to = OpenDirectory(request_.to.get(), parent, O_PATH);
    if (to.ok()) ::unlinkat(to->get(), name.c_str(), directory ? AT_REMOVEDIR : 0);
  }

  const Request request_;
  std::set<std::string> excluded_, above_excluded_;
  bool published_ = false;        // whether `to` is published
  Untracked seen_;                // in `from`, when CopyAll ran
  Untracked carried_;             // in `to`, as it was carried there
  std::set<std::string> linked_;  // those that are hard links of the file in `from`
  std::set<std::string> filled_;  // directories of `to` whose times must be restored
  std::string here_path_;         // of here_; empty if that is not open
  Pair here_;
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
