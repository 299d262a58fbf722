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

absl::Time EndOf(const record::v1::Deployment& deployment) {
  return FromTimestamp(deployment.has_end_time() ? deployment.end_time()
                                                 : deployment.create_time());
}

// Oldest first. An unreadable one is told in `unreadable`, and counts as not ended: nobody knows.
absl::StatusOr<std::vector<Stand>> ReadStands(const Table<record::v1::DeploymentEntry>& table,
                                              absl::Status& unreadable) {
  std::vector<Stand> stands;
  absl::Status status = table.ForEach("", "", [&](Table<record::v1::DeploymentEntry>::Row& row) {
    Stand& stand = stands.emplace_back();
    stand.id = row.name;
    stand.revision = row.revision;
    unreadable.Update(row.message.status());
    if (!row.message.ok()) return true;
    const record::v1::Deployment& deployment = row.message->deployment();
    stand.ended = HasEnded(static_cast<v1::DeploymentState>(deployment.state()));
    stand.end = EndOf(deployment);
    return true;
  });
  if (!status.ok()) return status;
  return stands;
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

}  // namespace

absl::Status DeploymentStore::DeleteParts(const std::string& id) {
  const std::string under = absl::StrCat(id, "/");
  for (const std::string& prefix : {hosts_.Key(under), steps_.Key(under), calls_.Key(under)}) {
    if (absl::Status status = DeleteAll(*store_, prefix); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Parts without an entry, left by a Create() or a Prune() that did not come to its end.
absl::Status DeploymentStore::RemoveOrphans(absl::Time now) {
  const std::string youngest = DeploymentIdTime(now - kCreationTime);
  for (const char* prefix : {kHostPrefix, kStepPrefix, kCallPrefix}) {
    absl::StatusOr<std::vector<std::string>> ids = IdsUnder(*store_, prefix);
    if (!ids.ok()) return ids.status();
    for (const std::string& id : *ids) {
      if (id >= youngest) continue;
      absl::Status status = store_->Get(deployments_.Key(id)).status();
      if (absl::IsNotFound(status)) status = DeleteParts(id);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// A damaged plan can never be used, so it goes too.
absl::Status DeploymentStore::RemovePlans(absl::Time now) {
  std::vector<std::string> expired;
  absl::Status status = stored_plans_.ForEach("", "", [&](Table<record::v1::Plan>::Row& row) {
    if (!row.message.ok() || FromTimestamp(row.message->expire_time()) <= now) {
      expired.push_back(stored_plans_.Key(row.name));
    }
    return true;
  });
  for (const std::string& key : expired) {
    if (status.ok()) status = store_->Delete(key);
  }
  return status;
}

absl::StatusOr<int> DeploymentStore::Prune(const Retention& retention) {
  const absl::Time now = clock_->Now();
  absl::Status unreadable;
  absl::StatusOr<std::vector<Stand>> stands = ReadStands(deployments_, unreadable);
  if (!stands.ok()) return stands.status();
  int removed = 0;
  for (size_t i = 0; i < stands->size(); ++i) {
    const Stand& stand = (*stands)[i];
    const bool among_newest = stands->size() - i <= static_cast<size_t>(retention.count);
    const bool too_old = now - stand.end > retention.age;
    if (!stand.ended || (among_newest && !too_old)) continue;
    // The entry first: what a crash leaves of the rest is an orphan, never half a deployment.
    absl::Status status = store_->Delete(deployments_.Key(stand.id), stand.revision);
    // It was resumed, or removed, since it was read.
    if (absl::IsFailedPrecondition(status)) continue;
    if (status.ok()) status = DeleteParts(stand.id);
    if (!status.ok()) return status;
    ++removed;
  }
  if (absl::Status status = RemoveOrphans(now); !status.ok()) return status;
  if (absl::Status status = RemovePlans(now); !status.ok()) return status;
  if (!unreadable.ok()) return unreadable;
  return removed;
}

}  // namespace gitops
