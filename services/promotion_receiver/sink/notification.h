#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_SINK_NOTIFICATION_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_SINK_NOTIFICATION_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/http/client.h"
#include "common/program_config/sinks_config.h"
#include "gitops/record/v1/promotion.pb.h"

namespace gitops {

// What tells a sink about a promotion.

// Its id is the promotion's, so that a receiver can recognize a repeat.
absl::StatusOr<std::string> CloudEventOf(const record::v1::Promotion& promotion);
// With the pipeline as the involved object. notification-controller keeps only metadata whose keys
// begin with the object's group, which it removes.
absl::StatusOr<std::string> FluxEventOf(const record::v1::Promotion& promotion);

// The request to a sink; signed if the sink has a secret. No timeout is set. `key` is sent as
// Idempotency-Key.
absl::StatusOr<HttpRequest> NotificationTo(const SinkSpec& sink,
                                           const record::v1::Promotion& promotion,
                                           const std::string& key);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_SINK_NOTIFICATION_H_
