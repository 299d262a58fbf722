#ifndef GITOPS_COMMON_CLIENT_AGENT_CLIENT_H_
#define GITOPS_COMMON_CLIENT_AGENT_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/client/client.h"
#include "gitops/v1/agent.pb.h"

namespace gitops {

template <typename Service>
class Calls;
namespace v1 {
class AgentService;
}

// One agent's RPCs. Errors, time limits, threads and copies: see PlannerClient.
class AgentClient {
 public:
  static absl::StatusOr<AgentClient> New(const ClientOptions& options);

  // All pages.
  absl::StatusOr<std::vector<v1::Machine>> ListMachines();
  absl::StatusOr<std::vector<v1::Service>> ListServices();
  absl::StatusOr<v1::Service> GetService(const std::string& name);
  absl::StatusOr<v1::Service> Freeze(const std::string& name, const std::string& reason);
  absl::StatusOr<v1::Service> Unfreeze(const std::string& name, const std::string& reason);
  absl::StatusOr<v1::RollbackServiceResponse> Rollback(const std::string& name,
                                                       const std::string& hash,
                                                       const std::string& reason);
  absl::StatusOr<v1::PullServiceResponse> Pull(const std::string& name);
  // UNIMPLEMENTED: with `to_hash`, the agent is too old for it.
  absl::StatusOr<v1::DiffServiceResponse> Diff(const v1::DiffServiceRequest& request);
  absl::StatusOr<v1::DebugInfo> GetDebugInfo();

  // `names` empty: all services.
  using Seen = std::function<bool(const v1::WatchServicesResponse&)>;
  absl::Status Watch(const std::vector<std::string>& names, const Seen& seen);

 private:
  explicit AgentClient(std::shared_ptr<const Calls<v1::AgentService>> calls)
      : calls_(std::move(calls)) {}

  std::shared_ptr<const Calls<v1::AgentService>> calls_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLIENT_AGENT_CLIENT_H_
