#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_IMAGE_TEXT_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_IMAGE_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/promotion_receiver/yaml_edit/revision_part.h"

namespace gitops {

// The value of a marked scalar that was `old`, with `version` (the part that the marker asks for)
// in it. In an image ("repo/image:1.2.3", "repo/image@sha256:HEX", also with oci://) only the tag,
// or the digest, is replaced; any other value is replaced by `version`. FAILED_PRECONDITION: the
// result would name something else than `version`: a tag beside the digest of another image, a URL,
// an image without a tag, a version that is no tag.
absl::StatusOr<std::string> WithVersion(absl::string_view old, absl::string_view version,
                                        RevisionPart part);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_IMAGE_TEXT_H_
