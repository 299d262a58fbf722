#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_DECIDE_DECIDE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_DECIDE_DECIDE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gitops/record/v1/promotion.pb.h"
#include "services/promotion_receiver/decide/observation.h"
#include "services/promotion_receiver/pipeline/pipeline.h"

namespace gitops {

// When a promotion begins: a plain function. It goes through
//   OBSERVING -> SOAKING -> WAITING_APPROVAL -> WAITING_WINDOW -> HELD -> RUNNING
// and leaves out what nothing asks for. Until it is RUNNING it may go back, for example because the
// source becomes unhealthy. What has begun goes on.

// A promotion that has not ended, and all that decides about it.
struct PromotionSnapshot {
  record::v1::PromotionState state = record::v1::PROMOTION_STATE_OBSERVING;
  std::string source;   // environment
  std::string target;   // environment
  std::string version;  // for messages
  absl::Time create_time;
  bool replayed = false;
  bool approved = false;
  bool forced = false;  // by the approval
  // As the last decision said; InfinitePast: none.
  absl::Time healthy_since = absl::InfinitePast();
  std::map<std::string, int64_t> marks;

  // Of the target, as configured now.
  bool manual = false;
  absl::Duration soak;
  std::vector<Window> windows;
  // Why it cannot be carried out as it is configured now, in words ("the pipeline ... is gone").
  std::string missing;  // it keeps its state
  std::string blocked;  // everything else is as usual; it must not begin
  SourceView source_view;
  std::string hold;  // who holds the target, and why, in words; empty: nobody
  // The version of another promotion into the target that is in progress; empty: none is.
  std::string busy_with;
  absl::Time now;
};

struct Decision {
  record::v1::PromotionState state = record::v1::PROMOTION_STATE_OBSERVING;
  std::string message;  // why, in words
  // To be kept for the next decision: since when the source is healthy at the revision
  // (InfinitePast: it is not), and the marks of its targets during the soak.
  absl::Time healthy_since = absl::InfinitePast();
  std::map<std::string, int64_t> marks;
  absl::Time soak_end = absl::InfinitePast();  // InfinitePast: not known, or it does not soak
  // Decide again then, even if nothing changed; InfiniteFuture: never.
  absl::Time again = absl::InfiniteFuture();
};

Decision Decide(const PromotionSnapshot& promotion);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_DECIDE_DECIDE_H_
