#include "services/promotion_receiver/record/promotion_store.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/store/table.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/record/environment_holds.h"
#include "services/promotion_receiver/record/promotion_id.h"
#include "services/promotion_receiver/record/promotion_index.h"
#include "services/promotion_receiver/record/record_kinds.h"
#include "services/promotion_receiver/record/used_signatures.h"

namespace gitops {
namespace {

using record::v1::EnvironmentHold;
using record::v1::Promotion;
using record::v1::PromotionRepeats;
using record::v1::PromotionState;

// Both tables of promotions begin with kWatched, and nothing else does.
constexpr char kWatched[] = "promotion-receiver/v1/promotion";
constexpr char kPromotions[] = "promotion-receiver/v1/promotion/";
constexpr char kRepeats[] = "promotion-receiver/v1/promotion-repeats/";
constexpr char kBodies[] = "promotion-receiver/v1/body/";
constexpr char kSignatures[] = "promotion-receiver/v1/signature/";

// Only another write of the same promotion can come between reading and writing.
constexpr int kWriteAttempts = 10;
// With the next one, which ends the search, one read of a Table.
constexpr int kPromotionsPerRead = 127;
constexpr size_t kRemovedAtOnce = 500;

// Of an environment, for EnvironmentHolds.
std::string Name(absl::string_view namespace_, absl::string_view pipeline,
                 absl::string_view environment) {
  return absl::StrCat(namespace_, "/", pipeline, "/", environment);
}

absl::Status NotFound(const std::string& id) {
  return MakeError(Reason::kPromotionUnknown,
                   absl::StrCat("there is no promotion ", id,
                                "; `gitopsctl list promotions` shows those that are kept"),
                   {{"promotion", id}});
}

// The id in a watched key.
std::string IdOf(absl::string_view key) {
  if (!absl::ConsumePrefix(&key, kPromotions)) absl::ConsumePrefix(&key, kRepeats);
  return std::string(key);
}

// ABORTED: the write does not fit what is stored.
absl::Status CheckFrom(const PromotionWrite& write, PromotionState stored) {
  const Promotion& promotion = *write.promotion;
  const bool reopens = HasEnded(stored) && !HasEnded(promotion.state()) && !promotion.replayed();
  if (write.from.value_or(stored) == stored && !reopens) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("store the promotion ", promotion.id(), " as ",
                                         PromotionState_Name(promotion.state()), ": it is ",
                                         PromotionState_Name(stored), " meanwhile"));
}

}  // namespace

class PromotionStore::State {
 public:
  explicit State(Store* in)
      : store(in),
        promotions(in, kPromotions),
        repeats(in, kRepeats),
        holds(in, kHoldKeys),
        signatures(in, kSignatures) {}

  absl::Status ReadPromotions();
  // After the newest one of a source may have been forgotten: another one is it then, or a late
  // event would count as news.
  absl::Status PutAllAgain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(deciding);
  // What to write for `writes`, with conditions on what is stored: as the index knows it or, with
  // `reread`, as the store has it. `kept`: without those that `if_waiting` leaves out.
  absl::StatusOr<std::vector<StoreWrite>> Batch(const std::vector<PromotionWrite>& writes,
                                                bool reread,
                                                std::vector<const PromotionWrite*>& kept);
  // The revision and state of a stored promotion; none: it is new.
  absl::StatusOr<std::optional<PromotionIndex::Entry>> Stored(const std::string& id, bool reread);
  void Apply(const std::vector<const PromotionWrite*>& writes, int64_t revision);
  absl::Status Remove(const std::vector<std::string>& ids);
  absl::Status RemoveBodies(const std::vector<std::pair<absl::Time, std::string>>& bodies);

  Store* const store;
  const Table<Promotion> promotions;
  const Table<PromotionRepeats> repeats;

