#include "services/planner/fleet/fleet_state.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr absl::Duration kForget = absl::Hours(24 * 30);
constexpr size_t kShortText = 256;

std::string KeyOf(absl::string_view name) { return absl::AsciiStrToLower(name); }

bool Contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// The host's name first, where there is one.
std::vector<std::string> NamesOf(const v1::Hello& hello) {
  std::vector<std::string> names(hello.names().begin(), hello.names().end());
  if (!hello.name().empty()) names.insert(names.begin(), hello.name());
  return names;
}

std::shared_ptr<const AgentFacts> FactsOf(const v1::Hello& hello, const std::string& peer) {
  auto facts = std::make_shared<AgentFacts>();
  facts->address = DialAddress(hello.address(), peer);
  facts->version = CleanText(hello.version(), kShortText);
  facts->boot_id = CleanText(hello.boot_id(), kShortText);
  if (hello.has_start_time()) {
    facts->start_time = FromTimestamp(hello.start_time());
  }
  if (hello.has_config()) facts->config = CleanConfig(hello.config());
  return facts;
}

}  // namespace

FleetChanges::Warning Refusal(const std::string& peer, const absl::Status& why) {
  return {
      .message = "an agent's report is refused", .peer = peer, .error = std::string(why.message())};
}

void FleetState::Growth::Add(const HostEntry* entry, size_t bytes) {
  const bool is_known = entry != nullptr && entry->spec != nullptr;
  const size_t before = entry == nullptr ? 0 : entry->charge;
  (is_known ? known : unknown) += static_cast<int64_t>(bytes) - static_cast<int64_t>(before);
  hosts += entry == nullptr ? 1 : 0;
}

void FleetState::Load(const std::string& key, const record::v1::SeenHost& seen) {
  if (FindEntry(key) != nullptr) return;
  HostEntry& entry = AddStranger(key, seen.host());
  FromSeen(seen, limits_.agent_bytes, entry);
  Account(entry);
}

HostEntry* FleetState::FindEntry(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : found->second.get();
}

void FleetState::MarkHealth(const std::string& key, std::optional<v1::FailedHealth> failed) {
  if (failed.has_value()) {
    failed_health_[key] = *std::move(failed);
  } else {
    failed_health_.erase(key);
  }
  if (HostEntry* entry = FindEntry(key)) Changed(*entry);
}

const v1::FailedHealth* FleetState::FailedHealthOf(const std::string& key) const {
  if (failed_health_.empty()) return nullptr;
  const auto found = failed_health_.find(key);
  return found == failed_health_.end() ? nullptr : &found->second;
}

HostEntry& FleetState::AddStranger(const std::string& key, const std::string& name) {
  std::unique_ptr<HostEntry>& slot = entries_[key];
  slot = std::make_unique<HostEntry>();
  slot->name = name;
  strangers_[key] = slot.get();
  shown_.reset();
  return *slot;
}

void FleetState::Erase(const std::string& key) {
  const auto found = entries_.find(key);
  Changed(*found->second);
  Store(*found->second);
  Account(*found->second, /*gone=*/true);
  strangers_.erase(key);
  failed_health_.erase(key);
  entries_.erase(found);
}

void FleetState::Outdate(HostEntry& entry) {
  entry.snapshot.reset();
  shown_.reset();
}

void FleetState::Changed(HostEntry& entry) {
  Outdate(entry);
  changes_.changed.push_back(entry.name);
}

void FleetState::Store(const HostEntry& entry) { changes_.to_store.push_back(KeyOf(entry.name)); }

