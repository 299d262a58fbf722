#ifndef GITOPS_COMMON_TESTING_PARENT_FLIPPER_H_
#define GITOPS_COMMON_TESTING_PARENT_FLIPPER_H_

#include <sys/types.h>

#include <string>

namespace gitops {

// An account of no rights, for tests that run as root.
inline constexpr uid_t kAttackerUid = 54321;
inline constexpr gid_t kAttackerGid = 54321;

// A process of that account, which owns the directory above `directory`: it exchanges `directory`
// with a symlink to `elsewhere`, and back, without a pause, until the object is destroyed. Then
// `directory` is what it was. The calling process is root and has one thread.
class ParentFlipper {
 public:
  ParentFlipper(const std::string& directory, const std::string& elsewhere);
  ~ParentFlipper();
  ParentFlipper(const ParentFlipper&) = delete;
  ParentFlipper& operator=(const ParentFlipper&) = delete;

 private:
  pid_t pid_ = -1;
  int stop_ = -1;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_TESTING_PARENT_FLIPPER_H_
