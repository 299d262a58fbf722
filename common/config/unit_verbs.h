#ifndef GITOPS_COMMON_CONFIG_UNIT_VERBS_H_
#define GITOPS_COMMON_CONFIG_UNIT_VERBS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gitops {

// The systemd verbs that `action` accepts, named as in systemctl.
struct UnitVerb {
  absl::string_view name;
  absl::string_view method;  // of systemd's manager on D-Bus
  bool may_start = false;    // a unit that does not run
};

inline constexpr UnitVerb kUnitVerbs[] = {
    {"start", "StartUnit", true},
    {"stop", "StopUnit"},
    {"restart", "RestartUnit", true},
    {"reload", "ReloadUnit"},
    {"try-restart", "TryRestartUnit"},
    {"reload-or-restart", "ReloadOrRestartUnit", true},
    {"try-reload-or-restart", "ReloadOrTryRestartUnit"},
    {"reload-or-try-restart", "ReloadOrTryRestartUnit"},
};

// Null: there is no such verb.
inline const UnitVerb* FindUnitVerb(absl::string_view name) {
  for (const UnitVerb& verb : kUnitVerbs) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

inline std::vector<std::string> UnitVerbNames() {
  std::vector<std::string> names;
  for (const UnitVerb& verb : kUnitVerbs) names.emplace_back(verb.name);
  return names;
}

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_UNIT_VERBS_H_
