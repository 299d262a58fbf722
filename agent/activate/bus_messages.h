#ifndef GITOPS_AGENT_ACTIVATE_BUS_MESSAGES_H_
#define GITOPS_AGENT_ACTIVATE_BUS_MESSAGES_H_

#include <systemd/sd-bus.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/activate/unit.h"

namespace gitops {

// The messages to and from systemd: names of methods and objects, and parsers of replies. An
// unexpected reply is INTERNAL.

// The manager's method for a verb: "ReloadUnit". INVALID_ARGUMENT: not one of kUnitVerbs.
absl::StatusOr<std::string> VerbMethod(absl::string_view verb);

// The object of a unit, whether it is loaded or not.
absl::StatusOr<std::string> UnitPath(const std::string& unit);

struct JobRemoved {
  std::string job;     // object path
  std::string result;  // "done", "failed", ...
};
absl::StatusOr<JobRemoved> ReadJobRemoved(sd_bus_message* signal);

absl::StatusOr<std::string> ReadObjectPath(sd_bus_message* reply);

// From the reply to GetAll.
absl::StatusOr<UnitProperties> ReadUnitProperties(sd_bus_message* reply);

// From the reply to ListUnitsByNames for one unit.
absl::StatusOr<UnitProperties> ReadUnitState(sd_bus_message* reply);

// Describes a job's result other than done.
std::string ExplainJobResult(absl::string_view result);

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_BUS_MESSAGES_H_
