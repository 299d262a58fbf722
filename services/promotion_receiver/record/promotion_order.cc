#include "services/promotion_receiver/record/promotion_order.h"

#include "common/clock/timestamp.h"
#include "services/promotion_receiver/revision/revision.h"

namespace gitops {

using record::v1::Promotion;

absl::Time LatestEvent(const Promotion& promotion) {
  if (promotion.has_latest_event_time()) return FromTimestamp(promotion.latest_event_time());
  if (promotion.event().has_timestamp()) return FromTimestamp(promotion.event().timestamp());
  return FromTimestamp(promotion.create_time());
}

bool IsNewer(const Promotion& a, const Promotion& b) {
  const absl::Time time_a = LatestEvent(a), time_b = LatestEvent(b);
  return time_a == time_b ? a.id() > b.id() : time_a > time_b;
}

Arrival ArrivalOf(const std::string& revision, absl::Time time, const Promotion* newest,
                  const Promotion* same) {
  if (newest == nullptr) return {};
  if (RevisionIdentity(newest->revision()) == RevisionIdentity(revision)) {
    return {.kind = Arrival::Kind::kRepeat, .of = newest->id()};
  }
  // The source has left this revision since; what was reported before that is late, or sent again.
  const bool known = same != nullptr && time <= LatestEvent(*same);
  const bool older = time < LatestEvent(*newest);
  if (known || (older && same != nullptr)) {
    return {.kind = Arrival::Kind::kRepeat, .of = same->id()};
  }
  return {.kind = older ? Arrival::Kind::kOlder : Arrival::Kind::kNewer, .of = ""};
}

}  // namespace gitops