  // Held while decisions are made and stored, before `mutex`.
  Mutex deciding;
  Mutex mutex;
  PromotionIndex index ABSL_GUARDED_BY(mutex);
  int64_t last_micros ABSL_GUARDED_BY(mutex) = 0;
  EnvironmentHolds holds;  // changed only under `deciding`
  UsedSignatures signatures ABSL_GUARDED_BY(deciding);
  std::unique_ptr<StoreWatch> changes;  // of OnChange
};

absl::Status PromotionStore::State::ReadPromotions() {
  PromotionIndex read;
  int64_t last = 0;
  absl::Status status = repeats.ForEach("", "", [&](Table<PromotionRepeats>::Row& row) {
    if (row.message.ok()) read.ReadRepeats(row.name, *std::move(row.message), row.revision);
    return true;
  });
  if (!status.ok()) return status;
  status = promotions.ForEach("", "", [&](Table<Promotion>::Row& row) {
    last = std::max(last, PromotionIdMicros(row.name).value_or(0));
    if (!row.message.ok()) return true;
    read.PutBody(row.name, FromTimestamp(row.message->create_time()));
    read.Put(*std::move(row.message), row.revision);
    return true;
  });
  if (!status.ok()) return status;
  MutexLock lock(mutex);
  index = std::move(read);
  last_micros = last;
  return absl::OkStatus();
}

absl::Status PromotionStore::State::PutAllAgain() {
  return promotions.ForEach("", "", [&](Table<Promotion>::Row& row) {
    if (!row.message.ok()) return true;
    MutexLock lock(mutex);
    index.Put(*std::move(row.message), row.revision);
    return true;
  });
}

absl::StatusOr<std::optional<PromotionIndex::Entry>> PromotionStore::State::Stored(
    const std::string& id, bool reread) {
  if (!reread) {
    MutexLock lock(mutex);
    const PromotionIndex::Entry* const entry = index.Find(id);
    return entry == nullptr ? std::nullopt : std::optional(*entry);
  }
  auto row = promotions.Find(id);
  if (absl::IsNotFound(row.status())) return std::nullopt;
  if (!row.ok()) return row.status();
  if (!row->message.ok()) return row->message.status();
  const PromotionIndex::Entry entry{.revision = row->revision, .state = row->message->state()};
  // Whoever wrote it may not have come to that yet, and who decides again must see it.
  MutexLock lock(mutex);
  index.Put(*std::move(row->message), row->revision);
  return entry;
}

absl::StatusOr<std::vector<StoreWrite>> PromotionStore::State::Batch(
    const std::vector<PromotionWrite>& writes, bool reread,
    std::vector<const PromotionWrite*>& kept) {
  std::vector<StoreWrite> batch;
  // Last, so that promotions, which are written again, are close together in the store.
  std::vector<StoreWrite> bodies;
  for (const PromotionWrite& write : writes) {
    const std::string& id = write.promotion->id();
    if (write.repeat) {
      MutexLock lock(mutex);
      batch.push_back(repeats.Put(id, index.RepeatsOf(*write.promotion)));
      kept.push_back(&write);
      continue;
    }
    const auto stored = Stored(id, reread);
    if (!stored.ok()) return stored.status();
    if (write.if_waiting && (!stored->has_value() || !IsWaiting((*stored)->state))) continue;
    if (stored->has_value()) {
      if (absl::Status fits = CheckFrom(write, (*stored)->state); !fits.ok()) return fits;
    }
    batch.push_back(promotions.Put(id, *write.promotion));
    batch.back().expected_revision = stored->has_value() ? (*stored)->revision : 0;
    if (write.body.has_value()) {
      bodies.push_back({.key = absl::StrCat(kBodies, id), .value = write.body});
    }
    kept.push_back(&write);
  }
  std::move(bodies.begin(), bodies.end(), std::back_inserter(batch));
  return batch;
}

