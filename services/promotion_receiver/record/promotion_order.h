#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_ORDER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_ORDER_H_

#include <string>

#include "absl/time/time.h"
#include "gitops/record/v1/promotion.pb.h"

// The order of revisions out of one environment: plain functions. Newer means a later event
// timestamp (equal: later arrival), never a higher version.
namespace gitops {

// The latest timestamp of its events; its creation, if it has none.
absl::Time LatestEvent(const record::v1::Promotion& promotion);

// Whether `a` is newer than `b`; ids grow with arrival.
bool IsNewer(const record::v1::Promotion& a, const record::v1::Promotion& b);

// What a report that the source runs `revision`, of a time, is in relation to what is known.
struct Arrival {
  enum class Kind {
    kRepeat,  // of `of`
    kOlder,   // than the newest one: its promotion is superseded
    kNewer,   // a new promotion, which supersedes those that wait
  };
  Kind kind = Kind::kNewer;
  std::string of;
};
// `newest`: PromotionStore::Newest; `same`: the newest one of this revision. Null: there is none.
Arrival ArrivalOf(const std::string& revision, absl::Time time, const record::v1::Promotion* newest,
                  const record::v1::Promotion* same);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_ORDER_H_
