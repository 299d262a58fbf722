#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/planner/plan/plan_maker.h"

namespace gitops {
namespace {

using Sentences = std::vector<std::string>;
using HostsByName = std::unordered_map<std::string_view, const v1::PlannedHost*>;

std::string Short(const std::string& hash) { return hash.empty() ? "nothing" : hash.substr(0, 12); }

template <typename Actions>
std::string List(const Actions& actions) {
  return absl::StrCat("[", absl::StrJoin(actions, " "), "]");
}

HostsByName ByName(const v1::Plan& plan) {
  HostsByName hosts;
  hosts.reserve(plan.hosts_size());
  for (const v1::PlannedHost& host : plan.hosts()) hosts.emplace(host.host(), &host);
  return hosts;
}

// The first position at which the hosts of both plans have another order.
void CompareOrder(const v1::Plan& shown, const v1::Plan& now, const HostsByName& before,
                  const HostsByName& after, Sentences& differences) {
  int s = 0, n = 0;
  while (true) {
    while (s < shown.hosts_size() && !after.contains(shown.hosts(s).host())) ++s;
    while (n < now.hosts_size() && !before.contains(now.hosts(n).host())) ++n;
    if (s == shown.hosts_size() || n == now.hosts_size()) return;
    if (shown.hosts(s).host() != now.hosts(n).host()) break;
    ++s, ++n;
  }
  differences.push_back(absl::StrCat("the order is another: ", now.hosts(n).host(), " comes where ",
                                     shown.hosts(s).host(), " came"));
}

std::map<std::string, const v1::ServiceMove*> Moves(const v1::PlannedHost& host) {
  std::map<std::string, const v1::ServiceMove*> moves;
  for (const v1::ServiceMove& move : host.moves()) moves[move.service()] = &move;
  return moves;
}

std::string MoveText(const v1::ServiceMove& move) {
  return absl::StrCat("from ", Short(move.from_hash()), " to ", Short(move.to_hash()));
}

void CompareMoves(const v1::PlannedHost& shown, const v1::PlannedHost& now,
                  Sentences& differences) {
  const auto before = Moves(shown), after = Moves(now);
  for (const auto& [service, move] : before) {
    const auto found = after.find(service);
    const std::string name = absl::StrCat(now.host(), ": ", service);
    if (found == after.end()) {
      differences.push_back(
          absl::StrCat(name, " was to move ", MoveText(*move), ", and no longer is"));
    } else if (found->second->from_hash() != move->from_hash()) {
      differences.push_back(absl::StrCat(name, " was at ", Short(move->from_hash()), " and is at ",
                                         Short(found->second->from_hash()), " now"));
    } else if (found->second->to_hash() != move->to_hash()) {
      differences.push_back(absl::StrCat(name, " was to go to ", Short(move->to_hash()),
                                         " and would go to ", Short(found->second->to_hash())));
    }
  }
  for (const auto& [service, move] : after) {
    if (before.contains(service)) continue;
    differences.push_back(
        absl::StrCat(now.host(), ": ", service, " would now move ", MoveText(*move)));
  }
}

void CompareFrozen(const v1::PlannedHost& shown, const v1::PlannedHost& now,
                   Sentences& differences) {
  const auto has = [](const v1::PlannedHost& host, const std::string& service) {
    const auto& frozen = host.frozen_services();
    return std::find(frozen.begin(), frozen.end(), service) != frozen.end();
  };
  for (const std::string& service : now.frozen_services()) {
    if (has(shown, service)) continue;
    differences.push_back(absl::StrCat(now.host(), ": ", service, " is frozen now"));
  }
  for (const std::string& service : shown.frozen_services()) {
    if (has(now, service)) continue;
    differences.push_back(absl::StrCat(now.host(), ": ", service, " is no longer frozen"));
  }
}

void CompareHost(const v1::PlannedHost& shown, const v1::PlannedHost& now, Sentences& differences) {
  if (!std::equal(shown.actions().begin(), shown.actions().end(), now.actions().begin(),
                  now.actions().end())) {
    differences.push_back(absl::StrCat(now.host(), ": the actions were ", List(shown.actions()),
                                       " and are ", List(now.actions()), " now"));
  }
  if (shown.address() != now.address()) {
    differences.push_back(absl::StrCat(now.host(), ": the address was ", shown.address(),
                                       " and is ", now.address(), " now"));
  }
  // The services of a host that had not reported were not known, so they cannot be compared.
  if (shown.state() == v1::HOST_STATE_NEVER_SEEN || now.state() == v1::HOST_STATE_NEVER_SEEN)
    return;
  CompareMoves(shown, now, differences);
  CompareFrozen(shown, now, differences);
}

void CompareRevisions(const v1::Plan& shown, const v1::Plan& now, Sentences& differences) {
  std::map<std::pair<std::string, std::string>, std::string> before, after;
  for (const auto& r : shown.revisions()) before[{r.upstream(), r.branch()}] = r.hash();
  for (const auto& r : now.revisions()) after[{r.upstream(), r.branch()}] = r.hash();
  for (const auto& [source, hash] : before) {
    const auto found = after.find(source);
    if (found == after.end() || found->second == hash) continue;
    differences.push_back(absl::StrCat(source.first, " (branch ", source.second, ") was at ",
                                       Short(hash), " and is at ", Short(found->second), " now"));
  }
  for (const auto& [source, hash] : after) {
    if (before.contains(source)) continue;
    differences.push_back(absl::StrCat(source.first, " (branch ", source.second,
                                       ") is new; its revision was not shown"));
  }
}

// The hooks are part of the plan that was shown, and each may change what is done.
void CompareHooks(const v1::Plan& shown, const v1::Plan& now, Sentences& differences) {
  std::map<std::string, std::string> before, after;
  for (const v1::Hook& hook : shown.hooks()) before[hook.name()] = hook.SerializeAsString();
  for (const v1::Hook& hook : now.hooks()) after[hook.name()] = hook.SerializeAsString();
  for (const auto& [name, hook] : before) {
    const auto found = after.find(name);
    if (found == after.end()) {
      differences.push_back(absl::StrCat("hook \"", name, "\" is no longer configured"));
    } else if (found->second != hook) {
      differences.push_back(absl::StrCat("hook \"", name, "\" is configured in another way"));
    }
  }
  for (const auto& [name, hook] : after) {
    if (!before.contains(name)) differences.push_back(absl::StrCat("hook \"", name, "\" is new"));
  }
  if (before != after) return;
  for (int i = 0; i < shown.hooks_size(); ++i) {
    if (shown.hooks(i).name() == now.hooks(i).name()) continue;
    differences.push_back(absl::StrCat("hook \"", now.hooks(i).name(), "\" is asked where \"",
                                       shown.hooks(i).name(), "\" was"));
    return;
  }
}

}  // namespace

std::vector<std::string> ComparePlans(const v1::Plan& shown, const v1::Plan& now) {
  Sentences differences;
  const HostsByName before = ByName(shown), after = ByName(now);
  for (const v1::PlannedHost& host : shown.hosts()) {
    if (!after.contains(host.host())) differences.push_back(host.host() + " is no longer in it");
  }
  for (const v1::PlannedHost& host : now.hosts()) {
    if (!before.contains(host.host())) differences.push_back(host.host() + " is new in it");
  }
  CompareOrder(shown, now, before, after, differences);
  // If hosts came, went or moved, other waves follow from that.
  const bool same_hosts = differences.empty();
  for (const v1::PlannedHost& host : now.hosts()) {
    const auto found = before.find(host.host());
    if (found == before.end()) continue;
    if (same_hosts && found->second->wave() != host.wave()) {
      differences.push_back(absl::StrCat(host.host(), ": the wave was ", found->second->wave(),
                                         " and is ", host.wave(), " now"));
    }
    CompareHost(*found->second, host, differences);
  }
  CompareRevisions(shown, now, differences);
  CompareHooks(shown, now, differences);
  return differences;
}

}  // namespace gitops
