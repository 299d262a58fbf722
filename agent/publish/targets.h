#ifndef GITOPS_AGENT_PUBLISH_TARGETS_H_
#define GITOPS_AGENT_PUBLISH_TARGETS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// The owner of created files; -1: the creating account.
struct Owner {
  int64_t uid = -1;
  int64_t gid = -1;
};

// The user `name` with its primary group; -1 if `name` is empty, or if this process is not root and
// cannot change owners. FAILED_PRECONDITION: no such user.
absl::StatusOr<Owner> LookUpOwner(const std::string& name);

// Creates the targets of publications, and can remove them again. Directories are created 0755,
// files empty and 0644, all owned by `owner`; existing ones are unchanged.
//
// Parents may belong to an account that changes them meanwhile while this process is root. So a
// path is walked from one open directory to the next, and only open nodes that were created here
// get an owner. Existing symlinks are followed only if root or this process's account owns them.
class Targets {
 public:
  explicit Targets(Owner owner) : owner_(owner) {}

  // Creates the directories above `path`, which is absolute. FAILED_PRECONDITION: one of them is
  // not a directory, or a symlink of another account.
  absl::Status CreateParents(const std::string& path);
  // The same, and a directory or empty file at `path`, to mount on. FAILED_PRECONDITION: a symlink
  // or something of another kind is there.
  absl::Status Create(const std::string& path, bool file);
  // The same beneath an open directory, without following symlinks, for a place nested in another.
  absl::Status CreateBeneath(int root, const std::string& path, bool file);

  // Removes what the functions above created outside of revisions, if it is still empty.
  void RemoveCreated();

  // For tests: called when a node was created and does not have its owner yet.
  std::function<void(int directory, const std::string& name)> after_making;

 private:
  // The directory of the last name of `path`; missing ones are created.
  absl::StatusOr<Fd> Walk(const std::string& path);
  // Returns the new directory, opened for reading, or file.
  absl::StatusOr<Fd> Make(int directory, const std::string& name, const std::string& path,
                          bool file) const;
  absl::StatusOr<Fd> MakeAndNote(const Fd& directory, const std::string& name,
                                 const std::string& path, bool file);

  struct Created {
    Fd directory;
    std::string name;
  };
  const Owner owner_;
  std::vector<Created> created_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_TARGETS_H_
