#include "common/client/audit_client.h"

#include "common/client/calls.h"
#include "gitops/v1/audit.grpc.pb.h"

namespace gitops {
namespace {

using AuditCalls = Calls<v1::AuditService>;
using Methods = AuditCalls::Async;

}  // namespace

absl::StatusOr<AuditClient> AuditClient::New(const ClientOptions& options, const std::string& name,
                                             const std::string& program, int port) {
  auto calls = AuditCalls::New(PeerOptionsFor(options, name, program, port), options.caller);
  if (!calls.ok()) return calls.status();
  return AuditClient(*std::move(calls));
}

absl::Status AuditClient::List(v1::ListAuditRequest request,
                               const std::function<bool(const v1::AuditEntry&)>& seen) const {
  while (true) {
    const absl::StatusOr<v1::ListAuditResponse> page = calls_->Call(&Methods::ListAudit, request);
    if (!page.ok()) return page.status();
    for (const v1::AuditEntry& entry : page->entries()) {
      if (!seen(entry)) return absl::OkStatus();
    }
    if (page->next_page_token().empty()) return absl::OkStatus();
    if (page->next_page_token() == request.page_token()) {
      return absl::InternalError("the server answers the same page again and again");
    }
    request.set_page_token(page->next_page_token());
  }
}

absl::StatusOr<v1::VerifyAuditResponse> AuditClient::Verify(
    const v1::VerifyAuditRequest& request) const {
  return calls_->Call(&Methods::VerifyAudit, request, kMoveTimeout);
}

}  // namespace gitops
