#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_WATCH_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/watches.h"
#include "gitops/v1/promotion.pb.h"
#include "services/promotion_receiver/record/promotion_store.h"

namespace gitops {

// One client of WatchPromotions: remembers what was sent, and sends what differs. One thread.
class PromotionWatch {
 public:
  // False: the client is gone.
  using Write = std::function<bool(const v1::WatchPromotionsResponse&)>;

  // Not owned: `store` and `request`, which must outlive this.
  PromotionWatch(PromotionStore* store, const v1::WatchPromotionsRequest& request, Write write)
      : store_(store), request_(request), write_(std::move(write)) {}

  // Sends the promotions there are, then each change until `cancelled`. CANCELLED: the client is
  // gone. UNAVAILABLE: `changes` was closed. Errors of the request and the store.
  absl::Status Follow(Changes<std::string>& changes, const std::function<bool()>& cancelled);

 private:
  // Watches from the request's resume point if the store still has it, else from now on; then
  // `resumed_` is false.
  absl::StatusOr<std::unique_ptr<StoreWatch>> Start(Changes<std::string>& changes);
  absl::Status TellBeginning();
  absl::Status TellChanges(const std::set<std::string>& ids);
  // What to send of a promotion; none: it was sent, or does not match.
  absl::StatusOr<std::optional<v1::WatchPromotionsResponse>> Update(const std::string& id);
  std::optional<v1::WatchPromotionsResponse> News(const record::v1::Promotion& promotion);
  absl::Status Send(const v1::WatchPromotionsResponse& response) const;

  PromotionStore* const store_;
  const v1::WatchPromotionsRequest& request_;
  const Write write_;
  bool resumed_ = false;
  int64_t revision_ = 0;                // everything up to it was sent
  std::map<std::string, size_t> told_;  // fingerprints by id
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_WATCH_H_
