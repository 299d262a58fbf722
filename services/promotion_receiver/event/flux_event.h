#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_EVENT_FLUX_EVENT_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_EVENT_FLUX_EVENT_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gitops/record/v1/promotion.pb.h"

namespace gitops {

// An event of Flux's notification-controller, old or new. Any member may be empty.
struct FluxEvent {
  std::string api_version;  // of the involved object: "helm.toolkit.fluxcd.io/v2beta1"
  std::string kind;
  std::string namespace_;
  std::string name;
  std::string severity;
  absl::Time timestamp = absl::InfinitePast();
  std::string message;
  std::string reason;
  std::map<std::string, std::string> metadata;
  std::string reporting_controller;
};

// Unknown members are allowed. INVALID_ARGUMENT (EVENT_MALFORMED): not a JSON object, nested deeper
// than 32, a member twice or of another type; no timestamp; a revision with control characters or
// more than 1,000 bytes.
absl::StatusOr<FluxEvent> ParseFluxEvent(absl::string_view body);

// "helm.toolkit.fluxcd.io" of "helm.toolkit.fluxcd.io/v2"; empty for the core group ("v1").
absl::string_view GroupOf(absl::string_view api_version);

// metadata.revision, else metadata["<group of the object>/revision"]; empty: none.
std::string RevisionOf(const FluxEvent& event);

// What is kept with a promotion: the start of the message, and the metadata as far as it has no
// more than 256 KiB. Texts are made valid UTF-8.
record::v1::PromotionEvent ToRecord(const FluxEvent& event, const std::string& address);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_EVENT_FLUX_EVENT_H_
