#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_YAML_EDIT_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_YAML_EDIT_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/promotion_receiver/yaml_edit/marker.h"
#include "services/promotion_receiver/yaml_edit/revision_part.h"

namespace gitops {

// The maximum of a file with a marker, in bytes.
inline constexpr size_t kMostYamlBytes = 4 << 20;

struct YamlEdit {
  std::string text;
  int markers = 0;  // of the environment
};

// `text`, the content of `file`, with each scalar that a marker marks for `environment` set to
// `version`; docs/reference/promotion-strategies.md says to which part and how. Every other byte
// stays as it is, and the result parses to the same documents but for these scalars. A text without
// a marker's key is not parsed.
//
// FAILED_PRECONDITION, "FILE:LINE: what": a marker or a file that cannot be edited safely: a
// malformed marker, one that marks no single value of one line, a file that is not YAML, not UTF-8
// or too large. INVALID_ARGUMENT: the version is empty, too long, or has control characters.
absl::StatusOr<YamlEdit> SetMarkedScalars(absl::string_view text, absl::string_view file,
                                          const MarkedEnvironment& environment,
                                          const PromotedVersion& version);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_YAML_EDIT_H_
