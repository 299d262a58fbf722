#include "services/promotion_receiver/yaml_edit/image_text.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

constexpr size_t kFewestCommitDigits = 7;

// [SCHEME://]REPOSITORY[:TAG][@DIGEST]
struct Image {
  absl::string_view repository, tag, digest;
};

bool IsRepository(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) ||
           absl::string_view("._-/:").find(static_cast<char>(c)) != absl::string_view::npos;
  });
}

// The empty image if `text` is not one.
Image ParseImage(absl::string_view text) {
  Image image;
  if (const size_t at = text.rfind('@'); at != absl::string_view::npos) {
    if (!IsDigest(text.substr(at + 1))) return {};
    image.digest = text.substr(at + 1);
    text = text.substr(0, at);
  }
  const size_t slash = text.rfind('/');
  const size_t colon = text.find(':', slash == absl::string_view::npos ? 0 : slash);
  if (colon != absl::string_view::npos) {
    image.tag = text.substr(colon + 1);
    if (!IsImageTag(image.tag)) return {};
    text = text.substr(0, colon);
  }
  if (!IsRepository(text)) return {};
  image.repository = text;
  return image;
}

// "TAG@DIGEST": what Flux calls the revision of an OCI artifact.
bool IsTagWithDigest(absl::string_view text) {
  const size_t at = text.find('@');
  return at != absl::string_view::npos && IsImageTag(text.substr(0, at)) &&
         IsDigest(text.substr(at + 1));
}

// "main/SHA".
bool IsBranchWithCommit(absl::string_view text) {
  const absl::string_view last = text.substr(text.rfind('/') + 1);
  return last.size() >= kFewestCommitDigits &&
         last.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

absl::Status Refuse(absl::string_view old, absl::string_view why) {
  constexpr size_t kShown = 200;
  return absl::FailedPreconditionError(
      absl::StrCat("the marked value \"", old.substr(0, kShown), "\" ", why));
}

absl::StatusOr<std::string> WithTag(absl::string_view old, const Image& image,
                                    absl::string_view version, RevisionPart part) {
  if (part == RevisionPart::kDigest) {
    return Refuse(old, "has a tag, which would be that of another digest: write REPOSITORY@DIGEST");
  }
  const bool with_digest = IsTagWithDigest(version);
  if (!image.digest.empty() && !with_digest) {
    return Refuse(old, absl::StrCat("has a digest, which would be that of another version than \"",
                                    version, "\": remove the digest"));
  }
  if (!with_digest && !IsImageTag(version)) {
    return Refuse(old, absl::StrCat("is an image, and \"", version,
                                    "\" is not a tag: end the marker with :tag or :commit"));
  }
  return absl::StrCat(image.repository, ":", version);
}

absl::StatusOr<std::string> WithDigest(absl::string_view old, const Image& image,
                                       absl::string_view version, RevisionPart part) {
  if (part == RevisionPart::kDigest) return absl::StrCat(image.repository, "@", version);
  // "6.3.4@sha256:HEX" is a revision that was written before.
  const bool revision = !absl::StrContains(image.repository, "/") && IsTagWithDigest(version);
  if (revision) return std::string(version);
  return Refuse(old, "has a digest: end the marker with :digest");
}

}  // namespace

absl::StatusOr<std::string> WithVersion(absl::string_view old, absl::string_view version,
                                        RevisionPart part) {
  absl::string_view location = old;
  const bool artifact =
      absl::ConsumePrefix(&location, "oci://") || absl::ConsumePrefix(&location, "docker://");
  if (!artifact && absl::StrContains(old, "://")) {
    return Refuse(old, "is a URL, in which the place of the version is not known");
  }
  if (IsDigest(old)) {
    if (part == RevisionPart::kDigest || IsDigest(version)) return std::string(version);
    return Refuse(old, "is a digest: end the marker with :digest");
  }
  const Image image = ParseImage(location);
  const absl::string_view scheme = old.substr(0, old.size() - location.size());
  absl::StatusOr<std::string> changed;
  if (!image.tag.empty()) {
    changed = WithTag(old, image, version, part);
  } else if (!image.digest.empty()) {
    changed = WithDigest(old, image, version, part);
  } else if (absl::StrContains(image.repository, "/") && !IsBranchWithCommit(old) &&
             !absl::StrContains(version, "/")) {
    return Refuse(old, "looks like an image without a tag: write REPOSITORY:TAG");
  } else {
    return std::string(version);
  }
  if (!changed.ok()) return changed;
  return absl::StrCat(scheme, *changed);
}

}  // namespace gitops
