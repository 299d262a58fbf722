#ifndef GITOPS_COMMON_AUDIT_AUDIT_SERVICE_H_
#define GITOPS_COMMON_AUDIT_AUDIT_SERVICE_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "common/rpc/gate.h"
#include "common/rpc/principal.h"
#include "gitops/v1/audit.grpc.pb.h"

namespace gitops {

// Answers requests that name a host, for the planner. `cancelled`: the caller is gone. Errors are
// those of the methods of AuditService. Any thread.
struct HostAudits {
  template <typename Request, typename Response>
  using Answer = std::function<absl::StatusOr<Response>(
      const Request& request, const Principal& caller, const std::function<bool()>& cancelled)>;

  Answer<v1::ListAuditRequest, v1::ListAuditResponse> list;
  Answer<v1::VerifyAuditRequest, v1::VerifyAuditResponse> verify;
};

// gitops.v1.AuditService for the audit that `gate` records; the gate is not owned. Without
// functions in `hosts`, a request that names a host is INVALID_ARGUMENT.
std::unique_ptr<v1::AuditService::Service> NewAuditService(const RpcGate* gate, HostAudits hosts);

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_AUDIT_SERVICE_H_
