#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/record/record_testing.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;

class Changes {
 public:
  void Add(int index) {
    MutexLock lock(mutex_);
    seen_.push_back(index);
    changed_.NotifyAll();
  }
  // Those until `last` came.
  std::vector<int> Until(int last) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    MutexLock lock(mutex_);
    while (std::find(seen_.begin(), seen_.end(), last) == seen_.end()) {
      if (!changed_.WaitUntil(mutex_, deadline)) break;
    }
    return std::exchange(seen_, {});
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<int> seen_ ABSL_GUARDED_BY(mutex_);
};

class WatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsNamed(3), {}).ok());
    ASSERT_TRUE(deployments_.Create(EntryOf("d10"), HostsNamed(3), {}).ok());
  }
  void Start() {
    watch_ = *deployments_.Watch("d1", [this](int index, int64_t) { changes_.Add(index); });
  }
  void SaveHost(const std::string& id, int index) {
    const v1::StepRecord step = StepOf(1);
    ASSERT_TRUE(deployments_.SaveHost(id, index, HostsNamed(3)[index], &step).ok());
  }

  FakeClock clock_;
  TempStore temp_{&clock_};
  FaultyStore store_{temp_.store()};
  DeploymentStore deployments_{&store_, &clock_};
  Changes changes_;
  std::unique_ptr<StoreWatch> watch_;
};

TEST_F(WatchTest, EachHostThatIsSavedIsToldOnceAndNothingOfBeforeOrOfOthers) {
  SaveHost("d1", 0);
  Start();
  SaveHost("d10", 1);
  SaveHost("d1", 2);
  ASSERT_TRUE(deployments_.Save(EntryOf("d10")).ok());
  SaveHost("d1", 1);
  EXPECT_THAT(changes_.Until(1), ElementsAre(2, 1));
}

TEST_F(WatchTest, TheDeploymentItselfIsToldAlsoWhenItIsRemoved) {
  Start();
  ASSERT_TRUE(deployments_.Save(EntryOf("d1", v1::DEPLOYMENT_STATE_FAILED)).ok());
  EXPECT_THAT(changes_.Until(-1), ElementsAre(-1));
  ASSERT_TRUE(deployments_.Save(EntryOf("d10", v1::DEPLOYMENT_STATE_RUNNING)).ok());
  EXPECT_EQ(*deployments_.Prune({.count = 0}), 1);
  EXPECT_THAT(changes_.Until(-1), ElementsAre(-1));
}

TEST_F(WatchTest, ADeploymentThatIsOlderThanTheStoresLogCanBeWatched) {
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(store_.Put("other", large).ok());
  ASSERT_EQ(store_.Watch("planner/", 1, [](const StoreEvent&) {}).status().code(),
            absl::StatusCode::kOutOfRange)
      << "the log must have been trimmed for this test to mean anything";
  Start();
  SaveHost("d1", 1);
  EXPECT_THAT(changes_.Until(1), ElementsAre(1));
}

TEST_F(WatchTest, NothingIsToldAfterItsEnd) {
  Start();
  SaveHost("d1", 0);
  changes_.Until(0);
  watch_.reset();
  SaveHost("d1", 1);
  Start();
  SaveHost("d1", 2);
  EXPECT_THAT(changes_.Until(2), ElementsAre(2));
}

TEST_F(WatchTest, AWatchThatCannotBeStartedIsAnErrorWhicheverPartFails) {
  for (int call = 1; call <= 3; ++call) {
    store_.FailNthCall(call);
    EXPECT_EQ(deployments_.Watch("d1", [](int, int64_t) {}).status().code(),
              absl::StatusCode::kUnavailable);
  }
}

}  // namespace
}  // namespace gitops
