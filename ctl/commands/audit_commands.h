#ifndef GITOPS_CTL_COMMANDS_AUDIT_COMMANDS_H_
#define GITOPS_CTL_COMMANDS_AUDIT_COMMANDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/client/audit_client.h"
#include "common/client/planner_client.h"
#include "ctl/cli/invocation.h"
#include "ctl/console.h"
#include "ctl/exit_code.h"
#include "ctl/output/renderer.h"

namespace gitops::ctl {

// Commands about the audit of a program. With --host, of the agents of these hosts, through the
// planner.

struct AuditContext {
  const Invocation& invocation;
  const AuditClient& audit;
  PlannerClient* planner;    // null: not a planner's
  const std::string& host;   // that each request names, through a gateway; empty: none
  const std::string& whose;  // for messages: "the planner"
  const RenderOptions& options;
  Console& console;
};

using AuditCommand = absl::StatusOr<ExitCode> (*)(const AuditContext& context);

absl::StatusOr<ExitCode> ListAudit(const AuditContext& context);
// kFailed: a problem was found.
absl::StatusOr<ExitCode> VerifyAudit(const AuditContext& context);
// Each entry as it is stored, on a line of JSON.
absl::StatusOr<ExitCode> ExportAudit(const AuditContext& context);

// An entry, and the host whose agent has it; empty: the program that was asked.
struct ShownEntry {
  std::string host;
  v1::AuditEntry entry;
  // Of KIND_ALLOWED: how it ended, if that is known.
  std::string code, message;
};
// In the form of the options. INVALID_ARGUMENT: an unknown column.
absl::StatusOr<std::string> AuditText(const std::vector<ShownEntry>& entries,
                                      const RenderOptions& options);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_AUDIT_COMMANDS_H_
