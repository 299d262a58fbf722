#ifndef GITOPS_COMMON_CLIENT_AUDIT_CLIENT_H_
#define GITOPS_COMMON_CLIENT_AUDIT_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/client/client.h"
#include "gitops/v1/audit.pb.h"

namespace gitops {

template <typename Service>
class Calls;
namespace v1 {
class AuditService;
}

// The audit of any program that serves one. Errors, time limits, threads and copies: see
// PlannerClient.
class AuditClient {
 public:
  // Whose audit: for messages, "gitops-planner", and its default port.
  static absl::StatusOr<AuditClient> New(const ClientOptions& options, const std::string& name,
                                         const std::string& program, int port);

  // Calls `seen` for each entry of all pages, oldest first, until it returns false.
  absl::Status List(v1::ListAuditRequest request,
                    const std::function<bool(const v1::AuditEntry&)>& seen) const;
  // Waits up to five minutes.
  absl::StatusOr<v1::VerifyAuditResponse> Verify(const v1::VerifyAuditRequest& request) const;

 private:
  explicit AuditClient(std::shared_ptr<const Calls<v1::AuditService>> calls)
      : calls_(std::move(calls)) {}

  std::shared_ptr<const Calls<v1::AuditService>> calls_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLIENT_AUDIT_CLIENT_H_
