// What people do with the promotions of an EnvironmentQueue.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "services/promotion_receiver/engine/environment_queue.h"
#include "services/promotion_receiver/revision/revision.h"

namespace gitops {
namespace {

using record::v1::Promotion;
using record::v1::PromotionState;

bool SameRevision(const std::string& a, const std::string& b) {
  return RevisionIdentity(a) == RevisionIdentity(b);
}

absl::Status NothingWaits(const std::string& revision, absl::string_view what,
                          absl::string_view why) {
  return MakeError(Reason::kNothingWaits, absl::StrCat(what, " ", revision, ": ", why),
                   {{"revision", revision}});
}

}  // namespace

absl::StatusOr<Promotion> EnvironmentQueue::After(const Promotion& promotion) {
  // It is stored; whatever follows from it may come later.
  const absl::StatusOr<absl::Time> settled = Settle();
  Wake();
  if (!settled.ok()) return promotion;
  return shared_->store->Get(promotion.id());
}

absl::StatusOr<Promotion> EnvironmentQueue::Waiting(const std::string& target,
                                                    const std::string& revision) const {
  std::string others;
  for (const SharedPromotion& promotion :
       shared_->store->UnfinishedOf(source_.namespace_, source_.pipeline, source_.environment)) {
    if (promotion->environment() != target) continue;
    if (SameRevision(promotion->revision(), revision)) return *promotion;
    others = promotion->revision();
  }
  return NothingWaits(revision, "look for the waiting promotion of",
                      others.empty() ? absl::StrCat("nothing waits for ", target)
                                     : absl::StrCat(others, " waits for ", target, " instead"));
}

absl::StatusOr<Promotion> EnvironmentQueue::Approve(const std::string& target,
                                                    const std::string& revision,
                                                    const record::v1::Approval& approval) {
  MutexLock lock(mutex_);
  if (const auto settled = Settle(); !settled.ok()) return settled.status();
  absl::StatusOr<Promotion> promotion = Waiting(target, revision);
  if (!promotion.ok()) return promotion;
  const PromotionState state = promotion->state();
  if (promotion->has_approval() && !approval.force()) {
    return NothingWaits(
        revision, "approve",
        absl::StrCat("it was approved already, by ", promotion->approval().actor()));
  }
  if (state == record::v1::PROMOTION_STATE_SOAKING && !approval.force()) {
    return MakeError(Reason::kSoakNotOver,
                     absl::StrCat("approve ", revision, ": it still ", promotion->message(),
                                  "; approve it then, or with force and a reason"),
                     {{"revision", revision}});
  }
  if (state != record::v1::PROMOTION_STATE_SOAKING &&
      state != record::v1::PROMOTION_STATE_WAITING_APPROVAL) {
    return NothingWaits(revision, "approve",
                        absl::StrCat("it does not wait for approval: ", promotion->message()));
  }
  *promotion->mutable_approval() = approval;
  promotion->set_message(absl::StrCat("approved by ", approval.actor()));
  if (absl::Status stored = Write(*promotion, state); !stored.ok()) return stored;
  return After(*promotion);
}

bool EnvironmentQueue::CanGoOn(const Promotion& promotion) const {
  if (calling_ == promotion.id()) return true;
  const std::shared_ptr<const Pipeline> pipeline = shared_->pipeline(source_);
  return pipeline != nullptr && PromoterFor(*pipeline, promotion) != nullptr;
}

absl::StatusOr<Promotion> EnvironmentQueue::Reject(const std::string& target,
                                                   const std::string& revision, const Actor& actor,
                                                   const std::string& reason) {
  MutexLock lock(mutex_);
  if (const auto settled = Settle(); !settled.ok()) return settled.status();
  absl::StatusOr<Promotion> promotion = Waiting(target, revision);
  if (!promotion.ok()) return promotion;
  const PromotionState state = promotion->state();
  if (!IsWaiting(state) && CanGoOn(*promotion)) {
    return NothingWaits(revision, "reject", "it has begun already, and does not wait");
  }
  WriteActor(actor, *promotion);
  SetState(*promotion, record::v1::PROMOTION_STATE_REJECTED,
           absl::StrCat("rejected by ", actor.text(), reason.empty() ? "" : ": ", reason),
           shared_->clock->Now());
  if (absl::Status stored = Write(*promotion, state); !stored.ok()) return stored;
  outcomes_.erase(promotion->id());
  polls_.erase(promotion->id());
  return After(*promotion);
}

absl::StatusOr<Promotion> EnvironmentQueue::Replayable(const std::string& target,
                                                       const std::string& revision) const {
  const std::optional<std::string> id = shared_->store->OfRevision(
      source_.namespace_, source_.pipeline, source_.environment, revision);
  if (id.has_value()) {
    absl::StatusOr<Promotion> promotion = shared_->store->Get(*id);
    if (!promotion.ok() || promotion->environment() == target) return promotion;
  }
  // Only an ignored event; it may be among many.
  std::optional<Promotion> ignored;
  const absl::Status read = shared_->store->ForEach("", [&](const Promotion& promotion) {
    if (promotion.namespace_() == source_.namespace_ && promotion.pipeline() == source_.pipeline &&
        promotion.environment() == target && SameRevision(promotion.revision(), revision)) {
      ignored = promotion;
    }
    return !ignored.has_value();
  });
  if (!read.ok()) return read;
  if (ignored.has_value()) return *std::move(ignored);
  return MakeError(
      Reason::kPromotionUnknown,
      absl::StrCat("replay ", revision, ": there was no promotion or event of it into ", target,
                   ", or it is no longer kept; `gitopsctl list promotions` "
                   "shows those that are"),
      {{"revision", revision}});
}

absl::StatusOr<Promotion> EnvironmentQueue::Replay(const std::string& target,
                                                   const std::string& revision, const Actor& actor,
                                                   const std::string& reason,
                                                   RequestIds::Claim* claim) {
  MutexLock lock(mutex_);
  absl::StatusOr<Promotion> promotion = Replayable(target, revision);
  if (!promotion.ok()) return promotion;
  const PromotionState state = promotion->state();
  if (!HasEnded(state) || state == record::v1::PROMOTION_STATE_SUCCEEDED) {
    return MakeError(Reason::kPromotionNotEnded,
                     absl::StrCat("replay ", revision, ": the promotion ", promotion->id(),
                                  HasEnded(state) ? " has succeeded" : " has not ended: ",
                                  HasEnded(state) ? "" : promotion->message()),
                     {{"promotion", promotion->id()}, {"revision", revision}});
  }
  const absl::Time now = shared_->clock->Now();
  promotion->set_replayed(true);
  *promotion->mutable_replay_time() = ToTimestamp(now);
  WriteActor(actor, *promotion);
  if (promotion->version().empty()) promotion->set_version(promotion->revision());
  // What was approved was the attempt that failed, or one that others have overtaken since.
  if (state != record::v1::PROMOTION_STATE_FAILED) promotion->clear_approval();
  promotion->clear_start_time();
  promotion->clear_end_time();
  promotion->clear_strategy();
  promotion->clear_attempt_count();
  promotion->clear_last_error();
  promotion->clear_result();
  // Its effect is done anew, not found again.
  promotion->clear_effect_key();
  SetState(*promotion, record::v1::PROMOTION_STATE_OBSERVING,
           absl::StrCat("replayed by ", actor.text(), reason.empty() ? "" : ": ", reason), now);
  PromotionWrite write{.promotion = *promotion, .body = {}, .from = state};
  const std::vector<StoreWrite> request =
      claim == nullptr ? std::vector<StoreWrite>() : claim->Record(promotion->id());
  if (absl::Status stored = Write({std::move(write)}, request); !stored.ok()) return stored;
  if (claim != nullptr) claim->Stored();
  return After(*promotion);
}

}  // namespace gitops
