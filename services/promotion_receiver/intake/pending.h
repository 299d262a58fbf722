#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_PENDING_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_PENDING_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gitops/record/v1/promotion.pb.h"
#include "services/promotion_receiver/record/promotion_index.h"
#include "services/promotion_receiver/record/promotion_store.h"

namespace gitops {

// Decides about events one after the other, as if each were stored before the next is looked at,
// and collects what is to be written for all of them together. Used within PromotionStore::Decide.
// One thread.
class Pending {
 public:
  explicit Pending(PromotionStore* store) : store_(store) {}

  enum class Decision { kNew, kRepeat, kIgnored, kOlder };
  struct Decided {
    std::string id;  // of the promotion to which the event belongs
    Decision decision = Decision::kNew;
  };
  // `event` as CheckEvent returned it; `body` is kept with a new one. Errors are those of the
  // store.
  absl::StatusOr<Decided> Add(const record::v1::Promotion& event, const std::string& body,
                              absl::Time now);

  std::vector<PromotionWrite> Writes() &&;

 private:
  using Promotion = record::v1::Promotion;
  struct Change {
    SharedPromotion promotion;
    std::optional<std::string> body;
    bool is_new = false;
    bool repeated = false;
    bool superseded = false;
  };

  // What there would be after the writes. None: there is none.
  SharedPromotion Newest(const PromotionIndex::Place& source) const;
  // Also none if its record is damaged: nothing can be added to that, so its event gets a new one.
  absl::StatusOr<SharedPromotion> Get(const std::optional<std::string>& id) const;
  absl::StatusOr<SharedPromotion> OfRevision(const PromotionIndex::Place& source,
                                             const std::string& revision) const;
  absl::StatusOr<SharedPromotion> IgnoredLike(const Promotion& event) const;
  std::vector<SharedPromotion> Waiting(const PromotionIndex::Place& source) const;

  std::string AddNew(Promotion promotion, const std::string& body, absl::Time now);
  std::string AddRepeat(Promotion of, const Promotion& event, absl::Time now);
  // `by`: the revision that supersedes it.
  void Supersede(Promotion promotion, const std::string& by, absl::Time now);

  PromotionStore* const store_;
  std::map<std::string, Change> changes_;  // by id
  PromotionIndex index_;                   // of the changed ones
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_PENDING_H_
