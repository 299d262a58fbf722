#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_PAYLOAD_ANSWER_RULES_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_PAYLOAD_ANSWER_RULES_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/plan/hook_payload.h"
#include "common/program_config/hooks_config.h"

namespace gitops {

using HostNames = std::set<std::string, std::less<>>;

// INVALID_ARGUMENT for a payload that must not be sent to hooks: an unknown point or action, a host
// without a name or twice, several hosts or none at a single-host point.
absl::Status CheckQuestion(absl::string_view point, const Payload& payload);

// INVALID_ARGUMENT for an invalid answer to `sent`: a host twice, an unknown action or more than
// 1,000 actions; at single-host points another host; at select points a host that is neither in
// `sent` nor in `known`; in mode filter, anything that is not in `sent` in the same order.
absl::Status CheckAnswer(absl::string_view point, HookMode mode, const Payload& sent,
                         const HostNames& known, const Payload& answer);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_PAYLOAD_ANSWER_RULES_H_
