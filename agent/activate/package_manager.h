#ifndef GITOPS_AGENT_ACTIVATE_PACKAGE_MANAGER_H_
#define GITOPS_AGENT_ACTIVATE_PACKAGE_MANAGER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/process/process.h"

namespace gitops {

// The host's packages. Any thread.
class PackageManager {
 public:
  virtual ~PackageManager() = default;

  // Installs `package` if it is missing; one installation at a time on the host. A package once
  // seen installed is not looked for again while the agent runs.
  // Errors: FAILED_PRECONDITION: not a package's name, no known package manager, or it failed (the
  // message has the end of what it said); UNAVAILABLE: another one has the lock, or the agent
  // cannot spawn now; DEADLINE_EXCEEDED; CANCELLED: the runner was stopped.
  virtual absl::Status EnsureInstalled(const std::string& package) = 0;
};

// apt, dnf or pacman: what /etc/os-release speaks of and is installed, else whichever is installed.
// `runner` must outlive it; its Stop() ends what runs. `root` is where the host's files are looked
// for, other than "/" in tests.
std::unique_ptr<PackageManager> NewPackageManager(ProcessRunner* runner,
                                                  const std::string& root = "/");

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_PACKAGE_MANAGER_H_