void PromotionStore::State::Apply(const std::vector<const PromotionWrite*>& writes,
                                  int64_t revision) {
  MutexLock lock(mutex);
  for (const PromotionWrite* const write : writes) {
    const SharedPromotion& promotion = write->promotion;
    if (write->repeat) {
      index.PutRepeats(*promotion, revision);
    } else {
      index.Put(promotion, revision);
    }
    if (write->body.has_value()) {
      index.PutBody(promotion->id(), FromTimestamp(promotion->create_time()));
    }
  }
}

PromotionStore::PromotionStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
PromotionStore::~PromotionStore() = default;

absl::StatusOr<std::unique_ptr<PromotionStore>> PromotionStore::Open(Store* store) {
  auto state = std::make_unique<State>(store);
  if (absl::Status read = state->ReadPromotions(); !read.ok()) return read;
  if (absl::Status read = state->holds.Read(); !read.ok()) return read;
  {
    MutexLock lock(state->deciding);
    if (absl::Status read = state->signatures.Read(); !read.ok()) return read;
  }
  return std::unique_ptr<PromotionStore>(new PromotionStore(std::move(state)));
}

KeptChanges PromotionStore::Kept() {
  // Watches read what changed.
  return {.without_values = {kWatched}, .none = {kBodies}};
}

std::string PromotionStore::NewId(absl::Time now) {
  MutexLock lock(state_->mutex);
  state_->last_micros = std::max(state_->last_micros + 1, absl::ToUnixMicros(now));
  return PromotionId(state_->last_micros);
}

absl::Status PromotionStore::Decide(const std::function<absl::Status()>& decide) {
  MutexLock lock(state_->deciding);
  return decide();
}

absl::Status PromotionStore::Write(const std::vector<PromotionWrite>& writes,
                                   const std::vector<StoreWrite>& others) {
  absl::Status status;
  for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
    std::vector<const PromotionWrite*> kept;
    auto batch = state_->Batch(writes, /*reread=*/attempt > 0, kept);
    if (!batch.ok()) return batch.status();
    batch->insert(batch->end(), others.begin(), others.end());
    if (batch->empty()) return absl::OkStatus();
    const absl::StatusOr<int64_t> revision = state_->store->Write(*batch);
    if (revision.ok()) state_->Apply(kept, *revision);
    status = revision.status();
    if (!absl::IsFailedPrecondition(status)) return status;
  }
  return absl::AbortedError(
      absl::StrCat("store promotions: others keep storing them: ", status.message()));
}

absl::StatusOr<Promotion> PromotionStore::Get(const std::string& id) const {
  absl::StatusOr<Promotion> promotion = state_->promotions.Get(id);
  if (absl::IsNotFound(promotion.status())) return NotFound(id);
  if (!promotion.ok()) return promotion;
  // From the store, where a watcher that was just told of a repeat finds it; the index may not have
  // it yet.
  const absl::StatusOr<PromotionRepeats> repeats = state_->repeats.Get(id);
  if (repeats.ok()) {
    MergeRepeats(*repeats, *promotion);
  } else if (!absl::IsNotFound(repeats.status()) && !absl::IsDataLoss(repeats.status())) {
    return repeats.status();
  }
  return promotion;
}

absl::StatusOr<std::string> PromotionStore::Body(const std::string& id) const {
  absl::StatusOr<StoredValue> body = state_->store->Get(absl::StrCat(kBodies, id));
  if (absl::IsNotFound(body.status())) {
    return absl::NotFoundError(
        absl::StrCat("the body of the event of the promotion ", id, " is no longer kept"));
  }
  if (!body.ok()) return body.status();
  return std::move(body->value);
}

SharedPromotion PromotionStore::Newest(const std::string& namespace_, const std::string& pipeline,
                                       const std::string& source_environment) const {
  MutexLock lock(state_->mutex);
  return state_->index.Newest({namespace_, pipeline, source_environment});
}

std::optional<std::string> PromotionStore::OfRevision(const std::string& namespace_,
                                                      const std::string& pipeline,
                                                      const std::string& source_environment,
                                                      const std::string& revision) const {
  MutexLock lock(state_->mutex);
  return state_->index.OfRevision({namespace_, pipeline, source_environment}, revision);
}

