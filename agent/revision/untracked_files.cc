#include "agent/revision/untracked_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/revision/comparison_error.h"
#include "common/path/directory_names.h"
#include "common/path/fd.h"
#include "common/path/open_at.h"
#include "common/path/split_path.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

using Kind = TreeDifference::Kind;

// The kernel opens no longer path in one step. No tracked file has one.
constexpr size_t kMaxPath = 4095;
// Names that are looked at, and bytes of names of directories that wait to be listed.
constexpr int64_t kMaxNames = 2'000'000;
constexpr size_t kMaxWaiting = 32 << 20;
constexpr int64_t kNamesPerCheck = 256;

bool IsBefore(const ManifestEntry& entry, absl::string_view path) { return entry.path < path; }

class UntrackedFiles {
 public:
  UntrackedFiles(int root, const Manifest& manifest, const CompareOptions& options,
                 std::vector<TreeDifference>& differences)
      : root_(root), entries_(manifest.entries), options_(options), differences_(differences) {}

  absl::Status Find() {
    if (!List()) return absl::CancelledError("the comparison was stopped");
    while (!levels_.empty()) {
      if (levels_.back().waiting.empty()) {
        path_.resize(levels_.back().path_length);
        levels_.pop_back();
        continue;
      }
      const std::string name = std::move(levels_.back().waiting.back());
      levels_.back().waiting.pop_back();
      waiting_bytes_ -= name.size();
      path_.resize(levels_.back().path_length);
      absl::StrAppend(&path_, path_.empty() ? "" : "/", name);
      if (!List()) return absl::CancelledError("the comparison was stopped");
    }
    if (more_ > 0 || full_) {
      differences_.push_back({Kind::kUntracked, "", full_ ? "at least" : "", more_ + full_});
    }
    return absl::OkStatus();
  }

 private:
  // A directory whose subdirectories are not all listed yet.
  struct Level {
    size_t path_length = 0;
    std::vector<std::string> waiting;
  };

  // Lists the directory `path_`. False: stopped.
  bool List() {
    levels_.push_back({path_.size(), {}});
    if (full_) return true;
    const Fd directory(OpenAt(root_, path_.empty() ? "." : path_, O_PATH | O_DIRECTORY | O_NOFOLLOW,
                              0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
    if (!directory) {
      // EXDEV: another file system is mounted there, which is not compared.
      if (!IsGone(errno) && errno != EXDEV) NotListed(absl::ErrnoToStatus(errno, "opening it"));
      return true;
    }
    absl::StatusOr<DirectoryReader> reader = DirectoryReader::Open(directory.get());
    if (!reader.ok()) NotListed(reader.status());
    while (reader.ok()) {
      const absl::StatusOr<std::optional<DirectoryEntry>> entry = reader->Next();
      if (!entry.ok()) NotListed(entry.status());
      if (!entry.ok() || !entry->has_value()) break;
      if (++names_ % kNamesPerCheck == 0 && options_.stop.stop_requested()) return false;
      full_ = names_ > kMaxNames;
      if (full_) break;
      Look(directory.get(), (*entry)->name, (*entry)->type);
    }
    return true;
  }

  void NotListed(const absl::Status& error) {
    const std::string detail = EscapeText(error.message());
    if (absl::IsPermissionDenied(error)) {
      Report(path_, absl::StrCat("a directory that cannot be read: ", detail));
    } else {
      differences_.push_back({Kind::kNotCompared, path_, detail});
    }
  }

  void Look(int directory, const std::string& name, unsigned char type) {
    const std::string path = JoinPath(path_, name);
    if (IsTracked(path)) return;
    if (type == DT_UNKNOWN) {
      struct stat stat {};
      if (fstatat(directory, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
        if (!IsGone(errno)) differences_.push_back(NotCompared(path, "looking at it", errno));
        return;
      }
      type = IFTODT(stat.st_mode);
    }
    const bool holds_tracked = HoldsTracked(path);
    if (type == DT_DIR) {
      if (path.size() > kMaxPath) {
        Report(path, "a directory whose path is too long to look into it");
      } else if (holds_tracked || waiting_bytes_ + name.size() <= kMaxWaiting) {
        levels_.back().waiting.push_back(name);
        waiting_bytes_ += name.size();
      } else {
        ++more_;
      }
      return;
    }
    if (holds_tracked) return;  // reported through its missing entries
    Report(path, type == DT_REG ? "" : type == DT_LNK ? "is a symlink" : "is a special file");
  }

  bool IsTracked(const std::string& path) const {
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), path, IsBefore);
    return at != entries_.end() && at->path == path;
  }

  bool HoldsTracked(const std::string& path) const {
    const std::string beneath = absl::StrCat(path, "/");
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), beneath, IsBefore);
    return at != entries_.end() && absl::StartsWith(at->path, beneath);
  }

  void Report(const std::string& path, std::string detail) {
    listed_bytes_ += path.size();
    if (listed_bytes_ > options_.most_listed_bytes) {
      ++more_;
      return;
    }
    differences_.push_back({Kind::kUntracked, path, std::move(detail)});
  }

  const int root_;
  const std::vector<ManifestEntry>& entries_;
  const CompareOptions& options_;
  std::vector<TreeDifference>& differences_;
  std::string path_;
  std::vector<Level> levels_;
  size_t waiting_bytes_ = 0;
  size_t listed_bytes_ = 0;
  int64_t names_ = 0;
  int64_t more_ = 0;
  bool full_ = false;
};

}  // namespace

absl::Status FindUntracked(int root, const Manifest& manifest, const CompareOptions& options,
                           std::vector<TreeDifference>& differences) {
  return UntrackedFiles(root, manifest, options, differences).Find();
}

}  // namespace gitops
