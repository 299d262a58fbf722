#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/planner/select/selection.h"

namespace gitops {
namespace {

// Braces multiply: this bounds what a pattern may grow to.
constexpr size_t kMostAlternatives = 4096;

absl::Status BadGlob(absl::string_view pattern, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the glob \"", pattern, "\" ", what));
}

// The end of the bracket expression that opens at `open` (the index of its ']'), or npos.
size_t BracketEnd(absl::string_view pattern, size_t open) {
  size_t at = open + 1;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
  if (at < pattern.size() && pattern[at] == ']') ++at;
  while (at < pattern.size() && pattern[at] != ']') at += pattern[at] == '\\' ? 2 : 1;
  return at < pattern.size() ? at : absl::string_view::npos;
}

// The end of the element that begins at `at`: a character, a quoted one, or a bracket expression.
size_t ElementEnd(absl::string_view pattern, size_t at) {
  if (pattern[at] == '\\') return at + 2;
  if (pattern[at] == '[') return BracketEnd(pattern, at) + 1;
  return at + 1;
}

absl::Status CheckForm(absl::string_view pattern) {
  int depth = 0;
  for (size_t at = 0; at < pattern.size(); at = ElementEnd(pattern, at)) {
    if (pattern[at] == '\\' && at + 1 == pattern.size()) {
      return BadGlob(pattern, "ends with a backslash that quotes nothing");
    }
    if (pattern[at] == '[' && BracketEnd(pattern, at) == absl::string_view::npos) {
      return BadGlob(pattern, absl::StrCat("has a '[' at ", at + 1, " that is never closed"));
    }
    if (pattern[at] == '{') ++depth;
    if (pattern[at] == '}' && --depth < 0) {
      return BadGlob(pattern, absl::StrCat("has a '}' at ", at + 1, " that was never opened"));
    }
  }
  return depth == 0 ? absl::OkStatus() : BadGlob(pattern, "has a '{' that is never closed");
}

// The outermost alternatives of the brace that opens at `open`, and where it closes.
std::pair<std::vector<std::string>, size_t> SplitBrace(absl::string_view pattern, size_t open) {
  std::vector<std::string> parts;
  int depth = 0;
  size_t begin = open + 1;
  for (size_t at = open;; at = ElementEnd(pattern, at)) {
    if (pattern[at] == '{') ++depth;
    if (pattern[at] == '}') --depth;
    if ((pattern[at] == ',' && depth == 1) || depth == 0) {
      parts.emplace_back(pattern.substr(begin, at - begin));
      begin = at + 1;
    }
    if (depth == 0) return {std::move(parts), at};
  }
}

// Replaces the first brace by each of its alternatives, and theirs. False: they are too many.
bool Expand(const std::string& pattern, std::vector<std::string>& alternatives) {
  size_t at = 0;
  while (at < pattern.size() && pattern[at] != '{') at = ElementEnd(pattern, at);
  if (at >= pattern.size()) {
    alternatives.push_back(pattern);
    return alternatives.size() <= kMostAlternatives;
  }
  const auto [parts, close] = SplitBrace(pattern, at);
  for (const std::string& part : parts) {
    if (!Expand(absl::StrCat(pattern.substr(0, at), part, pattern.substr(close + 1)),
                alternatives)) {
      return false;
    }
  }
  return true;
}

size_t OnlyStar(absl::string_view pattern) {
  constexpr char kSpecial[] = "*?[\\";
  const size_t first = pattern.find_first_of(kSpecial);
  const bool only = first != absl::string_view::npos && pattern[first] == '*' &&
                    pattern.find_first_of(kSpecial, first + 1) == absl::string_view::npos;
  return only ? first : absl::string_view::npos;
}

// Whether `c` is in the bracket expression [begin, end), without its brackets.
bool InBracket(absl::string_view set, char c) {
  size_t at = 0;
  const bool negated = !set.empty() && (set[0] == '!' || set[0] == '^');
  if (negated) ++at;
  bool found = false;
  while (at < set.size()) {
    if (set[at] == '\\' && at + 1 < set.size()) ++at;
    const char low = set[at++];
    char high = low;
    if (at + 1 < set.size() && set[at] == '-') {
      at += set[at + 1] == '\\' && at + 2 < set.size() ? 2 : 1;
      high = set[at++];
    }
    found = found || (low <= c && c <= high);
  }
  return found != negated;
}

bool IsPlain(char c) { return c != '*' && c != '?' && c != '[' && c != '\\'; }

// Whether the element at `at` of the pattern, which is no '*', matches `c`.
bool ElementMatches(absl::string_view pattern, size_t at, char c) {
  switch (pattern[at]) {
    case '?':
      return true;
    case '\\':
      return pattern[at + 1] == c;
    case '[': {
      const size_t end = BracketEnd(pattern, at);
      return InBracket(pattern.substr(at + 1, end - at - 1), c);
    }
    default:
      return pattern[at] == c;
  }
}

// Without recursion: a later '*' makes what an earlier one took final, so it is quadratic at worst.
bool Walk(absl::string_view pattern, absl::string_view name) {
  size_t p = 0, n = 0;
  size_t star = absl::string_view::npos, star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
      if (p == pattern.size()) return true;
    } else if (p < pattern.size() && ElementMatches(pattern, p, name[n])) {
      p = ElementEnd(pattern, p);
      ++n;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      ++star_name;
      // What stands after it is looked for at once, where it is one character and no other.
      if (IsPlain(pattern[p])) star_name = name.find(pattern[p], star_name);
      if (star_name == absl::string_view::npos) return false;
      n = star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

absl::StatusOr<Glob> Glob::Parse(absl::string_view pattern) {
  if (pattern.empty()) return BadGlob(pattern, "is empty; \"*\" matches every host");
  if (absl::Status form = CheckForm(pattern); !form.ok()) return form;
  Glob glob;
  std::vector<std::string> alternatives;
  if (!Expand(std::string(pattern), alternatives)) {
    return BadGlob(pattern,
                   absl::StrCat("stands for more than ", kMostAlternatives, " alternatives"));
  }
  for (std::string& alternative : alternatives) {
    const size_t only_star = OnlyStar(alternative);
    glob.alternatives_.push_back({.pattern = std::move(alternative), .only_star = only_star});
  }
  return glob;
}

bool Glob::Matches(const Alternative& alternative, absl::string_view name) {
  const absl::string_view pattern = alternative.pattern;
  if (alternative.only_star == absl::string_view::npos) return Walk(pattern, name);
  // The two may not overlap: "ab*ba" does not match "aba".
  return name.size() + 1 >= pattern.size() &&
         absl::StartsWith(name, pattern.substr(0, alternative.only_star)) &&
         absl::EndsWith(name, pattern.substr(alternative.only_star + 1));
}

bool Glob::Matches(absl::string_view name) const {
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const Alternative& one) { return Matches(one, name); });
}

}  // namespace gitops
