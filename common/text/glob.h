#ifndef GITOPS_COMMON_TEXT_GLOB_H_
#define GITOPS_COMMON_TEXT_GLOB_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

inline constexpr size_t kMaxGlobBytes = 1024;
// The number of alternatives of all globs of a selection: braces multiply, so "web[12]" is one and
// "{a,b}{c,d}" is four.
inline constexpr size_t kMaxGlobAlternatives = 1000;

// Shell globs for names: `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}` (may be nested), `{1..6}`, `\`
// quotes. Names have no separators, so `*` matches dots and slashes. Case-sensitive.
class Glob {
 public:
  // INVALID_ARGUMENT: it is empty, malformed (an open bracket or brace; the message shows where),
  // longer than kMaxGlobBytes, has braces nested deeper than 16, or more than `max_alternatives`
  // alternatives.
  static absl::StatusOr<Glob> Parse(absl::string_view pattern,
                                    size_t max_alternatives = kMaxGlobAlternatives);
  size_t alternative_count() const { return alternatives_.size(); }
  bool Matches(absl::string_view name) const;

 private:
  // One expansion of the braces, itself without braces.
  struct Alternative {
    std::string begin;  // plain text, up to the first character that is special
    std::string rest;
    bool only_star;  // `rest` is a '*' and plain text, as in most globs
  };
  static bool Matches(const Alternative& alternative, absl::string_view name);

  std::vector<Alternative> alternatives_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_TEXT_GLOB_H_
