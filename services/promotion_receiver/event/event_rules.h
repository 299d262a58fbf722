#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_EVENT_EVENT_RULES_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_EVENT_EVENT_RULES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/promotion_receiver/event/flux_event.h"
#include "services/promotion_receiver/pipeline/pipeline.h"

// What an event means for a pipeline: plain functions.
namespace gitops {

// Why an event reports no success, in words; empty: it reports one. `reasons` replace the default
// list; empty: the default.
std::string WhyIgnored(const FluxEvent& event, const std::vector<std::string>& reasons);

// FAILED_PRECONDITION (OBJECT_MISMATCH): the involved object is not the application of the pipeline
// in this environment: API group (without its version), kind, name, and a namespace that is a
// target.
absl::Status CheckObject(const FluxEvent& event, const Pipeline& pipeline,
                         const Environment& environment);

// UNAUTHENTICATED (EVENT_STALE): older than `max_age`, or more than 5 minutes in the future.
absl::Status CheckAge(const FluxEvent& event, absl::Time now, absl::Duration max_age);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_EVENT_EVENT_RULES_H_
