#include "services/planner/fleet/fleet_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "services/planner/fleet/reporter_rule.h"

namespace gitops {
namespace {

// So many hosts that the configuration does not have: names cost their inventor nothing.
constexpr size_t kMostStrangers = 20'000;
constexpr absl::Duration kForget = absl::Hours(24 * 30);
constexpr size_t kShortText = 256;

std::string KeyOf(absl::string_view name) { return absl::AsciiStrToLower(name); }

bool Contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::shared_ptr<const AgentFacts> FactsOf(const v1::Hello& hello, const std::string& peer) {
  auto facts = std::make_shared<AgentFacts>();
  facts->address = DialAddress(hello.address(), peer);
  facts->version = CleanText(hello.version(), kShortText);
  facts->boot_id = CleanText(hello.boot_id(), kShortText);
  if (hello.has_start_time()) {
    facts->start_time = FromTimestamp(hello.start_time());
  }
  return facts;
}

}  // namespace

void FleetState::Load(const std::string& key, const record::v1::SeenHost& seen) {
  if (FindEntry(key) != nullptr) return;
  FromSeen(seen, AddStranger(key, seen.host()));
}

std::optional<std::string> FleetState::Stored(const std::string& key) const {
  const HostEntry* entry = FindEntry(key);
  if (entry == nullptr || entry->facts == nullptr) return std::nullopt;
  return ToSeen(*entry).SerializeAsString();
}

HostEntry* FleetState::FindEntry(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : found->second.get();
}

HostEntry& FleetState::AddStranger(const std::string& key, const std::string& name) {
  std::unique_ptr<HostEntry>& slot = entries_[key];
  slot = std::make_unique<HostEntry>();
  slot->name = name;
  strangers_[key] = slot.get();
  return *slot;
}

void FleetState::Erase(const std::string& key, FleetChanges& out) {
  const auto found = entries_.find(key);
  Changed(*found->second, out);
  Store(*found->second, out);
  strangers_.erase(key);
  entries_.erase(found);
}

bool FleetState::MakeRoom(size_t more, FleetChanges& out) {
  while (strangers_.size() + more > kMostStrangers) {
    const HostEntry* oldest = nullptr;
    for (const auto& [key, entry] : strangers_) {
      if (entry->stream != 0) continue;
      if (oldest == nullptr || entry->last_seen < oldest->last_seen) oldest = entry;
    }
    if (oldest == nullptr) return false;
    Erase(KeyOf(oldest->name), out);
  }
  return true;
}

void FleetState::Changed(const HostEntry& entry, FleetChanges& out) {
  out.changed.push_back(entry.name);
}

void FleetState::Store(const HostEntry& entry, FleetChanges& out) {
  out.to_store.push_back(KeyOf(entry.name));
}

absl::StatusOr<uint64_t> FleetState::Connect(const v1::Hello& hello, const std::string& peer,
                                             const Principal& caller,
                                             const ServicesByHost& services, absl::Time now,
                                             FleetChanges& out) {
  const absl::StatusOr<std::vector<std::string>> names =
      ReportableNames(caller, {hello.names().begin(), hello.names().end()});
  if (!names.ok()) return names.status();
  Stream stream;
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
  size_t more = 0;
  for (const std::string& name : Wanted(stream, services)) {
    const HostEntry* entry = FindEntry(KeyOf(name));
    if (entry == nullptr) {
      ++more;
    } else if (!MayTake(stream, *entry)) {
      return absl::AlreadyExistsError(absl::StrCat(
          "another agent reports for the host ", entry->name, ", from ",
          streams_.at(entry->stream).caller.address,
          "; stop one of them, or give them names of their own. If the host has a new address, "
          "the planner takes it when the old connection has been silent for ",
          absl::FormatDuration(stale_after_)));
    }
  }
  if (!MakeRoom(more, out)) {
    return MakeError(
        Reason::kTooManyAgents,
        absl::StrCat(kMostStrangers,
                     " hosts that are not in the planner's configuration report already; write "
                     "this one into it, as [[hosts]] name = \"",
                     stream.names[0], "\""));
  }
  Stream& kept = streams_[stream.id] = std::move(stream);
  Settle(kept, services, now, out);
  Change(kept.id, services, {}, now, out);
  for (const HostEntry* entry : kept.hosts) Store(*entry, out);
  return kept.id;
}

void FleetState::Change(uint64_t id, const ServicesByHost& services,
                        const std::vector<std::string>& removed, absl::Time now,
                        FleetChanges& out) {
  Stream& stream = streams_.at(id);
  std::map<std::string, HostEntry*> hosts;
  const auto note = [&](HostEntry& entry) {
    entry.snapshot.reset();
    Changed(entry, out);
  };
  for (HostEntry* entry : stream.hosts) {
    for (const std::string& name : removed) {
      if (entry->services.Remove(name)) note(*entry);
    }
  }
  Settle(stream, services, now, out);
  for (HostEntry* entry : stream.hosts) hosts[KeyOf(entry->name)] = entry;
  for (const auto& [key, on_host] : services) {
    const auto host = hosts.find(key);
    if (host == hosts.end()) {
      if (Contains(stream.taken, key)) continue;
      out.warnings.push_back(
          {"an agent reports services of a host that it is not; left out", key, stream.peer, ""});
      continue;
    }
    for (const v1::Service& service : on_host) {
      if (host->second->services.Put(service)) note(*host->second);
      // It may have come from another of the agent's names.
      for (HostEntry* other : stream.hosts) {
        if (other != host->second && other->services.Remove(service.service())) note(*other);
      }
    }
    if (host->second->services.overflowed()) {
      out.warnings.push_back(
          {"this host reports more services than are kept", host->second->name, stream.peer, ""});
    }
  }
  Heard(stream, now, out);
}

void FleetState::Heartbeat(uint64_t id, absl::Time now, FleetChanges& out) {
  Heard(streams_.at(id), now, out);
}

void FleetState::Heard(Stream& stream, absl::Time now, FleetChanges& out) {
  for (HostEntry* entry : stream.hosts) {
    entry->last_seen = now;
    entry->snapshot.reset();
    if (entry->state == v1::HOST_STATE_ONLINE) continue;
    entry->SetState(v1::HOST_STATE_ONLINE, now);
    Changed(*entry, out);
    Store(*entry, out);
  }
}

void FleetState::End(uint64_t id, absl::Time now, FleetChanges& out) {
  const auto found = streams_.find(id);
  for (HostEntry* entry : found->second.hosts) {
    entry->stream = 0;
    entry->SetState(v1::HOST_STATE_STALE, now);
    Changed(*entry, out);
    Store(*entry, out);
  }
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
  std::vector<std::string> wanted;
  for (const std::string& name : stream.names) {
    const HostEntry* entry = FindEntry(KeyOf(name));
    const bool configured = entry != nullptr && entry->spec != nullptr;
    const bool reported =
        entry != nullptr && entry->stream == stream.id && entry->services.size() > 0;
    if (configured || reported || services.contains(KeyOf(name))) wanted.push_back(name);
  }
  if (wanted.empty()) wanted.push_back(stream.names[0]);
  return wanted;
}

void FleetState::Settle(Stream& stream, const ServicesByHost& services, absl::Time now,
                        FleetChanges& out) {
  const std::vector<std::string> wanted = Wanted(stream, services);
  std::vector<std::string> keys;
  for (const std::string& name : wanted) keys.push_back(KeyOf(name));
  const std::vector<HostEntry*> before = stream.hosts;
  for (HostEntry* entry : before) {
    if (!Contains(keys, KeyOf(entry->name))) Drop(stream, *entry, out);
  }
  for (const std::string& name : wanted) {
    const HostEntry* entry = FindEntry(KeyOf(name));
    if (entry != nullptr && entry->stream == stream.id) continue;
    if (Contains(stream.taken, KeyOf(name))) continue;
    if (entry != nullptr && (entry->stream > stream.id || !MayTake(stream, *entry))) {
      stream.taken.push_back(KeyOf(name));
    } else if (entry != nullptr || MakeRoom(1, out)) {
      Take(stream, name, now, out);
    }
  }
}

void FleetState::Take(Stream& stream, const std::string& name, absl::Time now, FleetChanges& out) {
  const std::string key = KeyOf(name);
  HostEntry* entry = FindEntry(key);
  if (entry == nullptr) entry = &AddStranger(key, name);
  if (entry->stream != 0) {
    Stream& older = streams_.at(entry->stream);
    WarnOfTakeover(stream, older, *entry, out);
    std::erase(older.hosts, entry);
    older.taken.push_back(key);
  }
  entry->stream = stream.id;
  entry->facts = stream.facts;
  entry->last_seen = now;
  entry->services.Clear();
  entry->SetState(v1::HOST_STATE_ONLINE, now);
  stream.hosts.push_back(entry);
  Changed(*entry, out);
  Store(*entry, out);
}

void FleetState::Drop(Stream& stream, HostEntry& entry, FleetChanges& out) {
  std::erase(stream.hosts, &entry);
  entry.stream = 0;
  // It is known by another of its names now, so this one never was a host.
  Erase(KeyOf(entry.name), out);
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

void FleetState::WarnOfTakeover(const Stream& newer, const Stream& older, const HostEntry& entry,
                                FleetChanges& out) const {
  // It lost its connection without our knowing, and connects again.
  if (SameRun(newer, older)) return;
  out.warnings.push_back({"a second agent reports as this host; the newer one is believed",
                          entry.name, newer.peer, older.peer});
}

absl::Time FleetState::LookForSilent(absl::Time now, FleetChanges& out) {
  absl::Time next = absl::InfiniteFuture();
  for (auto& [id, stream] : streams_) {
    for (HostEntry* entry : stream.hosts) {
      if (entry->state != v1::HOST_STATE_ONLINE) continue;
      if (entry->last_seen + stale_after_ > now) {
        next = std::min(next, entry->last_seen + stale_after_);
        continue;
      }
      entry->SetState(v1::HOST_STATE_STALE, now);
      Changed(*entry, out);
      Store(*entry, out);
    }
  }
  std::vector<std::string> forgotten;
  for (const auto& [key, entry] : strangers_) {
    if (entry->stream != 0) continue;
    if (entry->last_seen + kForget > now) {
      next = std::min(next, entry->last_seen + kForget);
    } else {
      forgotten.push_back(key);
    }
  }
  for (const std::string& key : forgotten) Erase(key, out);
  return next;
}

std::vector<std::shared_ptr<const FleetHost>> FleetState::Hosts() {
  std::vector<std::shared_ptr<const FleetHost>> hosts;
  hosts.reserve(entries_.size());
  const auto add = [&](HostEntry& entry) {
    if (entry.snapshot == nullptr) {
      const int placed = entry.facts == nullptr ? PlacedOn(KeyOf(entry.name)) : 0;
      entry.snapshot = std::make_shared<const FleetHost>(MakeFleetHost(entry, placed));
    }
    hosts.push_back(entry.snapshot);
  };
  for (HostEntry* entry : configured_) add(*entry);
  for (const auto& [key, entry] : strangers_) add(*entry);
  return hosts;
}

absl::StatusOr<FleetHost> FleetState::Find(const std::string& host) const {
  const HostEntry* entry = FindEntry(KeyOf(host));
  if (entry != nullptr) return MakeFleetHost(*entry, PlacedOn(KeyOf(host)));
  return MakeError(Reason::kHostUnknown,
                   absl::StrCat("no host \"", CleanText(host, kShortText),
                                "\" in the fleet: it is not in the configuration, and no agent "
                                "reported as it"),
                   {{"host", host}});
}

}  // namespace gitops
