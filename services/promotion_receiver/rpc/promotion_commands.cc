#include "services/promotion_receiver/rpc/promotion_commands.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "common/log/log.h"
#include "common/rpc/actor.h"
#include "common/rpc/error.h"
#include "common/rpc/request_checks.h"
#include "common/store/convert.h"
#include "services/promotion_receiver/intake/approval_check.h"
#include "services/promotion_receiver/record/record_kinds.h"
#include "services/promotion_receiver/rpc/promotion_filter.h"
#include "services/promotion_receiver/rpc/promotion_reads.h"

namespace gitops {
namespace {

template <typename Request>
EnvironmentName WhereOf(const Request& request) {
  return {request.namespace_(), request.pipeline(), request.environment()};
}

// What every command about a revision needs.
template <typename Request>
absl::Status CheckCommand(const Request& request) {
  if (absl::Status status = CheckReason(request.reason()); !status.ok()) return status;
  if (request.revision().empty()) return InvalidField("revision", "no revision is named");
  return CheckNames(WhereOf(request));
}

template <typename Request>
absl::Status CheckCommand(const Pipelines& pipelines, const Request& request) {
  if (absl::Status status = CheckCommand(request); !status.ok()) return status;
  return CheckEnvironment(pipelines, WhereOf(request));
}

absl::StatusOr<v1::Promotion> ToApi(const absl::StatusOr<record::v1::Promotion>& promotion) {
  if (!promotion.ok()) return promotion.status();
  return gitops::ToApi(*promotion);
}

}  // namespace

absl::StatusOr<v1::Promotion> PromotionCommands::Receive(
    const v1::ReceiveApprovalRequest& request) {
  const absl::StatusOr<std::string> actor =
      CheckApproval(request, *options_.pipelines(), *options_.secrets, *options_.promotions,
                    options_.clock->Now());
  if (!actor.ok()) {
    LogWarning("an approval was refused",
               {{"pipeline", request.namespace_() + "/" + request.pipeline()},
                {"environment", request.environment()},
                {"address", request.address()},
                {"error", std::string(actor.status().message())}});
    return actor.status();
  }
  return ToApi(options_.control->Approve(WhereOf(request), request.revision(), *actor, "",
                                         /*force=*/false));
}

absl::StatusOr<v1::Promotion> PromotionCommands::Approve(const v1::ApprovePromotionRequest& request,
                                                         const Principal& caller) {
  if (absl::Status status = CheckCommand(*options_.pipelines(), request); !status.ok())
    return status;
  if (request.force() && request.reason().empty()) {
    return InvalidField("reason", "force skips the soak, so it needs a reason");
  }
  return ToApi(options_.control->Approve(WhereOf(request), request.revision(), caller,
                                         request.reason(), request.force()));
}

absl::StatusOr<v1::Promotion> PromotionCommands::Reject(const v1::RejectPromotionRequest& request,
                                                        const Principal& caller) {
  // What waits for a pipeline or environment that is gone must be possible to end.
  if (absl::Status status = CheckCommand(request); !status.ok()) return status;
  return ToApi(
      options_.control->Reject(WhereOf(request), request.revision(), caller, request.reason()));
}

absl::StatusOr<v1::Promotion> PromotionCommands::Replay(const v1::ReplayPromotionRequest& request,
                                                        const Principal& caller,
                                                        const std::function<bool()>& give_up) {
  if (absl::Status status = CheckCommand(*options_.pipelines(), request); !status.ok())
    return status;
  const auto claim = options_.request_ids->Enter(PrincipalKey(caller), request, give_up);
  if (!claim.ok()) return claim.status();
  if (!(*claim)->made().empty()) return ToApi(options_.promotions->Get((*claim)->made()));
  return ToApi(options_.control->Replay(WhereOf(request), request.revision(), caller,
                                        request.reason(), claim->get()));
}

absl::StatusOr<v1::EnvironmentHold> PromotionCommands::Hold(
    const v1::HoldEnvironmentRequest& request, const Principal& caller) {
  const EnvironmentName where = WhereOf(request);
  if (absl::Status status = CheckReason(request.reason()); !status.ok()) return status;
  if (absl::Status status = CheckEnvironment(*options_.pipelines(), where); !status.ok()) {
    return status;
  }
  record::v1::EnvironmentHold hold;
  WriteActor(caller, hold);
  hold.set_reason(request.reason());
  *hold.mutable_time() = ToTimestamp(options_.clock->Now());
  const absl::Status held =
      options_.promotions->Hold(where.namespace_, where.pipeline, where.environment, hold);
  if (!held.ok()) return held;
  LookAt(where);
  return Converted<v1::EnvironmentHold>(hold);
}

absl::StatusOr<v1::ReleaseEnvironmentResponse> PromotionCommands::Release(
    const v1::ReleaseEnvironmentRequest& request, const Principal& caller) {
  const EnvironmentName where = WhereOf(request);
  if (absl::Status status = CheckReason(request.reason()); !status.ok()) return status;
  if (absl::Status status = CheckEnvironment(*options_.pipelines(), where); !status.ok()) {
    return status;
  }
  const auto ended =
      options_.promotions->Release(where.namespace_, where.pipeline, where.environment);
  if (!ended.ok()) return ended.status();
  v1::ReleaseEnvironmentResponse response;
  if (!ended->has_value()) return response;
  LogInfo("an environment was released", {{"environment", where.Text()},
                                          {"actor", PrincipalText(caller)},
                                          {"reason", request.reason()}});
  LookAt(where);
  *response.mutable_hold() = Converted<v1::EnvironmentHold>(**ended);
  return response;
}

absl::Status PromotionCommands::RemoveDamaged(const std::string& key, const Principal& caller) {
  if (key.empty()) return InvalidField("key", "no record is named");
  const absl::Status removed = options_.promotions->RemoveDamaged(key);
  if (!removed.ok()) return removed;
  LogWarning("a damaged record was removed", {{"key", key}, {"actor", PrincipalText(caller)}});
  absl::string_view hold = key;
  if (!absl::ConsumePrefix(&hold, kHoldKeys)) return removed;
  // What waited for the end of the hold goes on.
  const std::vector<std::string> names = absl::StrSplit(hold, '/');
  if (names.size() == 3) LookAt({names[0], names[1], names[2]});
  return removed;
}

void PromotionCommands::LookAt(const EnvironmentName& target) const {
  const std::shared_ptr<const Pipelines> pipelines = options_.pipelines();
  const Pipeline* const pipeline = pipelines->Find(target.namespace_, target.pipeline);
  if (pipeline == nullptr) return;
  for (const Environment& source : pipeline->environments) {
    const Environment* const next = pipeline->After(source.name);
    if (next == nullptr || next->name != target.environment) continue;
    options_.control->Look({target.namespace_, target.pipeline, source.name});
  }
}

}  // namespace gitops
