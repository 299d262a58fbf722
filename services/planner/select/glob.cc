#include <fnmatch.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text/utf8.h"
#include "services/planner/select/selection.h"

namespace gitops {
namespace {

// The deepest nesting of braces.
constexpr size_t kMaxDepth = 16;
constexpr size_t kShownBytes = 100;
// Of fnmatch().
constexpr char kSpecial[] = "*?[\\";

absl::Status BadGlob(absl::string_view pattern, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the glob \"", ValidUtf8(pattern, kShownBytes),
                                                 pattern.size() > kShownBytes ? "…" : "", "\" ",
                                                 what));
}

// The end of the bracket expression that opens at `open` (the index of its ']'), or npos.
size_t BracketEnd(absl::string_view pattern, size_t open) {
  size_t at = open + 1;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
  if (at < pattern.size() && pattern[at] == ']') ++at;
  while (at < pattern.size() && pattern[at] != ']') at += pattern[at] == '\\' ? 2 : 1;
  return at < pattern.size() ? at : absl::string_view::npos;
}

// The end of the element that begins at `at`: a character, a quoted character or a bracket
// expression.
size_t ElementEnd(absl::string_view pattern, size_t at) {
  if (pattern[at] == '\\') return at + 2;
  if (pattern[at] == '[') return BracketEnd(pattern, at) + 1;
  return at + 1;
}

// Expands the braces of a pattern into alternatives, from left to right. Takes time in proportion
// to the length of the pattern times the alternatives; not recursive.
class Expansion {
 public:
  Expansion(absl::string_view pattern, size_t max_alternatives)
      : pattern_(pattern), max_alternatives_(max_alternatives) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    for (size_t at = 0; at < pattern_.size();) {
      const size_t end = ElementEnd(pattern_, at);
      if (absl::Status status = Read(at, end); !status.ok()) return status;
      at = end;
    }
    if (levels_.size() > 1) return BadGlob(pattern_, "has a '{' that is never closed");
    if (levels_.back().current.size() > max_alternatives_) return TooMany();
    return std::move(levels_.back().current);
  }

 private:
  // The text between a '{' and its '}', or outside of all braces.
  struct Level {
    // Alternatives of the parts that ended with a ','.
    std::vector<std::string> done;
    // Alternatives of the current part.
    std::vector<std::string> current = {""};
  };

  absl::Status Read(size_t at, size_t end) {
    const bool nested = levels_.size() > 1;
    if (pattern_[at] == '{') return Open();
    if (pattern_[at] == '}') return nested ? Close() : NeverOpened(at);
    if (pattern_[at] == ',' && nested) return EndPart();
    if (pattern_[at] == '\\' && end > pattern_.size()) {
      return BadGlob(pattern_, "ends with a backslash that quotes nothing");
    }
    if (pattern_[at] == '[' && BracketEnd(pattern_, at) == absl::string_view::npos) {
      return BadGlob(pattern_, absl::StrCat("has a '[' at ", at + 1, " that is never closed"));
    }
    for (std::string& alternative : levels_.back().current) {
      absl::StrAppend(&alternative, pattern_.substr(at, end - at));
    }
    return absl::OkStatus();
  }

  absl::Status Open() {
    if (levels_.size() > kMaxDepth) {
      return BadGlob(pattern_, absl::StrCat("has braces nested deeper than ", kMaxDepth));
    }
    levels_.emplace_back();
    return absl::OkStatus();
  }

  absl::Status NeverOpened(size_t at) const {
    return BadGlob(pattern_, absl::StrCat("has a '}' at ", at + 1, " that was never opened"));
  }

  absl::Status EndPart() {
    Level& level = levels_.back();
    if (level.done.size() + level.current.size() > max_alternatives_) return TooMany();
    std::move(level.current.begin(), level.current.end(), std::back_inserter(level.done));
    level.current = {""};
    return absl::OkStatus();
  }

  absl::Status Close() {
    if (absl::Status status = EndPart(); !status.ok()) return status;
    const std::vector<std::string> parts = std::move(levels_.back().done);
    levels_.pop_back();
    std::vector<std::string>& before = levels_.back().current;
    if (before.size() * parts.size() > max_alternatives_) return TooMany();
    std::vector<std::string> products;
    products.reserve(before.size() * parts.size());
    for (const std::string& begin : before) {
      for (const std::string& part : parts) products.push_back(begin + part);
    }
    before = std::move(products);
    return absl::OkStatus();
  }

  absl::Status TooMany() const {
    return BadGlob(pattern_, absl::StrCat("makes more alternatives than the ", max_alternatives_,
                                          " that are left of ", kMaxGlobAlternatives,
                                          " for all globs of a request"));
  }

  const absl::string_view pattern_;
  const size_t max_alternatives_;
  std::vector<Level> levels_{1};
};

}  // namespace

absl::StatusOr<Glob> Glob::Parse(absl::string_view pattern, size_t max_alternatives) {
  if (pattern.empty()) return BadGlob(pattern, "is empty; \"*\" matches every host");
  if (pattern.size() > kMaxGlobBytes) {
    return BadGlob(pattern,
                   absl::StrCat("has ", pattern.size(), " bytes; at most ", kMaxGlobBytes));
  }
  // fnmatch() would take it for the end of the pattern, which would match more hosts.
  if (absl::StrContains(pattern, '\0')) return BadGlob(pattern, "has a NUL byte");
  absl::StatusOr<std::vector<std::string>> alternatives =
      Expansion(pattern, max_alternatives).Run();
  if (!alternatives.ok()) return alternatives.status();
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
