#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/fleet_check.h"
#include "common/config/fleet_reader.h"
#include "common/config/service_keys.h"
#include "common/config/service_values.h"

namespace gitops {
namespace {

constexpr absl::string_view kDefaultMount = "/var/lib/gitops";
// What ${machine} stands for where no host is known yet.
constexpr absl::string_view kSomeMachine = "machine";

// The values of [global].
struct Defaults {
  ServiceEntry entry;
  bool faulty_upstream = false;  // and reported, so it is not missing
};

void RequireKey(const TomlTable& table, absl::string_view key, absl::string_view advice) {
  // An empty value was reported already, unless it counts as not given in gitopper.
  const bool said = table.Has(key) && table.String(key) != "";
  if (!said) table.Fault(key, absl::StrCat("is missing: ", advice));
}

bool HasOwnUpstream(const TomlTable& table) {
  return table.Has("upstream") && table.String("upstream") != "";
}

absl::Status CheckMachine(absl::string_view machine) {
  const absl::Status status = CheckHostName(machine);
  if (status.ok() || machine.find_first_of("*?[{") == absl::string_view::npos) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(status.message(), "; for many hosts write machines = [\"", machine, "\"]"));
}

void ReadHostsOf(const TomlTable& table, ServiceEntry& entry) {
  Store(CheckedText(table, "machine", CheckMachine), entry.machine);
  entry.hosts = ReadSelector(table);
  if (entry.hosts != nullptr) {
    if (table.Has("machine")) {
      table.Fault("machine",
                  "is for one host, and machines and tagged are for many: give one of the two");
    }
    entry.machine.clear();
  } else if (entry.machine.empty() && !table.Has("machine")) {
    table.Fault("machine",
                "is missing: give the host's name, or an alias of --hosts; or machines or tagged, "
                "for many hosts");
  }
}

void Report(const TomlTable& table, const std::vector<ValueFault>& faults) {
  for (const ValueFault& fault : faults) {
    if (fault.place.file == nullptr) {
      table.Fault(fault.key, fault.message);
    } else {
      table.FaultAt(fault.place, absl::StrCat(fault.key, ": ", fault.message));
    }
  }
}

ServiceEntry ReadService(const TomlTable& table, const std::string& directory, ServiceEntry entry) {
  entry.place = table.place();
  if (const auto name = table.String("service")) {
    if (!name->empty()) table.SetName(*name);
  }
  Store(CheckedText(table, "service", CheckServiceName), entry.service);
  if (!table.Has("service")) table.Fault("service", "is missing: give the unit's name");
  ReadHostsOf(table, entry);
  const std::vector<ServiceKey>& keys = ServiceKeys();
  for (size_t i = 0; i < keys.size(); ++i) entry.named[i] = keys[i].read(table, directory, entry);
  return entry;
}

// The other keys may come from an entry for many hosts.
void CheckNix(const TomlTable& table, bool overrides, ServiceEntry& entry) {
  if (!overrides) {
    RequireKey(table, "profile", "a service with a job_uri needs a profile, for example \"web\"");
    RequireKey(table, "job_uri", "a service with a profile needs a job_uri");
  }
  for (absl::string_view key : {"dirs", "upstream", "branch"}) {
    if (table.Has(key)) {
      table.Fault(key, "is for services that follow git; this one has a profile and job_uri");
    }
  }
  if (overrides) return;
  entry.nix = entry.nix_keys;
  entry.nix->netrc_file = entry.upstream.netrc_file;
  entry.upstream = UpstreamSpec();
}

// Checks an entry that was read. `overrides`: it may add to one for many hosts.
void CheckService(const TomlTable& table, bool faulty_upstream, bool overrides,
                  ServiceEntry& entry) {
  const std::vector<ValueFault> faults = SetService(entry);
  Report(table, faults);
  if (table.Has("profile") || table.Has("job_uri")) return CheckNix(table, overrides, entry);
  if (!overrides && table.Has("require")) {
    table.Fault("require", "is for services with a profile and job_uri");
  }
  if (!overrides && entry.upstream.url.empty() && !faulty_upstream) {
    RequireKey(table, "upstream", "give it here or in [global]");
  }
  if (!entry.varies) return Report(table, CheckDirectories(entry));
  // With the names of hosts, it is checked where these are known.
  ServiceEntry sample = entry;
  if (faults.empty()) Report(table, SetMachine(kSomeMachine, "", sample));
}

void ReadGitopperKeys(const TomlTable& table, FleetConfig& config) {
  if (!table.Has("keys")) return;
  config.warnings.push_back(absl::StrCat(table.Where("keys"),
                                         ": keys has no effect: there is no SSH port, and no "
                                         "access by key or certificate yet; whoever "
                                         "reaches the address of --listen may use it"));
  std::vector<TomlTable> keys;
  if (table.IsTable("keys")) {
    keys.push_back(*table.Table("keys"));
  } else {
    keys = table.Tables("keys");
  }
  for (const TomlTable& key : keys) {
    key.Bool("ro");
    // gitopper 0.0.1 had one table with a list of paths.
    if (key.IsArray("path")) {
      const auto paths = key.Strings("path").value_or(std::vector<std::string>());
      config.gitopper_keys.insert(config.gitopper_keys.end(), paths.begin(), paths.end());
    } else if (const auto path = key.String("path")) {
      config.gitopper_keys.push_back(*path);
    }
  }
}

Defaults ReadGlobal(const TomlTable& root, const std::string& directory, FleetConfig& config) {
  Defaults defaults;
  defaults.entry.mount = std::string(kDefaultMount);
  const std::optional<TomlTable> global = root.Table("global");
  if (!global.has_value()) return defaults;
  Store(CheckedText(*global, "machine", CheckMachine), defaults.entry.machine);
  for (const ServiceKey& key : ServiceKeys()) {
    if (key.in_global) key.read(*global, directory, defaults.entry);
  }
  defaults.faulty_upstream = HasOwnUpstream(*global) && defaults.entry.upstream.url.empty();
  ReadGitopperKeys(*global, config);
  // gitopper's [global] has all keys of a service, and ignores these.
  for (absl::string_view key : {"service", "dirs"}) {
    if (global->Has(key)) {
      config.warnings.push_back(absl::StrCat(global->Where(key), ": [global]: ", key,
                                             " has no effect: set it in each [[services]]"));
    }
  }
  return defaults;
}

}  // namespace

