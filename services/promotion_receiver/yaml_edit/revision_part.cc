#include "services/promotion_receiver/yaml_edit/revision_part.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

constexpr size_t kLongestTag = 128;

bool IsHex(absl::string_view text, size_t length) {
  return text.size() == length && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isxdigit(c);
         });
}

// A revision as "NAME@ID", "NAME/ID" with a commit, "ID", or only a name.
struct Parts {
  absl::string_view name, digest, commit;
};

Parts Split(absl::string_view revision) {
  Parts parts;
  absl::string_view id = revision;
  if (const size_t at = revision.rfind('@'); at != absl::string_view::npos) {
    parts.name = revision.substr(0, at);
    id = revision.substr(at + 1);
  } else if (const size_t slash = revision.rfind('/');
             slash != absl::string_view::npos && IsCommitHash(revision.substr(slash + 1))) {
    parts.name = revision.substr(0, slash);
    id = revision.substr(slash + 1);
  }
  if (IsDigest(id)) parts.digest = id;
  absl::string_view hash = id;
  if (!absl::ConsumePrefix(&hash, "sha1:")) absl::ConsumePrefix(&hash, "sha256:");
  if (IsCommitHash(hash)) parts.commit = hash;
  const bool known = !parts.digest.empty() || !parts.commit.empty();
  if (!known) parts.name = revision;
  absl::ConsumePrefix(&parts.name, "refs/tags/");
  return parts;
}

absl::StatusOr<std::string> Found(absl::string_view part, absl::string_view name,
                                  absl::string_view revision) {
  if (!part.empty()) return std::string(part);
  return absl::FailedPreconditionError(
      absl::StrCat("the revision \"", revision, "\" has no ", name));
}

}  // namespace

bool IsDigest(absl::string_view text) {
  if (absl::ConsumePrefix(&text, "sha256:")) return IsHex(text, 64);
  return absl::ConsumePrefix(&text, "sha512:") && IsHex(text, 128);
}

bool IsCommitHash(absl::string_view text) { return IsHex(text, 40) || IsHex(text, 64); }

bool IsImageTag(absl::string_view text) {
  return !text.empty() && text.size() <= kLongestTag && text[0] != '.' && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
         });
}

std::optional<RevisionPart> RevisionPartNamed(absl::string_view word) {
  if (word == "tag") return RevisionPart::kTag;
  if (word == "digest") return RevisionPart::kDigest;
  if (word == "commit") return RevisionPart::kCommit;
  return std::nullopt;
}

absl::StatusOr<std::string> PartOf(const PromotedVersion& version, RevisionPart part) {
  const std::string& revision = version.revision.empty() ? version.version : version.revision;
  switch (part) {
    case RevisionPart::kWhole:
      return version.version;
    case RevisionPart::kTag:
      return Found(Split(version.version).name, "tag", version.version);
    case RevisionPart::kDigest: {
      const absl::string_view digest = Split(revision).digest;
      return Found(digest.empty() && IsDigest(version.oci_digest) ? version.oci_digest : digest,
                   "digest", revision);
    }
    case RevisionPart::kCommit:
      return Found(Split(revision).commit, "commit", revision);
  }
  return absl::InternalError("unknown part of a revision");
}

}  // namespace gitops
