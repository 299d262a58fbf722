#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_INDEX_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gitops/record/v1/promotion.pb.h"
#include "services/promotion_receiver/record/shared_promotion.h"

namespace gitops {

// What is known in memory of every stored promotion. Not thread-safe.
class PromotionIndex {
 public:
  using Promotion = record::v1::Promotion;
  using Repeats = record::v1::PromotionRepeats;
  // Namespace, pipeline, environment.
  using Place = std::tuple<std::string, std::string, std::string>;

  struct Entry {
    int64_t revision = 0;    // of the store
    bool has_event = false;  // itself, not in its repeats
    record::v1::PromotionState state = record::v1::PROMOTION_STATE_UNSPECIFIED;
    // When it ended or, of an ignored event, was last seen.
    absl::Time end = absl::InfiniteFuture();
  };

  // What was written at a revision of the store; what is older than what is known is dropped.
  void Put(SharedPromotion promotion, int64_t revision);
  // The repeats are those fields of `promotion`.
  void PutRepeats(const Promotion& promotion, int64_t revision);
  // Before the promotion itself is put.
  void ReadRepeats(const std::string& id, Repeats repeats, int64_t revision);
  // It may have a body, received at that time.
  void PutBody(const std::string& id, absl::Time received) {
    bodies_.emplace_hint(bodies_.end(), received, id);
  }
  void Remove(const Promotion& promotion);
  // As if it had never been put. Looks at all promotions.
  void Forget(const std::string& id);

  // Null: there is no such promotion.
  const Entry* Find(const std::string& id) const;
  // The promotion with its repeats.
  void AddRepeats(Promotion& promotion) const;
  // What to store for a repeat, with these fields of `promotion`.
  Repeats RepeatsOf(const Promotion& promotion) const;
  SharedPromotion Newest(const Place& source) const;
  SharedPromotion Current(const Place& target) const;
  const std::map<std::string, SharedPromotion>& unfinished() const { return unfinished_; }
  std::vector<SharedPromotion> UnfinishedOf(const Place& source) const;
  std::optional<std::string> OfRevision(const Place& source, const std::string& revision) const;
  std::optional<std::string> IgnoredLike(const Promotion& event) const;

  // The greatest id; empty: there is none.
  std::string Last() const { return entries_.empty() ? "" : entries_.rbegin()->first; }
  // The greatest id that has at least `count` ids between itself and `before` (empty: the end);
  // empty: there are not so many.
  std::string StepBack(const std::string& before, int count) const;
  // At most `most` of those that ended before that time, and of the bodies received before it.
  std::vector<std::string> Removable(absl::Time before, size_t most) const;
  std::vector<std::pair<absl::Time, std::string>> RemovableBodies(absl::Time before,
                                                                  size_t most) const;
  void RemoveBody(const std::pair<absl::Time, std::string>& body) { bodies_.erase(body); }

 private:
  struct StoredRepeats {
    Repeats repeats;
    int64_t revision = 0;
  };

  SharedPromotion WithRepeats(SharedPromotion promotion) const;
  // Keeps it as the newest or current one where it is.
  void Keep(const Place& source, const SharedPromotion& promotion);
  void SetUnfinished(const Place& source, const SharedPromotion& promotion);
  void SetEnd(const std::string& id, Entry& entry, absl::Time end);

  std::map<std::string, Entry> entries_;
  std::set<std::pair<absl::Time, std::string>> ends_;
  std::set<std::pair<absl::Time, std::string>> bodies_;
  std::unordered_map<std::string, StoredRepeats> repeats_;
  std::map<std::string, SharedPromotion> unfinished_;
  std::map<Place, std::set<std::string>> unfinished_of_;  // ids by source
  std::map<Place, SharedPromotion> newest_, current_;
  std::unordered_map<std::string, std::string> revisions_, ignored_;  // ids
};

// Replaces the fields of `promotion` that its stored repeats have.
void MergeRepeats(const record::v1::PromotionRepeats& repeats, record::v1::Promotion& promotion);
PromotionIndex::Place SourceOf(const record::v1::Promotion& promotion);
PromotionIndex::Place TargetOf(const record::v1::Promotion& promotion);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_INDEX_H_