std::optional<std::string> FilePath(const TomlTable& table, absl::string_view key,
                                    const std::string& directory) {
  const std::optional<std::string> path = table.String(key);
  if (!path.has_value() || path->empty() || absl::StartsWith(*path, "/")) return path;
  return absl::StrCat(directory, directory == "/" ? "" : "/", *path);
}

void ReadServices(const std::vector<FleetSource>& sources, FleetConfig& config) {
  const FleetSource& main = sources.front();
  const Defaults defaults = ReadGlobal(main.root, main.directory, config);
  ReadGitopperKeys(main.root, config);
  std::vector<TomlTable> tables;
  std::set<std::string> for_many;  // services that some entry places on many hosts
  for (const FleetSource& source : sources) {
    for (TomlTable& table : source.root.Tables("services")) {
      ServiceEntry entry = ReadService(table, source.directory, defaults.entry);
      if (entry.hosts != nullptr) for_many.insert(entry.service);
      config.services.push_back(std::move(entry));
      tables.push_back(std::move(table));
    }
  }
  for (size_t i = 0; i < tables.size(); ++i) {
    ServiceEntry& entry = config.services[i];
    const bool overrides = entry.hosts == nullptr && for_many.contains(entry.service);
    const bool faulty_upstream = defaults.faulty_upstream || HasOwnUpstream(tables[i]);
    CheckService(tables[i], faulty_upstream, overrides, entry);
  }
}

}  // namespace gitops
