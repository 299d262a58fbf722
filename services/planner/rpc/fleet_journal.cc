#include "services/planner/rpc/fleet_journal.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/rpc/error.h"
#include "common/text/random_hex.h"

namespace gitops {
namespace {

// More than any fleet has; beyond it, the names of hosts that have left are dropped too.
constexpr size_t kMostHosts = 200'000;

}  // namespace

FleetJournal::FleetJournal(Fleet* fleet) : fleet_(fleet), epoch_(RandomHex(16)) {
  subscription_ = fleet_->Subscribe([this](const std::string& host) { Note(host); });
}

FleetJournal::~FleetJournal() { fleet_->Unsubscribe(subscription_); }

int64_t FleetJournal::Subscribe(Changed changed) {
  MutexLock lock(mutex_);
  subscribers_[++last_id_] = std::move(changed);
  return last_id_;
}

void FleetJournal::Unsubscribe(int64_t id) {
  MutexLock lock(mutex_);
  subscribers_.erase(id);
}

void FleetJournal::Note(const std::string& host) {
  MutexLock lock(mutex_);
  if (last_changes_.size() >= kMostHosts && !last_changes_.contains(host)) {
    last_changes_.clear();
    forgotten_ = number_;
  }
  last_changes_[host] = ++number_;
  for (const auto& [id, changed] : subscribers_) changed(host, number_);
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

}  // namespace gitops
