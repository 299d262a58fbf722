#include "services/promotion_receiver/intake/pending.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "services/promotion_receiver/record/promotion_order.h"

namespace gitops {

using record::v1::Promotion;

SharedPromotion Pending::Newest(const PromotionIndex::Place& source) const {
  const auto& [name_space, pipeline, environment] = source;
  SharedPromotion stored = store_->Newest(name_space, pipeline, environment);
  SharedPromotion pending = index_.Newest(source);
  if (!pending.has_value()) return stored;
  const bool newer =
      !stored.has_value() || stored->id() == pending->id() || IsNewer(*pending, *stored);
  return newer ? pending : stored;
}

absl::StatusOr<SharedPromotion> Pending::Get(const std::optional<std::string>& id) const {
  if (!id.has_value()) return SharedPromotion();
  const auto change = changes_.find(*id);
  if (change != changes_.end()) return change->second.promotion;
  absl::StatusOr<Promotion> stored = store_->Get(*id);
  if (stored.ok()) return SharedPromotion(*std::move(stored));
  if (absl::IsNotFound(stored.status()) || absl::IsDataLoss(stored.status())) {
    return SharedPromotion();
  }
  return stored.status();
}

absl::StatusOr<SharedPromotion> Pending::OfRevision(const PromotionIndex::Place& source,
                                                    const std::string& revision) const {
  std::optional<std::string> id = index_.OfRevision(source, revision);
  if (!id.has_value()) {
    const auto& [name_space, pipeline, environment] = source;
    id = store_->OfRevision(name_space, pipeline, environment, revision);
  }
  return Get(id);
}

absl::StatusOr<SharedPromotion> Pending::IgnoredLike(const Promotion& event) const {
  std::optional<std::string> id = index_.IgnoredLike(event);
  return Get(id.has_value() ? id : store_->IgnoredLike(event));
}

std::vector<SharedPromotion> Pending::Waiting(const PromotionIndex::Place& source) const {
  const auto& [name_space, pipeline, environment] = source;
  std::vector<SharedPromotion> waiting = index_.UnfinishedOf(source);
  for (SharedPromotion& stored : store_->UnfinishedOf(name_space, pipeline, environment)) {
    if (!changes_.contains(stored->id())) waiting.push_back(std::move(stored));
  }
  std::erase_if(waiting,
                [](const SharedPromotion& promotion) { return !IsWaiting(promotion->state()); });
  return waiting;
}

std::string Pending::AddNew(Promotion promotion, const std::string& body, absl::Time now) {
  promotion.set_id(store_->NewId(now));
  const SharedPromotion added = std::move(promotion);
  index_.Put(added, 0);
  changes_[added->id()] = {.promotion = added, .body = body, .is_new = true};
  return added->id();
}

std::string Pending::AddRepeat(Promotion of, const Promotion& event, absl::Time now) {
  // It was observed before it was reported.
  if (!of.has_event()) *of.mutable_event() = event.event();
  of.set_event_count(of.event_count() + 1);
  *of.mutable_last_seen_time() = ToTimestamp(now);
  *of.mutable_latest_event_time() = ToTimestamp(std::max(LatestEvent(of), LatestEvent(event)));
  const SharedPromotion repeated = std::move(of);
  index_.Put(repeated, 0);
  Change& change = changes_[repeated->id()];
  change.promotion = repeated;
  change.repeated = true;
  return repeated->id();
}

void Pending::Supersede(Promotion promotion, const std::string& by, absl::Time now) {
  promotion.set_state(record::v1::PROMOTION_STATE_SUPERSEDED);
  promotion.set_message(absl::StrCat("superseded by the newer revision ", by));
  *promotion.mutable_state_time() = ToTimestamp(now);
  *promotion.mutable_end_time() = ToTimestamp(now);
  promotion.clear_next_attempt_time();
  const SharedPromotion superseded = std::move(promotion);
  index_.Put(superseded, 0);
  Change& change = changes_[superseded->id()];
  change.promotion = superseded;
  change.superseded = true;
}

absl::StatusOr<Pending::Decided> Pending::Add(const Promotion& event, const std::string& body,
                                              absl::Time now) {
  if (event.state() == record::v1::PROMOTION_STATE_IGNORED) {
    const absl::StatusOr<SharedPromotion> like = IgnoredLike(event);
    if (!like.ok()) return like.status();
    const std::string id =
        like->has_value() ? AddRepeat(**like, event, now) : AddNew(event, body, now);
    return Decided{.id = id, .decision = Decision::kIgnored};
  }
  const PromotionIndex::Place source = SourceOf(event);
  const SharedPromotion newest = Newest(source);
  const absl::StatusOr<SharedPromotion> same = OfRevision(source, event.revision());
  if (!same.ok()) return same.status();
  const Arrival arrival =
      ArrivalOf(event.revision(), LatestEvent(event), newest.get(), same->get());
  switch (arrival.kind) {
    case Arrival::Kind::kRepeat:
      return Decided{.id = AddRepeat(newest->id() == arrival.of ? *newest : **same, event, now),
                     .decision = Decision::kRepeat};
    case Arrival::Kind::kOlder: {
      Promotion older = event;
      older.set_state(record::v1::PROMOTION_STATE_SUPERSEDED);
      older.set_message(
          absl::StrCat("the event is older than that of the revision ", newest->revision()));
      *older.mutable_end_time() = ToTimestamp(now);
      return Decided{.id = AddNew(std::move(older), body, now), .decision = Decision::kOlder};
    }
    case Arrival::Kind::kNewer:
      break;
  }
  const std::vector<SharedPromotion> replaced = Waiting(source);
  // First, so that none of the others is kept as the newest meanwhile.
  Decided decided{.id = AddNew(event, body, now), .decision = Decision::kNew};
  for (const SharedPromotion& waiting : replaced) Supersede(*waiting, event.revision(), now);
  return decided;
}

std::vector<PromotionWrite> Pending::Writes() && {
  std::vector<PromotionWrite> writes;
  for (auto& [id, change] : changes_) {
    if (change.is_new) {
      writes.push_back({.promotion = std::move(change.promotion), .body = std::move(change.body)});
      continue;
    }
    if (change.repeated && change.superseded) {
      writes.push_back({.promotion = change.promotion, .body = {}, .if_waiting = true});
    }
    writes.push_back({.promotion = std::move(change.promotion),
                      .body = {},
                      .repeat = change.repeated,
                      .if_waiting = !change.repeated});
  }
  return writes;
}

}  // namespace gitops
