#ifndef GITOPS_AGENT_PUBLISH_TARGETS_H_
#define GITOPS_AGENT_PUBLISH_TARGETS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// Who gets what is created; -1: leave it to who creates it.
struct Owner {
  int64_t uid = -1;
  int64_t gid = -1;
};

// Of the user `name`, with its primary group; of nobody in particular if it is empty, or if this
// process is not root and so cannot give files away. FAILED_PRECONDITION: no such user.
absl::StatusOr<Owner> LookUpOwner(const std::string& name);

absl::Status GiveTo(int directory, const std::string& name, const Owner& owner);

// Creates the places that revisions are published to, and can take that back. Directories are
// created 0755, files empty and 0644, all owned by `owner`; what exists is left as it is.
class Targets {
 public:
  explicit Targets(Owner owner) : owner_(owner) {}

  // Makes the directories above `path`, of which existing ones may be symlinks.
  absl::Status CreateParents(const std::string& path);
  // The same, and a directory or empty file at `path`, to mount on. FAILED_PRECONDITION: a symlink
  // or something of another kind is there.
  absl::Status Create(const std::string& path, bool file);
  // The same beneath an open directory, following no symlink, for a place nested in another.
  absl::Status CreateBeneath(int root, const std::string& path, bool file);

  // Removes, of what the functions above created outside of revisions, what is still empty.
  void RemoveCreated();

 private:
  absl::Status MakeDirectory(const std::string& path);
  absl::Status MakeFile(const std::string& path);

  const Owner owner_;
  std::vector<std::string> created_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_TARGETS_H_
