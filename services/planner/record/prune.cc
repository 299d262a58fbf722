#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "services/planner/record/bulk.h"
#include "services/planner/record/deployment_id.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/record/record_keys.h"

namespace gitops {
namespace {

// What Create() writes before the entry is left alone for so long.
constexpr absl::Duration kCreationTime = absl::Hours(1);

// What Prune() needs to know of each deployment.
struct Stand {
  std::string id;
  int64_t revision = 0;
  bool ended = false;
  absl::Time end;
};

absl::Time EndOf(const v1::Deployment& deployment) {
  return FromTimestamp(deployment.has_end_time() ? deployment.end_time()
                                                 : deployment.create_time());
}

// Oldest first. An unreadable one is told in `unreadable`, and counts as not ended: nobody knows.
absl::StatusOr<std::vector<Stand>> ReadStands(Store& store, absl::Status& unreadable) {
  std::vector<Stand> stands;
  absl::Status status =
      ForEachValue(store, kEntryPrefix, [&](const StoredValue& value) -> absl::StatusOr<bool> {
        Stand& stand = stands.emplace_back();
        stand.id = std::string(absl::StripPrefix(value.key, kEntryPrefix));
        stand.revision = value.revision;
        record::v1::DeploymentEntry entry;
        if (absl::Status parsed = Parse(value, entry); !parsed.ok()) {
          unreadable.Update(parsed);
          return true;
        }
        stand.ended = HasEnded(entry.deployment().state());
        stand.end = EndOf(entry.deployment());
        return true;
      });
  if (!status.ok()) return status;
  return stands;
}

absl::Status DeleteParts(Store& store, const std::string& id) {
  for (const std::string& prefix : {HostKeys(id), StepKeys(id), CallKeys(id)}) {
    if (absl::Status status = DeleteAll(store, prefix); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// False: it was resumed, or removed, since it was read.
absl::StatusOr<bool> Remove(Store& store, const Stand& stand) {
  // The entry first: what a crash leaves of the rest is an orphan, never half a deployment.
  absl::Status status = store.Delete(EntryKey(stand.id), stand.revision);
  if (absl::IsFailedPrecondition(status)) return false;
  if (!status.ok()) return status;
  status = DeleteParts(store, stand.id);
  if (!status.ok()) return status;
  return true;
}

// The ids that have parts under `prefix`; reads one part of each.
absl::StatusOr<std::vector<std::string>> IdsUnder(Store& store, const std::string& prefix) {
  std::vector<std::string> ids;
  std::string after;
  while (true) {
    absl::StatusOr<std::vector<StoredValue>> next = store.List(prefix, after, 1);
    if (!next.ok()) return next.status();
    if (next->empty()) return ids;
    const absl::string_view rest = absl::StripPrefix(next->front().key, prefix);
    ids.emplace_back(rest.substr(0, rest.find('/')));
    // Greater than every key of this id: what follows the '/' is a digit.
    after = absl::StrCat(prefix, ids.back(), "/~");
  }
}

// Parts without an entry, left by a Create() or a Prune() that did not come to its end.
absl::Status RemoveOrphans(Store& store, absl::Time now) {
  const std::string youngest = DeploymentIdTime(now - kCreationTime);
  for (const char* prefix : {kHostPrefix, kStepPrefix, kCallPrefix}) {
    absl::StatusOr<std::vector<std::string>> ids = IdsUnder(store, prefix);
    if (!ids.ok()) return ids.status();
    for (const std::string& id : *ids) {
      if (id >= youngest) continue;
      absl::Status status = store.Get(EntryKey(id)).status();
      if (absl::IsNotFound(status)) status = DeleteParts(store, id);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// A damaged plan can never be used, so it goes too.
absl::Status RemovePlans(Store& store, absl::Time now) {
  std::vector<std::string> expired;
  absl::Status status =
      ForEachValue(store, kPlanPrefix, [&](const StoredValue& value) -> absl::StatusOr<bool> {
        v1::Plan plan;
        const bool readable = plan.ParseFromString(value.value);
        if (!readable || FromTimestamp(plan.expire_time()) <= now) expired.push_back(value.key);
        return true;
      });
  for (const std::string& key : expired) {
    if (status.ok()) status = store.Delete(key);
  }
  return status;
}

}  // namespace

absl::StatusOr<int> DeploymentStore::Prune(const Retention& retention) {
  const absl::Time now = clock_->Now();
  absl::Status unreadable;
  absl::StatusOr<std::vector<Stand>> stands = ReadStands(*store_, unreadable);
  if (!stands.ok()) return stands.status();
  int removed = 0;
  for (size_t i = 0; i < stands->size(); ++i) {
    const Stand& stand = (*stands)[i];
    const bool among_newest = stands->size() - i <= static_cast<size_t>(retention.count);
    const bool too_old = now - stand.end > retention.age;
    if (!stand.ended || (among_newest && !too_old)) continue;
    absl::StatusOr<bool> done = Remove(*store_, stand);
    if (!done.ok()) return done.status();
    if (*done) ++removed;
  }
  if (absl::Status status = RemoveOrphans(*store_, now); !status.ok()) return status;
  if (absl::Status status = RemovePlans(*store_, now); !status.ok()) return status;
  if (!unreadable.ok()) return unreadable;
  return removed;
}

}  // namespace gitops
