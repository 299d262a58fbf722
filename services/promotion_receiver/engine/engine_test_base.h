#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENGINE_TEST_BASE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENGINE_TEST_BASE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/clock/fake_clock.h"
#include "common/clock/timestamp.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "services/promotion_receiver/engine/engine.h"
#include "services/promotion_receiver/engine/fake_promoter.h"
#include "services/promotion_receiver/observe/fake_observer.h"

namespace gitops {

namespace state = record::v1;

// A store that dies: after a number of writes every further one fails. As after kill -9, what was
// written stays.
class DyingStore : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  void DieAfter(int writes) { left_ = writes; }
  bool dead() const { return left_ < 0; }

  absl::StatusOr<int64_t> Write(const std::vector<StoreWrite>& writes) override {
    if (left_.fetch_sub(1) <= 0) {
      left_ = -1;
      return absl::UnavailableError("the store has died");
    }
    return FaultyStore::Write(writes);
  }

 private:
  std::atomic<int> left_ = 1 << 30;
};

// The engine on a real store, with a clock, a strategy and an observer of the test. The pipeline
// shopping/search promotes from dev to staging to prod.
class EngineTestBase : public testing::Test {
 protected:
  EngineTestBase() {
    pipeline_ = std::make_shared<Pipeline>();
    pipeline_->namespace_ = "shopping";
    pipeline_->name = "search";
    pipeline_->file = "search.yaml";
    for (const char* name : {"dev", "staging", "prod"}) {
      Environment environment;
      environment.name = name;
      environment.targets = {{.namespace_ = "shopping"}};
      environment.promotion.strategy = NotificationStrategy();
      pipeline_->environments.push_back(environment);
    }
    OpenStore();
  }
  ~EngineTestBase() override { engine_.reset(); }

  PromotionRules& Rules(const std::string& environment = "staging") {
    for (Environment& e : pipeline_->environments) {
      if (e.name == environment) return e.promotion;
    }
    std::abort();
  }

  void OpenStore() {
    faulty_ = std::make_unique<DyingStore>(store_.store());
    auto opened = PromotionStore::Open(faulty_.get());
    EXPECT_TRUE(opened.ok()) << opened.status();
    promotions_ = *std::move(opened);
  }

  void Start() {
    EngineOptions options;
    options.store = promotions_.get();
    options.observer = &observer_;
    options.notification = &promoter_;
    options.clock = &clock_;
    options.threads = 3;
    options.pace = pace_;
    options.on_end = [this](const state::Promotion& promotion) {
      MutexLock lock(mutex_);
      ends_.push_back(promotion.state());
    };
    options.on_depth = [this](int depth) {
      MutexLock lock(mutex_);
      depths_.push_back(depth);
    };
    engine_ = std::make_unique<Engine>(options);
    Configure();
  }
  // The pipelines are read again.
  void Configure() { engine_->SetPipelines({std::make_shared<const Pipeline>(*pipeline_)}); }

  void Kill() {
    engine_.reset();
    promotions_.reset();
    faulty_.reset();
  }
  void Restart() {
    Kill();
    store_.Reopen();
    OpenStore();
    Start();
  }

  // Stores an event, as the receiver does, and tells the engine. Returns the promotion's id.
  std::string Receive(const std::string& revision, const std::string& source = "dev") {
    state::Promotion promotion;
    promotion.set_id(promotions_->NewId(clock_.Now()));
    promotion.set_namespace_("shopping");
    promotion.set_pipeline("search");
    promotion.set_source_environment(source);
    promotion.set_environment(pipeline_->After(source)->name);
    promotion.set_revision(revision);
    promotion.set_version(revision);
    promotion.set_state(state::PROMOTION_STATE_OBSERVING);
    *promotion.mutable_create_time() = ToTimestamp(clock_.Now());
    *promotion.mutable_event()->mutable_timestamp() = ToTimestamp(clock_.Now());
    promotion.set_event_count(1);
    PromotionWrite write;
    write.promotion = promotion;
    const absl::Status written = promotions_->Decide([&] { return promotions_->Write({write}); });
    EXPECT_TRUE(written.ok()) << written;
    if (engine_ != nullptr) engine_->Look(Dev(source));
    return promotion.id();
  }

  static EnvironmentName Dev(const std::string& source = "dev") {
    return {"shopping", "search", source};
  }
  static EnvironmentName Staging() { return Dev("staging"); }

  // What an environment runs, and since when.
  void Runs(const std::string& revision, const std::string& environment = "dev",
            TargetObservation::Health health = TargetObservation::Health::kHealthy) {
    TargetObservation seen;
    seen.health = health;
    seen.revision = seen.version = revision;
    seen.since = clock_.Now();
    seen.mark = seen.first_mark = absl::ToUnixSeconds(clock_.Now());
    seen.target = "HelmRelease shopping/search in cluster " + environment;
    observer_.Set(Dev(environment), {seen});
  }

  state::Promotion Get(const std::string& id) {
    const auto promotion = promotions_->Get(id);
    EXPECT_TRUE(promotion.ok()) << promotion.status();
    return promotion.ok() ? *promotion : state::Promotion();
  }
  testing::AssertionResult Becomes(const std::string& id, state::PromotionState expected) {
    if (Eventually([&] { return Get(id).state() == expected; }, absl::Seconds(20))) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << Get(id).ShortDebugString();
  }
  // The only unfinished promotion.
  std::string Unfinished() {
    std::string id;
    EXPECT_TRUE(Eventually([&] {
      const auto all = promotions_->Unfinished();
      if (all.size() == 1) id = all[0]->id();
      return all.size() == 1;
    }));
    return id;
  }
  // Decides about the promotions into an environment, and waits for that.
  void Settle(const std::string& target = "staging") {
    (void)engine_->Reject(Dev(target), "no such revision", "test", "");
  }

  absl::Duration pace_;
  FakeClock clock_;
  TempStore store_;
  std::shared_ptr<Pipeline> pipeline_;
  FakePromoter promoter_;
  FakeObserver observer_;
  Mutex mutex_;
  std::vector<state::PromotionState> ends_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> depths_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<DyingStore> faulty_;
  std::unique_ptr<PromotionStore> promotions_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENGINE_TEST_BASE_H_
