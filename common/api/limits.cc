#include "common/api/limits.h"

#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/api/api_files.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Names, ids and other words.
constexpr size_t kWord = 255;
// Text for people.
constexpr size_t kReason = 1000;
// Paths and URLs.
constexpr size_t kPath = 4096;
// The hosts of a fleet that a request may name.
constexpr size_t kHosts = 100'000;

// Revisions and bodies of Flux events. The gateway takes 1 MiB unless it is configured otherwise.
constexpr size_t kRevision = 1024;
constexpr size_t kEventBody = 16 << 20;

// Properties of a reporting agent.
constexpr size_t kText = 64 << 10;
constexpr size_t kReported = 20'000;

// The table of limits. A handler may enforce lower limits.
constexpr FieldLimit kLimits[] = {
    // Who and what.
    {"host", kWord},
    {"service", kWord},
    {"id", 500},
    {"deployment", 500},
    {"hash", 64},
    {"to_hash", 64},
    {"revision", 64},
    {"point", kWord},
    {"action", kWord},
    {"actor", 400},
    {"AuditHead.chain", kWord},
    {"Principal.name", kWord},
    {"Principal.address", kWord},
    {"Principal.on_behalf_of", kWord},
    {"Principal.on_behalf_of_role", kWord},
    {"reason", kReason},
    {"plan_token", kWord},
    {"token", kWord},
    {"page_token", 1024},
    {"resume_token", 1024},
    {"request_id", 100},
    // Which hosts, and how.
    {"Selection.on", 1024, 1000},
    {"Selection.tagged", kWord, 100},
    {"Selection.order_by_tags", kWord, 100},
    {"DeploymentSpec.actions", kWord, 100},
    {"Rollout.batch", 20},
    {"Rollout.max_failures", 20},
    {"DeploymentFilter.states", 0, 100},
    // Hooks.
    {"TestHooksRequest.hosts", 0, kHosts},
    {"DispatchHookRequest.hosts", 0, kHosts},
    {"DispatchHookRequest.known_hosts", kWord, kHosts},
    {"DispatchHookRequest.idempotency_key", 1000},
    {"DispatchHookRequest.deployment", 1000},
    {"DispatchHookRequest.traceparent", 1000},
    {"HostPayload.actions", kWord, 1000},
    {"RemoveDamagedRecordRequest.key", kPath},
    {"RemoveDamagedPromotionRecordRequest.key", kPath},
    // Promotions. A revision may have the name of a branch in it.
    {"namespace", kWord},
    {"pipeline", kWord},
    {"environment", kWord},
    {"ReceiveEventsRequest.events", 0, 1000},
    {"ReceivedEvent.body", kEventBody},
    {"ReceivedEvent.signature", 1000},
    {"ReceivedEvent.address", kWord},
    {"ReceiveApprovalRequest.revision", kRevision},
    {"ReceiveApprovalRequest.method", 20},
    {"ReceiveApprovalRequest.path", 2 * kPath},
    {"ReceiveApprovalRequest.timestamp", 100},
    {"ReceiveApprovalRequest.body", kEventBody},
    {"ReceiveApprovalRequest.signature", 1000},
    {"ReceiveApprovalRequest.address", kWord},
    {"ApprovePromotionRequest.revision", kRevision},
    {"RejectPromotionRequest.revision", kRevision},
    {"ReplayPromotionRequest.revision", kRevision},
    {"PromotionFilter.revision", kRevision},
    {"PromotionFilter.states", 0, 100},
    // Operations of deployments on agents.
    {"WatchServicesRequest.services", kWord, 10'000},
    {"PerformActionRequest.upstream_revisions", 0, 10'000},
    {"PerformActionRequest.service_revisions", 0, 10'000},
    {"PerformActionRequest.secrets", 0, 10'000},
    {"UpstreamRevision.upstream", kPath},
    {"UpstreamRevision.branch", kPath},
    {"SecretFile.name", kPath},
    {"SecretFile.destination", kPath},
    {"SecretFile.owner_user", kWord},
    {"SecretFile.owner_group", kWord},
    {"SecretFile.permissions", kWord},
    {"SecretFile.content", 4 << 20},
    {"RunCheckRequest.cmd", 128 << 10, 10'000},
    // Reports of agents. The planner keeps less of them: ReportLimits in
    // services/planner/fleet/fleet.h.
    {"Hello.names", kPath, 1000},
    {"Hello.name", kPath},
    {"ConfigStatus.hash", kText},
    {"ConfigStatus.services_hash", kText},
    {"ConfigStatus.host_hash", kText},
    {"ConfigStatus.fault", kText},
    {"Hello.address", kPath},
    {"Hello.version", kPath},
    {"Hello.boot_id", kPath},
    {"Hello.services", 0, kReported},
    {"ServicesChanged.services", 0, kReported},
    {"ServicesChanged.removed", kPath, kReported},
    {"RenewCertificateRequest.certificate_request", 16 << 10},
    {"TipVerified.upstream", kText},
    {"TipVerified.user", kText},
    {"TipVerified.branch", kText},
    {"TipVerified.except", kPath, kReported},
    {"Service.host", kText},
    {"Service.service", kText},
    {"Service.state_info", kText},
    {"Service.hash", kText},
    {"Service.target_hash", kText},
    {"Service.pinned_hash", kText},
    {"Service.freeze_reason", kText},
    {"Service.frozen_by", kText},
    {"Service.upstream", kText},
    {"Service.branch", kText},
    {"Service.user", kText},
    {"Service.action", kText},
    {"Service.revision_commits", 0, kReported},
    {"Commit.hash", kText},
    {"Commit.subject", kText},
    {"Commit.author", kText},
    {"FailedHealth.message", kText},
    {"Service.directories", 0, kReported},
    {"Service.revisions", kText, kReported},
    {"Service.changes", 0, kReported},
    {"Directory.local", kText},
    {"Directory.link", kText},
    {"Change.from_hash", kText},
    {"Change.to_hash", kText},
    {"Change.reason", kText},
    {"Change.actor", kText},
};

using Limits = absl::flat_hash_map<const FieldDescriptor*, const FieldLimit*>;

const FieldLimit* FindRow(const FieldDescriptor& field) {
  for (const std::string& name :
       {absl::StrCat(field.containing_type()->name(), ".", field.name()), field.name()}) {
    for (const FieldLimit& row : kLimits) {
      if (row.field == name) return &row;
    }
  }
  return nullptr;
}

bool NeedsLimit(const FieldDescriptor& field) {
  return field.is_repeated() || field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
}

void AddLimits(const Descriptor& type, std::set<const Descriptor*>& seen, Limits& limits) {
  if (!seen.insert(&type).second) return;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (NeedsLimit(field)) limits[&field] = FindRow(field);
    if (field.message_type() != nullptr) AddLimits(*field.message_type(), seen, limits);
  }
}

// Of every field that a request of the API can hold.
const Limits& AllLimits() {
  static const Limits& all = *[] {
    auto* limits = new Limits;
    std::set<const Descriptor*> seen;
    for (const auto* service : ApiServices()) {
      for (int i = 0; i < service->method_count(); ++i) {
        AddLimits(*service->method(i)->input_type(), seen, *limits);
      }
    }
    return limits;
  }();
  return all;
}

class Checker {
 public:
  absl::Status Check(const Message& message) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      const size_t path_size = path_.size();
      absl::StrAppend(&path_, path_.empty() ? "" : ".", field->name());
      if (absl::Status status = CheckField(message, *field); !status.ok()) return status;
      path_.resize(path_size);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status CheckField(const Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    const FieldLimit* limit = LimitOf(field);
    if (limit == nullptr && NeedsLimit(field)) {
      return absl::InternalError(absl::StrCat(path_, " has no limit in common/api/limits.cc"));
    }
    if (!field.is_repeated()) {
      if (field.message_type() != nullptr) return Check(reflection.GetMessage(message, &field));
      if (limit == nullptr) return absl::OkStatus();
      std::string scratch;
      return CheckBytes(reflection.GetStringReference(message, &field, &scratch), *limit);
    }
    const size_t items = static_cast<size_t>(reflection.FieldSize(message, &field));
    if (items > limit->items) return TooMuch(items, "values", limit->items);
    return CheckItems(message, field, *limit);
  }

  absl::Status CheckItems(const Message& message, const FieldDescriptor& field,
                          const FieldLimit& limit) {
    const Reflection& reflection = *message.GetReflection();
    const bool is_text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    if (!is_text && field.message_type() == nullptr) return absl::OkStatus();
    const size_t path_size = path_.size();
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      absl::StrAppend(&path_, "[", i, "]");
      std::string scratch;
      absl::Status status =
          is_text ? CheckBytes(reflection.GetRepeatedStringReference(message, &field, i, &scratch),
                               limit)
                  : Check(reflection.GetRepeatedMessage(message, &field, i));
      if (!status.ok()) return status;
      path_.resize(path_size);
    }
    return absl::OkStatus();
  }

  absl::Status CheckBytes(const std::string& value, const FieldLimit& limit) const {
    if (value.size() <= limit.bytes) return absl::OkStatus();
    return TooMuch(value.size(), "bytes", limit.bytes);
  }

  absl::Status TooMuch(size_t found, absl::string_view what, size_t limit) const {
    return InvalidField(
        path_, absl::StrCat(path_, " has ", found, " ", what, "; at most ", limit, " are allowed"));
  }

  // Of what is being checked.
  std::string path_;
};

}  // namespace

const FieldLimit* LimitOf(const FieldDescriptor& field) {
  const auto found = AllLimits().find(&field);
  return found == AllLimits().end() ? nullptr : found->second;
}

absl::Status CheckLimits(const Message& request) { return Checker().Check(request); }

}  // namespace gitops
