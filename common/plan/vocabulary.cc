#include "common/plan/vocabulary.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/plan/action.h"
#include "common/rpc/error.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

// The maximum that a message shows of an untrusted word.
constexpr size_t kMaxShown = 60;

bool Contains(const std::vector<std::string>& words, absl::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

absl::Status Unknown(absl::string_view field, absl::string_view kind, absl::string_view word,
                     const std::vector<std::string>& known) {
  const std::string nearest = Nearest(word, known);
  const std::string hint = nearest.empty()
                               ? absl::StrCat(" (known: ", absl::StrJoin(known, ", "), ")")
                               : absl::StrCat(" (did you mean \"", nearest, "\"?)");
  const absl::string_view dots = word.size() > kMaxShown ? "…" : "";
  return InvalidField(
      field, absl::StrCat("unknown ", kind, " \"", absl::CHexEscape(word.substr(0, kMaxShown)),
                          dots, "\"", hint));
}

}  // namespace

const std::vector<std::string>& AllActions() {
  static const auto* const actions = [] {
    auto* const names = new std::vector<std::string>;
    for (const ActionTraits& traits : AllActionTraits()) names->emplace_back(traits.name);
    return names;
  }();
  return *actions;
}

bool IsAction(absl::string_view word) { return TraitsOf(word).action != HostAction::kUnknown; }

absl::Status CheckActions(const std::vector<std::string>& actions, absl::string_view field) {
  if (actions.size() > kMaxActions) {
    return InvalidField(field, absl::StrCat(actions.size(), " actions for one host; at most ",
                                            kMaxActions, " are allowed"));
  }
  for (size_t i = 0; i < actions.size(); ++i) {
    if (IsAction(actions[i])) continue;
    return Unknown(absl::StrCat(field, "[", i, "]"), "action", actions[i], AllActions());
  }
  return absl::OkStatus();
}

const std::vector<std::string>& AllHookPoints() {
  static const auto* const points = new std::vector<std::string>{
      "pre-select", "post-select", "pre-deploy",       "post-deploy",
      "pre-reboot", "post-reboot", "pre-healthchecks", "post-healthchecks",
  };
  return *points;
}

bool IsHookPoint(absl::string_view word) { return Contains(AllHookPoints(), word); }

bool IsSelectPoint(absl::string_view point) {
  return point == "pre-select" || point == "post-select";
}

bool IsPostPoint(absl::string_view point) { return absl::StartsWith(point, "post-"); }

absl::Status CheckHookPoint(absl::string_view word) {
  if (IsHookPoint(word)) return absl::OkStatus();
  return Unknown("point", "hook point", word, AllHookPoints());
}

}  // namespace gitops
