#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_STORE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_STORE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/store/store.h"
#include "gitops/record/v1/promotion.pb.h"

namespace gitops {

// One promotion or ignored event, as it is to be written.
struct PromotionWrite {
  record::v1::Promotion promotion;
  std::optional<std::string> body;  // of its event; none: as it is
};

// The promotions of the receiver, in a Store:
//   promotion/ID             Promotion; ids grow with time, so that the order of keys is theirs
//   promotion-body/ID        the body of its event, for 7 days
//   hold/NAMESPACE/PIPELINE/ENVIRONMENT   EnvironmentHold
//   approval-signature/HEX   UsedSignature
// All promotions that have not ended, and what is needed to recognize repeats and order, are also
// kept in memory, so that the cost of a call does not grow with what is kept. One process has the
// store. Thread-safe. Errors are those of Store.
class PromotionStore {
 public:
  // Reads what is stored.
  static absl::StatusOr<std::unique_ptr<PromotionStore>> Open(Store* store);

  PromotionStore(const PromotionStore&) = delete;
  PromotionStore& operator=(const PromotionStore&) = delete;
  ~PromotionStore();

  // A new id, greater than all before.
  std::string NewId(absl::Time now);

  // Writes all or none; durable when it returns. Watchers are told afterwards.
  absl::Status Write(const std::vector<PromotionWrite>& writes);

  // NOT_FOUND (PROMOTION_UNKNOWN).
  absl::StatusOr<record::v1::Promotion> Get(const std::string& id) const;
  // NOT_FOUND: there was none, or it is no longer kept.
  absl::StatusOr<std::string> Body(const std::string& id) const;

  // The record of the same pipeline, source environment, object, reason and revision to which an
  // event belongs as a repeat, if it is the newest promotion there or was ignored; none: it is new.
  std::optional<std::string> RepeatOf(const record::v1::Promotion& event) const;
  // The newest promotion (by the timestamp of its event; equal: later arrival) out of a source
  // environment that was not ignored; none: there is none.
  std::optional<record::v1::Promotion> Newest(const std::string& namespace_,
                                              const std::string& pipeline,
                                              const std::string& source_environment) const;
  // The newest one into an environment that succeeded.
  std::optional<record::v1::Promotion> Current(const std::string& namespace_,
                                               const std::string& pipeline,
                                               const std::string& environment) const;
  // Those that have not ended, oldest first.
  std::vector<record::v1::Promotion> Unfinished() const;

  // Newest first, those before `before` (empty: from the newest), until `seen` returns false.
  absl::Status ForEach(const std::string& before,
                       const std::function<bool(const record::v1::Promotion&)>& seen) const;

  // Called after each durable write, outside of locks, in the order of the writes. Set once, before
  // the first write.
  void OnChange(std::function<void(const record::v1::Promotion&)> changed);

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

  // Removes promotions that ended before `promotions`, and bodies received before `bodies`. Reads
  // no more than it removes.
  absl::Status Prune(absl::Time promotions, absl::Time bodies);

 private:
  class State;
  explicit PromotionStore(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_STORE_H_
