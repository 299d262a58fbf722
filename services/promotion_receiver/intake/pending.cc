#include "services/promotion_receiver/intake/pending.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "services/promotion_receiver/record/promotion_order.h"

namespace gitops {

using record::v1::Promotion;

namespace {

// NOT_FOUND becomes none.
absl::StatusOr<std::optional<Promotion>> IfFound(absl::StatusOr<Promotion> promotion) {
  if (promotion.ok()) return *std::move(promotion);
  if (absl::IsNotFound(promotion.status())) return std::nullopt;
  return promotion.status();
}

}  // namespace

std::optional<Promotion> Pending::Newest(const PromotionIndex::Place& source) const {
  const auto& [name_space, pipeline, environment] = source;
  std::optional<Promotion> stored = store_->Newest(name_space, pipeline, environment);
  const Promotion* const pending = index_.Newest(source);
  if (pending == nullptr) return stored;
  const bool newer =
      !stored.has_value() || stored->id() == pending->id() || IsNewer(*pending, *stored);
  return newer ? *pending : stored;
}

absl::StatusOr<Promotion> Pending::Get(const std::string& id) const {
  const auto change = changes_.find(id);
  if (change != changes_.end()) return change->second.promotion;
  absl::StatusOr<Promotion> stored = store_->Get(id);
  // Nothing can be added to a damaged record; its event gets a new one.
  if (absl::IsDataLoss(stored.status())) return absl::NotFoundError(stored.status().message());
  return stored;
}

absl::StatusOr<std::optional<Promotion>> Pending::OfRevision(const Promotion& event) const {
  std::optional<std::string> id = index_.OfRevision(SourceOf(event), event.revision());
  if (!id.has_value()) {
    id = store_->OfRevision(event.namespace_(), event.pipeline(), event.source_environment(),
                            event.revision());
  }
  if (!id.has_value()) return std::nullopt;
  return IfFound(Get(*id));
}

absl::StatusOr<std::optional<Promotion>> Pending::IgnoredLike(const Promotion& event) const {
  std::optional<std::string> id = index_.IgnoredLike(event);
  if (!id.has_value()) id = store_->IgnoredLike(event);
  if (!id.has_value()) return std::nullopt;
  return IfFound(Get(*id));
}

std::vector<Promotion> Pending::Waiting(const PromotionIndex::Place& source) const {
  const auto& [name_space, pipeline, environment] = source;
  std::vector<Promotion> waiting = index_.UnfinishedOf(source);
  for (Promotion& stored : store_->UnfinishedOf(name_space, pipeline, environment)) {
    if (!changes_.contains(stored.id())) waiting.push_back(std::move(stored));
  }
  std::erase_if(waiting, [](const Promotion& promotion) { return !IsWaiting(promotion.state()); });
  return waiting;
}

std::string Pending::AddNew(Promotion promotion, const std::string& body, absl::Time now) {
  promotion.set_id(store_->NewId(now));
  const std::string id = promotion.id();
  index_.Put(promotion, 0);
  changes_[id] = {.promotion = std::move(promotion), .body = body, .is_new = true};
  return id;
}

std::string Pending::AddRepeat(Promotion of, const Promotion& event, absl::Time now) {
  // It was observed before it was reported.
  if (!of.has_event()) *of.mutable_event() = event.event();
  of.set_event_count(of.event_count() + 1);
  *of.mutable_last_seen_time() = ToTimestamp(now);
  *of.mutable_latest_event_time() = ToTimestamp(std::max(LatestEvent(of), LatestEvent(event)));
  const std::string id = of.id();
  index_.Put(of, 0);
  Change& change = changes_[id];
  change.promotion = std::move(of);
  change.repeated = true;
  return id;
}

void Pending::Supersede(Promotion promotion, const std::string& by, absl::Time now) {
  promotion.set_state(record::v1::PROMOTION_STATE_SUPERSEDED);
  promotion.set_message(absl::StrCat("superseded by the newer revision ", by));
  *promotion.mutable_state_time() = ToTimestamp(now);
  *promotion.mutable_end_time() = ToTimestamp(now);
  promotion.clear_next_attempt_time();
  index_.Put(promotion, 0);
  Change& change = changes_[promotion.id()];
  change.promotion = std::move(promotion);
  change.superseded = true;
}

absl::StatusOr<Pending::Decided> Pending::Add(Promotion event, const std::string& body,
                                              absl::Time now) {
  if (event.state() == record::v1::PROMOTION_STATE_IGNORED) {
    absl::StatusOr<std::optional<Promotion>> like = IgnoredLike(event);
    if (!like.ok()) return like.status();
    const std::string id = like->has_value() ? AddRepeat(**std::move(like), event, now)
                                             : AddNew(std::move(event), body, now);
    return Decided{.id = id, .decision = Decision::kIgnored};
  }
  const std::optional<Promotion> newest = Newest(SourceOf(event));
  absl::StatusOr<std::optional<Promotion>> same = OfRevision(event);
  if (!same.ok()) return same.status();
  const Arrival arrival =
      ArrivalOf(event.revision(), LatestEvent(event), newest.has_value() ? &*newest : nullptr,
                same->has_value() ? &**same : nullptr);
  switch (arrival.kind) {
    case Arrival::Kind::kRepeat:
      return Decided{.id = AddRepeat(newest->id() == arrival.of ? *newest : **same, event, now),
                     .decision = Decision::kRepeat};
    case Arrival::Kind::kOlder:
      event.set_state(record::v1::PROMOTION_STATE_SUPERSEDED);
      event.set_message(
          absl::StrCat("the event is older than that of the revision ", newest->revision()));
      *event.mutable_end_time() = ToTimestamp(now);
      return Decided{.id = AddNew(std::move(event), body, now), .decision = Decision::kOlder};
    case Arrival::Kind::kNewer:
      break;
  }
  std::vector<Promotion> replaced = Waiting(SourceOf(event));
  const std::string revision = event.revision();
  // First, so that none of the others is kept as the newest meanwhile.
  Decided decided{.id = AddNew(std::move(event), body, now), .decision = Decision::kNew};
  for (Promotion& waiting : replaced) Supersede(std::move(waiting), revision, now);
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
