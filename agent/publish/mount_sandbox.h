#ifndef GITOPS_AGENT_PUBLISH_MOUNT_SANDBOX_H_
#define GITOPS_AGENT_PUBLISH_MOUNT_SANDBOX_H_

#include <sys/types.h>

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// A place where tests mount what they like, and nobody outside sees it. Test mains call
// EnterMountNamespace before anything else (it must be while there is one thread): the process gets
// a mount namespace of its own, and where it is not root, a user namespace in which it is. Where
// that is impossible the test program fails: these tests are never skipped.
void EnterMountNamespace();
int RunTestsInMountNamespace(int argc, char** argv);

// A tmpfs, gone with the object.
class MountSandbox {
 public:
  enum class Kind { kShared, kPrivate };
  explicit MountSandbox(Kind kind);
  ~MountSandbox();
  MountSandbox(const MountSandbox&) = delete;
  MountSandbox& operator=(const MountSandbox&) = delete;

  std::string Path(absl::string_view below) const;
  // Makes the directories above too.
  std::string Write(absl::string_view below, absl::string_view content) const;
  std::string MakeDirectory(absl::string_view below) const;

  // How many mounts the namespace has below the sandbox, and how many exactly at a path. `pid`: as
  // that process has it.
  int MountCount(pid_t pid = 0) const;
  static int MountsAt(const std::string& path, pid_t pid = 0);

 private:
  std::string root_;
};

// Another process in a mount namespace that receives from this one, as a unit with
// ProtectSystem=strict is; ended with the object.
class ReceivingNamespace {
 public:
  ReceivingNamespace();
  ~ReceivingNamespace();
  ReceivingNamespace(const ReceivingNamespace&) = delete;
  ReceivingNamespace& operator=(const ReceivingNamespace&) = delete;

  pid_t pid() const { return pid_; }
  // `path` as seen from there.
  std::string View(const std::string& path) const;

 private:
  pid_t pid_ = -1;
};

// The whole content; "ENOENT: …" and the like where it cannot be read.
std::string ReadTestFile(const std::string& path);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_MOUNT_SANDBOX_H_