absl::StatusOr<uint64_t> FleetState::Connect(const v1::Hello& hello, const std::string& peer,
                                             const Principal& caller,
                                             const ServicesByHost& reported, absl::Time now) {
  const std::vector<std::string> sent = NamesOf(hello);
  const absl::StatusOr<std::vector<std::string>> names = ReportableNames(caller, sent);
  if (!names.ok()) return names.status();
  Stream stream;
  // A certificate decides it too.
  if (!hello.name().empty() || names->size() < sent.size()) stream.name = names->front();
  stream.own = KeyOf(sent.back());
  stream.id = ++last_stream_;
  stream.peer = peer;
  stream.caller = caller;
  stream.facts = FactsOf(hello, peer);
  std::vector<std::string> keys;
  for (const std::string& name : *names) {
    if (Contains(keys, KeyOf(name))) continue;
    keys.push_back(KeyOf(name));
    stream.names.push_back(name);
  }
  AddAliases(stream);
  const absl::Cleanup remove = [&] {
    if (!streams_.contains(stream.id)) RemoveAliases(stream);
  };
  const ServicesByHost services = AtHome(stream, reported);
  const std::vector<std::string> wanted = Wanted(stream, services);
  // The hello replaces earlier reports of these hosts.
  std::vector<size_t> bytes;
  size_t total = 0;
  for (const std::string& name : wanted) {
    const HostEntry* entry = FindEntry(KeyOf(name));
    if (entry != nullptr && !MayTake(stream, *entry)) {
      return MakeError(
          Reason::kHostTaken,
          absl::StrCat(
              "another agent reports for the host ", entry->name, ", from ",
              streams_.at(entry->stream).caller.address,
              "; stop one of them, or give them names of their own. If the host has a new address, "
              "the planner takes it when the old connection has been silent for ",
              absl::FormatDuration(stale_after_)));
    }
    const auto on_host = services.find(KeyOf(name));
    bytes.push_back(on_host == services.end() ? 0 : PackedBytes(on_host->second));
    total += bytes.back();
  }
  if (absl::Status fits = CheckAgent(stream.names[0], total); !fits.ok()) return fits;
  const auto growth = [&] {
    Growth more;
    for (size_t i = 0; i < wanted.size(); ++i) {
      more.Add(FindEntry(KeyOf(wanted[i])), HostEntry::Bytes(*stream.facts, bytes[i]));
    }
    return more;
  };
  if (absl::Status room = MakeRoom(stream.names[0], growth); !room.ok()) return room;
  Stream& kept = streams_[stream.id] = stream;
  Settle(kept, services, now);
  Keep(After(kept, services, {}));
  for (const HostEntry* entry : kept.hosts) Store(*entry);
  SettleOthers(now);
  return stream.id;
}

absl::Status FleetState::Change(uint64_t id, const ServicesByHost& reported,
                                const std::set<std::string>& removed, absl::Time now) {
  Stream& stream = streams_.at(id);
  const ServicesByHost services = AtHome(stream, reported);
  // This gives up a name that the stream has only because of a service that is removed.
  Keep(After(stream, {}, removed));
  Settle(stream, services, now);
  return KeepReported(stream, After(stream, services, {}), now);
}

absl::Status FleetState::TakeTip(uint64_t id, const VerifiedTip& tip, absl::Time now) {
  Stream& stream = streams_.at(id);
  Next next;
  for (HostEntry* entry : stream.hosts) next.emplace_back(entry, entry->services.AtTip(tip));
  return KeepReported(stream, std::move(next), now);
}

absl::Status FleetState::KeepReported(Stream& stream, Next next, absl::Time now) {
  Growth more;
  size_t total = 0;
  for (const auto& [entry, after] : next) {
    total += after.bytes();
    more.Add(entry, HostEntry::Bytes(*stream.facts, after.bytes()));
  }
  const auto growth = [&] { return more; };
  absl::Status room = CheckAgent(stream.names[0], total);
  if (room.ok()) room = MakeRoom(stream.names[0], growth);
  if (!room.ok()) {
    changes_.warnings.push_back(Refusal(stream.peer, room));
    return room;
  }
  Keep(std::move(next));
  Heard(stream, now);
  return absl::OkStatus();
}

