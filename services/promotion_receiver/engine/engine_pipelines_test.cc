#include <gmock/gmock.h>

#include <future>

#include "services/promotion_receiver/engine/engine_test_base.h"

namespace gitops {
namespace {

using ::testing::IsEmpty;

// What is decided while the pipelines change.
class EnginePipelinesTest : public EngineTestBase {
 protected:
  ~EnginePipelinesTest() override {
    if (decision_.valid()) decision_.wait();
  }
  // Begins a decision on another thread, and gives it the time to be wrong.
  void DecideMeanwhile() {
    decision_ = std::async(std::launch::async, [this] { Settle(); });
    (void)decision_.wait_for(std::chrono::milliseconds(300));
  }

  std::future<void> decision_;
};

TEST_F(EnginePipelinesTest, EventOfANewPipelineWaitsForWhatIsObserved) {
  Start();
  engine_->SetPipelines({});
  const std::string id = Receive("1.1");
  observer_.OnPipelines([this] {
    DecideMeanwhile();
    Runs("1.0");
  });
  Configure();
  decision_.wait();
  Settle();
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_OBSERVING);
  EXPECT_THAT(promoter_.effects(), IsEmpty());
}

TEST_F(EnginePipelinesTest, EventOfAPipelineThatGoesIsNotTakenForUnobservable) {
  Runs("1.0", "dev", TargetObservation::Health::kUnhealthy);
  Start();
  const std::string id = Receive("1.1");
  Settle();
  observer_.OnPipelines([this] {
    observer_.Set(Dev(), {});
    DecideMeanwhile();
  });
  engine_->SetPipelines({});
  EXPECT_TRUE(Eventually([&] {
    return Get(id).message().find("there is no longer a pipeline") != std::string::npos;
  })) << Get(id).ShortDebugString();
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_OBSERVING);
  EXPECT_THAT(promoter_.effects(), IsEmpty());
}

}  // namespace
}  // namespace gitops
