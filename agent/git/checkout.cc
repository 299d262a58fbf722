#include "agent/git/checkout.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "agent/git/tree_check.h"
#include "common/path/beneath.h"
#include "common/path/split_path.h"
#include "common/path/write_all.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr int64_t kMaxSymlinkTarget = 4095;
// The first line of a pointer, by the specification of git LFS.
constexpr absl::string_view kLfsPointer = "version https://git-lfs.github.com/spec/v1\n";

std::string Name(absl::string_view path) { return std::string(SplitPath(path).second); }

absl::Status Failed(absl::string_view what, absl::string_view path) {
  return FileStatus(errno, absl::StrCat("cannot ", what, " \"", EscapeText(path), "\""));
}

}  // namespace

absl::Status RefuseTooLarge(absl::string_view path, int64_t size) {
  return WithStateReason(StateReason::kRefusedContent,
                         absl::ResourceExhaustedError(absl::StrCat(
                             "\"", EscapeText(path), "\" (", size,
                             " bytes) makes the revision larger than max_bytes allows")));
}

absl::Status RefuseType(const TreeEntry& entry, absl::string_view type) {
  return WithStateReason(StateReason::kRefusedContent,
                         absl::FailedPreconditionError(absl::StrCat(
                             "\"", EscapeText(entry.path), "\" is refused: the commit has a ", type,
                             " in the place of a file")));
}

absl::Status Checkout::Begin(const ObjectInfo& info) {
  if (next_ == entries_.size()) {
    return absl::DataLossError("git returned more objects than requested");
  }
  current_ = &entries_[next_++];
  const int64_t size = info.size;
  if (info.type != "blob") return RefuseType(*current_, info.type);
  if (size > bytes_left_) return RefuseTooLarge(current_->path, size);
  bytes_left_ -= size;
  if (current_->mode == kSymlinkMode) {
    if (size > kMaxSymlinkTarget) {
      return WithStateReason(
          StateReason::kRefusedContent,
          absl::FailedPreconditionError(absl::StrCat("\"", EscapeText(current_->path),
                                                     "\" is refused: a symlink's target of ", size,
                                                     " bytes is longer than any path")));
    }
    targets_[current_->path].clear();
    return absl::OkStatus();
  }
  auto file = CreateFile(*current_);
  if (!file.ok()) return file.status();
  file_ = *std::move(file);
  start_.clear();
  return absl::OkStatus();
}

absl::Status Checkout::Data(absl::string_view piece) {
  if (current_->mode == kSymlinkMode) {
    targets_[current_->path].append(piece.data(), piece.size());
    return absl::OkStatus();
  }
  if (start_.size() < kLfsPointer.size()) {
    start_ += std::string(piece.substr(0, kLfsPointer.size() - start_.size()));
  }
  if (WriteAll(file_.get(), piece) == 0) return absl::OkStatus();
  return Failed("write", current_->path);
}

absl::Status Checkout::End() {
  // Some file systems report only at the end that they are full.
  if (file_ && close(file_.Release()) != 0) return Failed("write", current_->path);
  if (lfs_pointer_.empty() && current_->mode != kSymlinkMode && start_ == kLfsPointer) {
    lfs_pointer_ = current_->path;
  }
  return absl::OkStatus();
}

absl::Status Checkout::MakeSymlinks(const std::vector<DirectorySpec>& directories) {
  if (auto status = CheckSymlinks(targets_, directories); !status.ok()) {
    return WithStateReason(StateReason::kRefusedContent, status);
  }
  for (const auto& [path, target] : targets_) {
    const auto parent = ParentOf(path);
    if (!parent.ok()) return parent.status();
    if (symlinkat(target.c_str(), *parent, Name(path).c_str()) != 0) {
      return Failed("create symlink", path);
    }
  }
  return absl::OkStatus();
}

// The entries are ordered by path, so the last one opened is nearly always the right one.
absl::StatusOr<int> Checkout::ParentOf(absl::string_view path) {
  const absl::string_view parent = SplitPath(path).first;
  if (parent.empty()) return root_;
  if (parent_ && parent_path_ == parent) return parent_.get();
  auto made = MakeDirectoriesBeneath(root_, parent, 0755);
  if (!made.ok()) return made.status();
  parent_ = *std::move(made);
  parent_path_ = std::string(parent);
  return parent_.get();
}

absl::StatusOr<Fd> Checkout::CreateFile(const TreeEntry& entry) {
  const auto parent = ParentOf(entry.path);
  if (!parent.ok()) return parent.status();
  Fd file(openat(*parent, Name(entry.path).c_str(),
                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, entry.mode & 0777));
  if (!file) return Failed("create", entry.path);
  return file;
}

}  // namespace gitops
