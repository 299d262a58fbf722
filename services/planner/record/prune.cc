#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/planner/record/bulk.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/record/record_keys.h"

namespace gitops {
namespace {

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

// Once: finds what an earlier process left of a Create() or Prune() that it did not finish. What
// this process leaves is noted when it happens.
absl::Status DeploymentStore::FindOrphans() {
  if (orphans_read_) return absl::OkStatus();
  for (const char* prefix : {kHostPrefix, kStepPrefix, kCallPrefix}) {
    absl::StatusOr<std::vector<std::string>> ids = IdsUnder(*store_, prefix);
    if (!ids.ok()) return ids.status();
    MutexLock lock(index_mutex_);
    for (std::string& id : *ids) {
      if (!index_.Contains(id)) orphans_.insert(std::move(id));
    }
  }
  orphans_read_ = true;
  return absl::OkStatus();
}

absl::Status DeploymentStore::RemoveOrphans(absl::Time now) {
  if (absl::Status found = FindOrphans(); !found.ok()) return found;
  std::set<std::string> ids;
  {
    MutexLock lock(index_mutex_);
    ids = orphans_;
  }
  const std::string youngest = DeploymentIdTime(now - kLongestCreation);
  for (const std::string& id : ids) {
    if (id >= youngest) continue;
    absl::Status status = store_->Get(deployments_.Key(id)).status();
    const bool gone = absl::IsNotFound(status);
    if (gone) status = DeleteParts(id);
    if (!status.ok()) return status;
    MutexLock lock(index_mutex_);
    // A damaged entry stays here: when it is removed, its parts are orphans.
    if (gone || index_.Contains(id)) orphans_.erase(id);
  }
  return absl::OkStatus();
}

absl::Status DeploymentStore::RemovePlans(absl::Time now) {
  MutexLock lock(plans_mutex_);
  if (absl::Status read = ReadPlans(); !read.ok()) return read;
  std::vector<StoreWrite> deletions;
  for (const auto& [token, plan] : plans_) {
    if (plan.expire <= now) deletions.push_back(stored_plans_.Delete(token));
  }
  if (deletions.empty()) return absl::OkStatus();
  if (absl::Status status = store_->Write(deletions).status(); !status.ok()) return status;
  std::erase_if(plans_, [&](const auto& plan) { return plan.second.expire <= now; });
  return absl::OkStatus();
}

absl::StatusOr<int> DeploymentStore::Prune(const Retention& retention) {
  const absl::Time now = clock_->Now();
  std::map<std::string, int64_t> removable;
  {
    MutexLock lock(index_mutex_);
    if (absl::Status read = ReadIndex(); !read.ok()) return read;
    removable = index_.Removable(static_cast<size_t>(retention.count), now - retention.age);
  }
  int removed = 0;
  for (const auto& [id, revision] : removable) {
    // The entry first, so that a crash leaves orphans and never half a deployment.
    absl::Status status = store_->Delete(deployments_.Key(id), revision);
    if (absl::IsFailedPrecondition(status)) {
      Refresh(id);  // it was resumed, or removed
      continue;
    }
    if (!status.ok()) return status;
    {
      MutexLock lock(index_mutex_);
      index_.Remove(id);
      orphans_.insert(id);
    }
    if (status = DeleteParts(id); !status.ok()) return status;
    MutexLock lock(index_mutex_);
    orphans_.erase(id);
    ++removed;
  }
  if (absl::Status status = RemoveOrphans(now); !status.ok()) return status;
  if (absl::Status status = RemovePlans(now); !status.ok()) return status;
  return removed;
}

}  // namespace gitops
