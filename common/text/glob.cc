#include "common/text/glob.h"

#include <fnmatch.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text/braces.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr size_t kShownBytes = 100;
// Of fnmatch().
constexpr char kSpecial[] = "*?[\\";

absl::Status BadGlob(absl::string_view pattern, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the glob \"", ValidUtf8(pattern, kShownBytes),
                                                 pattern.size() > kShownBytes ? "…" : "", "\" ",
                                                 what));
}

}  // namespace

absl::StatusOr<Glob> Glob::Parse(absl::string_view pattern, size_t max_alternatives) {
  if (pattern.empty()) return BadGlob(pattern, "is empty; \"*\" matches every host");
  if (pattern.size() > kMaxGlobBytes) {
    return BadGlob(pattern,
                   absl::StrCat("has ", pattern.size(), " bytes; at most ", kMaxGlobBytes));
  }
  // fnmatch() would take it for the end of the pattern, which would match more hosts.
  if (absl::StrContains(pattern, '\0')) return BadGlob(pattern, "has a NUL byte");
  absl::StatusOr<std::vector<std::string>> alternatives = ExpandBraces(pattern, max_alternatives);
  if (absl::IsResourceExhausted(alternatives.status())) {
    return BadGlob(pattern, absl::StrCat("makes more alternatives than the ", max_alternatives,
                                         " that are left of ", kMaxGlobAlternatives,
                                         " for all globs of a request"));
  }
  if (!alternatives.ok()) return BadGlob(pattern, alternatives.status().message());
  Glob glob;
  for (const std::string& alternative : *alternatives) {
    const size_t plain = std::min(alternative.find_first_of(kSpecial), alternative.size());
    const std::string rest = alternative.substr(plain);
    const bool only_star =
        absl::StartsWith(rest, "*") && rest.find_first_of(kSpecial, 1) == std::string::npos;
    glob.alternatives_.push_back(
        {.begin = alternative.substr(0, plain), .rest = rest, .only_star = only_star});
  }
  return glob;
}

bool Glob::Matches(const Alternative& alternative, absl::string_view name) {
  if (!absl::ConsumePrefix(&name, alternative.begin)) return false;
  if (alternative.rest.empty()) return name.empty();
  if (alternative.only_star) return absl::EndsWith(name, alternative.rest.substr(1));
  return fnmatch(alternative.rest.c_str(), std::string(name).c_str(), 0) == 0;
}

bool Glob::Matches(absl::string_view name) const {
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const Alternative& one) { return Matches(one, name); });
}

}  // namespace gitops
