#ifndef GITOPS_AGENT_GIT_CHECKOUT_H_
#define GITOPS_AGENT_GIT_CHECKOUT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/git/object_stream.h"
#include "agent/git/tree.h"
#include "common/config/fleet.h"
#include "common/path/fd.h"

namespace gitops {

// The refusals of a file: RESOURCE_EXHAUSTED; FAILED_PRECONDITION: `type` is no blob.
absl::Status RefuseTooLarge(absl::string_view path, int64_t size);
absl::Status RefuseType(const TreeEntry& entry, absl::string_view type);

// Writes a commit's files, as they come from the mirror, beneath an open directory. git itself
// never writes there: no attribute or filter changes a byte, no symlink is followed. Symlinks are
// created last, when all their targets are known and checked. After an error the directory may have
// a file with content that is not the commit's.
class Checkout : public ObjectSink {
 public:
  // Expects the objects of `entries` in their order, which must have passed CheckTree, and outlive
  // this. More than `max_bytes` is refused before it is written.
  Checkout(int directory, const std::vector<TreeEntry>& entries, int64_t max_bytes)
      : root_(directory), entries_(entries), bytes_left_(max_bytes) {}

  // The first file that git LFS has instead of its content; empty: none.
  const std::string& lfs_pointer() const { return lfs_pointer_; }

  absl::Status MakeSymlinks(const std::vector<DirectorySpec>& directories);

  absl::Status Begin(const ObjectInfo& info) override;
  absl::Status Data(absl::string_view piece) override;
  absl::Status End() override;

 private:
  absl::StatusOr<int> ParentOf(absl::string_view path);
  absl::StatusOr<Fd> CreateFile(const TreeEntry& entry);

  const int root_;
  const std::vector<TreeEntry>& entries_;
  int64_t bytes_left_;
  size_t next_ = 0;
  const TreeEntry* current_ = nullptr;
  Fd file_;
  std::string parent_path_;  // the path of parent_
  Fd parent_;
  std::map<std::string, std::string> targets_;  // of symlinks, by path
  std::string start_;                           // of a small file's content
  std::string lfs_pointer_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_CHECKOUT_H_
