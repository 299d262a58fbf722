#include "services/promotion_receiver/record/promotion_index.h"

#include <initializer_list>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/clock/timestamp.h"
#include "services/promotion_receiver/record/promotion_order.h"
#include "services/promotion_receiver/record/promotion_state.h"
#include "services/promotion_receiver/revision/revision.h"

namespace gitops {
namespace {

using record::v1::Promotion;

// Lengths keep apart what would run into each other.
std::string JoinedKey(std::initializer_list<absl::string_view> parts) {
  std::string key;
  for (const absl::string_view part : parts) absl::StrAppend(&key, part.size(), ":", part);
  return key;
}

absl::Time EndOf(const Promotion& promotion) {
  if (!HasEnded(promotion.state())) return absl::InfiniteFuture();
  if (promotion.state() == record::v1::PROMOTION_STATE_IGNORED || !promotion.has_end_time()) {
    return FromTimestamp(promotion.has_last_seen_time() ? promotion.last_seen_time()
                                                        : promotion.create_time());
  }
  return FromTimestamp(promotion.end_time());
}

// Replaces the promotion of a place by itself, or by one for which `better` is true.
template <typename Better>
void Replace(std::map<PromotionIndex::Place, SharedPromotion>& of,
             const PromotionIndex::Place& place, const SharedPromotion& promotion,
             const Better& better) {
  const auto [found, is_new] = of.try_emplace(place, promotion);
  if (is_new) return;
  if (found->second->id() == promotion->id() || better(*promotion, *found->second)) {
    found->second = promotion;
  }
}

SharedPromotion Of(const std::map<PromotionIndex::Place, SharedPromotion>& of,
                   const PromotionIndex::Place& place) {
  const auto found = of.find(place);
  return found == of.end() ? SharedPromotion() : found->second;
}

std::optional<std::string> IdOf(const std::unordered_map<std::string, std::string>& ids,
                                const std::string& key) {
  const auto found = ids.find(key);
  if (found == ids.end()) return std::nullopt;
  return found->second;
}

void EraseIf(std::unordered_map<std::string, std::string>& ids, const std::string& key,
             const std::string& id) {
  const auto found = ids.find(key);
  if (found != ids.end() && found->second == id) ids.erase(found);
}

bool IsIgnored(const Promotion& promotion) {
  return promotion.state() == record::v1::PROMOTION_STATE_IGNORED;
}

std::string RevisionKey(const PromotionIndex::Place& source, const std::string& revision) {
  const auto& [name_space, pipeline, environment] = source;
  return JoinedKey({name_space, pipeline, environment, RevisionIdentity(revision)});
}

std::string IgnoredKey(const Promotion& promotion) {
  const record::v1::PromotionEvent& event = promotion.event();
  const std::string& version = event.api_version();
  return JoinedKey({promotion.namespace_(), promotion.pipeline(), promotion.source_environment(),
                    absl::string_view(version).substr(0, version.find('/')), event.kind(),
                    event.namespace_(), event.name(), event.reason(),
                    RevisionIdentity(promotion.revision())});
}

}  // namespace

PromotionIndex::Place SourceOf(const Promotion& promotion) {
  return {promotion.namespace_(), promotion.pipeline(), promotion.source_environment()};
}

PromotionIndex::Place TargetOf(const Promotion& promotion) {
  return {promotion.namespace_(), promotion.pipeline(), promotion.environment()};
}

void PromotionIndex::Put(SharedPromotion given, int64_t revision) {
  // A new one has the greatest id.
  Entry& entry = entries_.try_emplace(entries_.end(), given->id())->second;
  if (entry.revision > revision) return;
  entry.revision = revision;
  entry.state = given->state();
  entry.has_event = given->has_event();
  const SharedPromotion promotion = WithRepeats(std::move(given));
  const std::string& id = promotion->id();
  const Place source = SourceOf(*promotion);
  SetEnd(id, entry, EndOf(*promotion));
  SetUnfinished(source, promotion);
  // A replayed one is both: repeats of its event still find it.
  if (IsIgnored(*promotion)) ignored_[IgnoredKey(*promotion)] = id;
  if (!IsIgnored(*promotion)) {
    std::string& newest = revisions_[RevisionKey(source, promotion->revision())];
    if (newest < id) newest = id;
  }
  Keep(source, promotion);
}

void PromotionIndex::SetUnfinished(const Place& source, const SharedPromotion& promotion) {
  if (!HasEnded(promotion->state())) {
    unfinished_[promotion->id()] = promotion;
    unfinished_of_[source].insert(promotion->id());
    return;
  }
  unfinished_.erase(promotion->id());
  const auto of_source = unfinished_of_.find(source);
  if (of_source == unfinished_of_.end()) return;
  of_source->second.erase(promotion->id());
  if (of_source->second.empty()) unfinished_of_.erase(of_source);
}

void PromotionIndex::Keep(const Place& source, const SharedPromotion& promotion) {
  if (!IsIgnored(*promotion)) Replace(newest_, source, promotion, IsNewer);
  if (promotion->state() != record::v1::PROMOTION_STATE_SUCCEEDED) return;
  Replace(current_, TargetOf(*promotion), promotion,
          [](const Promotion& a, const Promotion& b) { return EndOf(a) >= EndOf(b); });
}

void PromotionIndex::PutRepeats(const Promotion& promotion, int64_t revision) {
  const std::string& id = promotion.id();
  const auto entry = entries_.find(id);
  StoredRepeats& stored = repeats_[id];
  if (entry == entries_.end() || stored.revision > revision) return;
  stored = {.repeats = RepeatsOf(promotion), .revision = revision};
  if (entry->second.state == record::v1::PROMOTION_STATE_IGNORED) {
    SetEnd(id, entry->second, FromTimestamp(promotion.last_seen_time()));
  }
  const auto unfinished = unfinished_.find(id);
  if (unfinished != unfinished_.end()) unfinished->second = WithRepeats(unfinished->second);
  const auto newest = newest_.find(SourceOf(promotion));
  if (newest != newest_.end() && newest->second->id() == id) {
    newest->second = WithRepeats(newest->second);
  }
  const auto current = current_.find(TargetOf(promotion));
  if (current != current_.end() && current->second->id() == id) {
    current->second = WithRepeats(current->second);
  }
}

void PromotionIndex::ReadRepeats(const std::string& id, Repeats repeats, int64_t revision) {
  repeats_[id] = {.repeats = std::move(repeats), .revision = revision};
}

void PromotionIndex::Remove(const Promotion& promotion) {
  const std::string& id = promotion.id();
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return;
  ends_.erase({entry->second.end, id});
  entries_.erase(entry);
  repeats_.erase(id);
  EraseIf(revisions_, RevisionKey(SourceOf(promotion), promotion.revision()), id);
  EraseIf(ignored_, IgnoredKey(promotion), id);
}

void PromotionIndex::Forget(const std::string& id) {
  const auto is_it = [&](const auto& entry) { return entry.second == id; };
  const auto is_promotion = [&](const auto& entry) { return entry.second->id() == id; };
  const auto unfinished = unfinished_.find(id);
  if (unfinished != unfinished_.end()) {
    Promotion ended = *unfinished->second;
    ended.set_state(record::v1::PROMOTION_STATE_FAILED);
    SetUnfinished(SourceOf(ended), ended);
  }
  std::erase_if(newest_, is_promotion);
  std::erase_if(current_, is_promotion);
  std::erase_if(revisions_, is_it);
  std::erase_if(ignored_, is_it);
  std::erase_if(bodies_, is_it);
  repeats_.erase(id);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return;
  ends_.erase({entry->second.end, id});
  entries_.erase(entry);
}

const PromotionIndex::Entry* PromotionIndex::Find(const std::string& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

void PromotionIndex::AddRepeats(Promotion& promotion) const {
  const auto found = repeats_.find(promotion.id());
  if (found != repeats_.end()) MergeRepeats(found->second.repeats, promotion);
}

SharedPromotion PromotionIndex::WithRepeats(SharedPromotion promotion) const {
  if (!repeats_.contains(promotion->id())) return promotion;
  Promotion merged = *promotion;
  AddRepeats(merged);
  return merged;
}

void MergeRepeats(const record::v1::PromotionRepeats& repeats, Promotion& promotion) {
  promotion.set_event_count(repeats.event_count());
  *promotion.mutable_last_seen_time() = repeats.last_seen_time();
  *promotion.mutable_latest_event_time() = repeats.latest_event_time();
  if (repeats.has_event()) *promotion.mutable_event() = repeats.event();
}

PromotionIndex::Repeats PromotionIndex::RepeatsOf(const Promotion& promotion) const {
  Repeats repeats;
  repeats.set_event_count(promotion.event_count());
  *repeats.mutable_last_seen_time() = promotion.last_seen_time();
  *repeats.mutable_latest_event_time() = promotion.latest_event_time();
  const Entry* const entry = Find(promotion.id());
  if (entry != nullptr && !entry->has_event && promotion.has_event()) {
    *repeats.mutable_event() = promotion.event();
  }
  return repeats;
}

SharedPromotion PromotionIndex::Newest(const Place& source) const { return Of(newest_, source); }

SharedPromotion PromotionIndex::Current(const Place& target) const { return Of(current_, target); }

std::vector<SharedPromotion> PromotionIndex::UnfinishedOf(const Place& source) const {
  std::vector<SharedPromotion> of_source;
  const auto ids = unfinished_of_.find(source);
  if (ids == unfinished_of_.end()) return of_source;
  for (const std::string& id : ids->second) of_source.push_back(unfinished_.at(id));
  return of_source;
}

std::optional<std::string> PromotionIndex::OfRevision(const Place& source,
                                                      const std::string& revision) const {
  return IdOf(revisions_, RevisionKey(source, revision));
}

std::optional<std::string> PromotionIndex::IgnoredLike(const Promotion& event) const {
  return IdOf(ignored_, IgnoredKey(event));
}

std::string PromotionIndex::StepBack(const std::string& before, int count) const {
  auto at = before.empty() ? entries_.end() : entries_.lower_bound(before);
  for (; count > 0 && at != entries_.begin(); --count) --at;
  return at == entries_.begin() ? "" : std::prev(at)->first;
}

std::vector<std::string> PromotionIndex::Removable(absl::Time before, size_t most) const {
  std::set<std::string> pinned;
  for (const auto* kept : {&newest_, &current_}) {
    for (const auto& [place, promotion] : *kept) pinned.insert(promotion->id());
  }
  std::vector<std::string> ids;
  for (const auto& [end, id] : ends_) {
    if (end >= before || ids.size() == most) break;
    if (!pinned.contains(id)) ids.push_back(id);
  }
  return ids;
}

std::vector<std::pair<absl::Time, std::string>> PromotionIndex::RemovableBodies(absl::Time before,
                                                                                size_t most) const {
  std::vector<std::pair<absl::Time, std::string>> bodies;
  for (const auto& body : bodies_) {
    if (body.first >= before || bodies.size() == most) break;
    bodies.push_back(body);
  }
  return bodies;
}

void PromotionIndex::SetEnd(const std::string& id, Entry& entry, absl::Time end) {
  if (entry.end != absl::InfiniteFuture()) ends_.erase({entry.end, id});
  entry.end = end;
  if (end != absl::InfiniteFuture()) ends_.emplace(end, id);
}

}  // namespace gitops
