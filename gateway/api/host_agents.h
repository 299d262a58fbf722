#ifndef GITOPS_GATEWAY_API_HOST_AGENTS_H_
#define GITOPS_GATEWAY_API_HOST_AGENTS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "common/sync/mutex.h"
#include "gateway/api/rpc_caller.h"

namespace gitops {

// Finds the agents of hosts: by the address that the planner has, else the gateway's only agent
// (--agent) if that is the host. Thread-safe.
class HostAgents {
 public:
  struct Options {
    RpcCaller* caller = nullptr;             // not owned
    std::shared_ptr<const Backend> planner;  // null: none
    std::shared_ptr<const Backend> agent;    // null: none
    bool insecure = false;                   // plain text to agents on other machines
    std::string tls_dir = {};                // for TLS; empty: none
  };
  using AgentOr = absl::StatusOr<std::shared_ptr<const Backend>>;
  using Found = std::function<void(AgentOr)>;

  explicit HostAgents(Options options) : options_(std::move(options)) {}

  // Calls `found` once, now or later on one of gRPC's threads. Errors: those of GetHost;
  // HOST_UNREACHABLE: the host has no address, or none that may be dialled.
  void Find(const std::string& host, const RpcCaller::Options& call, Found found);

 private:
  void AskAgent(const std::string& host, const RpcCaller::Options& call,
                const absl::Status& otherwise, const Found& found);
  AgentOr AgentAt(const std::string& host, const std::string& address);

  const Options options_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const Backend>> dialled_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_HOST_AGENTS_H_
