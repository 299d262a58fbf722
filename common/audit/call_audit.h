#ifndef GITOPS_COMMON_AUDIT_CALL_AUDIT_H_
#define GITOPS_COMMON_AUDIT_CALL_AUDIT_H_

#include <google/protobuf/message.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock/steady_time.h"
#include "common/rpc/principal.h"

namespace gitops {

class AuditLog;
namespace record::v1 {
class AuditEntry;
}

// What the gate of a server does for the audit. Thread-safe.
class CallAudit {
 public:
  // `log` may be null: nothing is recorded.
  explicit CallAudit(std::shared_ptr<AuditLog> log);

  // An admitted call. End it with its status; one that is not ended is found in the audit as such.
  class Call {
   public:
    void End(const absl::Status& status);

   private:
    friend class CallAudit;
    AuditLog* log_ = nullptr;  // null: nothing is recorded
    std::shared_ptr<record::v1::AuditEntry> entry_;
    SteadyTime begin_;
  };

  // Records that `caller` makes an admitted call, if that asks for a change; the entry is durable
  // when this returns. AUDIT_UNAVAILABLE: it cannot be stored, so the call must be refused; but a
  // `brake` goes on, is logged, and is stored as soon as that is possible.
  absl::StatusOr<Call> Begin(const Principal& caller, const google::protobuf::Message& request,
                             bool brake) const;
  // Records a call that was refused, if that asks for a change, or was refused because of who made
  // it.
  void Refused(const Principal& caller, const google::protobuf::Message& request,
               const absl::Status& why) const;

  // Something that the program itself found.
  void Note(const std::string& message) const;

  AuditLog* log() const { return log_.get(); }

 private:
  std::shared_ptr<AuditLog> log_;
};

// The entry of a caller, without kind and outcome. `method` is "PlannerService.FreezeServices".
record::v1::AuditEntry CallerEntry(const Principal& caller, const std::string& method);
// Adds code and message of how a call ended.
void SetOutcome(const absl::Status& status, record::v1::AuditEntry& entry);

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_CALL_AUDIT_H_
