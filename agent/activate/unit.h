#ifndef GITOPS_AGENT_ACTIVATE_UNIT_H_
#define GITOPS_AGENT_ACTIVATE_UNIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Properties of a unit, as `systemctl show` prints them. Empty or 0 if the kind of unit has no such
// property.
struct UnitProperties {
  std::string id;               // the canonical name, also if the call used an alias
  std::string load_state;       // loaded, not-found, bad-setting, error, masked
  std::string active_state;     // active, reloading, inactive, failed, activating, deactivating
  std::string sub_state;        // running, exited, dead, auto-restart, ...
  std::string result;           // success, exit-code, signal, timeout, ...
  std::string type;             // simple, notify, oneshot, ...
  std::string unit_file_state;  // enabled, disabled, static, ...
  std::string invocation_id;    // hex; changes at each start
  bool need_daemon_reload = false;
  uint32_t restarts = 0;    // how often systemd restarted it automatically
  int32_t main_code = 0;    // how the last main process ended: CLD_EXITED, CLD_KILLED, ...
  int32_t main_status = 0;  // its exit status, or the signal
};

// The progress of a unit towards the state that an action requires.
enum class UnitHealth { kHealthy, kWaiting, kFailed };

// `wants_running` is false after the verb `stop`. A oneshot is healthy when it has succeeded.
UnitHealth JudgeUnit(const UnitProperties& unit, bool wants_running);

// Whether the unit runs now.
bool IsUp(const UnitProperties& unit);

// Whether the unit did not keep running between `before`, which was healthy, and `now`, a moment
// later: it left the active state, or was started again.
bool Flapped(const UnitProperties& before, const UnitProperties& now);

// "failed (result exit-code, main process exited with status 3)": for messages.
std::string DescribeUnit(const UnitProperties& unit);

// `name`.service, unless the name already has a unit's suffix. INVALID_ARGUMENT: systemd would not
// accept the name.
absl::StatusOr<std::string> UnitName(absl::string_view name);

// Whether it is name@instance.suffix, with an instance.
bool IsTemplateInstance(absl::string_view unit);

// Whether publishing to one of these absolute paths may change a unit file or a drop-in.
bool HoldsUnitFiles(const std::vector<std::string>& local_paths);

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_UNIT_H_
