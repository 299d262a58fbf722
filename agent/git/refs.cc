#include "agent/git/refs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/rpc/error.h"

namespace gitops {

bool IsObjectId(absl::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

bool IsBranchName(absl::string_view name) {
  if (name.empty() || name.front() == '/' || name.back() == '/' || absl::StrContains(name, "..") ||
      absl::StrContains(name, "@{") || absl::StrContains(name, "//")) {
    return false;
  }
  return std::none_of(name.begin(), name.end(), [](unsigned char c) {
    return c <= ' ' || c == 0x7f || absl::StrContains("~^:?*[\\", c);
  });
}

std::map<std::string, absl::StatusOr<std::string>> ParseRefs(absl::string_view upstream,
                                                             absl::string_view output,
                                                             const std::set<std::string>& refs) {
  std::map<std::string, absl::StatusOr<std::string>> newest;
  for (const std::string& ref : refs) {
    newest.emplace(ref, MakeError(Reason::kBranchUnknown,
                                  absl::StrCat(upstream, " has no branch \"", ref, "\""),
                                  {{"upstream", std::string(upstream)}, {"branch", ref}}));
  }
  for (absl::string_view line : absl::StrSplit(output, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('\t', 1));
    // git matches the ends of names, so others may be among them.
    absl::string_view ref = parts.second;
    if (!absl::ConsumePrefix(&ref, "refs/heads/") || !IsObjectId(parts.first)) continue;
    if (const auto it = newest.find(std::string(ref)); it != newest.end()) {
      it->second = std::string(parts.first);
    }
  }
  return newest;
}

}  // namespace gitops