std::optional<std::string> PromotionStore::IgnoredLike(const Promotion& event) const {
  MutexLock lock(state_->mutex);
  return state_->index.IgnoredLike(event);
}

SharedPromotion PromotionStore::Current(const std::string& namespace_, const std::string& pipeline,
                                        const std::string& environment) const {
  MutexLock lock(state_->mutex);
  return state_->index.Current({namespace_, pipeline, environment});
}

std::vector<SharedPromotion> PromotionStore::Unfinished() const {
  MutexLock lock(state_->mutex);
  std::vector<SharedPromotion> unfinished;
  for (const auto& [id, promotion] : state_->index.unfinished()) unfinished.push_back(promotion);
  return unfinished;
}

std::vector<SharedPromotion> PromotionStore::UnfinishedOf(
    const std::string& namespace_, const std::string& pipeline,
    const std::string& source_environment) const {
  MutexLock lock(state_->mutex);
  return state_->index.UnfinishedOf({namespace_, pipeline, source_environment});
}

absl::Status PromotionStore::ForEach(const std::string& before,
                                     const std::function<bool(const Promotion&)>& seen) const {
  std::string end = before;
  while (true) {
    std::string begin;
    {
      MutexLock lock(state_->mutex);
      begin = state_->index.StepBack(end, kPromotionsPerRead);
    }
    std::vector<Promotion> found;
    const absl::Status read =
        state_->promotions.ForEach("", begin, [&](Table<Promotion>::Row& row) {
          if (!end.empty() && row.name >= end) return false;
          if (row.message.ok()) found.push_back(*std::move(row.message));
          return true;
        });
    if (!read.ok()) return read;
    for (auto promotion = found.rbegin(); promotion != found.rend(); ++promotion) {
      {
        MutexLock lock(state_->mutex);
        state_->index.AddRepeats(*promotion);
      }
      if (!seen(*promotion)) return absl::OkStatus();
    }
    if (begin.empty()) return absl::OkStatus();
    // `begin` itself was not read.
    end = absl::StrCat(begin, absl::string_view("\0", 1));
  }
}

