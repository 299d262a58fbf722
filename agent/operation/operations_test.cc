#include "agent/operation/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Does nothing but tell what it was asked to do; blocks and fails when told to.
class FakeActions final : public ActionRunner {
 public:
  absl::Status Check(const v1::PerformActionRequest& request) const override {
    return request.action() == "skip" ? absl::InvalidArgumentError("skip") : absl::OkStatus();
  }
  absl::Status Note(const v1::PerformActionRequest&, record::v1::Operation& operation) override {
    operation.set_boot_id("before");
    return absl::OkStatus();
  }
  ActionOutcome Perform(const v1::PerformActionRequest& request,
                        const record::v1::Operation& before, bool again,
                        const std::function<bool()>& abandoned) override {
    if (request.action() == "wait") return AwaitNobody(abandoned);
    MutexLock lock(mutex_);
    done_.push_back(absl::StrCat(request.operation().id(), again ? " again" : ""));
    EXPECT_EQ(before.boot_id(), "before");
    changed_.NotifyAll();
    EXPECT_EQ(++running_, 1) << "one at a time";
    while (held_) changed_.Wait(mutex_);
    --running_;
    return outcome_;
  }

  void SetOutcome(ActionOutcome outcome) {
    MutexLock lock(mutex_);
    outcome_ = std::move(outcome);
  }
  void Hold() {
    MutexLock lock(mutex_);
    held_ = true;
  }
  void Release() {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.NotifyAll();
  }
  bool AwaitBegun(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    MutexLock lock(mutex_);
    while (done_.size() < count) {
      if (!changed_.WaitUntil(mutex_, deadline)) return false;
    }
    return true;
  }
  std::vector<std::string> done() {
    MutexLock lock(mutex_);
    return done_;
  }

 private:
  // Waits for what never comes.
  static ActionOutcome AwaitNobody(const std::function<bool()>& abandoned) {
    EXPECT_TRUE(Eventually(abandoned));
    return ActionOutcome::Of(absl::CancelledError("nobody waits"));
  }

  Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  ActionOutcome outcome_ ABSL_GUARDED_BY(mutex_) = ActionOutcome::Done("did it");
  std::vector<std::string> done_ ABSL_GUARDED_BY(mutex_);
};

class OperationsTest : public testing::Test {
 protected:
  OperationsTest() { Restart(); }
  ~OperationsTest() override { actions_.Release(); }

  void Restart() {
    operations_.reset();
    memory_ = *OperationMemory::Load(&store_, Clock::System());
    operations_ =
        std::make_unique<Operations>(memory_.get(), &actions_, Clock::System(), scheduler_.get());
  }

  static v1::PerformActionRequest Request(const std::string& id, int64_t fencing = 1,
                                          const std::string& action = "sync") {
    v1::PerformActionRequest request;
    request.mutable_operation()->set_id(id);
    request.mutable_operation()->set_fencing(fencing);
    request.set_action(action);
    return request;
  }

  ActionOutcome Perform(const v1::PerformActionRequest& request, const Patience& patience = {}) {
    return operations_->Perform(request, patience);
  }
  std::future<ActionOutcome> Begin(const v1::PerformActionRequest& request) {
    return std::async(std::launch::async, [this, request] { return Perform(request); });
  }

  TempStore temp_;
  FaultyStore store_{temp_.store()};
  FakeActions actions_;
  std::unique_ptr<Scheduler> scheduler_ = NewScheduler(Clock::System(), 4);
  std::unique_ptr<OperationMemory> memory_;
  std::unique_ptr<Operations> operations_;
};

TEST_F(OperationsTest, ARepeatedOperationIsAnsweredFromMemoryAlsoAfterARestart) {
  EXPECT_FALSE(Perform(Request("d/web1/1")).response.repeated_operation());
  for (int restart = 0; restart < 2; ++restart, Restart()) {
    const ActionOutcome repeated = Perform(Request("d/web1/1", 2 + restart));
    EXPECT_TRUE(repeated.ok());
    EXPECT_TRUE(repeated.response.repeated_operation());
    EXPECT_EQ(repeated.response.output(), "did it");
  }
  EXPECT_THAT(actions_.done(), ElementsAre("d/web1/1"));
}

