#include "services/promotion_receiver/record/promotion_store.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/store/table.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/record/promotion_id.h"
#include "services/promotion_receiver/record/promotion_index.h"

namespace gitops {
namespace {

using record::v1::EnvironmentHold;
using record::v1::Promotion;
using record::v1::PromotionRepeats;
using record::v1::PromotionState;
using record::v1::UsedSignature;

// Both tables of promotions begin with kWatched, and nothing else does.
constexpr char kWatched[] = "promotion-receiver/v1/promotion";
constexpr char kPromotions[] = "promotion-receiver/v1/promotion/";
constexpr char kRepeats[] = "promotion-receiver/v1/promotion-repeats/";
constexpr char kBodies[] = "promotion-receiver/v1/body/";
constexpr char kHolds[] = "promotion-receiver/v1/hold/";
constexpr char kSignatures[] = "promotion-receiver/v1/signature/";

// Only another write of the same promotion can come between reading and writing.
constexpr int kWriteAttempts = 10;
// With the next one, which ends the search, one read of a Table.
constexpr int kPromotionsPerRead = 127;
constexpr size_t kRemovedAtOnce = 500;

std::string HoldName(const PromotionIndex::Place& place) {
  const auto& [name_space, pipeline, environment] = place;
  return absl::StrCat(name_space, "/", pipeline, "/", environment);
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
  const Promotion& promotion = write.promotion;
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
        holds(in, kHolds),
        signatures(in, kSignatures) {}

  absl::Status ReadPromotions();
  absl::Status ReadOthers();
  // What to write for `writes`, without those that `if_waiting` leaves out, with conditions on what
  // is stored: as the index knows it or, with `reread`, as the store has it.
  absl::StatusOr<std::vector<StoreWrite>> Batch(std::vector<PromotionWrite>& writes, bool reread);
  // The revision and state of a stored promotion; none: it is new.
  absl::StatusOr<std::optional<PromotionIndex::Entry>> Stored(const std::string& id, bool reread);
  void Apply(const std::vector<PromotionWrite>& writes, int64_t revision);
  absl::Status Remove(const std::vector<std::string>& ids);
  absl::Status RemoveBodies(const std::vector<std::pair<absl::Time, std::string>>& bodies);

  Store* const store;
  const Table<Promotion> promotions;
  const Table<PromotionRepeats> repeats;
  const Table<EnvironmentHold> holds;
  const Table<UsedSignature> signatures;

  // Held while decisions are made and stored, before `mutex`.
  Mutex deciding;
  Mutex mutex;
  PromotionIndex index ABSL_GUARDED_BY(mutex);
  std::map<PromotionIndex::Place, EnvironmentHold> held ABSL_GUARDED_BY(mutex);
  int64_t last_micros ABSL_GUARDED_BY(mutex) = 0;
  std::deque<std::pair<absl::Time, std::string>> used ABSL_GUARDED_BY(mutex);  // oldest first
  std::unique_ptr<StoreWatch> changes;                                         // of OnChange
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

absl::Status PromotionStore::State::ReadOthers() {
  std::map<PromotionIndex::Place, EnvironmentHold> read;
  absl::Status status = holds.ForEach("", "", [&](Table<EnvironmentHold>::Row& row) {
    const std::vector<std::string> parts = absl::StrSplit(row.name, '/');
    if (row.message.ok() && parts.size() == 3) {
      read[{parts[0], parts[1], parts[2]}] = *std::move(row.message);
    }
    return true;
  });
  if (!status.ok()) return status;
  std::deque<std::pair<absl::Time, std::string>> read_used;
  status = signatures.ForEach("", "", [&](Table<UsedSignature>::Row& row) {
    // Of a damaged one only the name counts.
    read_used.emplace_back(
        row.message.ok() ? FromTimestamp(row.message->time()) : absl::InfinitePast(), row.name);
    return true;
  });
  if (!status.ok()) return status;
  std::sort(read_used.begin(), read_used.end());
  MutexLock lock(mutex);
  held = std::move(read);
  used = std::move(read_used);
  return absl::OkStatus();
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
    std::vector<PromotionWrite>& writes, bool reread) {
  std::vector<StoreWrite> batch;
  std::vector<PromotionWrite> kept;
  for (PromotionWrite& write : writes) {
    const std::string id = write.promotion.id();
    if (write.repeat) {
      MutexLock lock(mutex);
      batch.push_back(repeats.Put(id, index.RepeatsOf(write.promotion)));
      kept.push_back(std::move(write));
      continue;
    }
    const auto stored = Stored(id, reread);
    if (!stored.ok()) return stored.status();
    if (write.if_waiting && (!stored->has_value() || !IsWaiting((*stored)->state))) continue;
    if (stored->has_value()) {
      if (absl::Status fits = CheckFrom(write, (*stored)->state); !fits.ok()) return fits;
    }
    batch.push_back(promotions.Put(id, write.promotion));
    batch.back().expected_revision = stored->has_value() ? (*stored)->revision : 0;
    if (write.body.has_value()) {
      batch.push_back({.key = absl::StrCat(kBodies, id), .value = *write.body});
    }
    kept.push_back(std::move(write));
  }
  writes = std::move(kept);
  return batch;
}

void PromotionStore::State::Apply(const std::vector<PromotionWrite>& writes, int64_t revision) {
  MutexLock lock(mutex);
  for (const PromotionWrite& write : writes) {
    if (write.repeat) {
      index.PutRepeats(write.promotion, revision);
    } else {
      index.Put(write.promotion, revision);
    }
    if (write.body.has_value()) {
      index.PutBody(write.promotion.id(), FromTimestamp(write.promotion.create_time()));
    }
  }
}

PromotionStore::PromotionStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
PromotionStore::~PromotionStore() = default;

absl::StatusOr<std::unique_ptr<PromotionStore>> PromotionStore::Open(Store* store) {
  auto state = std::make_unique<State>(store);
  if (absl::Status read = state->ReadPromotions(); !read.ok()) return read;
  if (absl::Status read = state->ReadOthers(); !read.ok()) return read;
  return std::unique_ptr<PromotionStore>(new PromotionStore(std::move(state)));
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

absl::Status PromotionStore::Write(const std::vector<PromotionWrite>& writes) {
  absl::Status status;
  for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
    std::vector<PromotionWrite> remaining = writes;
    const auto batch = state_->Batch(remaining, /*reread=*/attempt > 0);
    if (!batch.ok()) return batch.status();
    if (batch->empty()) return absl::OkStatus();
    const absl::StatusOr<int64_t> revision = state_->store->Write(*batch);
    if (revision.ok()) state_->Apply(remaining, *revision);
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

std::optional<Promotion> PromotionStore::Newest(const std::string& namespace_,
                                                const std::string& pipeline,
                                                const std::string& source_environment) const {
  MutexLock lock(state_->mutex);
  const Promotion* const newest = state_->index.Newest({namespace_, pipeline, source_environment});
  return newest == nullptr ? std::nullopt : std::optional(*newest);
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

std::optional<Promotion> PromotionStore::Current(const std::string& namespace_,
                                                 const std::string& pipeline,
                                                 const std::string& environment) const {
  MutexLock lock(state_->mutex);
  const Promotion* const current = state_->index.Current({namespace_, pipeline, environment});
  return current == nullptr ? std::nullopt : std::optional(*current);
}

std::vector<Promotion> PromotionStore::Unfinished() const {
  MutexLock lock(state_->mutex);
  std::vector<Promotion> unfinished;
  for (const auto& [id, promotion] : state_->index.unfinished()) unfinished.push_back(promotion);
  return unfinished;
}

std::vector<Promotion> PromotionStore::UnfinishedOf(const std::string& namespace_,
                                                    const std::string& pipeline,
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
  const PromotionIndex::Place place{namespace_, pipeline, environment};
  return Decide([&] {
    const auto written = state_->store->Write({state_->holds.Put(HoldName(place), hold)});
    if (!written.ok()) return written.status();
    MutexLock lock(state_->mutex);
    state_->held[place] = hold;
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<EnvironmentHold>> PromotionStore::Release(
    const std::string& namespace_, const std::string& pipeline, const std::string& environment) {
  const PromotionIndex::Place place{namespace_, pipeline, environment};
  std::optional<EnvironmentHold> ended;
  const absl::Status released = Decide([&] {
    const auto written = state_->store->Write({state_->holds.Delete(HoldName(place))});
    if (!written.ok()) return written.status();
    MutexLock lock(state_->mutex);
    const auto found = state_->held.find(place);
    if (found == state_->held.end()) return absl::OkStatus();
    ended = std::move(found->second);
    state_->held.erase(found);
    return absl::OkStatus();
  });
  if (!released.ok()) return released;
  return ended;
}

std::optional<EnvironmentHold> PromotionStore::HoldOf(const std::string& namespace_,
                                                      const std::string& pipeline,
                                                      const std::string& environment) const {
  MutexLock lock(state_->mutex);
  const auto found = state_->held.find({namespace_, pipeline, environment});
  if (found == state_->held.end()) return std::nullopt;
  return found->second;
}

absl::Status PromotionStore::UseSignature(absl::string_view hex, absl::Time now,
                                          absl::Duration keep) {
  UsedSignature entry;
  *entry.mutable_time() = ToTimestamp(now);
  std::vector<StoreWrite> writes = {state_->signatures.Put(hex, entry)};
  writes[0].expected_revision = 0;
  MutexLock lock(state_->deciding);
  std::vector<std::pair<absl::Time, std::string>> stale;
  {
    MutexLock index_lock(state_->mutex);
    for (const auto& [time, name] : state_->used) {
      if (time >= now - keep || writes.size() > kRemovedAtOnce) break;
      if (name != hex) writes.push_back(state_->signatures.Delete(name));
    }
  }
  const absl::StatusOr<int64_t> written = state_->store->Write(writes);
  if (absl::IsFailedPrecondition(written.status())) {
    return absl::AlreadyExistsError("this signature was used before");
  }
  if (!written.ok()) return written.status();
  MutexLock index_lock(state_->mutex);
  state_->used.erase(state_->used.begin(),
                     state_->used.begin() + static_cast<std::ptrdiff_t>(writes.size() - 1));
  state_->used.emplace_back(now, hex);
  return absl::OkStatus();
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
