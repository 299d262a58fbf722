#include "services/promotion_receiver/revision/revision.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

// Of the start of a digest; Flux writes 12 digits.
constexpr size_t kFewestDigits = 7;
constexpr size_t kCommitDigits = 40;

bool IsHex(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return absl::ascii_isxdigit(c); });
}

bool ConsumeAlgorithm(absl::string_view& text) {
  return absl::ConsumePrefix(&text, "sha1:") || absl::ConsumePrefix(&text, "sha256:");
}

}  // namespace

std::string RevisionIdentity(absl::string_view revision) {
  const absl::string_view last = revision.substr(revision.find_last_of("/:") + 1);
  if (last.size() == kCommitDigits && IsHex(last)) return absl::AsciiStrToLower(last);
  const size_t at = revision.rfind('@');
  absl::string_view digest = at == absl::string_view::npos ? revision : revision.substr(at + 1);
  if (!ConsumeAlgorithm(digest) || !IsHex(digest)) return std::string(revision);
  if (at == absl::string_view::npos || at == 0) return std::string(digest);
  return absl::StrCat(revision.substr(0, at), "/", digest);
}

std::string VersionOfRevision(absl::string_view revision, absl::string_view oci_digest) {
  const size_t plus = revision.rfind('+');
  if (plus == absl::string_view::npos || plus == 0) return std::string(revision);
  const absl::string_view build = revision.substr(plus + 1);
  const size_t colon = oci_digest.find(":");
  if (colon != absl::string_view::npos) oci_digest.remove_prefix(colon + 1);
  if (build.size() < kFewestDigits || !IsHex(build) || !absl::StartsWith(oci_digest, build)) {
    return std::string(revision);
  }
  return std::string(revision.substr(0, plus));
}

}  // namespace gitops
