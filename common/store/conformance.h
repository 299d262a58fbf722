#ifndef GITOPS_COMMON_STORE_CONFORMANCE_H_
#define GITOPS_COMMON_STORE_CONFORMANCE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"
#include "gtest/gtest.h"

// Tests that every engine of Store must pass. An engine's test implements StoreHarness, links
// //common/store:conformance, and has
//
//   INSTANTIATE_TEST_SUITE_P(Etcd, StoreConformanceTest,
//                            ::testing::Values(StoreEngine{"etcd", MakeEtcdHarness}));
namespace gitops {

// Empty data of an engine, for one test.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;

  // Opens another Store on the data; called while earlier ones exist, and after they were
  // destroyed.
  virtual absl::StatusOr<std::unique_ptr<Store>> Open() = 0;
  // Returns when the time `by` has passed for leases.
  virtual void PassTime(absl::Duration by) = 0;
  // Makes the engine forget the changes up to the store's current revision, or up to shortly before
  // it.
  virtual absl::Status ForgetChanges(Store& store) = 0;
};

struct StoreEngine {
  std::string name;
  std::function<std::unique_ptr<StoreHarness>()> make_harness;
};

class StoreConformanceTest : public ::testing::TestWithParam<StoreEngine> {
 protected:
  void SetUp() override;

  std::unique_ptr<Store> Open();
  // Waits, in real time and bounded, until the key is gone.
  bool AwaitGone(Store& store, const std::string& key);

  std::unique_ptr<StoreHarness> harness_;
  std::unique_ptr<Store> store_;
};

// Collects the events of a watch. Must outlive the watch.
class EventLog {
 public:
  std::function<void(const StoreEvent&)> Callback();
  // Waits, bounded, until there are `count` events, and returns all events.
  std::vector<StoreEvent> Await(size_t count);
  // "key=value@revision", or "key deleted@revision".
  std::vector<std::string> AwaitText(size_t count);

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<StoreEvent> events_ ABSL_GUARDED_BY(mutex_);
};

// Short forms for batches.
StoreWrite PutOf(std::string key, std::string value);
StoreWrite DeleteOf(std::string key);
StoreWrite Expecting(StoreWrite write, int64_t revision);
StoreWrite Under(int64_t lease, StoreWrite write);
std::vector<std::string> KeysOf(const std::vector<StoredValue>& values);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_CONFORMANCE_H_
