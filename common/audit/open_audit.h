#ifndef GITOPS_COMMON_AUDIT_OPEN_AUDIT_H_
#define GITOPS_COMMON_AUDIT_OPEN_AUDIT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/audit/audit_log.h"
#include "common/config/settings.h"
#include "common/metrics/metrics.h"

namespace gitops {

// The audit of a program by its settings: in --state-dir, AGENT-audit.db of gitops-AGENT. Null:
// without --state-dir it keeps none. A store that cannot be used is no error here: it is logged and
// tried again. INVALID_ARGUMENT: --audit-to.
absl::StatusOr<std::shared_ptr<AuditLog>> OpenAudit(const Settings& settings,
                                                    const std::string& program);

// The metrics of docs/reference/metrics.md. As for Metrics::AddCollector.
void ShowAudit(Metrics& metrics, const std::shared_ptr<AuditLog>& log);

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_OPEN_AUDIT_H_
