#ifndef GITOPS_AGENT_GIT_CHECKOUT_H_
#define GITOPS_AGENT_GIT_CHECKOUT_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/git/blob_stream.h"
#include "agent/git/tree_listing.h"
#include "common/config/fleet.h"
#include "common/path/fd.h"

namespace gitops {

// Writes a commit's files, as `git cat-file --batch` streams them, beneath an open directory. git
// itself never writes there: no attribute or filter changes a byte, no symlink is followed.
// Symlinks are created last, when all their targets are known and checked.
class Checkout : public BlobSink {
 public:
  // `entries` must have passed CheckTree, and outlive this. More than `max_bytes` is refused before
  // it is written.
  Checkout(int directory, const std::vector<TreeEntry>& entries, int64_t max_bytes)
      : root_(directory), entries_(entries), bytes_left_(max_bytes) {}

  // Sets the entries of the next stream, in its order, as indices.
  void Expect(std::vector<size_t> order);
  // Whether the stream had, or reported missing, all expected objects.
  bool complete() const { return next_ == order_.size(); }
  // The entries that the mirror did not have.
  std::vector<size_t> TakeMissing() { return std::exchange(missing_, {}); }
  int64_t bytes_left() const { return bytes_left_; }

  absl::Status MakeSymlinks(const std::vector<DirectorySpec>& directories);

  absl::Status Begin(int64_t size) override;
  absl::Status Data(absl::string_view piece) override;
  absl::Status End() override;
  absl::Status Missing() override;

 private:
  absl::StatusOr<int> ParentOf(absl::string_view path);
  absl::StatusOr<Fd> CreateFile(const TreeEntry& entry);

  const int root_;
  const std::vector<TreeEntry>& entries_;
  int64_t bytes_left_;
  std::vector<size_t> order_, missing_;
  size_t next_ = 0;
  const TreeEntry* current_ = nullptr;
  Fd file_;
  std::string parent_path_;  // the path of parent_
  Fd parent_;
  std::map<std::string, std::string> targets_;  // of symlinks, by path
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_CHECKOUT_H_
