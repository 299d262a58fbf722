// FleetState: one host, as it is kept, shown and stored.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/config/fleet_check.h"
#include "common/store/convert.h"
#include "services/planner/fleet/fleet_state.h"

namespace gitops {
namespace {

// Of a host, its stream and their entries in maps, without texts.
constexpr size_t kEntryBytes = 1024;

std::string AddressOf(const HostEntry& entry) {
  const std::string reported = entry.facts == nullptr ? "" : entry.facts->address;
  if (entry.spec == nullptr) return reported;
  return entry.fixed_address || reported.empty() ? entry.spec->address : reported;
}

}  // namespace

void HostEntry::SetState(v1::HostState to, absl::Time now) {
  if (state != to) state_time = now;
  state = to;
}

size_t HostEntry::Bytes(const AgentFacts& facts, size_t service_bytes) {
  return kEntryBytes + facts.address.size() + facts.version.size() + facts.boot_id.size() +
         (facts.config.has_value() ? facts.config->fault().size() : 0) + service_bytes;
}

bool HasFixedAddress(const HostSpec& spec) {
  if (!spec.secrets.empty()) return true;
  // What the configuration contains if it names no address.
  const bool literal = absl::StrContains(spec.name, ':');
  const auto address = NormalizeAddress(literal ? absl::StrCat("[", spec.name, "]") : spec.name);
  return !address.ok() || *address != spec.address;
}

FleetHost MakeFleetHost(const HostEntry& entry, int placed, const v1::FailedHealth* failed) {
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
  // Of a stale host that is not known, as the `sync` of its services.
  if (entry.state != v1::HOST_STATE_STALE) host.set_behind_count(entry.services.behind());
  if (failed != nullptr) *host.mutable_failed_health() = *failed;
  if (entry.facts == nullptr) return shown;
  *host.mutable_state_time() = ToTimestamp(entry.state_time);
  *host.mutable_last_seen_time() = ToTimestamp(entry.last_seen);
  host.set_version(entry.facts->version);
  host.set_boot_id(entry.facts->boot_id);
  if (entry.facts->config.has_value()) *host.mutable_config() = *entry.facts->config;
  host.set_config_difference(entry.config_difference);
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
  if (entry.facts->config.has_value()) {
    *seen.mutable_config() = Converted<record::v1::ConfigStatus>(*entry.facts->config);
  }
  *seen.mutable_last_seen_time() = ToTimestamp(entry.last_seen);
  if (entry.state == v1::HOST_STATE_STALE) {
    *seen.mutable_stale_time() = ToTimestamp(entry.state_time);
  }
  ConvertAll(entry.services.List(entry.name), *seen.mutable_services());
  return seen;
}

void FromSeen(const record::v1::SeenHost& seen, size_t most_bytes, HostEntry& entry) {
  auto facts = std::make_shared<AgentFacts>();
  facts->address = seen.address();
  facts->version = seen.version();
  facts->boot_id = seen.boot_id();
  if (seen.has_start_time()) facts->start_time = FromTimestamp(seen.start_time());
  if (seen.has_config()) facts->config = Converted<v1::ConfigStatus>(seen.config());
  entry.facts = std::move(facts);
  if (entry.name.empty()) entry.name = seen.host();
  entry.last_seen = FromTimestamp(seen.last_seen_time());
  entry.state = v1::HOST_STATE_STALE;
  entry.state_time = seen.has_stale_time() ? FromTimestamp(seen.stale_time()) : entry.last_seen;
  PackedServices services;
  size_t bytes = 0;
  for (const record::v1::Service& service : seen.services()) {
    PackedService packed = Pack(Converted<v1::Service>(service));
    bytes += service.service().size() + packed.bytes.size();
    if (bytes > most_bytes) break;
    services.insert_or_assign(service.service(), std::move(packed));
  }
  entry.services = ReportedServices().With(services, {});
}

}  // namespace gitops
