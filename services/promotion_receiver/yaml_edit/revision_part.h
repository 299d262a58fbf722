#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_REVISION_PART_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_REVISION_PART_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// What a promotion writes.
struct PromotedVersion {
  std::string version;     // as it is written: "1.2.3", "main@sha1:SHA"
  std::string revision;    // as received: "1.2.3+0cc9a8446c95"; empty: the version
  std::string oci_digest;  // "sha256:HEX" of an OCI chart; empty: none
};

// Which part of it a marker asks for.
enum class RevisionPart { kWhole, kTag, kDigest, kCommit };

// "tag", "digest", "commit"; none: another word.
std::optional<RevisionPart> RevisionPartNamed(absl::string_view word);

// The tag is what stands before the digest or commit ("6.3.5@sha256:HEX", "v1@sha1:SHA",
// "main/SHA"), or all of it; the digest is that of an OCI artifact, with its algorithm; the commit
// is 40 or 64 hex digits. FAILED_PRECONDITION: there is no such part.
absl::StatusOr<std::string> PartOf(const PromotedVersion& version, RevisionPart part);

// "sha256:" and 64 hex digits, or "sha512:" and 128.
bool IsDigest(absl::string_view text);
// 40 or 64 hex digits.
bool IsCommitHash(absl::string_view text);
// A tag of an OCI image.
bool IsImageTag(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_REVISION_PART_H_
