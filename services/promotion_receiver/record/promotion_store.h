#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_STORE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/store/kept_changes.h"
#include "common/store/store.h"
#include "gitops/record/v1/promotion.pb.h"
#include "services/promotion_receiver/record/promotion_state.h"
#include "services/promotion_receiver/record/shared_promotion.h"

namespace gitops {

// One promotion or ignored event, as it is to be written.
struct PromotionWrite {
  SharedPromotion promotion;
  std::optional<std::string> body;  // of its event; none: as it is
  // Only a repeat of its event: event_count, last_seen_time and latest_event_time are written, and
  // `event` if the promotion had none. A write without `repeat` leaves them as they are.
  bool repeat = false;
  // Only if it is stored in this state.
  std::optional<record::v1::PromotionState> from = std::nullopt;
  // It is superseded: left out, without an error, if it is stored as begun or ended.
  bool if_waiting = false;
};

// The promotions of the receiver, in a Store, under promotion-receiver/v1/:
//   promotion/ID             Promotion; ids grow with time, so that the order of keys is theirs
//   promotion-repeats/ID     PromotionRepeats
//   body/ID                  the body of its event, for 7 days
//   hold/NAMESPACE/PIPELINE/ENVIRONMENT   EnvironmentHold
//   signature/HEX            UsedSignature
// All promotions that have not ended, and what is needed to recognize repeats and order, are also
// kept in memory, so that the cost of a call does not grow with what is kept. One process has the
// store. Thread-safe. Errors are those of Store. Damaged promotions are skipped, and noted in the
// store's damaged_records(); a damaged hold lasts until it is released.
class PromotionStore {
 public:
  // What a Store needs to keep of its changes for OnChange and Watch.
  static KeptChanges Kept();

  // Reads what is stored. `store` is not owned.
  static absl::StatusOr<std::unique_ptr<PromotionStore>> Open(Store* store);

  PromotionStore(const PromotionStore&) = delete;
  PromotionStore& operator=(const PromotionStore&) = delete;
  ~PromotionStore();

  // A new id, greater than all before: "20261122-221530-k7q2", the time with microseconds.
  std::string NewId(absl::Time now);

  // Runs `decide` while nothing else runs in here, and returns what it returned. Whoever creates
  // promotions, or decides about repeats and order, does both the reading and the writing in it.
  // It must not be nested.
  absl::Status Decide(const std::function<absl::Status()>& decide);

  // Writes all (but see `if_waiting`) or none; durable when it returns. ABORTED: one is no longer
  // in the state `from`; or it has ended, and the write would open it again without `replayed`.
  // Read it again then.
  // `others` are keys of other parts of the program that are written with them.
  absl::Status Write(const std::vector<PromotionWrite>& writes,
                     const std::vector<StoreWrite>& others = {});

  // NOT_FOUND (PROMOTION_UNKNOWN).
  absl::StatusOr<record::v1::Promotion> Get(const std::string& id) const;
  // NOT_FOUND: there was none, or it is no longer kept.
  absl::StatusOr<std::string> Body(const std::string& id) const;

  // The newest promotion out of a source environment that was not ignored (promotion_order.h);
  // none: there is none.
  SharedPromotion Newest(const std::string& namespace_, const std::string& pipeline,
                         const std::string& source_environment) const;
  // The id of the newest one of that revision that was not ignored; none: there is none.
  std::optional<std::string> OfRevision(const std::string& namespace_, const std::string& pipeline,
                                        const std::string& source_environment,
                                        const std::string& revision) const;
  // The id of the record of an ignored event of the same pipeline, source environment, object,
  // reason and revision; none: there is none.
  std::optional<std::string> IgnoredLike(const record::v1::Promotion& event) const;
  // The newest one into an environment that succeeded: the one that ended last.
  SharedPromotion Current(const std::string& namespace_, const std::string& pipeline,
                          const std::string& environment) const;
  // Those that have not ended, oldest first.
  std::vector<SharedPromotion> Unfinished() const;
  // Those of them whose source is this environment.
  std::vector<SharedPromotion> UnfinishedOf(const std::string& namespace_,
                                            const std::string& pipeline,
                                            const std::string& source_environment) const;

  // Newest first, those before `before` (empty: from the newest), until `seen` returns false.
  absl::Status ForEach(const std::string& before,
                       const std::function<bool(const record::v1::Promotion&)>& seen) const;

  // Called after each durable write, outside of locks, in the order of the writes, on one thread.
  // Set once, before the first write. The callback must not call OnChange or Watch.
  absl::Status OnChange(std::function<void(const record::v1::Promotion&)> changed);
  // Calls back with the id of each promotion that is written or removed after a revision of the
  // store, in order, on one thread, until the watch is destroyed. All changes up to `revision` were
  // reported by then. OUT_OF_RANGE: the store no longer has changes as old as that.
  absl::StatusOr<std::unique_ptr<StoreWatch>> Watch(
      int64_t after, std::function<void(const std::string& id, int64_t revision)> changed);
  // The store's current revision.
  absl::StatusOr<int64_t> Revision();

  absl::Status Hold(const std::string& namespace_, const std::string& pipeline,
                    const std::string& environment, const record::v1::EnvironmentHold& hold);
  // The hold that ended; none: there was none.
  absl::StatusOr<std::optional<record::v1::EnvironmentHold>> Release(
      const std::string& namespace_, const std::string& pipeline, const std::string& environment);
  std::optional<record::v1::EnvironmentHold> HoldOf(const std::string& namespace_,
                                                    const std::string& pipeline,
                                                    const std::string& environment) const;

  // Notes a signature as used at `now`, and forgets those older than `keep`. ALREADY_EXISTS: it was
  // used before.
  absl::Status UseSignature(absl::string_view hex, absl::Time now, absl::Duration keep);

  // Removes a damaged record of PromotionRecords(). What it was part of goes with it: a promotion
  // is as if it had never been, a hold ends. Errors as those of DamagedAt.
  absl::Status RemoveDamaged(const std::string& key);

  // Removes promotions that ended before `promotions` (ignored events: that were last seen before
  // it), and bodies received before `bodies`. Keeps the newest promotion out of each environment
  // and the current one into each, since events are compared with them. Reads only what it removes.
  absl::Status Prune(absl::Time promotions, absl::Time bodies);

 private:
  class State;
  explicit PromotionStore(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_STORE_H_
