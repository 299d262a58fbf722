#ifndef GITOPS_SERVICES_PLANNER_AUDIT_REPORTED_AUDITS_H_
#define GITOPS_SERVICES_PLANNER_AUDIT_REPORTED_AUDITS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "common/clock/clock.h"
#include "common/store/store.h"
#include "common/store/table.h"
#include "common/sync/mutex.h"
#include "gitops/record/v1/audit.pb.h"
#include "gitops/v1/audit.pb.h"

namespace gitops {

// Why what an agent reports of its audit cannot follow from what it had reported before; empty: it
// can. A plain function.
std::string AuditFault(const record::v1::ReportedAudit& before, const v1::AuditHead& now);

// The heads of the agents' audits, as last reported: somebody who rules a host can rewrite its
// audit, but not what the planner knows of it. In memory, and in the store soon after (Save). A
// fault is logged, noted in the planner's own audit, and kept until somebody acknowledges it. Any
// thread.
class ReportedAudits {
 public:
  // Reads what was stored; if that fails, logs it and continues without. `store` and `clock` are
  // not owned. `note` puts a text into the planner's audit.
  ReportedAudits(Store* store, Clock* clock, std::function<void(const std::string&)> note);

  void Reported(const std::string& host, const v1::AuditHead& head);
  // What is known of the host's audit; empty: nothing.
  record::v1::ReportedAudit Of(const std::string& host) const;
  // Forgets a fault. False: there was none.
  bool Acknowledge(const std::string& host);
  // The number of hosts with a fault.
  int64_t faults() const;

  // Stores what changed since the last time. Errors as Store::Write; the next call tries again.
  absl::Status Save();

 private:
  const Table<record::v1::ReportedAudit> table_;
  Store* const store_;
  Clock* const clock_;
  const std::function<void(const std::string&)> note_;
  mutable Mutex mutex_;
  std::map<std::string, record::v1::ReportedAudit> hosts_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> unsaved_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_AUDIT_REPORTED_AUDITS_H_
