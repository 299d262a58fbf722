#ifndef GITOPS_AGENT_PUBLISH_MOUNT_SANDBOX_H_
#define GITOPS_AGENT_PUBLISH_MOUNT_SANDBOX_H_

#include <sys/types.h>

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// Isolates the mounts of tests from the host. Test mains call EnterMountNamespace first, while
// there is only one thread: the process gets its own mount namespace, and if it is not root, a user
// namespace in which it is root. If that is impossible, the test program fails: these tests are
// never skipped.
void EnterMountNamespace();
int RunTestsInMountNamespace(int argc, char** argv);

// A tmpfs, which is removed with the object.
class MountSandbox {
 public:
  enum class Kind { kShared, kPrivate };
  explicit MountSandbox(Kind kind);
  ~MountSandbox();
  MountSandbox(const MountSandbox&) = delete;
  MountSandbox& operator=(const MountSandbox&) = delete;

  std::string Path(absl::string_view below) const;
  // Creates missing parent directories.
  std::string Write(absl::string_view below, absl::string_view content) const;
  std::string MakeDirectory(absl::string_view below) const;

  // The number of mounts of the namespace below the sandbox, and exactly at a path. `pid`: in the
  // namespace of that process.
  int MountCount(pid_t pid = 0) const;
  static int MountsAt(const std::string& path, pid_t pid = 0);

 private:
  std::string root_;
};

// Another process in a mount namespace that receives from this one, like a unit with
// ProtectSystem=strict; it ends with the object.
class ReceivingNamespace {
 public:
  ReceivingNamespace();
  ~ReceivingNamespace();
  ReceivingNamespace(const ReceivingNamespace&) = delete;
  ReceivingNamespace& operator=(const ReceivingNamespace&) = delete;

  pid_t pid() const { return pid_; }
  // `path` as seen from that namespace.
  std::string View(const std::string& path) const;

 private:
  pid_t pid_ = -1;
};

// The whole content, or an error such as "ENOENT: …".
std::string ReadTestFile(const std::string& path);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_MOUNT_SANDBOX_H_
