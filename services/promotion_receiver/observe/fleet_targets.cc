#include "services/promotion_receiver/observe/fleet_targets.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

bool IsFleetService(const AppRef& app) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(app.api_version, absl::MaxSplits('/', 1));
  return parts.first == "gitops" && app.kind == "Service";
}

std::string InWords(const std::string& service, const v1::Selection& selection) {
  std::string text = absl::StrCat("service ", service, " on hosts");
  if (!selection.on().empty()) absl::StrAppend(&text, " ", absl::StrJoin(selection.on(), ","));
  if (!selection.tagged().empty()) {
    absl::StrAppend(&text, " tagged ", absl::StrJoin(selection.tagged(), ","));
  }
  if (selection.skip() > 0) absl::StrAppend(&text, " skip ", selection.skip());
  if (selection.every() > 1) absl::StrAppend(&text, " every ", selection.every());
  if (selection.limit() > 0) absl::StrAppend(&text, " limit ", selection.limit());
  return text;
}

bool SameWhereItCounts(const TargetObservation& a, const TargetObservation& b) {
  return std::tie(a.health, a.revision, a.since, a.mark, a.first_mark, a.deliberate, a.detail) ==
         std::tie(b.health, b.revision, b.since, b.mark, b.first_mark, b.deliberate, b.detail);
}

v1::WatchFleetResponse Restarted() {
  v1::WatchFleetResponse answer;
  answer.set_restarted(true);
  return answer;
}

}  // namespace

void FleetTargets::Followed::Take(const v1::WatchFleetResponse& answer, absl::Time now) {
  view.Take(answer, now);
  touched = true;
}

void FleetTargets::Followed::Lose(const std::string& why) {
  view.Lose(why);
  touched = true;
}

bool FleetTargets::SetPipelines(const PipelineList& pipelines) {
  Targets before = std::exchange(targets_, {});
  by_environment_.clear();
  for (const auto& pipeline : pipelines) {
    if (!IsFleetService(pipeline->app)) continue;
    for (const Environment& environment : pipeline->environments) {
      Follow(*pipeline, environment, before);
    }
  }
  std::set<std::string> services;
  for (const auto& [key, target] : targets_) services.insert(target->service);
  const std::set<std::string> known = std::exchange(services_, std::move(services));
  return !std::includes(known.begin(), known.end(), services_.begin(), services_.end());
}

void FleetTargets::Follow(const Pipeline& pipeline, const Environment& environment,
                          Targets& before) {
  const EnvironmentName name{pipeline.namespace_, pipeline.name, environment.name};
  for (const Target& target : environment.targets) {
    if (!target.hosts.has_value()) continue;
    const std::string key = absl::StrCat(pipeline.app.name, "/", target.hosts->SerializeAsString());
    std::unique_ptr<Followed>& followed = targets_[key];
    if (followed == nullptr) {
      if (auto old = before.find(key); old != before.end()) followed = std::move(old->second);
      if (followed == nullptr) {
        followed = std::make_unique<Followed>(InWords(pipeline.app.name, *target.hosts));
      }
      followed->selection = *target.hosts;
      followed->service = pipeline.app.name;
      followed->environments.clear();
    }
    followed->environments.push_back(name);
    by_environment_[name].push_back(followed.get());
  }
}

bool FleetTargets::Take(const v1::WatchFleetResponse& answer, absl::Time now) {
  if (answer.restarted()) Restart(now);
  bool moved = false;
  if (answer.has_service()) {
    TakeService(answer, now);
  } else if (answer.has_host()) {
    moved = TakeHost(answer, now);
  }
  if (!answer.initial_done()) return moved;
  complete_ = true;
  for (auto& [key, target] : targets_) Complete(*target, now);
  return true;
}

void FleetTargets::Restart(absl::Time now) {
  complete_ = false;
  fleet_.clear();
  for (auto& [key, target] : targets_) target->Take(Restarted(), now);
}

