#ifndef GITOPS_COMMON_AUDIT_AUDIT_READS_H_
#define GITOPS_COMMON_AUDIT_AUDIT_READS_H_

#include <functional>

#include "absl/status/statusor.h"
#include "common/audit/audit_storage.h"
#include "gitops/v1/audit.pb.h"

namespace gitops {

// Reads of an audit, from any thread. Errors as those of Store, and those of the methods of
// AuditService.

// A stored entry with its hash. DATA_LOSS: it is damaged.
absl::StatusOr<v1::AuditEntry> ReadAuditEntry(const StoredValue& stored);

// CANCELLED: `cancelled` returned true.
absl::StatusOr<v1::ListAuditResponse> ListAudit(AuditStorage& storage,
                                                const v1::ListAuditRequest& request,
                                                const std::function<bool()>& cancelled);
absl::StatusOr<v1::VerifyAuditResponse> VerifyAudit(AuditStorage& storage,
                                                    const v1::VerifyAuditRequest& request,
                                                    const std::function<bool()>& cancelled);

// The head as it is reported.
v1::AuditHead ToApi(const record::v1::AuditHead& head);

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_AUDIT_READS_H_
