#include "services/promotion_receiver/observe/fleet_view.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/timestamp.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

int64_t MarkOf(const v1::Service& service) {
  return absl::ToUnixMillis(FromTimestamp(service.change_time()));
}

bool Runs(v1::ServiceState state) {
  return state == v1::SERVICE_STATE_OK || state == v1::SERVICE_STATE_FREEZE;
}

std::string InWords(v1::ServiceState state) {
  constexpr absl::string_view kPrefix = "SERVICE_STATE_";
  return v1::ServiceState_Name(state).substr(kPrefix.size());
}

}  // namespace

FleetView::Group FleetView::GroupOf(const HostView& host) {
  if (!host.online) return {};
  const v1::Service& service = *host.service;
  Group group{.health = Health::kUnhealthy, .revision = service.hash()};
  if (Runs(service.state()) && !service.hash().empty()) group.health = Health::kHealthy;
  group.deliberate = !service.pinned_hash().empty();
  return group;
}

template <typename Change>
void FleetView::Update(const std::string& name, Change change) {
  HostView& host = hosts_[name];
  if (host.group.has_value()) {
    const auto members = groups_.find(*host.group);
    members->second.erase(name);
    if (members->second.empty()) groups_.erase(members);
    mark_ -= MarkOf(*host.service);
    host.group.reset();
  }
  change(host);
  if (!host.service.has_value()) return;
  host.group = GroupOf(host);
  groups_[*host.group].insert(name);
  mark_ += MarkOf(*host.service);
}

void FleetView::Take(const v1::WatchFleetResponse& answer, absl::Time now) {
  if (answer.restarted()) {
    complete_ = false;
    hosts_.clear();
    groups_.clear();
    mark_ = 0;
  }
  if (answer.has_host()) {
    const v1::Host& host = answer.host();
    Update(host.host(), [&](HostView& view) {
      if (answer.removed()) view.service.reset();
      view.online = host.state() == v1::HOST_STATE_ONLINE;
    });
    if (answer.removed()) hosts_.erase(host.host());
  }
  if (answer.has_service()) {
    const v1::Service& service = answer.service();
    Update(service.host(), [&](HostView& view) {
      view.service.reset();
      if (!answer.removed()) view.service = service;
    });
  }
  const bool begins = answer.initial_done() && !complete_;
  complete_ = complete_ || answer.initial_done();
  if (!complete_) return;
  NoteCommonRevision(begins, now);
}

void FleetView::NoteCommonRevision(bool begins, absl::Time now) {
  if (begins) first_mark_ = mark_;
  const Summary all = Summarize();
  // A host that is silent for a while changes nothing.
  if (all.health == Health::kUnknown) return;
  const std::string common = all.health == Health::kHealthy ? all.revision : "";
  if (common == common_) return;
  // At the first look, only the hosts know since when.
  const bool first = begins && common_.empty() && common_since_ == absl::InfinitePast();
  common_ = common;
  first_mark_ = mark_;
  common_since_ = first ? absl::InfinitePast() : now;
}

void FleetView::Lose(const std::string& why) {
  complete_ = false;
  lost_ = why;
}

FleetView::Summary FleetView::Summarize() const {
  Summary all{.health = groups_.empty() ? Health::kUnknown : Health::kHealthy};
  std::set<std::string> revisions;
  for (const auto& [group, members] : groups_) {
    all.deliberate |= group.deliberate;
    if (!group.revision.empty()) revisions.insert(group.revision);
    if (group.health == Health::kUnhealthy) all.health = Health::kUnhealthy;
    if (group.health == Health::kUnknown && all.health == Health::kHealthy) {
      all.health = Health::kUnknown;
    }
  }
  if (revisions.size() > 1) all.health = Health::kUnhealthy;
  if (revisions.size() == 1) all.revision = *revisions.begin();
  return all;
}

std::string FleetView::Differences(const std::string& revision) const {
  std::vector<std::string> parts;
  for (const auto& [group, members] : groups_) {
    if (group.health == Health::kHealthy && group.revision == revision) continue;
    const std::string& name = *members.begin();
    const v1::Service& service = *hosts_.at(name).service;
    std::string part = name;
    if (members.size() > 1) absl::StrAppend(&part, " and ", members.size() - 1, " more");
    if (group.health == Health::kUnknown) {
      absl::StrAppend(&part, members.size() > 1 ? " do not report" : " does not report");
    } else {
      absl::StrAppend(&part, " at ", group.revision.empty() ? "no revision" : group.revision, ", ",
                      InWords(service.state()));
      if (!service.state_info().empty()) absl::StrAppend(&part, ": ", service.state_info());
    }
    parts.push_back(std::move(part));
  }
  constexpr size_t kMostParts = 5, kLongest = 500;
  if (parts.size() > kMostParts) parts.resize(kMostParts);
  return ValidUtf8(absl::StrJoin(parts, "; "), kLongest);
}

TargetObservation FleetView::Observation() const {
  TargetObservation seen;
  seen.target = target_;
  if (!complete_) {
    seen.detail = lost_;
    return seen;
  }
  if (groups_.empty()) {
    seen.detail = hosts_.empty() ? "no host is selected" : "no selected host has the service";
    return seen;
  }
  const Summary all = Summarize();
  seen.health = all.health;
  seen.revision = seen.version = all.revision;
  seen.deliberate = all.deliberate;
  if (all.health != Health::kHealthy) {
    seen.detail = Differences(all.revision);
    return seen;
  }
  seen.since = common_since_;
  for (const auto& [name, host] : hosts_) {
    if (!host.service.has_value() || !host.service->has_change_time()) continue;
    seen.since = std::max(seen.since, FromTimestamp(host.service->change_time()));
  }
  seen.mark = mark_;
  seen.first_mark = first_mark_;
  return seen;
}

}  // namespace gitops
