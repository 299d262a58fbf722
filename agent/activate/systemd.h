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

// The parts of the service manager that the agent needs. Thread-safe; calls run concurrently.
//
// Every call ends at its deadline, or soon after a stop request to its token. Errors of all:
// UNAVAILABLE: the bus or systemd cannot be reached, or was lost during the call (the next call
// reconnects); DEADLINE_EXCEEDED; CANCELLED: stop was requested; FAILED_PRECONDITION: systemd
// refused, the message says why.
class Systemd {
 public:
  virtual ~Systemd() = default;

  // Reloads the unit files (daemon-reload), and waits until that is done.
  virtual absl::Status Reload(absl::Time deadline, std::stop_token stop) = 0;

  // Runs one of kUnitVerbs on `unit` and waits for its job's result. OK: the job is done; the unit
  // need not be healthy yet: see WaitForUnit. FAILED_PRECONDITION: no such unit, or the job's
  // result was failed, timeout, dependency, canceled...; the message has the unit's result too. At
  // the deadline the job is left to systemd. INVALID_ARGUMENT: no such verb.
  virtual absl::Status RunVerb(const std::string& unit, const std::string& verb,
                               absl::Time deadline, std::stop_token stop) = 0;

  // A unit that does not exist is not an error: its load_state is "not-found".
  virtual absl::StatusOr<UnitProperties> Properties(const std::string& unit, absl::Time deadline,
                                                    std::stop_token stop) = 0;

  // The same, but only id, load_state, active_state and sub_state are set: for frequent checks, at
  // a fraction of the cost for agent and systemd.
  virtual absl::StatusOr<UnitProperties> State(const std::string& unit, absl::Time deadline,
                                               std::stop_token stop) = 0;

  // Enables the unit as in its [Install] section, if it has one. Does not call Reload.
  virtual absl::Status Enable(const std::string& unit, absl::Time deadline,
                              std::stop_token stop) = 0;

  // Resets the unit's failures and its count of recent starts, so that a unit that reached its
  // start limit can be started again.
  virtual absl::Status ResetFailed(const std::string& unit, absl::Time deadline,
                                   std::stop_token stop) = 0;

  // Requests an orderly reboot of the host; returns when systemd has accepted it.
  virtual absl::Status Reboot(absl::Time deadline, std::stop_token stop) = 0;

  // Waits until `until` is true for the unit's properties. Calls it at once, then each time systemd
  // announces a change, on the caller's thread. Returns the properties for which it was true.
  virtual absl::StatusOr<UnitProperties> WaitForUnit(
      const std::string& unit, const std::function<bool(const UnitProperties&)>& until,
      absl::Time deadline, std::stop_token stop) = 0;
};

// Uses the system bus (or DBUS_SYSTEM_BUS_ADDRESS). Connects at the first call, so an agent without
// actions needs no bus. `clock` must outlive it.
std::unique_ptr<Systemd> NewBusSystemd(Clock* clock);

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_SYSTEMD_H_
