#ifndef GITOPS_AGENT_PUBLISH_TARGETS_H_
#define GITOPS_AGENT_PUBLISH_TARGETS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/path/walk.h"

namespace gitops {

// The owner of files; -1: the creating account.
struct Owner {
  int64_t uid = -1;
  int64_t gid = -1;
};

// The user `name` with its primary group; -1 if `name` is empty, or if this process is not root and
// cannot change owners. FAILED_PRECONDITION: no such user.
absl::StatusOr<Owner> LookUpOwner(const std::string& name);

// Creates the targets of publications, and can remove them again. Everything belongs to the owner
// of the directory it lies in (see MakeNode); what exists is unchanged. Parents may belong to an
// account that changes them meanwhile while this process is root, and may be created and removed by
// another service's publication at the same time: see WalkToParent.
class Targets {
 public:
  // Creates the directories above `path`, which is absolute, and returns where it is.
  // FAILED_PRECONDITION: one of them is not a directory, or a symlink of another account.
  absl::StatusOr<NameInDirectory> CreateParents(const std::string& path);
  // The same, and a directory or empty file at `path`, to mount on. FAILED_PRECONDITION: a symlink
  // or something of another kind is there.
  absl::Status Create(const std::string& path, bool file);
  // The same beneath an open directory, without following symlinks, for a place nested in another.
  static absl::Status CreateBeneath(int root, const std::string& path, bool file);

  // Removes what the functions above created outside of revisions, if it is still empty.
  void RemoveCreated();

  // For tests: called when a node was created.
  std::function<void(int directory, const std::string& name)> after_making;

 private:
  void Note(int directory, const std::string& name);

  std::vector<NameInDirectory> created_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_TARGETS_H_
