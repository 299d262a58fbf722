#include "services/planner/rpc/fleet_watch.h"

#include <utility>
#include <vector>

#include "common/rpc/fingerprint.h"
#include "services/planner/plan/fleet_selection.h"

namespace gitops {
namespace {

constexpr absl::Duration kAskLocks = absl::Seconds(1);

absl::Status Gone() { return absl::CancelledError("the watcher is gone"); }

void NoteDifferences(const LocksByHost& from, const LocksByHost& to, FleetJournal& journal) {
  for (const auto& [host, lock] : from) {
    const auto other = to.find(host);
    if (other == to.end() || other->second.fencing() != lock.fencing()) journal.Note(host);
  }
}

// Whether a host alone decides if it is selected.
bool LooksAtEachHost(const v1::Selection& selection) {
  return selection.skip() == 0 && selection.every() <= 1 && selection.limit() == 0;
}

}  // namespace

std::shared_ptr<const LocksByHost> LockView::Get() {
  MutexLock lock(mutex_);
  const absl::Time now = clock_->Now();
  if (now < asked_ + kAskLocks && now >= asked_) return view_;
  asked_ = now;
  absl::StatusOr<LocksByHost> listed = ReadLocks(*locks_);
  if (!listed.ok()) return view_;
  NoteDifferences(*view_, *listed, *journal_);
  NoteDifferences(*listed, *view_, *journal_);
  view_ = std::make_shared<const LocksByHost>(*std::move(listed));
  return view_;
}

absl::StatusOr<std::optional<std::set<std::string>>> FleetWatch::ChangedSince() const {
  if (request_.resume_token().empty()) return std::nullopt;
  auto changed = journal_->ChangedSince(request_.resume_token());
  if (changed.ok() && !LooksAtEachHost(request_.selection())) return std::nullopt;
  return changed;
}

absl::Status FleetWatch::TellAll(int64_t number) {
  held_ = locks_->Get();
  const auto hosts = SelectHosts(*fleet_, request_.selection(), /*changes=*/false, cancelled_);
  if (!hosts.ok()) return hosts.status();
  absl::StatusOr<std::optional<std::set<std::string>>> changed = ChangedSince();
  if (!changed.ok()) return changed.status();
  restarted_ = !request_.resume_token().empty() && !changed->has_value();
  if (changed->has_value()) {
    for (const std::string& host : **changed) {
      if (!SendGone(host)) return Gone();
    }
  }
  for (const auto& host : *hosts) {
    quiet_ = changed->has_value() && !(*changed)->contains(host->host.host());
    if (!TellHost(*host)) return Gone();
  }
  quiet_ = initial_ = false;
  told_up_to_ = number;
  v1::WatchFleetResponse last = held_back_.value_or(v1::WatchFleetResponse());
  held_back_.reset();
  last.set_initial_done(true);
  return Write(std::move(last)) ? absl::OkStatus() : Gone();
}

absl::Status FleetWatch::TellChanges(std::set<std::string> changed, int64_t number) {
  // Changed locks are in the journal, and so come with the next changes.
  held_ = locks_->Get();
  if (changed.empty()) return absl::OkStatus();
  const absl::StatusOr<HostsByName> selected = Selected(changed);
  if (!selected.ok()) return selected.status();
  if (!SelectsEverything(ToSelection(request_.selection(), *fleet_))) {
    // A change of one host can add or remove others (`limit`, `skip`).
    for (const auto& [name, told] : told_) {
      if (!selected->contains(name)) changed.insert(name);
    }
    for (const auto& [name, host] : *selected) {
      if (!told_.contains(name)) changed.insert(name);
    }
  }
  for (const std::string& name : changed) {
    const auto found = selected->find(name);
    const bool there = found == selected->end() ? TellGone(name) : TellHost(*found->second);
    if (!there) return Gone();
  }
  told_up_to_ = number;
  return absl::OkStatus();
}

absl::StatusOr<FleetWatch::HostsByName> FleetWatch::Selected(
    const std::set<std::string>& changed) const {
  HostsByName selected;
  if (SelectsEverything(ToSelection(request_.selection(), *fleet_))) {
    for (const std::string& name : changed) {
      absl::StatusOr<FleetHost> host = fleet_->Find(name);
      if (host.ok()) selected[name] = std::make_shared<const FleetHost>(*std::move(host));
    }
    return selected;
  }
  auto hosts = SelectHosts(*fleet_, request_.selection(), /*changes=*/false, cancelled_);
  if (!hosts.ok()) return hosts.status();
  for (auto& host : *hosts) {
    std::string name = host->host.host();
    selected.emplace(std::move(name), std::move(host));
  }
  return selected;
}

bool FleetWatch::TellHost(const FleetHost& host) {
  v1::Host shown = WithLock(host.host, *held_);
  Told& told = told_[shown.host()];
  const size_t fingerprint = std::hash<std::string>()(shown.etag());
  if (std::exchange(told.host, fingerprint) != fingerprint) {
    v1::WatchFleetResponse response;
    *response.mutable_host() = std::move(shown);
    if (!Send(std::move(response))) return false;
  }
  return TellServices(host.host.host(), told);
}

bool FleetWatch::TellServices(const std::string& host, Told& told) {
  std::map<std::string, size_t> before = std::exchange(told.services, {});
  for (v1::Service& service : fleet_->Services(host)) {
    if (request_.has_service() && service.service() != request_.service()) continue;
    const size_t fingerprint = Fingerprint(service);
    told.services[service.service()] = fingerprint;
    const auto known = before.find(service.service());
    const bool same = known != before.end() && known->second == fingerprint;
    if (known != before.end()) before.erase(known);
    if (same) continue;
    v1::WatchFleetResponse response;
    *response.mutable_service() = std::move(service);
    if (!Send(std::move(response))) return false;
  }
  for (const auto& [service, fingerprint] : before) {
    v1::WatchFleetResponse response;
    response.mutable_service()->set_host(host);
    response.mutable_service()->set_service(service);
    response.set_removed(true);
    if (!Send(std::move(response))) return false;
  }
  return true;
}

bool FleetWatch::TellGone(const std::string& host) {
  return told_.erase(host) == 0 || SendGone(host);
}

bool FleetWatch::SendGone(const std::string& host) {
  v1::WatchFleetResponse response;
  response.mutable_host()->set_host(host);
  response.set_removed(true);
  return Send(std::move(response));
}

bool FleetWatch::Send(v1::WatchFleetResponse response) {
  if (quiet_) return true;
  if (!initial_) return Write(std::move(response));
  std::optional<v1::WatchFleetResponse> before =
      std::exchange(held_back_, std::optional(std::move(response)));
  return !before.has_value() || Write(*std::move(before));
}

bool FleetWatch::Write(v1::WatchFleetResponse response) {
  response.set_restarted(std::exchange(restarted_, false));
  if (told_up_to_ >= 0) response.set_resume_token(journal_->Token(told_up_to_));
  return write_(response);
}

}  // namespace gitops
