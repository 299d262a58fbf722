#include "common/audit/audit_service.h"

#include <utility>

#include "common/audit/audit_log.h"
#include "common/audit/audit_reads.h"
#include "common/rpc/error.h"
#include "common/rpc/handler.h"

namespace gitops {
namespace {

class AuditServiceImpl final : public v1::AuditService::Service {
 public:
  AuditServiceImpl(const RpcGate* gate, HostAudits hosts) : gate_(gate), hosts_(std::move(hosts)) {}

  grpc::Status ListAudit(grpc::ServerContext* context, const v1::ListAuditRequest* request,
                         v1::ListAuditResponse* response) override {
    return Run(*context, *request, response, hosts_.list, gitops::ListAudit);
  }

  grpc::Status VerifyAudit(grpc::ServerContext* context, const v1::VerifyAuditRequest* request,
                           v1::VerifyAuditResponse* response) override {
    return Run(*context, *request, response, hosts_.verify, gitops::VerifyAudit);
  }

 private:
  template <typename Request, typename Response, typename Of, typename Own>
  grpc::Status Run(const grpc::ServerContext& context, const Request& request, Response* response,
                   const Of& of_host, const Own& own) const {
    return gate_->Run(CallKind::kWait, context, request, [&](const Principal& caller) {
      const auto cancelled = CancelledIn(context);
      if (!request.host().empty()) {
        if (of_host) return Answer(of_host(request, caller, cancelled), response);
        return InvalidField("host", "only a planner answers for the agents of hosts; leave it out");
      }
      AuditLog* const log = gate_->audit().log();
      if (log == nullptr) {
        return absl::FailedPreconditionError(
            "this program keeps no audit; start it with --state-dir");
      }
      log->Settle();
      return Answer(own(log->storage(), request, cancelled), response);
    });
  }

  const RpcGate* const gate_;
  const HostAudits hosts_;
};

}  // namespace

std::unique_ptr<v1::AuditService::Service> NewAuditService(const RpcGate* gate, HostAudits hosts) {
  return std::make_unique<AuditServiceImpl>(gate, std::move(hosts));
}

}  // namespace gitops
