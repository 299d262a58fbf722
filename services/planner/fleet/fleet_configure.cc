// FleetState: the configuration.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "common/config/toml.h"
#include "common/git/url.h"
#include "services/planner/fleet/fleet_state.h"

namespace gitops {
namespace {

v1::Service PlacedService(const Placement& placement, const std::string& host) {
  v1::Service service;
  service.set_host(host);
  service.set_service(placement.service());
  service.set_upstream(RedactUrl(OnHost(placement.Giver("upstream").upstream.url, host)));
  service.set_branch(OnHost(placement.Giver("branch").branch, host));
  service.set_tracking(placement.Giver("tracking").tracking == Tracking::kCoordinated
                           ? v1::TRACKING_COORDINATED
                           : v1::TRACKING_AUTO);
  return service;
}

bool SameEntry(const ServiceEntry* a, const ServiceEntry* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->named == b->named && static_cast<const ServiceSpec&>(*a) == *b;
}

// Whether two configurations place the same on a host.
bool SameServices(const std::vector<Placement>& a, const std::vector<Placement>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Placement& one, const Placement& other) {
                      return SameEntry(one.wide, other.wide) && SameEntry(one.exact, other.exact);
                    });
}

}  // namespace

void FleetState::Configure(std::shared_ptr<const FleetConfig> config, absl::Time now) {
  // Entries point into it until they are moved to the new one.
  const std::shared_ptr<const FleetConfig> former = std::exchange(config_, std::move(config));
  const auto placed_before = std::exchange(placed_, {});
  const std::vector<HostEntry*> before = std::exchange(configured_, {});
  shown_.reset();
  digests_.emplace(ConfigDirectory(config_->file));
  PlaceServices();
  for (const HostSpec& spec : config_->hosts) ConfigureHost(spec);
  LeaveConfiguration(before);
  // For hosts that never reported, the services that are placed there are all that is known.
  // Others are compared with what they run.
  for (HostEntry* entry : configured_) {
    const std::string key = absl::AsciiStrToLower(entry->name);
    const auto was = placed_before.find(key);
    const auto is = placed_.find(key);
    const bool placed = is != placed_.end();
    if (placed == (was != placed_before.end()) &&
        (!placed || SameServices(was->second, is->second))) {
      continue;
    }
    if (entry->facts == nullptr) {
      Changed(*entry);
    } else {
      CompareConfig(*entry);
    }
  }
  for (auto& [id, stream] : streams_) Settle(stream, {}, now);
  SettleOthers(now);
  Trim();
}

void FleetState::PlaceServices() {
  const ServiceIndex index(config_->services);
  for (const HostSpec& host : config_->hosts) {
    std::vector<Placement> placements = index.On(host.name, host.tags);
    if (placements.empty()) continue;
    std::sort(placements.begin(), placements.end(),
              [](const Placement& a, const Placement& b) { return a.service() < b.service(); });
    placed_[absl::AsciiStrToLower(host.name)] = std::move(placements);
  }
}

void FleetState::ConfigureHost(const HostSpec& spec) {
  const std::string key = absl::AsciiStrToLower(spec.name);
  std::unique_ptr<HostEntry>& entry = entries_[key];
  if (entry == nullptr) entry = std::make_unique<HostEntry>();
  const bool same = entry->spec != nullptr && *entry->spec == spec;
  strangers_.erase(key);
  entry->spec = &spec;
  Account(*entry);
  entry->name = spec.name;
  entry->fixed_address = HasFixedAddress(spec);
  configured_.push_back(entry.get());
  if (same) return;
  CompareConfig(*entry);
  Changed(*entry);
}

void FleetState::LeaveConfiguration(const std::vector<HostEntry*>& before) {
  const std::unordered_set<const HostEntry*> still(configured_.begin(), configured_.end());
  for (HostEntry* entry : before) {
    if (still.contains(entry)) continue;
    const std::string key = absl::AsciiStrToLower(entry->name);
    entry->spec = nullptr;
    strangers_[key] = entry;
    CompareConfig(*entry);
    Account(*entry);
    if (entry->facts == nullptr) {
      Erase(key);
    } else {
      Changed(*entry);
    }
  }
}

void FleetState::CompareConfig(HostEntry& entry) {
  std::vector<std::string> different;
  if (entry.spec != nullptr && entry.facts != nullptr && entry.facts->config.has_value()) {
    const v1::ConfigStatus& config = *entry.facts->config;
    const auto placed = placed_.find(absl::AsciiStrToLower(entry.name));
    // A configuration without services for the host leaves them to the host's own.
    if (placed != placed_.end() && !config.services_hash().empty() &&
        config.services_hash() != digests_->OfServices(placed->second, entry.name)) {
      different.push_back("its services are not the planner's");
    }
    if (!config.host_hash().empty() && config.host_hash() != digests_->OfHost(*entry.spec)) {
      different.push_back(
          "its [[hosts]] entry (tags, commands of checks, secrets) is not the planner's");
    }
  }
  std::string difference = absl::StrJoin(different, "; ");
  if (difference == entry.config_difference) return;
  entry.config_difference = std::move(difference);
  Changed(entry);
}

int FleetState::PlacedOn(const std::string& key) const {
  const auto placed = placed_.find(key);
  return placed == placed_.end() ? 0 : static_cast<int>(placed->second.size());
}

bool FleetState::AwaitsCoordinated(const std::string& host, const std::string& service) const {
  const std::string key = absl::AsciiStrToLower(host);
  const auto placed = placed_.find(key);
  if (placed == placed_.end()) return false;
  const HostEntry* entry = FindEntry(key);
  return std::any_of(placed->second.begin(), placed->second.end(), [&](const Placement& one) {
    return (service.empty() || one.service() == service) &&
           one.Giver("tracking").tracking == Tracking::kCoordinated &&
           (entry == nullptr || !entry->services.Has(one.service()));
  });
}

std::vector<v1::Service> FleetState::Placed(const HostEntry& entry) const {
  std::vector<v1::Service> services;
  const auto placed = placed_.find(absl::AsciiStrToLower(entry.name));
  if (placed == placed_.end()) return services;
  for (const Placement& placement : placed->second) {
    services.push_back(PlacedService(placement, entry.name));
  }
  return services;
}

}  // namespace gitops