FleetState::Next FleetState::After(const Stream& stream, const ServicesByHost& services,
                                   const std::set<std::string>& removed) {
  std::map<std::string, HostEntry*> hosts;
  for (HostEntry* entry : stream.hosts) hosts[KeyOf(entry->name)] = entry;
  for (const auto& [key, on_host] : services) {
    if (hosts.contains(key) || Contains(stream.taken, key)) continue;
    changes_.warnings.push_back({.message = "an agent reports services of a host that it is not",
                                 .host = key,
                                 .peer = stream.peer});
  }
  Next next;
  for (const auto& [key, entry] : hosts) {
    PackedServices put;
    std::set<std::string> gone = removed;
    for (const auto& [other, on_host] : services) {
      if (other == key) {
        put = on_host;
      } else if (hosts.contains(other)) {
        // It may have moved there from this name of the agent.
        for (const auto& [service, packed] : on_host) gone.insert(service);
      }
    }
    next.emplace_back(entry, entry->services.With(put, gone));
  }
  return next;
}

void FleetState::Keep(Next next) {
  for (auto& [entry, services] : next) {
    if (entry->services == services) continue;
    entry->services = std::move(services);
    Account(*entry);
    Changed(*entry);
  }
}

void FleetState::TakeConfig(uint64_t id, const v1::ConfigStatus& config, absl::Time now) {
  Stream& stream = streams_.at(id);
  auto facts = std::make_shared<AgentFacts>(*stream.facts);
  facts->config = config;
  stream.facts = std::move(facts);
  for (HostEntry* entry : stream.hosts) {
    entry->facts = stream.facts;
    CompareConfig(*entry);
    Account(*entry);
    Changed(*entry);
    Store(*entry);
  }
  Heard(stream, now);
}

void FleetState::Heartbeat(uint64_t id, absl::Time now) { Heard(streams_.at(id), now); }

void FleetState::Heard(Stream& stream, absl::Time now) {
  for (HostEntry* entry : stream.hosts) {
    entry->last_seen = now;
    Outdate(*entry);
    if (entry->state == v1::HOST_STATE_ONLINE) continue;
    entry->SetState(v1::HOST_STATE_ONLINE, now);
    Changed(*entry);
    Store(*entry);
  }
}

void FleetState::End(uint64_t id, absl::Time now) {
  const auto found = streams_.find(id);
  for (HostEntry* entry : found->second.hosts) {
    entry->stream = 0;
    entry->SetState(v1::HOST_STATE_STALE, now);
    Account(*entry);
    Changed(*entry);
    Store(*entry);
  }
  RemoveAliases(found->second);
  streams_.erase(found);
}

bool FleetState::Outdated(uint64_t id) const {
  const Stream& stream = streams_.at(id);
  return std::any_of(stream.taken.begin(), stream.taken.end(), [this](const std::string& key) {
    const HostEntry* entry = FindEntry(key);
    return entry == nullptr || entry->stream == 0;
  });
}

std::vector<std::string> FleetState::Wanted(const Stream& stream,
                                            const ServicesByHost& services) const {
  if (!stream.name.empty()) return {stream.name};
  std::vector<std::string> wanted;
  const std::string* first = nullptr;
  for (const std::string& name : stream.names) {
    if (!IsItsOwn(stream, name)) continue;
    if (first == nullptr) first = &name;
    const HostEntry* entry = FindEntry(KeyOf(name));
    const bool configured = entry != nullptr && entry->spec != nullptr;
    const bool reported =
        entry != nullptr && entry->stream == stream.id && entry->services.size() > 0;
    if (configured || reported || services.contains(KeyOf(name))) wanted.push_back(name);
  }
  if (wanted.empty()) wanted.push_back(*first);
  return wanted;
}

bool FleetState::IsItsOwn(const Stream& stream, const std::string& name) const {
  const std::string key = KeyOf(name);
  if (!stream.HasAlias(key)) return true;
  const HostEntry* entry = FindEntry(key);
  const auto use = aliases_.find(key);
  const bool configured = entry != nullptr && entry->spec != nullptr;
  if (!configured && use != aliases_.end() && use->second.shared) return false;
  if (entry == nullptr || entry->stream == 0 || entry->stream == stream.id) return true;
  const Stream& other = streams_.at(entry->stream);
  return other.name.empty() && other.own == stream.own;
}

