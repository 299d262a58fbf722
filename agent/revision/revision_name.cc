#include "agent/revision/revision_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/revision/revision.h"

namespace gitops {
namespace {

// Digits only, unlike SimpleAtoi, which takes signs and spaces.
int64_t NumberIn(absl::string_view digits) {
  int64_t number = 0;
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(digits, &number)) {
    return 0;
  }
  return number;
}

}  // namespace

bool IsRevisionName(absl::string_view name) {
  return !name.empty() && name.front() != '.' && name.front() != '-' &&
         !absl::EndsWith(name, kManifestSuffix) &&
         std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c == '/' || c <= ' ' || c == 0x7f; });
}

std::optional<RevisionName> ParseRevisionName(absl::string_view directory) {
  const size_t dash = directory.rfind('-');
  if (dash == absl::string_view::npos) return std::nullopt;
  const absl::string_view revision = directory.substr(0, dash);
  const int64_t sequence = NumberIn(directory.substr(dash + 1));
  if (sequence <= 0 || !IsRevisionName(revision)) return std::nullopt;
  return RevisionName{std::string(revision), sequence};
}

bool IsFormerName(absl::string_view directory) { return !ParseRevisionName(directory).has_value(); }

std::string ManifestIn(absl::string_view directory) {
  if (!IsFormerName(directory)) return absl::StrCat(directory, "/", kManifestName);
  return absl::StrCat(RevisionStore::RevisionOf(directory), kManifestSuffix);
}

std::string RevisionStore::RevisionOf(absl::string_view directory) {
  if (const auto parsed = ParseRevisionName(directory)) return parsed->revision;
  if (absl::ConsumePrefix(&directory, kOldPrefix)) {
    const size_t dash = directory.find('-');
    if (dash == absl::string_view::npos) return "";
    directory.remove_prefix(dash + 1);
  }
  return IsRevisionName(directory) ? std::string(directory) : "";
}

std::string RevisionStore::TreeIn(absl::string_view directory) {
  return IsFormerName(directory) ? std::string(directory) : absl::StrCat(directory, "/", kTreeName);
}

std::string RevisionStore::TreePath(absl::string_view directory) const {
  return absl::StrCat(root(), "/", TreeIn(directory));
}

int64_t SequenceIn(absl::string_view name) {
  if (absl::ConsumePrefix(&name, kOldPrefix)) return NumberIn(name.substr(0, name.find('-')));
  absl::ConsumeSuffix(&name, kManifestSuffix);
  if (absl::ConsumePrefix(&name, kNewPrefix) || absl::ConsumePrefix(&name, kDelPrefix)) {
    return NumberIn(name);
  }
  const auto parsed = ParseRevisionName(name);
  return parsed ? parsed->sequence : 0;
}

}  // namespace gitops
