#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_MARKER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_MARKER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/promotion_receiver/yaml_edit/revision_part.h"

namespace gitops {

// A comment in YAML that marks a scalar: # {"$promotion": "NAMESPACE:NAME:ENVIRONMENT"}, optionally
// with ":tag", ":digest" or ":commit".

inline constexpr absl::string_view kMarkerKey = "$promotion";

// The environment of a pipeline whose scalars are set.
struct MarkedEnvironment {
  std::string namespace_, name, environment;
};

// What `comment` (the text from its '#' on) marks for `wanted`; none: it is no marker, or one of
// another environment. FAILED_PRECONDITION: it could be one for `wanted`, and is malformed.
absl::StatusOr<std::optional<RevisionPart>> ReadMarker(absl::string_view comment,
                                                       const MarkedEnvironment& wanted);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_MARKER_H_
