#include "services/planner/fleet/host_entry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/config/fleet_check.h"
#include "common/store/convert.h"

namespace gitops {
namespace {

constexpr size_t kMostServices = 10'000;
constexpr size_t kMostBytes = 8 << 20;

bool IsDegraded(v1::ServiceState state) {
  return state == v1::SERVICE_STATE_BROKEN || state == v1::SERVICE_STATE_DIFF;
}

std::string AddressOf(const HostEntry& entry) {
  const std::string reported = entry.facts == nullptr ? "" : entry.facts->address;
  if (entry.spec == nullptr) return reported;
  return entry.fixed_address || reported.empty() ? entry.spec->address : reported;
}

}  // namespace

std::vector<ReportedServices::Reported>::iterator ReportedServices::Position(
    absl::string_view service) {
  return std::lower_bound(
      services_.begin(), services_.end(), service,
      [](const Reported& reported, absl::string_view name) { return reported.name < name; });
}

bool ReportedServices::Put(const v1::Service& service) {
  std::string bytes = service.SerializeAsString();
  const auto at = Position(service.service());
  const bool known = at != services_.end() && at->name == service.service();
  if (known && at->bytes == bytes) return false;
  const size_t after = bytes_ + bytes.size() - (known ? at->bytes.size() : 0);
  if (after > kMostBytes || (!known && services_.size() >= kMostServices)) {
    overflowed_ = true;
    return false;
  }
  bytes_ = after;
  Reported reported{service.service(), std::move(bytes), IsDegraded(service.state())};
  if (known) {
    *at = std::move(reported);
  } else {
    services_.insert(at, std::move(reported));
  }
  return true;
}

bool ReportedServices::Remove(absl::string_view service) {
  const auto at = Position(service);
  if (at == services_.end() || at->name != service) return false;
  bytes_ -= at->bytes.size();
  services_.erase(at);
  return true;
}

void ReportedServices::Clear() { *this = ReportedServices(); }

std::vector<v1::Service> ReportedServices::List(const std::string& host) const {
  std::vector<v1::Service> list(services_.size());
  for (size_t i = 0; i < services_.size(); ++i) {
    list[i].ParseFromString(services_[i].bytes);
    list[i].set_host(host);
  }
  return list;
}

int ReportedServices::degraded() const {
  return static_cast<int>(std::count_if(services_.begin(), services_.end(),
                                        [](const Reported& service) { return service.degraded; }));
}

void HostEntry::SetState(v1::HostState to, absl::Time now) {
  if (state != to) state_time = now;
  state = to;
  snapshot.reset();
}

bool HasFixedAddress(const HostSpec& spec) {
  if (!spec.secrets.empty()) return true;
  // What the configuration has where it names no address.
  const bool literal = absl::StrContains(spec.name, ':');
  const auto address = NormalizeAddress(literal ? absl::StrCat("[", spec.name, "]") : spec.name);
  return !address.ok() || *address != spec.address;
}

FleetHost MakeFleetHost(const HostEntry& entry, int placed) {
  FleetHost shown;
  const std::string address = AddressOf(entry);
  if (entry.spec != nullptr) shown.spec = *entry.spec;
  shown.spec.name = entry.name;
  shown.spec.address = address;
  v1::Host& host = shown.host;
  host.set_host(entry.name);
  host.set_address(address);
  for (const std::string& tag : shown.spec.tags) host.add_tags(tag);
  host.set_state(entry.state);
  host.set_configured(entry.spec != nullptr);
  host.set_service_count(entry.facts == nullptr ? placed : entry.services.size());
  host.set_degraded_count(entry.services.degraded());
  if (entry.facts == nullptr) return shown;
  *host.mutable_state_time() = ToTimestamp(entry.state_time);
  *host.mutable_last_seen_time() = ToTimestamp(entry.last_seen);
  host.set_version(entry.facts->version);
  host.set_boot_id(entry.facts->boot_id);
  return shown;
}

record::v1::SeenHost ToSeen(const HostEntry& entry) {
  record::v1::SeenHost seen;
  seen.set_host(entry.name);
  seen.set_address(entry.facts->address);
  seen.set_version(entry.facts->version);
  seen.set_boot_id(entry.facts->boot_id);
  if (entry.facts->start_time != absl::InfinitePast()) {
    *seen.mutable_start_time() = ToTimestamp(entry.facts->start_time);
  }
  *seen.mutable_last_seen_time() = ToTimestamp(entry.last_seen);
  if (entry.state == v1::HOST_STATE_STALE) {
    *seen.mutable_stale_time() = ToTimestamp(entry.state_time);
  }
  ConvertAll(entry.services.List(entry.name), *seen.mutable_services());
  return seen;
}

void FromSeen(const record::v1::SeenHost& seen, HostEntry& entry) {
  auto facts = std::make_shared<AgentFacts>();
  facts->address = seen.address();
  facts->version = seen.version();
  facts->boot_id = seen.boot_id();
  if (seen.has_start_time()) facts->start_time = FromTimestamp(seen.start_time());
  entry.facts = std::move(facts);
  if (entry.name.empty()) entry.name = seen.host();
  entry.last_seen = FromTimestamp(seen.last_seen_time());
  entry.state = v1::HOST_STATE_STALE;
  entry.state_time = seen.has_stale_time() ? FromTimestamp(seen.stale_time()) : entry.last_seen;
  for (const record::v1::Service& service : seen.services()) {
    entry.services.Put(Converted<v1::Service>(service));
  }
  entry.snapshot.reset();
}

}  // namespace gitops
