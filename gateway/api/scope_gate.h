#ifndef GITOPS_GATEWAY_API_SCOPE_GATE_H_
#define GITOPS_GATEWAY_API_SCOPE_GATE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/api/http_routes.h"
#include "gateway/api/host_names.h"
#include "gateway/api/rpc_caller.h"
#include "gateway/front/front.h"
#include "gitops/v1/planner.pb.h"

namespace gitops {

// Holds the calls of tokens that are limited to hosts to these hosts, by the rule of each RPC
// (rpc_scope.h). Asks the planner which hosts those are, for each call, since tags change.
// Thread-safe.
class ScopeGate {
 public:
  // Neither is owned or may be used up before the calls have ended; `planner` null: none.
  ScopeGate(RpcCaller* caller, std::shared_ptr<const Backend> planner)
      : caller_(caller), planner_(std::move(planner)) {}

  struct Call {
    GatewayCaller caller;
    const RpcRoute* route = nullptr;
    std::string host;  // in the path; empty: none
    // With the caller's identity and the cancellation of its request.
    RpcCaller::Options options;
  };
  // OK: go on. PERMISSION_DENIED: the call, or a host of it, is not in the scope. Others: those of
  // the planner's answers, PLANNER_UNREACHABLE among them.
  using Done = std::function<void(absl::Status)>;

  // Before a call: checks it, and narrows `request`, which must live until `done`. Calls `done`
  // once, now or later on one of gRPC's threads.
  void Admit(const Call& call, RpcCaller::Message& request, Done done) const;

  // After a call: checks what it made, and takes from `answer` what concerns all hosts. As Admit.
  void CheckAnswer(const Call& call, RpcCaller::Message& answer, Done done) const;

 private:
  void CheckHost(const Call& call, const std::string& host, Done done) const;
  void CheckAllHosts(const Call& call, const char* listing, const char* field,
                     const std::string& value, Done done) const;
  void Narrow(const Call& call, v1::Selection& selection, Done done) const;
  // What a call lists, and the hosts of its scope.
  using Both = std::function<void(const HostNames& listed, const HostNames& in_scope)>;
  void ReadBoth(const Call& call, const char* listing, std::unique_ptr<RpcCaller::Message> request,
                Both both, Done failed) const;
  void AdmitDeployment(const Call& call, v1::CreateDeploymentRequest& request, Done done) const;

  RpcCaller* const caller_;
  const std::shared_ptr<const Backend> planner_;
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_SCOPE_GATE_H_
