#include "agent/program/host_names.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/fleet_check.h"

namespace gitops {
namespace {

// gitopper's alias for a config that is the same on all machines: no name of a host.
constexpr char kEveryMachine[] = "localhost";

bool Contains(const std::vector<std::string>& names, absl::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& one) { return absl::EqualsIgnoreCase(one, name); });
}

// The name in [[hosts]], as it is spelled there; empty: none.
std::string Listed(const FleetConfig& fleet, const std::string& name) {
  for (const HostSpec& host : fleet.hosts) {
    if (absl::EqualsIgnoreCase(host.name, name)) return host.name;
  }
  return "";
}

bool IsMachineOfAService(const FleetConfig& fleet, const std::string& name) {
  return std::any_of(fleet.services.begin(), fleet.services.end(), [&](const ServiceEntry& entry) {
    return entry.hosts == nullptr && absl::EqualsIgnoreCase(entry.machine, name);
  });
}

// The name under which earlier versions reported the host, as far as the agent can tell.
std::string FormerName(const FleetConfig& fleet, const std::vector<std::string>& aliases) {
  std::string first;
  for (const std::string& alias : aliases) {
    if (alias == kEveryMachine) continue;
    if (IsMachineOfAService(fleet, alias)) return alias;
    if (first.empty()) first = alias;
  }
  return first;
}

}  // namespace

const std::string& HostNames::HostOf(const std::string& machine) const {
  if (certain) return name;
  const auto found = std::find_if(listed.begin(), listed.end(), [&](const std::string& one) {
    return absl::EqualsIgnoreCase(one, machine);
  });
  return found == listed.end() ? name : *found;
}

absl::StatusOr<HostNames> DecideHostNames(const Settings& settings, const FleetConfig& fleet,
                                          const std::string& machine) {
  HostNames names;
  const std::string& given = settings.Get("name");
  for (const std::string& alias : settings.GetList("hosts")) {
    if (alias != machine && alias != given && !Contains(names.aliases, alias)) {
      names.aliases.push_back(alias);
    }
  }
  if (!given.empty()) {
    if (absl::Status status = CheckHostName(given); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(settings.Origin("name"), ": name: ", status.message()));
    }
    names.name = names.own = given;
    return names;
  }
  for (const std::string& alias : names.aliases) {
    if (std::string one = Listed(fleet, alias); !one.empty()) names.listed.push_back(one);
  }
  names.own = machine;
  names.name = machine;
  const bool only_general =
      std::all_of(names.aliases.begin(), names.aliases.end(),
                  [](const std::string& alias) { return alias == kEveryMachine; });
  if (names.listed.size() == 1) {
    names.name = names.own = names.listed[0];
  } else if (!names.listed.empty()) {
    names.certain = false;
    names.name = names.listed[0];
  } else if (Listed(fleet, machine).empty() && !only_general) {
    names.certain = false;
    std::vector<std::string> all = names.aliases;
    all.push_back(machine);
    names.name = FormerName(fleet, all);
  }
  names.aliases.push_back(machine);
  return names;
}

}  // namespace gitops