TEST_F(OperationsTest, AFailureIsRememberedWithWhatWasMoved) {
  ActionOutcome failed =
      ActionOutcome::Of(MakeError(Reason::kServiceFrozen, "web: is frozen", {{"service", "web"}}));
  failed.response.add_moves()->set_service("db");
  actions_.SetOutcome(failed);
  Perform(Request("d/web1/1"));
  actions_.SetOutcome(ActionOutcome::Done("fine"));
  for (int restart = 0; restart < 2; ++restart, Restart()) {
    const ActionOutcome repeated = Perform(Request("d/web1/1"));
    EXPECT_EQ(repeated.code, StatusCode::kFailedPrecondition);
    EXPECT_EQ(repeated.message, "web: is frozen");
    EXPECT_TRUE(HasReason(repeated.status(), Reason::kServiceFrozen));
    EXPECT_EQ(MetadataOf(repeated.status())["service"], "web");
    EXPECT_EQ(repeated.response.moves_size(), 1);
  }
}

TEST_F(OperationsTest, TheSameOperationAskedTwiceAtATimeIsDoneOnce) {
  actions_.Hold();
  auto first = Begin(Request("d/web1/1"));
  ASSERT_TRUE(actions_.AwaitBegun(1));
  auto second = Begin(Request("d/web1/1"));
  actions_.Release();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
  EXPECT_THAT(actions_.done(), ElementsAre("d/web1/1"));
}

TEST_F(OperationsTest, AnIdIsNotReusedForAnotherAction) {
  Perform(Request("d/web1/1"));
  EXPECT_EQ(Perform(Request("d/web1/1", 1, "freeze")).code, StatusCode::kInvalidArgument);
}

TEST_F(OperationsTest, ALowerFencingNumberIsRefusedAndNothingIsDone) {
  Perform(Request("d2/web1/1", 5));
  Restart();
  const ActionOutcome refused = Perform(Request("d1/web1/1", 4));
  EXPECT_EQ(refused.code, StatusCode::kFailedPrecondition);
  EXPECT_EQ(Perform(Request("d2/web1/1", 4)).code, StatusCode::kFailedPrecondition)
      << "also for what it could answer from memory";
  EXPECT_THAT(actions_.done(), ElementsAre("d2/web1/1"));
}

TEST_F(OperationsTest, OneThatWaitsIsRefusedWhenANewerDeploymentComes) {
  actions_.Hold();
  auto running = Begin(Request("d1/web1/1", 1));
  ASSERT_TRUE(actions_.AwaitBegun(1));
  auto old = Begin(Request("d1/web1/2", 1));
  auto newer = Begin(Request("d2/web1/1", 2));
  ASSERT_TRUE(Eventually([&] { return operations_->fencing() >= 2; }));
  actions_.Release();
  EXPECT_TRUE(running.get().ok());
  EXPECT_EQ(old.get().code, StatusCode::kFailedPrecondition);
  EXPECT_TRUE(newer.get().ok());
}

TEST_F(OperationsTest, WithoutIdFencingOrKnownActionIsRefusedAndNotRemembered) {
  const v1::PerformActionRequest bad[] = {Request("", 1), Request("d", 0), Request("d", -1),
                                          Request(std::string(501, 'x')), Request("d", 9, "skip")};
  for (const auto& request : bad) EXPECT_EQ(Perform(request).code, StatusCode::kInvalidArgument);
  v1::PerformActionRequest wordy[] = {Request("d"), Request("d"), Request("d"), Request("d")};
  wordy[0].mutable_operation()->set_reason(std::string(1001, 'x'));
  wordy[1].mutable_operation()->set_actor(std::string(401, 'x'));
  wordy[2].mutable_operation()->set_deployment(std::string(501, 'x'));
  wordy[3].set_service(std::string(256, 'x'));
  for (const auto& request : wordy) EXPECT_EQ(Perform(request).code, StatusCode::kInvalidArgument);
  EXPECT_THAT(actions_.done(), IsEmpty());
  EXPECT_EQ(operations_->fencing(), 0);
}

TEST_F(OperationsTest, WhatBeganGoesOnWhenItsCallerGivesUpAndIsAskedForAgain) {
  actions_.Hold();
  const ActionOutcome late =
      Perform(Request("d/web1/1"), {.deadline = absl::Now() + absl::Milliseconds(200)});
  EXPECT_EQ(late.code, StatusCode::kDeadlineExceeded);
  auto again = Begin(Request("d/web1/1"));
  actions_.Release();
  EXPECT_TRUE(again.get().ok());
  EXPECT_THAT(actions_.done(), ElementsAre("d/web1/1"));
}

