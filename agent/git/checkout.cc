#include "agent/git/checkout.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "agent/git/tree_check.h"
#include "common/path/beneath.h"

namespace gitops {
namespace {

constexpr int64_t kMaxSymlinkTarget = 4095;

absl::string_view Parent(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? "" : path.substr(0, slash);
}

std::string Name(absl::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

absl::Status Failed(absl::string_view what, absl::string_view path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " \"", path, "\""));
}

}  // namespace

void Checkout::Expect(std::vector<size_t> order) {
  order_ = std::move(order);
  next_ = 0;
}

absl::Status Checkout::Begin(int64_t size) {
  if (complete()) return absl::InternalError("git returned more objects than requested");
  current_ = &entries_[order_[next_++]];
  if (size > bytes_left_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("\"", current_->path, "\" (", size,
                     " bytes) makes the revision larger than max_bytes allows"));
  }
  bytes_left_ -= size;
  if (current_->mode == kSymlinkMode) {
    if (size > kMaxSymlinkTarget) {
      return absl::FailedPreconditionError(absl::StrCat("\"", current_->path,
                                                        "\" is refused: a symlink's target of ",
                                                        size, " bytes is longer than any path"));
    }
    targets_[current_->path].clear();
    return absl::OkStatus();
  }
  auto file = CreateFile(*current_);
  if (!file.ok()) return file.status();
  file_ = *std::move(file);
  return absl::OkStatus();
}

absl::Status Checkout::Data(absl::string_view piece) {
  if (current_->mode == kSymlinkMode) {
    targets_[current_->path].append(piece.data(), piece.size());
    return absl::OkStatus();
  }
  while (!piece.empty()) {
    const ssize_t written = write(file_.get(), piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write", current_->path);
    piece.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status Checkout::End() {
  // Some file systems report only at the end that they are full.
  if (file_ && close(file_.Release()) != 0) return Failed("write", current_->path);
  return absl::OkStatus();
}

absl::Status Checkout::Missing() {
  if (complete()) return absl::InternalError("git returned more objects than requested");
  missing_.push_back(order_[next_++]);
  return absl::OkStatus();
}

absl::Status Checkout::MakeSymlinks(const std::vector<DirectorySpec>& directories) {
  if (auto status = CheckSymlinks(targets_, directories); !status.ok()) return status;
  for (const auto& [path, target] : targets_) {
    const auto parent = ParentOf(path);
    if (!parent.ok()) return parent.status();
    if (symlinkat(target.c_str(), *parent, Name(path).c_str()) != 0) {
      return Failed("create symlink", path);
    }
  }
  return absl::OkStatus();
}

// git lists a directory's files together, so the last one opened is nearly always the right one.
absl::StatusOr<int> Checkout::ParentOf(absl::string_view path) {
  const absl::string_view parent = Parent(path);
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
