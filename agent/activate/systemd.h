#ifndef GITOPS_AGENT_ACTIVATE_SYSTEMD_H_
#define GITOPS_AGENT_ACTIVATE_SYSTEMD_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/activate/unit.h"
#include "common/clock/clock.h"

namespace gitops {

// The service manager, as far as the agent needs it. Any thread, several calls at a time.
//
// Every call ends at its deadline, or soon after its token is asked to stop. Errors of all:
// UNAVAILABLE: the bus or systemd cannot be reached, or went away during the call (the next call
// connects anew); DEADLINE_EXCEEDED; CANCELLED: asked to stop; FAILED_PRECONDITION: systemd
// refused, the message says why.
class Systemd {
 public:
  virtual ~Systemd() = default;

  // Reads the unit files again (daemon-reload), and returns when that is done.
  virtual absl::Status Reload(absl::Time deadline, std::stop_token stop) = 0;

  // Runs one of UnitVerbs() on `unit` and waits for its job's result. OK: the job is done, which is
  // not yet healthy: see WaitForUnit. FAILED_PRECONDITION: no such unit, or the job's result was
  // failed, timeout, dependency, canceled...; the message has the unit's result too. At the
  // deadline the job is left to systemd. INVALID_ARGUMENT: no such verb.
  virtual absl::Status RunVerb(const std::string& unit, const std::string& verb,
                               absl::Time deadline, std::stop_token stop) = 0;

  // A unit that does not exist is no error: its load_state is "not-found".
  virtual absl::StatusOr<UnitProperties> Properties(const std::string& unit, absl::Time deadline,
                                                    std::stop_token stop) = 0;

  // The same, but of what it returns only id, load_state, active_state and sub_state are set: for
  // looking often, at a fraction of the cost for agent and systemd.
  virtual absl::StatusOr<UnitProperties> State(const std::string& unit, absl::Time deadline,
                                               std::stop_token stop) = 0;

  // Enables the unit as its [Install] section says; it need not have one. Not followed by Reload.
  virtual absl::Status Enable(const std::string& unit, absl::Time deadline,
                              std::stop_token stop) = 0;

  // Forgets the unit's failures and how often it was started lately, so that a unit which ran into
  // its limit of starts can be started again.
  virtual absl::Status ResetFailed(const std::string& unit, absl::Time deadline,
                                   std::stop_token stop) = 0;

  // Asks for an orderly reboot of the host; returns when systemd has taken it on.
  virtual absl::Status Reboot(absl::Time deadline, std::stop_token stop) = 0;

  // Waits until `until` holds of the unit's properties: asked at once, then each time systemd
  // announces that they changed, on the caller's thread. Returns what held.
  virtual absl::StatusOr<UnitProperties> WaitForUnit(
      const std::string& unit, const std::function<bool(const UnitProperties&)>& until,
      absl::Time deadline, std::stop_token stop) = 0;
};

// Over the system bus (or what DBUS_SYSTEM_BUS_ADDRESS says). Connects at the first call, so an
// agent without actions needs no bus. `clock` must outlive it.
std::unique_ptr<Systemd> NewBusSystemd(Clock* clock);

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_SYSTEMD_H_
