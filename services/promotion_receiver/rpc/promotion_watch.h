#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_WATCH_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/watch_stream.h"
#include "gitops/v1/promotion.pb.h"
#include "services/promotion_receiver/record/promotion_store.h"

namespace gitops {

// One client of WatchPromotions: remembers what was sent, and sends what differs. For Follow(),
// with ids. One thread.
class PromotionWatch {
 public:
  // Not owned: `store` and `request`, which must outlive this.
  PromotionWatch(PromotionStore* store, const v1::WatchPromotionsRequest& request,
                 WatchStream<v1::WatchPromotionsResponse>::Write write)
      : store_(store), request_(request), stream_(std::move(write)) {}

  // As WatchStream::Start.
  absl::StatusOr<int64_t> Start(Changes<std::string>& changes);
  absl::Status TellAll(int64_t revision);
  absl::Status TellChanges(const std::set<std::string>& ids, int64_t revision);
  bool done() const { return false; }

 private:
  absl::Status SendChange(const std::string& id);
  // Unless it was sent as it is.
  absl::Status SendNews(const record::v1::Promotion& promotion);

  PromotionStore* const store_;
  const v1::WatchPromotionsRequest& request_;
  WatchStream<v1::WatchPromotionsResponse> stream_;
  std::unique_ptr<StoreWatch> events_;
  std::map<std::string, size_t> told_;  // fingerprints by id
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_WATCH_H_
