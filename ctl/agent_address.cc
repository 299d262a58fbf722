#include "ctl/agent_address.h"

#include <algorithm>

#include "absl/time/time.h"
#include "common/client/planner_client.h"
#include "common/config/config_files.h"
#include "common/config/fleet.h"
#include "common/config/ports.h"
#include "common/rpc/address.h"
#include "ctl/client_options.h"

namespace gitops::ctl {
namespace {

// The brake does not wait longer for a planner that hangs.
constexpr absl::Duration kPatience = absl::Milliseconds(500);

std::string FromPlanner(const std::string& name, const Invocation& invocation,
                        const Console& console) {
  Flags flags = invocation.flags;
  flags.timeout = std::min(kPatience, flags.timeout.value_or(kPatience));
  const std::string address = flags.planner.empty() ? DefaultPlanner() : flags.planner;
  auto planner = PlannerClient::New(ClientOptionsFor(address, flags, console));
  if (!planner.ok()) return "";
  const absl::StatusOr<v1::Host> host = planner->GetHost(name);
  return host.ok() ? host->address() : "";
}

std::string FromConfig(const std::string& name, const std::string& file) {
  const ConfigReading reading = ReadConfigFiles(file);
  if (!reading.files.ok()) return "";
  const absl::StatusOr<FleetConfig> config = ParseFleetConfig(*reading.files);
  if (!config.ok()) return "";
  for (const HostSpec& host : config->hosts) {
    if (host.name == name) return host.address;
  }
  return "";
}

}  // namespace

std::string AddressOfHost(const Invocation& invocation, const Console& console) {
  const std::string name = HostName(invocation);
  std::string known = FromPlanner(name, invocation, console);
  if (known.empty()) known = FromConfig(name, invocation.flags.config);
  const absl::StatusOr<Address> address = ParseAddress(known, kAgentPort);
  return known.empty() || !address.ok() ? invocation.host : address->ToString();
}

}  // namespace gitops::ctl
