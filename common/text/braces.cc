#include "common/text/braces.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

// The deepest nesting of braces.
constexpr size_t kMaxDepth = 16;
// Of a number of a range; more would not fit into 64 bits.
constexpr size_t kMaxDigits = 18;

absl::Status Bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

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

bool IsNumber(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxDigits &&
         std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// `1..6` or `a..f`, the text between braces.
struct Range {
  int64_t first = 0, last = 0;
  int width = 0;  // with leading zeros
  bool letters = false;

  static std::optional<Range> Parse(absl::string_view text) {
    const std::vector<absl::string_view> ends = absl::StrSplit(text, "..");
    if (ends.size() != 2) return std::nullopt;
    if (AreLetters(ends[0], ends[1])) return Range{ends[0][0], ends[1][0], 0, true};
    Range range;
    if (!IsNumber(ends[0]) || !IsNumber(ends[1]) || !absl::SimpleAtoi(ends[0], &range.first) ||
        !absl::SimpleAtoi(ends[1], &range.last)) {
      return std::nullopt;
    }
    const auto padded = [](absl::string_view end) { return end.size() > 1 && end[0] == '0'; };
    if (padded(ends[0]) || padded(ends[1])) {
      range.width = static_cast<int>(std::max(ends[0].size(), ends[1].size()));
    }
    return range;
  }

  // One letter each, of the same case.
  static bool AreLetters(absl::string_view a, absl::string_view b) {
    return a.size() == 1 && b.size() == 1 &&
           ((absl::ascii_islower(a[0]) && absl::ascii_islower(b[0])) ||
            (absl::ascii_isupper(a[0]) && absl::ascii_isupper(b[0])));
  }

  uint64_t Size() const {
    return static_cast<uint64_t>(std::max(first, last) - std::min(first, last)) + 1;
  }

  std::vector<std::string> Elements() const {
    std::vector<std::string> elements;
    const int64_t step = first <= last ? 1 : -1;
    for (int64_t i = first; i != last + step; i += step) {
      elements.push_back(letters ? std::string(1, static_cast<char>(i))
                                 : absl::StrFormat("%0*d", width, i));
    }
    return elements;
  }
};

// Expands from left to right.
class Expansion {
 public:
  Expansion(absl::string_view pattern, size_t most) : pattern_(pattern), most_(most) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    for (size_t at = 0; at < pattern_.size();) {
      const size_t end = ElementEnd(pattern_, at);
      if (absl::Status status = Read(at, end); !status.ok()) return status;
      at = end;
    }
    if (levels_.size() > 1) return Bad("has a '{' that is never closed");
    if (levels_.back().current.size() > most_) return TooMany();
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
      return Bad("ends with a backslash that quotes nothing");
    }
    if (pattern_[at] == '[' && BracketEnd(pattern_, at) == absl::string_view::npos) {
      return Bad(absl::StrCat("has a '[' at ", at + 1, " that is never closed"));
    }
    for (std::string& alternative : levels_.back().current) {
      absl::StrAppend(&alternative, pattern_.substr(at, end - at));
    }
    return absl::OkStatus();
  }

  absl::Status Open() {
    if (levels_.size() > kMaxDepth) {
      return Bad(absl::StrCat("has braces nested deeper than ", kMaxDepth));
    }
    levels_.emplace_back();
    return absl::OkStatus();
  }

  absl::Status NeverOpened(size_t at) const {
    return Bad(absl::StrCat("has a '}' at ", at + 1, " that was never opened"));
  }

  absl::Status EndPart() {
    Level& level = levels_.back();
    if (level.done.size() + level.current.size() > most_) return TooMany();
    std::move(level.current.begin(), level.current.end(), std::back_inserter(level.done));
    level.current = {""};
    return absl::OkStatus();
  }

  absl::Status Close() {
    if (absl::Status status = ReadRange(); !status.ok()) return status;
    if (absl::Status status = EndPart(); !status.ok()) return status;
    const std::vector<std::string> parts = std::move(levels_.back().done);
    levels_.pop_back();
    std::vector<std::string>& before = levels_.back().current;
    if (before.size() * parts.size() > most_) return TooMany();
    std::vector<std::string> products;
    products.reserve(before.size() * parts.size());
    for (const std::string& begin : before) {
      for (const std::string& part : parts) products.push_back(begin + part);
    }
    before = std::move(products);
    return absl::OkStatus();
  }

  // Replaces the text of the innermost braces, if it is a range.
  absl::Status ReadRange() {
    Level& level = levels_.back();
    if (!level.done.empty() || level.current.size() != 1) return absl::OkStatus();
    const std::optional<Range> range = Range::Parse(level.current.front());
    if (!range.has_value()) return absl::OkStatus();
    if (range->Size() > most_) return TooMany();
    level.current = range->Elements();
    return absl::OkStatus();
  }

  absl::Status TooMany() const {
    return absl::ResourceExhaustedError(absl::StrCat("makes more than ", most_, " names"));
  }

  const absl::string_view pattern_;
  const size_t most_;
  std::vector<Level> levels_{1};
};

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandBraces(absl::string_view pattern, size_t most) {
  return Expansion(pattern, most).Run();
}

}  // namespace gitops
