#include "common/config/service_placement.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/config/service_keys.h"
#include "common/config/service_values.h"
#include "common/config/variables.h"

namespace gitops {
namespace {

void Override(const ServiceEntry& exact, ServiceEntry& entry) {
  const std::vector<ServiceKey>& keys = ServiceKeys();
  for (size_t i = 0; i < keys.size(); ++i) {
    if (exact.named[i]) keys[i].copy(exact, entry);
  }
  entry.named |= exact.named;
  entry.varies |= exact.varies;
  entry.place = exact.place;
}

bool IsComplete(const ServiceEntry& entry) {
  if (entry.nix.has_value()) return true;
  // The upstream of [global] does not make it a service that follows git.
  return !entry.upstream.url.empty() && entry.nix_keys.profile.empty() &&
         entry.nix_keys.job_uri.empty();
}

// Decides which kind of service the entries for a host make together.
void SettleKind(const ServiceEntry& exact, ServiceEntry& entry,
                const std::function<void(absl::string_view)>& fault) {
  const bool nix = Names(entry, "profile") || Names(entry, "job_uri");
  if (!nix) {
    if (!IsComplete(entry)) {
      fault("upstream: is missing: give it here or in [global]");
    }
    return;
  }
  for (absl::string_view key : {"dirs", "upstream", "branch"}) {
    if (!Names(entry, key)) continue;
    fault(absl::StrCat(key, ": is for services that follow git; the entries for this host have a ",
                       "profile and job_uri"));
  }
  if (entry.nix_keys.profile.empty()) fault("profile: is missing: a job_uri needs it");
  if (entry.nix_keys.job_uri.empty()) fault("job_uri: is missing: a profile needs it");
  // The entry for many hosts has moved it there already.
  const std::string netrc_file = entry.nix.has_value() && !Names(exact, "netrc_file")
                                     ? entry.nix->netrc_file
                                     : entry.upstream.netrc_file;
  entry.nix = entry.nix_keys;
  entry.nix->netrc_file = netrc_file;
  entry.upstream = UpstreamSpec();
}

}  // namespace

const ServiceEntry& Placement::Giver(absl::string_view key) const {
  return wide == nullptr || (exact != nullptr && Names(*exact, key)) ? *exact : *wide;
}

std::string OnHost(std::string value, absl::string_view host) {
  SetVariable(kMachineVariable, host, value);
  return value;
}

ConfigFault PlacementConflict::Fault(absl::string_view host) const {
  const std::string place = first->place.SeenFrom(second->place);
  const std::string label = absl::StrCat("[[services]] \"", second->service, "\": service: ");
  if (second->hosts == nullptr) {
    return {second->place, absl::StrCat(label, "is given twice for this host, first in ", place)};
  }
  return {second->place,
          absl::StrCat(label, "is given twice for ", host, " by tagged or machines, first in ",
                       place, ": of the entries for a host, only one may be for many hosts")};
}

ServiceIndex::ServiceIndex(const std::vector<ServiceEntry>& services) : services_(services) {
  for (size_t i = 0; i < services.size(); ++i) {
    const int number = static_cast<int>(i);
    if (services[i].hosts == nullptr) {
      exact_[absl::AsciiStrToLower(services[i].machine)].push_back(number);
    } else {
      wide_.Add(*services[i].hosts, number);
    }
  }
}

std::vector<Placement> ServiceIndex::On(absl::string_view host, absl::Span<const std::string> tags,
                                        absl::Span<const std::string> aliases,
                                        std::vector<PlacementConflict>* conflicts) const {
  std::vector<int> numbers = wide_.Find(host, tags);
  std::set<std::string> names = {absl::AsciiStrToLower(host)};
  for (const std::string& alias : aliases) names.insert(absl::AsciiStrToLower(alias));
  for (const std::string& name : names) {
    const auto at = exact_.find(name);
    if (at != exact_.end()) numbers.insert(numbers.end(), at->second.begin(), at->second.end());
  }
  std::sort(numbers.begin(), numbers.end());
  std::vector<Placement> placements;
  placements.reserve(numbers.size());
  std::map<absl::string_view, size_t> by_service;
  for (const int number : numbers) {
    const ServiceEntry& entry = services_[number];
    const auto [at, is_new] = by_service.emplace(entry.service, placements.size());
    if (is_new) placements.emplace_back();
    Placement& placement = placements[at->second];
    const ServiceEntry*& place = entry.hosts == nullptr ? placement.exact : placement.wide;
    if (place == nullptr) {
      place = &entry;
    } else if (conflicts != nullptr) {
      conflicts->push_back({place, &entry});
    }
  }
  return placements;
}

ServiceSpec Resolve(const Placement& placement, absl::string_view host,
                    std::vector<ConfigFault>& faults) {
  ServiceEntry entry = placement.wide == nullptr ? *placement.exact : *placement.wide;
  const auto fault = [&](absl::string_view message) {
    faults.push_back(
        {entry.place, absl::StrCat("[[services]] \"", entry.service, "\": ", message)});
  };
  if (placement.wide != nullptr && placement.exact != nullptr) {
    Override(*placement.exact, entry);
    SettleKind(*placement.exact, entry, fault);
  } else if (!IsComplete(entry)) {
    SettleKind(entry, entry, fault);
  }
  if (!placement.IsPlain()) {
    for (const ValueFault& value : SetMachine(host, host, entry)) {
      const ConfigPlace& place = value.place.file == nullptr ? entry.place : value.place;
      faults.push_back({place, absl::StrCat("[[services]] \"", entry.service, "\": ", value.key,
                                            ": ", value.message)});
    }
  }
  if (placement.wide != nullptr) entry.machine = std::string(host);
  return std::move(static_cast<ServiceSpec&>(entry));
}

void CheckSharedLocals(const std::vector<ServiceSpec>& services, std::vector<ConfigFault>& faults) {
  struct Owner {
    const ServiceSpec* service;
    const DirectorySpec* directory;
  };
  std::map<absl::string_view, Owner> owners;
  for (const ServiceSpec& spec : services) {
    for (size_t i = 0; i < spec.directories.size(); ++i) {
      const DirectorySpec& directory = spec.directories[i];
      if (directory.local.empty()) continue;
      const auto [first, is_free] = owners.emplace(directory.local, Owner{&spec, &directory});
      if (is_free || first->second.service == &spec) continue;
      faults.push_back(
          {directory.place,
           absl::StrCat("[[services]] \"", spec.service, "\": dirs[", i + 1, "]: local: \"",
                        directory.local, "\" is also a local path of \"",
                        first->second.service->service, "\", in ",
                        first->second.directory->place.SeenFrom(directory.place),
                        ": only one service of a host may publish there")});
    }
  }
}

std::vector<ConfigFault> CheckPlacements(const FleetConfig& config) {
  std::vector<ConfigFault> faults;
  const ServiceIndex index(config.services);
  std::set<std::pair<const ServiceEntry*, const ServiceEntry*>> reported;
  for (const HostSpec& host : config.hosts) {
    std::vector<PlacementConflict> conflicts;
    const std::vector<Placement> placements = index.On(host.name, host.tags, {}, &conflicts);
    for (const PlacementConflict& conflict : conflicts) {
      if (!reported.emplace(conflict.first, conflict.second).second) continue;
      faults.push_back(conflict.Fault(host.name));
    }
    for (const Placement& placement : placements) {
      // It was checked when it was read, unless it needs an entry for many hosts.
      if (placement.IsPlain() && IsComplete(placement.main())) continue;
      const std::pair both(placement.wide, placement.exact);
      if (reported.contains(both)) continue;
      const size_t before = faults.size();
      Resolve(placement, host.name, faults);
      if (faults.size() > before) reported.insert(both);
    }
  }
  return faults;
}

}  // namespace gitops