TEST_F(OperationsTest, WhatDidNotBeginIsForgottenWithItsCaller) {
  actions_.Hold();
  auto running = Begin(Request("d/web1/1"));
  ASSERT_TRUE(actions_.AwaitBegun(1));
  EXPECT_EQ(Perform(Request("d/web1/2"), {.deadline = absl::Now()}).code,
            StatusCode::kDeadlineExceeded);
  actions_.Release();
  ASSERT_TRUE(running.get().ok());
  ASSERT_TRUE(Perform(Request("d/web1/3")).ok());
  EXPECT_THAT(actions_.done(), ElementsAre("d/web1/1", "d/web1/3"));
}

TEST_F(OperationsTest, CallersBeyondTheLimitAreRefused) {
  actions_.Hold();
  std::vector<std::future<ActionOutcome>> calls;
  for (int i = 0; i < kMostOperationCalls; ++i) {
    // One that finds the place taken by the call below comes again.
    calls.push_back(std::async(std::launch::async, [this] {
      ActionOutcome outcome = Perform(Request("d/web1/1"));
      while (outcome.code == StatusCode::kResourceExhausted) outcome = Perform(Request("d/web1/1"));
      return outcome;
    }));
  }
  EXPECT_TRUE(Eventually([this] {
    return Perform(Request("d/web1/2"), {.deadline = absl::Now()}).code ==
           StatusCode::kResourceExhausted;
  }));
  actions_.Release();
  for (auto& call : calls) EXPECT_TRUE(call.get().ok());
  EXPECT_TRUE(Perform(Request("d/web1/2")).ok());
}

TEST_F(OperationsTest, OneThatWasInterruptedIsDoneAgainAndTold) {
  actions_.Hold();
  auto interrupted = Begin(Request("d/web1/1"));
  ASSERT_TRUE(actions_.AwaitBegun(1));
  actions_.SetOutcome(ActionOutcome::Of(absl::InternalError("git was stopped")));
  operations_->Stop();
  EXPECT_EQ(interrupted.get().code, StatusCode::kUnavailable);
  EXPECT_EQ(Perform(Request("d/web1/2")).code, StatusCode::kUnavailable);
  actions_.Release();
  Restart();
  actions_.SetOutcome(ActionOutcome::Done("did it"));
  const ActionOutcome outcome = Perform(Request("d/web1/1"));
  EXPECT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome.response.repeated_operation());
  EXPECT_THAT(actions_.done(), ElementsAre("d/web1/1", "d/web1/1 again"));
}

TEST_F(OperationsTest, WhatCannotBeStoredIsNotBegun) {
  store_.FailNthWrite(2);  // the first is of the fencing number
  EXPECT_EQ(Perform(Request("d/web1/1")).code, StatusCode::kUnavailable);
  EXPECT_THAT(actions_.done(), IsEmpty());
  EXPECT_TRUE(Perform(Request("d/web1/1")).ok());
  EXPECT_THAT(actions_.done(), ElementsAre("d/web1/1"));
}

TEST_F(OperationsTest, AnEndThatCannotBeStoredIsNotTold) {
  store_.FailNthWrite(3);
  EXPECT_EQ(Perform(Request("d/web1/1")).code, StatusCode::kUnavailable);
  EXPECT_TRUE(Perform(Request("d/web1/1")).ok());
  EXPECT_THAT(actions_.done(), ElementsAre("d/web1/1", "d/web1/1 again"));
}

TEST_F(OperationsTest, WhatIsUnavailableNowMayBeAskedForAgain) {
  actions_.SetOutcome(
      ActionOutcome::Of(absl::UnavailableError("its configuration is being changed")));
  EXPECT_EQ(Perform(Request("d/web1/1")).code, StatusCode::kUnavailable);
  actions_.SetOutcome(ActionOutcome::Done("did it"));
  EXPECT_TRUE(Perform(Request("d/web1/1")).ok());
}

TEST_F(OperationsTest, OneThatWaitsForNothingEndsWithItsCallerAndHoldsUpNoOther) {
  const ActionOutcome gone =
      Perform(Request("d/web1/1", 1, "wait"), {.deadline = absl::Now() + absl::Milliseconds(200)});
  EXPECT_EQ(gone.code, StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(Perform(Request("d/web1/2")).ok());
  EXPECT_EQ(
      Perform(Request("d/web1/1", 1, "wait"), {.deadline = absl::Now() + absl::Milliseconds(200)})
          .code,
      StatusCode::kDeadlineExceeded)
      << "it was not ended, so the same id tries it again";
}

}  // namespace
}  // namespace gitops