ServicesByHost FleetState::AtHome(const Stream& stream, ServicesByHost services) const {
  const std::vector<std::string> wanted = Wanted(stream, services);
  if (wanted.size() != 1) return services;
  PackedServices all;
  for (auto& [key, on_host] : services) all.merge(on_host);
  ServicesByHost at_home;
  if (!all.empty()) at_home[KeyOf(wanted[0])] = std::move(all);
  return at_home;
}

void FleetState::AddAliases(const Stream& stream) {
  for (const std::string& name : stream.names) {
    if (!stream.HasAlias(KeyOf(name))) continue;
    AliasUse& use = aliases_[KeyOf(name)];
    use.streams[stream.own].insert(stream.id);
    if (use.shared || use.streams.size() < 2) continue;
    use.shared = true;
    for (const auto& [own, ids] : use.streams) lost_alias_.insert(ids.begin(), ids.end());
  }
}

void FleetState::RemoveAliases(const Stream& stream) {
  for (const std::string& name : stream.names) {
    const auto use = aliases_.find(KeyOf(name));
    if (use == aliases_.end()) continue;
    const auto ids = use->second.streams.find(stream.own);
    if (ids == use->second.streams.end() || ids->second.erase(stream.id) == 0) continue;
    if (ids->second.empty()) use->second.streams.erase(ids);
    if (use->second.streams.empty()) aliases_.erase(use);
  }
}

void FleetState::SettleOthers(absl::Time now) {
  for (const uint64_t id : std::exchange(lost_alias_, {})) {
    const auto found = streams_.find(id);
    if (found != streams_.end()) Settle(found->second, {}, now);
  }
}

void FleetState::Settle(Stream& stream, const ServicesByHost& services, absl::Time now) {
  const std::vector<std::string> wanted = Wanted(stream, services);
  std::vector<std::string> keys;
  for (const std::string& name : wanted) keys.push_back(KeyOf(name));
  const std::vector<HostEntry*> before = stream.hosts;
  for (HostEntry* entry : before) {
    if (!Contains(keys, KeyOf(entry->name))) Drop(stream, *entry);
  }
  for (const std::string& name : wanted) {
    const HostEntry* entry = FindEntry(KeyOf(name));
    if (entry != nullptr && entry->stream == stream.id) continue;
    if (Contains(stream.taken, KeyOf(name))) continue;
    if (entry != nullptr && (entry->stream > stream.id || !MayTake(stream, *entry))) {
      stream.taken.push_back(KeyOf(name));
      continue;
    }
    const auto growth = [&] {
      Growth more;
      more.Add(FindEntry(KeyOf(name)), HostEntry::Bytes(*stream.facts, 0));
      return more;
    };
    if (MakeRoom(name, growth).ok()) Take(stream, name, now);
  }
  stream.homeless = {};
}

void FleetState::Take(Stream& stream, const std::string& name, absl::Time now) {
  const std::string key = KeyOf(name);
  HostEntry* entry = FindEntry(key);
  if (entry == nullptr) entry = &AddStranger(key, name);
  if (entry->stream != 0) {
    Stream& older = streams_.at(entry->stream);
    WarnOfTakeover(stream, older, *entry);
    std::erase(older.hosts, entry);
    older.taken.push_back(key);
    if (older.HasAlias(key)) {
      older.homeless = entry->services;
      lost_alias_.insert(older.id);
    }
  }
  entry->stream = stream.id;
  entry->facts = stream.facts;
  entry->last_seen = now;
  entry->services = stream.hosts.empty() ? std::exchange(stream.homeless, {}) : ReportedServices();
  entry->SetState(v1::HOST_STATE_ONLINE, now);
  CompareConfig(*entry);
  Account(*entry);
  stream.hosts.push_back(entry);
  Changed(*entry);
  Store(*entry);
}

