#include "agent/revision/compare_tree.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "agent/revision/comparison_error.h"
#include "agent/revision/untracked_files.h"
#include "common/git/object_hash.h"
#include "common/path/fd.h"
#include "common/path/open_at.h"
#include "common/path/split_path.h"

namespace gitops {
namespace {

using Kind = TreeDifference::Kind;

constexpr uint32_t kSymlinkMode = 0120000;
constexpr int64_t kEntriesPerCheck = 256;

std::string TypeName(mode_t mode) {
  if (S_ISDIR(mode)) return "is a directory";
  if (S_ISLNK(mode)) return "is a symlink";
  if (S_ISREG(mode)) return "is a regular file";
  return "is a special file";
}

// Whether the file's own access (mode, lease, type) causes this errno, and not the state of the
// host.
bool HiddenByItself(int error) {
  return error == EACCES || error == EPERM || error == EWOULDBLOCK || error == ELOOP ||
         error == ENXIO || error == EISDIR;
}

bool AsNoted(const struct stat& stat, const ManifestEntry& entry) {
  return stat.st_size == entry.size && stat.st_ino == entry.inode &&
         absl::ToUnixNanos(absl::TimeFromTimespec(stat.st_mtim)) == entry.mtime_ns &&
         absl::ToUnixNanos(absl::TimeFromTimespec(stat.st_ctim)) == entry.ctime_ns;
}

// Compares the tracked files, in the order of the manifest.
class TrackedFiles {
 public:
  TrackedFiles(int root, const CompareOptions& options, std::vector<TreeDifference>& differences)
      : root_(root), options_(options), differences_(differences) {}

  absl::Status Compare(const Manifest& manifest) {
    int64_t compared = 0;
    for (const ManifestEntry& entry : manifest.entries) {
      if (++compared % kEntriesPerCheck == 0 && options_.stop.stop_requested()) break;
      const auto [parent, name] = SplitPath(entry.path);
      Enter(parent);
      if (error_ == 0) {
        CompareEntry(std::string(name), entry);
      } else if (error_ != EXDEV) {  // another file system is mounted there: not compared
        ReportError(entry, "its directory was removed or replaced", "opening its directory",
                    error_);
      }
    }
    return options_.stop.stop_requested() ? absl::CancelledError("the comparison was stopped")
                                          : absl::OkStatus();
  }

 private:
  // Opens a directory; entries in a row have the same one.
  void Enter(absl::string_view directory) {
    if (entered_ == directory) return;
    entered_ = std::string(directory);
    directory_.Close();  // first: one descriptor at a time
    directory_ =
        Fd(OpenAt(root_, directory.empty() ? "." : *entered_, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
                  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
    error_ = directory_ ? 0 : errno;
  }

  void Report(Kind kind, const ManifestEntry& entry, std::string detail) {
    differences_.push_back({kind, entry.path, std::move(detail)});
  }

  // The meaning of a failed `attempt`. ELOOP is a symlink in the way of a directory or file.
  void ReportError(const ManifestEntry& entry, absl::string_view gone, absl::string_view attempt,
                   int error) {
    if (IsGone(error)) {
      Report(Kind::kDeleted, entry, std::string(gone));
    } else if (HiddenByItself(error)) {
      Report(Kind::kUnreadable, entry, std::string(absl::ErrnoToStatus(error, attempt).message()));
    } else {
      differences_.push_back(NotCompared(entry.path, attempt, error));
    }
  }

  void CompareEntry(const std::string& name, const ManifestEntry& entry) {
    struct stat stat {};
    if (fstatat(directory_.get(), name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
      return ReportError(entry, "", "looking at it", errno);
    }
    const bool symlink = entry.mode == kSymlinkMode;
    if (symlink ? !S_ISLNK(stat.st_mode) : !S_ISREG(stat.st_mode)) {
      return Report(Kind::kModified, entry, TypeName(stat.st_mode));
    }
    if (AsNoted(stat, entry) && !options_.read_all) return;
    if (!symlink && (stat.st_mode & 07777) != (entry.mode & 07777)) {
      return Report(
          Kind::kModified, entry,
          absl::StrFormat("mode %04o instead of %04o", stat.st_mode & 07777, entry.mode & 07777));
    }
    const bool same = stat.st_size == entry.size &&
                      (symlink ? HasTarget(name, entry) : HasContent(name, entry)).value_or(true);
    if (!same) Report(Kind::kModified, entry, "content");
  }

  // nullopt: it could not be read, which was reported, or the comparison is to stop.
  std::optional<bool> HasTarget(const std::string& name, const ManifestEntry& entry) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(directory_.get(), name.c_str(), target, sizeof(target));
    if (length < 0 && errno == EINVAL) return false;  // it is no symlink any more
    if (length < 0) return Unread(entry, "reading the symlink");
    ObjectHash hash("blob", length, entry.oid.size());
    hash.Update(absl::string_view(target, static_cast<size_t>(length)));
    return hash.Finish() == entry.oid;
  }

  std::optional<bool> HasContent(const std::string& name, const ManifestEntry& entry) {
    // Non-blocking, for the case that a FIFO took the file's place since it was looked at.
    const Fd file(
        openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return Unread(entry, "opening it");
    ObjectHash hash("blob", entry.size, entry.oid.size());
    char buffer[64 << 10];
    int64_t left = entry.size;  // somebody may be appending all the time
    while (!options_.stop.stop_requested()) {
      const ssize_t length = read(file.get(), buffer, sizeof(buffer));
      if (length < 0 && errno == EINTR) continue;
      if (length < 0) return Unread(entry, "reading it");
      left -= length;
      if (left < 0) return false;
      if (length == 0) return hash.Finish() == entry.oid;
      hash.Update(absl::string_view(buffer, static_cast<size_t>(length)));
    }
    return std::nullopt;
  }

  std::nullopt_t Unread(const ManifestEntry& entry, absl::string_view attempt) {
    ReportError(entry, "", attempt, errno);
    return std::nullopt;
  }

  const int root_;
  const CompareOptions& options_;
  std::vector<TreeDifference>& differences_;
  std::optional<std::string> entered_;
  Fd directory_;
  int error_ = 0;  // of opening it
};

}  // namespace

absl::StatusOr<std::vector<TreeDifference>> CompareTree(int directory, const Manifest& manifest,
                                                        const CompareOptions& options) {
  std::vector<TreeDifference> differences;
  absl::Status status = TrackedFiles(directory, options, differences).Compare(manifest);
  if (status.ok() && options.with_untracked) {
    status = FindUntracked(directory, manifest, options, differences);
  }
  if (!status.ok()) return status;
  std::stable_sort(differences.begin(), differences.end(),
                   [](const auto& a, const auto& b) { return a.path < b.path; });
  return differences;
}

absl::StatusOr<std::vector<TreeDifference>> CompareTree(const std::string& directory,
                                                        const Manifest& manifest,
                                                        const CompareOptions& options) {
  const Fd root(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", directory));
  return CompareTree(root.get(), manifest, options);
}

}  // namespace gitops
