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

// Who gets what is created; -1: leave it to who creates it.
struct Owner {
  int64_t uid = -1;
  int64_t gid = -1;
};

// Of the user `name`, with its primary group; of nobody in particular if it is empty, or if this
// process is not root and so cannot give files away. FAILED_PRECONDITION: no such user.
absl::StatusOr<Owner> LookUpOwner(const std::string& name);

// Creates the places that revisions are published to, and can take that back. Directories are
// created 0755, files empty and 0644, all owned by `owner`; what exists is left as it is.
//
// Parents may belong to an account that changes them meanwhile, and this process be root. So a path
// is walked from one open directory to the next, and an owner is only given to what is open and was
// made here. Existing symlinks are followed if root or this process' account made them.
class Targets {
 public:
  explicit Targets(Owner owner) : owner_(owner) {}

  // Makes the directories above `path`, which is absolute. FAILED_PRECONDITION: one of them is
  // something else, or somebody's symlink.
  absl::Status CreateParents(const std::string& path);
  // The same, and a directory or empty file at `path`, to mount on. FAILED_PRECONDITION: a symlink
  // or something of another kind is there.
  absl::Status Create(const std::string& path, bool file);
  // The same beneath an open directory, following no symlink, for a place nested in another.
  absl::Status CreateBeneath(int root, const std::string& path, bool file);

  // Removes, of what the functions above created outside of revisions, what is still empty.
  void RemoveCreated();

  // For tests: something was just made, and has not got its owner yet.
  std::function<void(int directory, const std::string& name)> after_making;

 private:
  // The directory that holds the last name of `path`; missing ones are made.
  absl::StatusOr<Fd> Walk(const std::string& path);
  // Returns what it made: a directory to be read, or a file.
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
