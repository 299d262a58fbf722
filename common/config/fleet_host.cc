#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/fleet_check.h"
#include "common/config/fleet_reader.h"
#include "common/config/host_values.h"
#include "common/config/variables.h"
#include "common/text/braces.h"
#include "common/text/glob.h"

namespace gitops {
namespace {

// The names that `name` stands for, at most `most`.
std::vector<std::string> ReadNames(const TomlTable& table, size_t most) {
  const std::optional<std::string> name = table.Text("name");
  if (!name.has_value()) {
    if (!table.Has("name")) table.Fault("name", "is missing: give the host's name");
    return {};
  }
  const auto fault = [&](absl::string_view message) -> std::vector<std::string> {
    table.Fault("name", message);
    return {};
  };
  std::vector<std::string> names = {*name};
  if (absl::StrContains(*name, '{') && name->size() <= kMaxGlobBytes) {
    auto expanded = ExpandBraces(*name, most);
    if (!expanded.ok()) {
      return fault(absl::StrCat("\"", *name, "\" ", expanded.status().message()));
    }
    names = *std::move(expanded);
  }
  for (const std::string& one : names) {
    const absl::Status status = CheckHostName(one);
    if (!status.ok()) return fault(status.message());
  }
  table.SetName(*name);
  return names;
}

std::string DefaultAddress(const std::string& name) {
  return *NormalizeAddress(absl::StrContains(name, ':') ? absl::StrCat("[", name, "]") : name);
}

void ReadHostSecrets(const TomlTable& table, const std::string& directory, HostSpec& host) {
  std::map<std::string, std::string> names;
  for (const auto& [name, secret] : table.NamedTables("secrets")) {
    SecretSpec spec = ReadSecret(secret, directory);
    // By destination: the secret that came first.
    const auto [first, is_new] = names.emplace(spec.destination, name);
    if (!is_new && !spec.destination.empty()) {
      secret.Fault("destination",
                   absl::StrCat("\"", spec.destination, "\" is also the destination of secret \"",
                                first->second, "\": one would replace the other"));
    }
    host.secrets.emplace(name, std::move(spec));
  }
}

ChecksSpec ReadHostChecks(const TomlTable& host, absl::string_view key) {
  if (!host.Has(key)) return {};
  const std::optional<TomlTable> table = host.Table(key);
  return table.has_value() ? ReadChecks(*table) : ChecksSpec();
}

// A host without its name; values may contain ${machine}. An empty address is the default.
HostSpec ReadHost(const TomlTable& table, const std::string& directory) {
  HostSpec host;
  host.place = table.place();
  Store(table.Text("address"), host.address);
  host.names_address = !host.address.empty();
  host.tags = ReadTags(table, "tags");
  host.health_checks = ReadHostChecks(table, "health_checks");
  host.pre_deploy_checks = ReadHostChecks(table, "pre_deploy_checks");
  ReadHostSecrets(table, directory, host);
  return host;
}

// Returns whether the address is valid for this host; reports an error if not.
bool SetAddress(const TomlTable& table, HostSpec& host) {
  if (host.address.empty()) {
    host.address = DefaultAddress(host.name);
    return true;
  }
  absl::Status status = CheckVariables(host.address, {kMachineVariable});
  if (status.ok()) {
    const bool varies = SetVariable(kMachineVariable, host.name, host.address);
    auto normal = NormalizeAddress(host.address);
    if (normal.ok()) {
      host.address = *std::move(normal);
      return true;
    }
    status = absl::InvalidArgumentError(absl::StrCat(
        normal.status().message(), varies ? absl::StrCat(" (on ", host.name, ")") : ""));
  }
  table.Fault("address", status.message());
  return false;
}

// Adds the host under each of its names.
void AddHosts(const TomlTable& table, const HostSpec& host, const std::vector<std::string>& names,
              std::map<std::string, ConfigPlace>& places, FleetConfig& config) {
  bool faulty = false;
  for (const std::string& name : names) {
    const auto [first, is_new] = places.emplace(absl::AsciiStrToLower(name), host.place);
    if (!is_new && !faulty) {
      table.Fault("name", absl::StrCat("\"", name, "\" is given twice, first in ",
                                       first->second.SeenFrom(host.place)));
      faulty = true;
    }
    HostSpec one = host;
    one.name = name;
    if (!faulty) faulty = !SetAddress(table, one);
    SetMachine(name, one);
    config.hosts.push_back(std::move(one));
  }
}

}  // namespace

void ReadHosts(const std::vector<FleetSource>& sources, FleetConfig& config) {
  std::map<std::string, ConfigPlace> places;
  for (const FleetSource& source : sources) {
    for (const TomlTable& table : source.root.Tables("hosts")) {
      const size_t left = kMaxNames - std::min(kMaxNames, config.hosts.size());
      const std::vector<std::string> names = ReadNames(table, left);
      AddHosts(table, ReadHost(table, source.directory), names, places, config);
    }
  }
  if (const std::optional<TomlTable> fleet = sources.front().root.Table("fleet")) {
    config.order_by_tags = ReadTags(*fleet, "order_by_tags");
  }
}

}  // namespace gitops