void FleetTargets::TakeService(const v1::WatchFleetResponse& answer, absl::Time now) {
  const v1::Service& service = answer.service();
  if (!services_.contains(service.service())) return;
  HostEntry& entry = fleet_[service.host()];
  entry.host.set_host(service.host());  // the service may be told first
  if (answer.removed()) {
    entry.services.erase(service.service());
  } else {
    entry.services[service.service()] = service;
  }
  v1::WatchFleetResponse part;
  *part.mutable_service() = service;
  part.set_removed(answer.removed());
  for (auto& [key, target] : targets_) {
    if (target->service == service.service() && target->members.contains(service.host())) {
      target->Take(part, now);
    }
  }
}

bool FleetTargets::TakeHost(const v1::WatchFleetResponse& answer, absl::Time now) {
  const v1::Host& host = answer.host();
  const auto known = fleet_.find(host.host());
  const bool moved = answer.removed() || known == fleet_.end() ||
                     !std::equal(known->second.host.tags().begin(), known->second.host.tags().end(),
                                 host.tags().begin(), host.tags().end());
  if (answer.removed()) {
    fleet_.erase(host.host());
  } else {
    fleet_[host.host()].host = host;
  }
  v1::WatchFleetResponse part;
  *part.mutable_host() = host;
  part.set_removed(answer.removed());
  for (auto& [key, target] : targets_) {
    if (target->members.contains(host.host())) target->Take(part, now);
  }
  return moved && complete_;
}

void FleetTargets::Complete(Followed& target, absl::Time now) {
  if (!complete_ || !target.listed) return;
  v1::WatchFleetResponse done;
  done.set_initial_done(true);
  target.Take(done, now);
}

void FleetTargets::Lose(const std::string& why, bool resumed, absl::Time now) {
  complete_ = false;
  for (auto& [key, target] : targets_) target->Lose(why);
  if (!resumed) Restart(now);
}

std::map<std::string, v1::Selection> FleetTargets::Selections() const {
  std::map<std::string, v1::Selection> selections;
  for (const auto& [key, target] : targets_) selections[key] = target->selection;
  return selections;
}

void FleetTargets::SetMembers(const std::string& key,
                              const absl::StatusOr<std::vector<v1::Host>>& hosts, absl::Time now) {
  const auto found = targets_.find(key);
  if (found == targets_.end()) return;
  Followed& target = *found->second;
  if (!hosts.ok()) {
    target.listed = false;
    target.Lose(std::string(hosts.status().message()));
    return;
  }
  const std::set<std::string> before = std::exchange(target.members, {});
  for (const v1::Host& host : *hosts) target.members.insert(host.host());
  for (const std::string& name : before) {
    if (!target.members.contains(name)) TakeOut(name, target, now);
  }
  for (const std::string& name : target.members) {
    if (!before.contains(name)) PutIn(name, target, now);
  }
  target.listed = true;
  Complete(target, now);
}

void FleetTargets::TakeOut(const std::string& name, Followed& target, absl::Time now) {
  v1::WatchFleetResponse gone;
  gone.mutable_host()->set_host(name);
  gone.set_removed(true);
  target.Take(gone, now);
}

void FleetTargets::PutIn(const std::string& name, Followed& target, absl::Time now) {
  const auto known = fleet_.find(name);
  if (known == fleet_.end()) return;
  v1::WatchFleetResponse part;
  *part.mutable_host() = known->second.host;
  target.Take(part, now);
  const auto service = known->second.services.find(target.service);
  if (service == known->second.services.end()) return;
  *part.mutable_service() = service->second;
  target.Take(part, now);
}

std::vector<TargetObservation> FleetTargets::Of(const EnvironmentName& environment) const {
  std::vector<TargetObservation> seen;
  const auto found = by_environment_.find(environment);
  if (found == by_environment_.end()) return seen;
  for (const Followed* const target : found->second) seen.push_back(target->view.Observation());
  return seen;
}

std::set<EnvironmentName> FleetTargets::Changed() {
  std::set<EnvironmentName> changed;
  for (auto& [key, target] : targets_) {
    if (!std::exchange(target->touched, false)) continue;
    TargetObservation now = target->view.Observation();
    if (SameWhereItCounts(now, target->told)) continue;
    target->told = std::move(now);
    changed.insert(target->environments.begin(), target->environments.end());
  }
  return changed;
}

}  // namespace gitops
