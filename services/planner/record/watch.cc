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
  DeploymentWatch(const std::string& id, std::function<void(int index)> changed)
      : entry_key_(absl::StrCat(kEntryPrefix, id)),
        host_keys_(absl::StrCat(kHostPrefix, id, "/")),
        changed_(std::move(changed)) {}

  absl::Status Start(Store& store) {
    // Deleting what is not there changes nothing, and tells which revision the store is at. What
    // was saved before that is not told again, also where the deployment is older than the engine's
    // log.
    absl::StatusOr<int64_t> now = store.Write({{.key = "planner/v1/none"}});
    if (!now.ok()) return now.status();
    auto tell = [this](const StoreEvent& event) { Tell(event); };
    for (auto [key, watch] : {std::pair(&entry_key_, &entry_), std::pair(&host_keys_, &hosts_)}) {
      absl::StatusOr<std::unique_ptr<StoreWatch>> started = store.Watch(*key, *now, tell);
      if (!started.ok()) return started.status();
      *watch = *std::move(started);
    }
    return absl::OkStatus();
  }

 private:
  void Tell(const StoreEvent& event) {
    const std::optional<int> index = NumberAfter(host_keys_, event.key);
    // A removed host is told by its deployment's being removed.
    if (index.has_value() ? !event.value.has_value() : event.key != entry_key_) return;
    MutexLock lock(telling_);
    changed_(index.value_or(-1));
  }

  const std::string entry_key_;
  const std::string host_keys_;
  const std::function<void(int index)> changed_;
  Mutex telling_;
  // Destroyed first: no call comes after that.
  std::unique_ptr<StoreWatch> entry_;
  std::unique_ptr<StoreWatch> hosts_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StoreWatch>> DeploymentStore::Watch(
    const std::string& id, std::function<void(int index)> changed) {
  auto watch = std::make_unique<DeploymentWatch>(id, std::move(changed));
  if (absl::Status status = watch->Start(*store_); !status.ok()) return status;
  return watch;
}

}  // namespace gitops
