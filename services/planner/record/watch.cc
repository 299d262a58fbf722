#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sync/mutex.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/record/record_keys.h"

namespace gitops {
namespace {

// Two watches as one; they may call from different threads.
class DeploymentWatch : public StoreWatch {
 public:
  DeploymentWatch(const std::string& id, DeploymentStore::HostChanged changed)
      : entry_key_(absl::StrCat(kEntryPrefix, id)),
        host_keys_(absl::StrCat(kHostPrefix, id, "/")),
        changed_(std::move(changed)) {}

  // Reports what is saved after revision `now`.
  absl::Status Start(Store& store, int64_t now) {
    {
      MutexLock lock(telling_);
      told_ = {now, now};
    }
    for (Part part : {kEntry, kHosts}) {
      const std::string& key = part == kEntry ? entry_key_ : host_keys_;
      auto started =
          store.Watch(key, now, [this, part](const StoreEvent& event) { Tell(part, event); });
      if (!started.ok()) return started.status();
      watches_[part] = *std::move(started);
    }
    return absl::OkStatus();
  }

 private:
  enum Part { kEntry, kHosts };

  void Tell(Part part, const StoreEvent& event) {
    const std::optional<int> index = NumberAfter(host_keys_, event.key);
    MutexLock lock(telling_);
    told_[part] = event.revision;
    // A host is removed with its deployment, which is reported.
    if (index.has_value() ? !event.value.has_value() : event.key != entry_key_) return;
    changed_(index.value_or(-1), std::min(told_[kEntry], told_[kHosts]));
  }

  const std::string entry_key_;
  const std::string host_keys_;
  const DeploymentStore::HostChanged changed_;
  Mutex telling_;
  // The revision up to which each part reported its changes.
  std::array<int64_t, 2> told_ ABSL_GUARDED_BY(telling_) = {};
  // Destroyed first: no call comes after that.
  std::array<std::unique_ptr<StoreWatch>, 2> watches_;
};

}  // namespace

absl::StatusOr<int64_t> DeploymentStore::Revision() {
  // Deleting a key that does not exist changes nothing, and returns the store's revision.
  return store_->Write({{.key = "planner/v1/none"}});
}

absl::StatusOr<std::unique_ptr<StoreWatch>> DeploymentStore::Watch(const std::string& id,
                                                                   HostChanged changed) {
  // Only what is saved from now on is reported, also if the deployment is older than the store's
  // log.
  const absl::StatusOr<int64_t> now = Revision();
  if (!now.ok()) return now.status();
  auto watch = std::make_unique<DeploymentWatch>(id, std::move(changed));
  if (absl::Status status = watch->Start(*store_, *now); !status.ok()) return status;
  return watch;
}

absl::StatusOr<std::unique_ptr<StoreWatch>> DeploymentStore::WatchAll(int64_t after,
                                                                      DeploymentChanged changed) {
  return store_->Watch(kEntryPrefix, after, [changed](const StoreEvent& event) {
    changed(event.key.substr(sizeof(kEntryPrefix) - 1), event.revision);
  });
}

absl::StatusOr<int64_t> DeploymentStore::HostRevision(const std::string& id, int index) {
  const auto row = hosts_.Find(HostName(id, index));
  if (!row.ok()) return row.status();
  return row->revision;
}

}  // namespace gitops
