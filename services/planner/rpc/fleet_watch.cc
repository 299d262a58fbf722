#include "services/planner/rpc/fleet_watch.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/rpc/error.h"
#include "common/rpc/fingerprint.h"
#include "common/text/random_hex.h"
#include "services/planner/plan/fleet_selection.h"

namespace gitops {
namespace {

constexpr absl::Duration kAskLocks = absl::Seconds(1);
// More than any fleet has; beyond it, the names of hosts that have left are dropped too.
constexpr size_t kMostHosts = 200'000;

void NoteDifferences(const LocksByHost& from, const LocksByHost& to, FleetJournal& journal) {
  for (const v1::HostLock& lock : from) {
    const v1::HostLock* other = FindLock(to, lock.host());
    if (other == nullptr || other->fencing() != lock.fencing()) journal.Note(lock.host());
  }
}

// Whether a host alone decides if it is selected.
bool LooksAtEachHost(const v1::Selection& selection) {
  return selection.skip() == 0 && selection.every() <= 1 && selection.limit() == 0;
}

}  // namespace

FleetJournal::FleetJournal(Fleet* fleet) : fleet_(fleet), epoch_(RandomHex(16)) {
  subscription_ = fleet_->Subscribe([this](const std::string& host) { Note(host); });
}

FleetJournal::~FleetJournal() { fleet_->Unsubscribe(subscription_); }

void FleetJournal::Subscribe(Changes<std::string>* changes) {
  MutexLock lock(mutex_);
  subscribers_.insert(changes);
}

void FleetJournal::Unsubscribe(Changes<std::string>* changes) {
  MutexLock lock(mutex_);
  subscribers_.erase(changes);
}

void FleetJournal::Note(const std::string& host) {
  MutexLock lock(mutex_);
  if (last_changes_.size() >= kMostHosts && !last_changes_.contains(host)) {
    last_changes_.clear();
    forgotten_ = number_;
  }
  last_changes_[host] = ++number_;
  for (Changes<std::string>* changes : subscribers_) changes->Add(host, number_);
}

int64_t FleetJournal::number() const {
  MutexLock lock(mutex_);
  return number_;
}

std::string FleetJournal::Token(int64_t number) const { return absl::StrCat(epoch_, ":", number); }

absl::StatusOr<std::optional<std::set<std::string>>> FleetJournal::ChangedSince(
    const std::string& token) const {
  const std::vector<std::string> parts = absl::StrSplit(token, ':');
  int64_t since = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &since) || since < 0) {
    return InvalidField("resume_token", "resume_token is not one that this method gave out");
  }
  MutexLock lock(mutex_);
  if (parts[0] != epoch_ || since < forgotten_) return std::nullopt;
  std::set<std::string> hosts;
  for (const auto& [host, number] : last_changes_) {
    if (number > since) hosts.insert(host);
  }
  return hosts;
}

std::shared_ptr<const LocksByHost> LockView::Get() {
  MutexLock lock(mutex_);
  const SteadyTime now = clock_->SteadyNow();
  if (now < asked_ + kAskLocks) return view_;
  asked_ = now;
  absl::StatusOr<LocksByHost> listed = locks_->List();
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

absl::StatusOr<int64_t> FleetWatch::Start(Changes<std::string>& changes) {
  changes_ = &changes;
  journal_->Subscribe(changes_);
  return journal_->number();
}

absl::Status FleetWatch::TellAll(int64_t number) {
  held_ = locks_->Get();
  const auto hosts = SelectHosts(*fleet_, request_.selection(), /*changes=*/false, cancelled_);
  if (!hosts.ok()) return hosts.status();
  absl::StatusOr<std::optional<std::set<std::string>>> changed = ChangedSince();
  if (!changed.ok()) return changed.status();
  const bool resumed = changed->has_value();
  stream_.set_restarted(!resumed && !request_.resume_token().empty());
  if (resumed) {
    for (const std::string& host : **changed) {
      if (absl::Status sent = SendGone(host); !sent.ok()) return sent;
    }
  }
  for (const auto& host : *hosts) {
    quiet_ = resumed && !(*changed)->contains(host->host.host());
    if (absl::Status sent = TellHost(*host); !sent.ok()) return sent;
  }
  quiet_ = false;
  return stream_.EndBatch(journal_->Token(number), /*initial=*/true);
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
    const absl::Status sent = found == selected->end() ? TellGone(name) : TellHost(*found->second);
    if (!sent.ok()) return sent;
  }
  return stream_.EndBatch(journal_->Token(number));
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

absl::Status FleetWatch::TellHost(const FleetHost& host) {
  v1::Host shown = WithLock(host.host, *held_);
  Told& told = told_[shown.host()];
  const size_t fingerprint = std::hash<std::string>()(shown.etag());
  if (std::exchange(told.host, fingerprint) != fingerprint) {
    v1::WatchFleetResponse response;
    *response.mutable_host() = std::move(shown);
    if (absl::Status sent = Send(std::move(response)); !sent.ok()) return sent;
  }
  return TellServices(host.host.host(), told);
}

absl::Status FleetWatch::TellServices(const std::string& host, Told& told) {
  std::map<std::string, size_t> before = std::exchange(told.services, {});
  for (v1::Service& service : fleet_->Services(host)) {
    if (request_.has_service() && service.service() != request_.service()) continue;
    const size_t fingerprint = Fingerprint(service);
    told.services[service.service()] = fingerprint;
    const auto known = before.extract(service.service());
    if (!known.empty() && known.mapped() == fingerprint) continue;
    v1::WatchFleetResponse response;
    *response.mutable_service() = std::move(service);
    if (absl::Status sent = Send(std::move(response)); !sent.ok()) return sent;
  }
  for (const auto& [service, fingerprint] : before) {
    v1::WatchFleetResponse response;
    response.mutable_service()->set_host(host);
    response.mutable_service()->set_service(service);
    response.set_removed(true);
    if (absl::Status sent = Send(std::move(response)); !sent.ok()) return sent;
  }
  return absl::OkStatus();
}

absl::Status FleetWatch::TellGone(const std::string& host) {
  return told_.erase(host) == 0 ? absl::OkStatus() : SendGone(host);
}

absl::Status FleetWatch::SendGone(const std::string& host) {
  v1::WatchFleetResponse response;
  response.mutable_host()->set_host(host);
  response.set_removed(true);
  return Send(std::move(response));
}

absl::Status FleetWatch::Send(v1::WatchFleetResponse response) {
  return quiet_ ? absl::OkStatus() : stream_.Send(std::move(response));
}

}  // namespace gitops
