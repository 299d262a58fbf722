#include "services/planner/audit/reported_audits.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/log/log.h"

namespace gitops {
namespace {

// Of one write.
constexpr size_t kMostSaved = 1'000;

}  // namespace

std::string AuditFault(const record::v1::ReportedAudit& before, const v1::AuditHead& now) {
  if (before.count() == 0) return "";
  if (now.chain() != before.chain()) {
    return absl::StrCat("another audit began, in place of one with ", before.count(), " entries");
  }
  if (now.count() < before.count()) {
    return absl::StrCat("its end was cut off: it had ", before.count(), " entries, and has ",
                        now.count());
  }
  if (now.count() == before.count() && now.hash() != before.hash()) {
    return absl::StrCat("entry ", now.count(), ", the last one, was changed");
  }
  return "";
}

ReportedAudits::ReportedAudits(Store* store, Clock* clock,
                               std::function<void(const std::string&)> note)
    : table_(store, "planner/v1/audit/"), store_(store), clock_(clock), note_(std::move(note)) {
  MutexLock lock(mutex_);
  const absl::Status read =
      table_.ForEach("", "", [this](auto& row) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        if (row.message.ok()) hosts_.emplace(row.name, *std::move(row.message));
        return true;
      });
  if (!read.ok()) {
    LogError("what agents reported of their audits is not known; it begins anew",
             {{"error", std::string(read.message())}});
  }
}

void ReportedAudits::Reported(const std::string& host, const v1::AuditHead& head) {
  std::string fault;
  {
    MutexLock lock(mutex_);
    record::v1::ReportedAudit& known = hosts_[host];
    fault = AuditFault(known, head);
    const bool same = known.chain() == head.chain() && known.count() == head.count() &&
                      known.hash() == head.hash();
    if (same) return;
    known.set_chain(head.chain());
    known.set_count(head.count());
    known.set_hash(head.hash());
    if (!fault.empty()) {
      known.set_fault(fault);
      *known.mutable_fault_time() = ToTimestamp(clock_->Now());
    }
    unsaved_.insert(host);
  }
  if (fault.empty()) return;
  LogError("the audit of a host is not what it was", {{"host", host}, {"fault", fault}});
  note_(absl::StrCat("the audit of host ", host, " is not what it was: ", fault));
}

record::v1::ReportedAudit ReportedAudits::Of(const std::string& host) const {
  MutexLock lock(mutex_);
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? record::v1::ReportedAudit() : found->second;
}

bool ReportedAudits::Acknowledge(const std::string& host) {
  MutexLock lock(mutex_);
  const auto found = hosts_.find(host);
  if (found == hosts_.end() || found->second.fault().empty()) return false;
  found->second.clear_fault();
  found->second.clear_fault_time();
  unsaved_.insert(host);
  return true;
}

int64_t ReportedAudits::faults() const {
  MutexLock lock(mutex_);
  int64_t faults = 0;
  for (const auto& [host, known] : hosts_) faults += known.fault().empty() ? 0 : 1;
  return faults;
}

absl::Status ReportedAudits::Save() {
  while (true) {
    std::vector<StoreWrite> writes;
    std::set<std::string> taken;
    {
      MutexLock lock(mutex_);
      while (!unsaved_.empty() && taken.size() < kMostSaved) {
        const std::string& host = *taken.insert(*unsaved_.begin()).first;
        unsaved_.erase(unsaved_.begin());
        writes.push_back(table_.Put(host, hosts_[host]));
      }
    }
    if (writes.empty()) return absl::OkStatus();
    const absl::Status written = store_->Write(writes).status();
    if (written.ok()) continue;
    MutexLock lock(mutex_);
    unsaved_.merge(taken);
    return written;
  }
}

}  // namespace gitops
