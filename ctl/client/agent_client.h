#ifndef GITOPS_CTL_CLIENT_AGENT_CLIENT_H_
#define GITOPS_CTL_CLIENT_AGENT_CLIENT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gitops/v1/agent.pb.h"

namespace gitops::ctl {

struct AgentClientOptions {
  std::string address;  // complete: "web1:8004", "unix:/path"
  bool insecure = false;
  // On whose behalf: see UserAtHost().
  std::string user;
  // For the whole command, from now on. Without it, each kind of call has its own bound.
  std::optional<absl::Duration> timeout;
};

// One agent's RPCs. Every call ends by its deadline. On failure they answer the agent's status; a
// status that only says that the agent was not reached carries the exit code for that (failure.h).
// Not thread-safe.
class AgentClient {
 public:
  virtual ~AgentClient() = default;

  virtual absl::StatusOr<std::vector<v1::Machine>> ListMachines() = 0;
  // All pages.
  virtual absl::StatusOr<std::vector<v1::Service>> ListServices() = 0;
  virtual absl::StatusOr<v1::Service> GetService(const std::string& name) = 0;
  virtual absl::StatusOr<v1::Service> Freeze(const std::string& name,
                                             const std::string& reason) = 0;
  virtual absl::StatusOr<v1::Service> Unfreeze(const std::string& name,
                                               const std::string& reason) = 0;
  virtual absl::StatusOr<v1::RollbackServiceResponse> Rollback(const std::string& name,
                                                               const std::string& hash,
                                                               const std::string& reason) = 0;
  virtual absl::StatusOr<v1::PullServiceResponse> Pull(const std::string& name) = 0;
  virtual absl::StatusOr<v1::DiffServiceResponse> Diff(const std::string& name) = 0;

  // Calls `seen` for each answer, until it answers false (then OK) or the watch ends (UNAVAILABLE
  // if the agent ended it). `names` empty: all services. Bounded by the timeout only where one is
  // set.
  using Seen = std::function<bool(const v1::WatchServicesResponse&)>;
  virtual absl::Status Watch(const std::vector<std::string>& names, const Seen& seen) = 0;
};

// Does not connect yet. Fails with exit code kUsage for a bad address, kUnreachable where
// plain text is refused.
absl::StatusOr<std::unique_ptr<AgentClient>> NewAgentClient(const AgentClientOptions& options);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLIENT_AGENT_CLIENT_H_