absl::Status PromotionStore::OnChange(std::function<void(const Promotion&)> changed) {
  const absl::StatusOr<int64_t> now = Revision();
  if (!now.ok()) return now.status();
  auto watch = Watch(*now, [this, changed = std::move(changed)](const std::string& id, int64_t) {
    const absl::StatusOr<Promotion> promotion = Get(id);
    if (promotion.ok()) changed(*promotion);
  });
  if (!watch.ok()) return watch.status();
  state_->changes = *std::move(watch);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<StoreWatch>> PromotionStore::Watch(
    int64_t after, std::function<void(const std::string& id, int64_t revision)> changed) {
  return state_->store->Watch(kWatched, after,
                              [changed = std::move(changed)](const StoreEvent& event) {
                                changed(IdOf(event.key), event.revision);
                              });
}

absl::StatusOr<int64_t> PromotionStore::Revision() {
  // Deleting a key that does not exist changes nothing, and returns the store's revision.
  return state_->store->Write({{.key = "promotion-receiver/v1/none"}});
}

absl::Status PromotionStore::Hold(const std::string& namespace_, const std::string& pipeline,
                                  const std::string& environment, const EnvironmentHold& hold) {
  return Decide([&] { return state_->holds.Put(Name(namespace_, pipeline, environment), hold); });
}

absl::StatusOr<std::optional<EnvironmentHold>> PromotionStore::Release(
    const std::string& namespace_, const std::string& pipeline, const std::string& environment) {
  MutexLock lock(state_->deciding);
  return state_->holds.Remove(Name(namespace_, pipeline, environment));
}

std::optional<EnvironmentHold> PromotionStore::HoldOf(const std::string& namespace_,
                                                      const std::string& pipeline,
                                                      const std::string& environment) const {
  return state_->holds.Find(Name(namespace_, pipeline, environment));
}

absl::Status PromotionStore::UseSignature(absl::string_view hex, absl::Time now,
                                          absl::Duration keep) {
  MutexLock lock(state_->deciding);
  return state_->signatures.Use(hex, now, keep);
}

absl::Status PromotionStore::RemoveDamaged(const std::string& key) {
  MutexLock lock(state_->deciding);
  const absl::StatusOr<StoredValue> value = DamagedAt(*state_->store, PromotionRecords(), key);
  if (!value.ok()) return value.status();
  std::vector<StoreWrite> writes = {{.key = key, .expected_revision = value->revision}};
  absl::string_view id = key, hold = key;
  if (absl::ConsumePrefix(&id, kPromotions)) {
    writes.push_back(state_->repeats.Delete(id));
    writes.push_back({.key = absl::StrCat(kBodies, id)});
  }
  if (absl::Status removed = state_->store->Write(writes).status(); !removed.ok()) return removed;
  state_->store->damaged_records().Forget(key);
  if (absl::ConsumePrefix(&hold, kHoldKeys)) state_->holds.Forget(std::string(hold));
  if (id == key) return absl::OkStatus();
  {
    MutexLock index_lock(state_->mutex);
    state_->index.Forget(std::string(id));
  }
  return state_->PutAllAgain();
}

absl::Status PromotionStore::State::Remove(const std::vector<std::string>& ids) {
  std::vector<StoreWrite> deletions;
  std::vector<Promotion> removed;
  for (const std::string& id : ids) {
    absl::StatusOr<Promotion> promotion = promotions.Get(id);
    if (!promotion.ok() && !absl::IsNotFound(promotion.status()) &&
        !absl::IsDataLoss(promotion.status())) {
      return promotion.status();
    }
    if (promotion.ok()) {
      removed.push_back(*std::move(promotion));
    } else {
      removed.emplace_back().set_id(id);
    }
    deletions.push_back(promotions.Delete(id));
    deletions.push_back(repeats.Delete(id));
    deletions.push_back({.key = absl::StrCat(kBodies, id)});
  }
  if (absl::Status deleted = store->Write(deletions).status(); !deleted.ok()) return deleted;
  MutexLock lock(mutex);
  for (const Promotion& promotion : removed) index.Remove(promotion);
  return absl::OkStatus();
}

absl::Status PromotionStore::State::RemoveBodies(
    const std::vector<std::pair<absl::Time, std::string>>& bodies) {
  std::vector<StoreWrite> deletions;
  for (const auto& [received, id] : bodies) {
    deletions.push_back({.key = absl::StrCat(kBodies, id)});
  }
  if (absl::Status deleted = store->Write(deletions).status(); !deleted.ok()) return deleted;
  MutexLock lock(mutex);
  for (const auto& body : bodies) index.RemoveBody(body);
  return absl::OkStatus();
}

absl::Status PromotionStore::Prune(absl::Time promotions, absl::Time bodies) {
  bool more = true;
  while (more) {
    // No event may find a promotion as the one that it repeats while it is removed.
    MutexLock lock(state_->deciding);
    std::vector<std::string> ids;
    std::vector<std::pair<absl::Time, std::string>> old_bodies;
    {
      MutexLock index_lock(state_->mutex);
      ids = state_->index.Removable(promotions, kRemovedAtOnce);
      old_bodies = state_->index.RemovableBodies(bodies, kRemovedAtOnce);
    }
    more = ids.size() == kRemovedAtOnce || old_bodies.size() == kRemovedAtOnce;
    absl::Status removed = ids.empty() ? absl::OkStatus() : state_->Remove(ids);
    if (removed.ok() && !old_bodies.empty()) removed = state_->RemoveBodies(old_bodies);
    if (!removed.ok()) return removed;
  }
  return absl::OkStatus();
}

}  // namespace gitops
