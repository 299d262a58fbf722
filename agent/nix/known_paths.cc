#include "agent/nix/known_paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/nix/nix.h"
#include "agent/nix/store_path.h"
#include "common/path/directory_names.h"
#include "common/path/fd.h"
#include "common/rpc/state_reason.h"

namespace gitops {

struct KnownPaths::Root {
  std::string revision, path;
  timespec made = {};
};

absl::StatusOr<std::vector<KnownPaths::Root>> KnownPaths::Roots() const {
  std::vector<Root> roots;
  const Fd directory(open(roots_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory && errno == ENOENT) return roots;
  if (!directory) return FileStatus(errno, absl::StrCat("open ", roots_));
  const absl::Status listed = ForEachEntry(directory.get(), [&](const DirectoryEntry& entry) {
    char target[PATH_MAX];
    const ssize_t size = readlinkat(directory.get(), entry.name.c_str(), target, sizeof target);
    if (size < 0 && (errno == ENOENT || errno == EINVAL)) return absl::OkStatus();
    struct stat status = {};
    if (size < 0 ||
        fstatat(directory.get(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return FileStatus(errno, absl::StrCat("read ", RootOf(entry.name)));
    }
    Root root{entry.name, std::string(target, static_cast<size_t>(size)), status.st_mtim};
    const bool ours =
        CheckStorePath(root.path, store_).ok() && RevisionOf(root.path, store_) == root.revision;
    if (ours) roots.push_back(std::move(root));
    return absl::OkStatus();
  });
  if (!listed.ok()) return listed;
  std::sort(roots.begin(), roots.end(), [](const Root& a, const Root& b) {
    return std::pair(b.made.tv_sec, b.made.tv_nsec) < std::pair(a.made.tv_sec, a.made.tv_nsec);
  });
  return roots;
}

absl::StatusOr<std::vector<KnownPaths::Known>> KnownPaths::List() const {
  const absl::StatusOr<std::vector<Root>> roots = Roots();
  if (!roots.ok()) return roots.status();
  const absl::StatusOr<ProfileContent> content = Nix::Read(profile_);
  if (!content.ok()) return content.status();
  std::vector<Known> known;
  std::set<std::string> seen;
  absl::Status looked;
  const auto add = [&](const std::string& path) {
    if (!looked.ok() || !CheckStorePath(path, store_).ok()) return;
    if (access(path.c_str(), F_OK) != 0) {
      if (errno != ENOENT) looked = FileStatus(errno, absl::StrCat("look for ", path));
      return;
    }
    std::string revision = RevisionOf(path, store_);
    if (seen.insert(revision).second) known.push_back({std::move(revision), path});
  };
  for (const Root& root : *roots) add(root.path);
  for (auto generation = content->generations.rbegin(); generation != content->generations.rend();
       ++generation) {
    add(generation->path);
  }
  add(content->path);
  if (!looked.ok()) return looked;
  return known;
}

absl::StatusOr<std::string> KnownPaths::PathOf(const std::string& revision) const {
  const absl::StatusOr<std::vector<Known>> known = List();
  if (!known.ok()) return known.status();
  for (const Known& one : *known) {
    if (one.revision == revision) return one.path;
  }
  return "";
}

absl::StatusOr<std::string> KnownPaths::Shown() const {
  const absl::StatusOr<ProfileContent> content = Nix::Read(profile_);
  if (!content.ok()) return content.status();
  if (!CheckStorePath(content->path, store_).ok()) return "";
  return RevisionOf(content->path, store_);
}

absl::Status KnownPaths::RemoveOldRoots(int keep, const std::set<std::string>& in_use) const {
  const absl::StatusOr<std::vector<Root>> roots = Roots();
  if (!roots.ok()) return roots.status();
  for (size_t i = static_cast<size_t>(std::max(keep, 0)); i < roots->size(); ++i) {
    const std::string& revision = (*roots)[i].revision;
    if (in_use.contains(revision)) continue;
    if (unlink(RootOf(revision).c_str()) != 0 && errno != ENOENT) {
      return FileStatus(errno, absl::StrCat("remove ", RootOf(revision)));
    }
  }
  return absl::OkStatus();
}

}  // namespace gitops
