#include "common/git/refs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

absl::Status Refuse(absl::string_view branch, absl::string_view why) {
  constexpr size_t kShown = 200;
  const std::string shown = absl::Utf8SafeCHexEscape(ValidUtf8(branch, kShown));
  return absl::InvalidArgumentError(absl::StrCat("\"", shown, "\" ", why));
}

absl::Status CheckBranchComponent(absl::string_view branch, absl::string_view component) {
  if (component.empty())
    return Refuse(branch, "is not a branch name: it contains an empty component");
  if (absl::StartsWith(component, ".")) {
    return Refuse(branch, "is not a branch name: a component starts with '.'");
  }
  if (absl::EndsWith(component, ".lock")) {
    return Refuse(branch, "is not a branch name: a component ends with \".lock\"");
  }
  return absl::OkStatus();
}

}  // namespace

bool IsObjectId(absl::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

absl::Status CheckBranch(absl::string_view branch) {
  if (branch.empty()) return Refuse(branch, "is not a branch name: it is empty");
  if (branch.front() == '-') return Refuse(branch, "is not a branch name: it starts with '-'");
  if (branch == "@" || branch == "HEAD") {
    return Refuse(branch, "is not a branch name: it is reserved by git");
  }
  for (const char c : branch) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) ||
        absl::string_view(" ~^:?*[\\").find(c) != absl::string_view::npos) {
      return Refuse(branch,
                    "is not a branch name: it must not contain a space, a control character or "
                    "one of ~^:?*[\\");
    }
  }
  for (absl::string_view part : {"..", "@{"}) {
    if (absl::StrContains(branch, part)) {
      return Refuse(branch, absl::StrCat("is not a branch name: it contains \"", part, "\""));
    }
  }
  if (absl::EndsWith(branch, ".")) return Refuse(branch, "is not a branch name: it ends with '.'");
  for (absl::string_view component : absl::StrSplit(branch, '/')) {
    absl::Status status = CheckBranchComponent(branch, component);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
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
    // git matches the ends of names, so there may be other refs among them.
    absl::string_view ref = parts.second;
    if (!absl::ConsumePrefix(&ref, "refs/heads/") || !IsObjectId(parts.first)) continue;
    if (const auto it = newest.find(std::string(ref)); it != newest.end()) {
      it->second = std::string(parts.first);
    }
  }
  return newest;
}

}  // namespace gitops
