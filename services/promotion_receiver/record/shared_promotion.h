#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_SHARED_PROMOTION_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_SHARED_PROMOTION_H_

#include <memory>
#include <utility>

#include "gitops/record/v1/promotion.pb.h"

namespace gitops {

// A promotion as it was at one time, or none. Never changes, so copies share it: a promotion has
// dozens of strings, and several indexes and writes hold each.
class SharedPromotion {
 public:
  // None.
  SharedPromotion() = default;
  SharedPromotion(record::v1::Promotion promotion)  // NOLINT: it is the same value
      : promotion_(std::make_shared<const record::v1::Promotion>(std::move(promotion))) {}

  bool has_value() const { return promotion_ != nullptr; }
  const record::v1::Promotion& operator*() const { return *promotion_; }
  const record::v1::Promotion* operator->() const { return promotion_.get(); }
  // Null: none.
  const record::v1::Promotion* get() const { return promotion_.get(); }

 private:
  std::shared_ptr<const record::v1::Promotion> promotion_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_SHARED_PROMOTION_H_
