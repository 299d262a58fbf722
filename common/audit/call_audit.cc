#include "common/audit/call_audit.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/api/changes.h"
#include "common/audit/audit_log.h"
#include "common/audit/targets.h"
#include "common/clock/timestamp.h"
#include "common/log/log.h"
#include "common/rpc/actor.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"
#include "gitops/record/v1/audit.pb.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {
namespace {

using record::v1::AuditEntry;

constexpr size_t kMaxMessage = 500;

// A deployment's step: the planner does it for the person who asked for the deployment.
void TakePersonOf(const v1::Operation& operation, Principal& caller) {
  const Actor actor = ReadActor(operation);
  if (!caller.on_behalf_of.empty() || actor.text().empty()) return;
  caller.on_behalf_of =
      actor.principal().has_value() ? OnBehalfOfText(*actor.principal()) : actor.text();
}

AuditEntry EntryOf(Principal caller, const google::protobuf::Message& request,
                   const std::string& method) {
  if (const auto* action = dynamic_cast<const v1::PerformActionRequest*>(&request)) {
    TakePersonOf(action->operation(), caller);
  }
  AuditEntry entry = CallerEntry(caller, method);
  *entry.mutable_targets() = TargetsOf(request);
  return entry;
}

bool IsAboutCaller(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

}  // namespace

AuditEntry CallerEntry(const Principal& caller, const std::string& method) {
  AuditEntry entry;
  entry.set_method(method);
  entry.set_actor(PrincipalText(caller));
  WritePrincipal(caller, *entry.mutable_principal());
  if (caller.role.has_value()) entry.set_role(std::string(RoleName(*caller.role)));
  return entry;
}

void SetOutcome(const absl::Status& status, AuditEntry& entry) {
  entry.set_code(status.ok() ? "OK" : ReasonName(status));
  entry.set_message(ValidUtf8(status.message(), kMaxMessage));
}

CallAudit::CallAudit(std::shared_ptr<AuditLog> log) : log_(std::move(log)) {}

absl::StatusOr<CallAudit::Call> CallAudit::Begin(const Principal& caller,
                                                 const google::protobuf::Message& request,
                                                 bool brake) const {
  Call call;
  const auto* const method = MethodOf(*request.GetDescriptor());
  if (log_ == nullptr || method == nullptr || !IsChange(*method)) return call;
  AuditEntry entry = EntryOf(caller, request, MethodName(*method));
  entry.set_kind(AuditEntry::KIND_ALLOWED);
  call.log_ = log_.get();
  call.begin_ = log_->storage().options().clock->SteadyNow();
  const absl::StatusOr<int64_t> number = log_->Record(entry);
  if (number.ok()) {
    entry.set_number(*number);
  } else if (brake) {
    LogError(
        "a change that cannot be stored in the audit now is made all the same, since it stops "
        "or frees a service",
        {{"actor", entry.actor()}, {"method", entry.method()}});
    log_->RecordSoon(entry);
  } else {
    const absl::Status refused = MakeError(
        Reason::kAuditUnavailable,
        absl::StrCat(
            "refused, since it cannot be recorded in the audit: ", number.status().message(),
            "; free space, or repair it, and try again; freeze and unfreeze work"));
    Refused(caller, request, refused);
    return refused;
  }
  call.entry_ = std::make_shared<AuditEntry>(std::move(entry));
  return call;
}

void CallAudit::Call::End(const absl::Status& status) {
  if (log_ == nullptr) return;
  entry_->set_kind(AuditEntry::KIND_ENDED);
  entry_->set_of(entry_->number());
  entry_->clear_number();
  SetOutcome(status, *entry_);
  *entry_->mutable_duration() = ToDuration(log_->storage().options().clock->SteadyNow() - begin_);
  log_->RecordSoon(std::move(*entry_));
  log_ = nullptr;
}

void CallAudit::Refused(const Principal& caller, const google::protobuf::Message& request,
                        const absl::Status& why) const {
  if (log_ == nullptr) return;
  const auto* const method = MethodOf(*request.GetDescriptor());
  if (method == nullptr || (!IsChange(*method) && !IsAboutCaller(why))) return;
  AuditEntry entry = EntryOf(caller, request, MethodName(*method));
  entry.set_kind(AuditEntry::KIND_REFUSED);
  SetOutcome(why, entry);
  log_->RecordRefusal(std::move(entry));
}

void CallAudit::Note(const std::string& message) const {
  if (log_ == nullptr) return;
  AuditEntry entry;
  entry.set_kind(AuditEntry::KIND_NOTED);
  entry.set_message(ValidUtf8(message, kMaxMessage));
  log_->RecordSoon(std::move(entry));
}

}  // namespace gitops
