#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_REVISION_REVISION_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_REVISION_REVISION_H_

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// Revisions as Flux writes them: "0.13.4", "main@sha1:SHA", "main/SHA" (old), "1.2.3+0cc9a8446c95"
// (an OCI chart). Plain functions of any text.

// Equal for revisions that mean the same. A whole commit (40 digits) is itself, on whatever branch:
// "main@sha1:SHA", "main/SHA" and "sha1:SHA" are "SHA", which is what hosts of the fleet report.
// Other digests keep their branch or tag: "latest@sha256:HEX" is "latest/HEX". Others are as they
// are.
std::string RevisionIdentity(absl::string_view revision);

// How a revision is written, titled and sent: without build metadata that is the start of
// `oci_digest` ("sha256:HEX"; empty: none), which Flux adds to the version of an OCI chart.
std::string VersionOfRevision(absl::string_view revision, absl::string_view oci_digest);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_REVISION_REVISION_H_
