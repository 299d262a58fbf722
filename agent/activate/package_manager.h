#ifndef GITOPS_AGENT_ACTIVATE_PACKAGE_MANAGER_H_
#define GITOPS_AGENT_ACTIVATE_PACKAGE_MANAGER_H_

#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "common/process/process.h"

namespace gitops {

// The host's packages. Thread-safe.
class PackageManager {
 public:
  virtual ~PackageManager() = default;

  // Installs `package` if it is missing; one installation at a time on the host. A package that was
  // found installed is not checked again while the agent runs. `stop` ends the wait, not an
  // installation that has begun. Errors: FAILED_PRECONDITION: not a package's name, no known
  // package manager, or it failed (the message has the end of its output); UNAVAILABLE: another
  // process has the lock, or no process or thread can be created now; DEADLINE_EXCEEDED; CANCELLED:
  // by `stop`, or the runner was stopped.
  virtual absl::Status EnsureInstalled(const std::string& package,
                                       const std::stop_token& stop = {}) = 0;
};

// apt, dnf or pacman: the one for the distribution in /etc/os-release if it is installed, else any
// that is installed. `runner` must outlive it; its Stop() ends a running installation, for which
// the destructor waits. `root` is the root of the host's files; only tests set it.
std::unique_ptr<PackageManager> NewPackageManager(ProcessRunner* runner,
                                                  const std::string& root = "/");

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_PACKAGE_MANAGER_H_
