#include "common/text/nearest.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace gitops {
namespace {

// The least number of insertions, removals, replacements and transpositions that turn `a` into `b`
// (optimal string alignment).
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Nearest(absl::string_view word, const std::vector<std::string>& known) {
  // Longer words are not typing errors, and the work is quadratic.
  constexpr size_t kMaxLength = 200;
  if (word.size() > kMaxLength) return "";
  const std::string lower = absl::AsciiStrToLower(word);
  const std::string* nearest = nullptr;
  size_t least = 0;
  for (const std::string& candidate : known) {
    if (candidate.size() > kMaxLength) continue;
    const size_t distance = Distance(lower, absl::AsciiStrToLower(candidate));
    if (3 * distance > std::max(word.size(), candidate.size())) continue;
    if (nearest == nullptr || distance < least) {
      nearest = &candidate;
      least = distance;
    }
  }
  return nearest == nullptr ? "" : *nearest;
}

std::string Suggestion(absl::string_view word, const std::vector<std::string>& known,
                       bool list_known) {
  const std::string nearest = Nearest(word, known);
  if (!nearest.empty()) return absl::StrCat(" (did you mean \"", nearest, "\"?)");
  if (!list_known || known.empty()) return "";
  return absl::StrCat(" (known: ", absl::StrJoin(known, ", "), ")");
}

}  // namespace gitops
