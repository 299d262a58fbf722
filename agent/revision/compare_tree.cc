#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/revision/directory_cursor.h"
#include "agent/revision/revision.h"

namespace gitops {
namespace {

using Kind = TreeDifference::Kind;

constexpr uint32_t kSymlinkMode = 0120000;
// Our directories never nest deeper than this; those of a service may.
constexpr int kMaxDepth = 256;

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::string TypeName(mode_t mode) {
  if (S_ISDIR(mode)) return "is a directory";
  if (S_ISLNK(mode)) return "is a symlink";
  if (S_ISREG(mode)) return "is a regular file";
  return "is a special file";
}

bool AsNoted(const struct stat& stat, const ManifestEntry& entry) {
  return stat.st_size == entry.size && stat.st_ino == entry.inode &&
         Nanoseconds(stat.st_mtim) == entry.mtime_ns && Nanoseconds(stat.st_ctim) == entry.ctime_ns;
}

absl::StatusOr<std::string> HashSymlink(int directory, const std::string& name, size_t oid_length) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(directory, name.c_str(), target, sizeof(target));
  if (length < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read symlink ", name));
  auto hasher = BlobHasher::New(length, oid_length);
  hasher->Update(absl::string_view(target, static_cast<size_t>(length)));
  return hasher->Finish();
}

absl::StatusOr<std::string> HashFile(int directory, const std::string& name, int64_t size,
                                     size_t oid_length) {
  // Non-blocking, for the case that a FIFO took the file's place since it was looked at.
  const Fd file(openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", name));
  auto hasher = BlobHasher::New(size, oid_length);
  char buffer[64 << 10];
  for (;;) {
    const ssize_t length = read(file.get(), buffer, sizeof(buffer));
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", name));
    if (length == 0) return hasher->Finish();
    hasher->Update(absl::string_view(buffer, static_cast<size_t>(length)));
  }
}

class TreeComparison {
 public:
  TreeComparison(int root, const Manifest& manifest, bool read_all)
      : root_(root), manifest_(manifest), read_all_(read_all) {}

  absl::Status CompareEntries() {
    DirectoryCursor cursor(root_);
    for (const ManifestEntry& entry : manifest_.entries) {
      const auto [parent, name] = SplitPath(entry.path);
      const auto directory = cursor.Open(parent);
      if (directory.ok()) {
        if (auto status = CompareEntry(*directory, std::string(name), entry); !status.ok()) {
          return status;
        }
      } else if (IsGone(parent)) {
        Report(Kind::kDeleted, entry.path, "its directory was removed or replaced");
      }
    }
    return absl::OkStatus();
  }

  absl::Status FindUntracked() {
    for (const ManifestEntry& entry : manifest_.entries) {
      tracked_.insert(entry.path);
      absl::string_view directory = SplitPath(entry.path).first;
      while (!directory.empty() && directories_.emplace(directory).second) {
        directory = SplitPath(directory).first;
      }
    }
    return Walk(root_, "", 0);
  }

  std::vector<TreeDifference> Take() {
    std::sort(differences_.begin(), differences_.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(differences_);
  }

 private:
  void Report(Kind kind, std::string path, std::string detail) {
    differences_.push_back({kind, std::move(path), std::move(detail)});
  }

  // Whether a directory that could not be opened is missing or of another type (a symlink, a file),
  // and not another file system mounted there, which is not compared.
  bool IsGone(absl::string_view directory) const {
    for (size_t at = 0; at != absl::string_view::npos;) {
      at = directory.find('/', at + 1);
      const std::string part(directory.substr(0, at));
      struct stat stat {};
      if (fstatat(root_, part.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) return true;
      if (!S_ISDIR(stat.st_mode)) return true;
    }
    return false;
  }

  absl::Status CompareEntry(int directory, const std::string& name, const ManifestEntry& entry) {
    struct stat stat {};
    if (fstatat(directory, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) {
        return absl::ErrnoToStatus(errno, absl::StrCat("cannot stat ", entry.path));
      }
      Report(Kind::kDeleted, entry.path, "");
      return absl::OkStatus();
    }
    const bool symlink = entry.mode == kSymlinkMode;
    if (symlink ? !S_ISLNK(stat.st_mode) : !S_ISREG(stat.st_mode)) {
      Report(Kind::kModified, entry.path, TypeName(stat.st_mode));
      return absl::OkStatus();
    }
    if (AsNoted(stat, entry) && !read_all_) return absl::OkStatus();
    if (!symlink && (stat.st_mode & 07777) != (entry.mode & 07777)) {
      Report(
          Kind::kModified, entry.path,
          absl::StrFormat("mode %04o instead of %04o", stat.st_mode & 07777, entry.mode & 07777));
      return absl::OkStatus();
    }
    return CompareContent(directory, name, entry, stat.st_size);
  }

  absl::Status CompareContent(int directory, const std::string& name, const ManifestEntry& entry,
                              int64_t size) {
    if (size == entry.size) {
      const auto oid = entry.mode == kSymlinkMode
                           ? HashSymlink(directory, name, entry.oid.size())
                           : HashFile(directory, name, size, entry.oid.size());
      if (!oid.ok()) return oid.status();
      if (*oid == entry.oid) return absl::OkStatus();
    }
    Report(Kind::kModified, entry.path, "content");
    return absl::OkStatus();
  }

  absl::Status Walk(int directory, const std::string& path, int depth) {
    // A new descriptor: fdopendir takes ownership, and dup would share the offset.
    const int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = again < 0 ? nullptr : fdopendir(again);
    if (stream == nullptr) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot list \"", path, "\""));
    }
    std::vector<std::string> names;
    while (const dirent* entry = readdir(stream)) names.emplace_back(entry->d_name);
    closedir(stream);
    for (const std::string& name : names) {
      if (name == "." || name == "..") continue;
      const std::string child = path.empty() ? name : absl::StrCat(path, "/", name);
      if (tracked_.contains(child)) continue;
      if (auto status = Visit(directory, name, child, depth); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Visit(int directory, const std::string& name, const std::string& path, int depth) {
    struct stat stat {};
    if (fstatat(directory, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) return absl::OkStatus();
    if (!S_ISDIR(stat.st_mode) || depth >= kMaxDepth) {
      if (directories_.contains(path))
        return absl::OkStatus();  // reported through its missing entries
      Report(Kind::kUntracked, path, S_ISREG(stat.st_mode) ? "" : TypeName(stat.st_mode));
      return absl::OkStatus();
    }
    DirectoryCursor cursor(directory);
    const auto child = cursor.Open(name);
    if (!child.ok()) return absl::OkStatus();  // removed, or a mount point
    return Walk(*child, path, depth + 1);
  }

  const int root_;
  const Manifest& manifest_;
  const bool read_all_;
  std::set<std::string> tracked_, directories_;
  std::vector<TreeDifference> differences_;
};

}  // namespace

absl::StatusOr<std::vector<TreeDifference>> CompareTree(const std::string& directory,
                                                        const Manifest& manifest,
                                                        bool with_untracked, bool read_all) {
  const Fd root(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", directory));
  TreeComparison comparison(root.get(), manifest, read_all);
  if (auto status = comparison.CompareEntries(); !status.ok()) return status;
  if (with_untracked) {
    if (auto status = comparison.FindUntracked(); !status.ok()) return status;
  }
  return comparison.Take();
}

}  // namespace gitops