void FleetState::Drop(Stream& stream, HostEntry& entry) {
  std::erase(stream.hosts, &entry);
  if (stream.hosts.empty()) stream.homeless = entry.services;
  entry.stream = 0;
  // The host is known by another of its names now, so there is no host of this name.
  Erase(KeyOf(entry.name));
}

bool FleetState::SameRun(const Stream& a, const Stream& b) {
  return a.facts->start_time != absl::InfinitePast() &&
         a.facts->start_time == b.facts->start_time && a.facts->boot_id == b.facts->boot_id;
}

bool FleetState::MayTake(const Stream& newer, const HostEntry& entry) const {
  if (entry.stream == 0 || entry.state != v1::HOST_STATE_ONLINE) return true;
  const Stream& older = streams_.at(entry.stream);
  return MayTakeOver(older.caller, newer.caller, SameRun(older, newer));
}

void FleetState::WarnOfTakeover(const Stream& newer, const Stream& older, const HostEntry& entry) {
  // The same agent reconnects before the planner noticed that its old connection is dead.
  if (SameRun(newer, older)) return;
  changes_.warnings.push_back(
      {.message = "a second agent reports as this host; the newer one is believed",
       .host = entry.name,
       .peer = newer.peer,
       .other_peer = older.peer});
}

absl::Time FleetState::LookForSilent(absl::Time now) {
  absl::Time next = absl::InfiniteFuture();
  for (auto& [id, stream] : streams_) {
    for (HostEntry* entry : stream.hosts) {
      if (entry->state != v1::HOST_STATE_ONLINE) continue;
      if (entry->last_seen + stale_after_ > now) {
        next = std::min(next, entry->last_seen + stale_after_);
        continue;
      }
      entry->SetState(v1::HOST_STATE_STALE, now);
      Changed(*entry);
      Store(*entry);
    }
  }
  while (!silent_.empty() && silent_.begin()->first + kForget <= now) {
    Erase(KeyOf(silent_.begin()->second->name));
  }
  if (!silent_.empty()) next = std::min(next, silent_.begin()->first + kForget);
  return next;
}

FleetView FleetState::Hosts() {
  if (shown_.has_value()) return *shown_;
  FleetView::List hosts;
  hosts.reserve(entries_.size());
  const auto add = [&](HostEntry& entry) {
    if (entry.snapshot == nullptr) {
      const std::string key = KeyOf(entry.name);
      const int placed = entry.facts == nullptr ? PlacedOn(key) : 0;
      entry.snapshot =
          std::make_shared<const FleetHost>(MakeFleetHost(entry, placed, FailedHealthOf(key)));
    }
    hosts.push_back(entry.snapshot);
  };
  for (HostEntry* entry : configured_) add(*entry);
  for (const auto& [key, entry] : strangers_) add(*entry);
  return shown_.emplace(std::make_shared<const FleetView::List>(std::move(hosts)));
}

bool FleetState::HasService(const std::string& host, const std::string& service) const {
  const std::string key = KeyOf(host);
  const HostEntry* entry = FindEntry(key);
  if (entry != nullptr && entry->services.Has(service)) return true;
  const auto placed = placed_.find(key);
  if (placed == placed_.end()) return false;
  return std::any_of(placed->second.begin(), placed->second.end(),
                     [&](const Placement& one) { return one.service() == service; });
}

absl::StatusOr<FleetHost> FleetState::Find(const std::string& host) const {
  const std::string key = KeyOf(host);
  const HostEntry* entry = FindEntry(key);
  if (entry != nullptr) return MakeFleetHost(*entry, PlacedOn(key), FailedHealthOf(key));
  return MakeError(Reason::kHostUnknown,
                   absl::StrCat("no host \"", CleanText(host, kShortText),
                                "\" in the fleet: it is not in the configuration, and no agent "
                                "reported as it"),
                   {{"host", host}});
}

}  // namespace gitops
