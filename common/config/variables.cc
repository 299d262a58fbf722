#include "common/config/variables.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

constexpr absl::string_view kOpen = "${";

}  // namespace

absl::Status CheckVariables(absl::string_view text,
                            std::initializer_list<absl::string_view> known) {
  for (size_t at = text.find(kOpen); at != absl::string_view::npos;
       at = text.find(kOpen, at + kOpen.size())) {
    const size_t end = text.find('}', at);
    if (end == absl::string_view::npos) {
      return absl::InvalidArgumentError("has a \"${\" that is never closed");
    }
    const absl::string_view variable = text.substr(at, end + 1 - at);
    if (std::find(known.begin(), known.end(), variable) != known.end()) continue;
    const std::vector<std::string> words(known.begin(), known.end());
    return absl::InvalidArgumentError(absl::StrCat("there is no variable \"",
                                                   absl::Utf8SafeCHexEscape(variable), "\" here",
                                                   Suggestion(variable, words)));
  }
  return absl::OkStatus();
}

bool SetVariable(absl::string_view variable, absl::string_view value, std::string& text) {
  return absl::StrReplaceAll({{variable, value}}, &text) > 0;
}

bool HasVariable(absl::string_view variable, absl::string_view text) {
  return absl::StrContains(text, variable);
}

}  // namespace gitops
