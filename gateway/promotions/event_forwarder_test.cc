#include "gateway/promotions/event_forwarder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A receiver whose calls can be held back. The id of a promotion is "p-" and the event's body; the
// body "bad" is refused.
class EventForwarderTest : public ::testing::Test {
 protected:
  void Start(EventForwarderOptions options = {}) {
    options.clock = &clock_;
    forwarder_ = std::make_unique<EventForwarder>(
        [this](const v1::ReceiveEventsRequest& request) { return Receive(request); }, options);
  }
  ~EventForwarderTest() override {
    Release();
    forwarder_.reset();
  }

  void Forward(const std::string& body) {
    v1::ReceivedEvent event;
    event.set_body(body);
    forwarder_->Forward(std::move(event), [this, body](absl::StatusOr<std::string> promotion) {
      MutexLock lock(mutex_);
      results_[body] = promotion.ok() ? *promotion : ReasonName(promotion.status());
      messages_[body] = std::string(promotion.status().message());
    });
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
  void AnswerCallsWith(absl::StatusOr<v1::ReceiveEventsResponse> answer) {
    MutexLock lock(mutex_);
    answer_ = std::move(answer);
    has_answer_ = true;
  }

  bool AwaitCalls(size_t count) {
    return Eventually([&] { return calls().size() == count; });
  }
  bool AwaitResults(size_t count) {
    return Eventually([&] {
      MutexLock lock(mutex_);
      return results_.size() == count;
    });
  }
  std::string ResultOf(const std::string& body) {
    MutexLock lock(mutex_);
    return results_[body];
  }
  std::string MessageOf(const std::string& body) {
    MutexLock lock(mutex_);
    return messages_[body];
  }
  // The bodies of each call.
  std::vector<std::vector<std::string>> calls() {
    MutexLock lock(mutex_);
    return calls_;
  }

  FakeClock clock_;
  std::unique_ptr<EventForwarder> forwarder_;

 private:
  absl::StatusOr<v1::ReceiveEventsResponse> Receive(const v1::ReceiveEventsRequest& request) {
    MutexLock lock(mutex_);
    std::vector<std::string>& bodies = calls_.emplace_back();
    v1::ReceiveEventsResponse response;
    for (const v1::ReceivedEvent& event : request.events()) {
      bodies.push_back(event.body());
      v1::ReceivedEventOutcome& outcome = *response.add_outcomes();
      if (event.body() == "bad") {
        *outcome.mutable_error() = ToStatusProto(MakeError(Reason::kSignatureInvalid, "wrong"));
      } else {
        outcome.set_promotion(absl::StrCat("p-", event.body()));
      }
    }
    while (held_) changed_.Wait(mutex_);
    if (has_answer_) return answer_;
    return response;
  }

  Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_answer_ ABSL_GUARDED_BY(mutex_) = false;
  absl::StatusOr<v1::ReceiveEventsResponse> answer_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::vector<std::string>> calls_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> results_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> messages_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(EventForwarderTest, WhenNothingIsInFlightAnEventIsSentAtOnceAndAlone) {
  Start();
  Forward("1");
  ASSERT_TRUE(AwaitResults(1));
  EXPECT_EQ(ResultOf("1"), "p-1");
  Forward("2");
  ASSERT_TRUE(AwaitResults(2));
  EXPECT_THAT(calls(), ElementsAre(ElementsAre("1"), ElementsAre("2")));
}

TEST_F(EventForwarderTest, EventsThatWaitTravelTogetherInTheNextCall) {
  Start({.calls = 1});
  Hold();
  Forward("1");
  ASSERT_TRUE(AwaitCalls(1));
  for (const char* body : {"2", "3", "4"}) Forward(body);
  Release();
  ASSERT_TRUE(AwaitResults(4));
  EXPECT_THAT(calls(), ElementsAre(ElementsAre("1"), ElementsAre("2", "3", "4")));
  EXPECT_EQ(ResultOf("4"), "p-4");
}

TEST_F(EventForwarderTest, ASlowCallDoesNotHoldUpTheNextOne) {
  Start({.calls = 2, .linger = absl::Seconds(1)});
  Hold();
  Forward("1");
  ASSERT_TRUE(AwaitCalls(1));
  Forward("2");
  Forward("3");
  ASSERT_TRUE(clock_.AwaitWaiters(1));
  EXPECT_EQ(calls().size(), 1);
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(AwaitCalls(2));
  EXPECT_THAT(calls()[1], ElementsAre("2", "3"));
}

TEST_F(EventForwarderTest, ManyEventsDoNotWaitForTheCallInFlight) {
  Start({.calls = 2, .worth_a_call = 3});
  Hold();
  Forward("1");
  ASSERT_TRUE(AwaitCalls(1));
  for (const char* body : {"2", "3", "4"}) Forward(body);
  ASSERT_TRUE(AwaitCalls(2));
  EXPECT_THAT(calls()[1], ElementsAre("2", "3", "4"));
}

TEST_F(EventForwarderTest, ACallHasABoundOfEventsAndOfBytes) {
  Start({.calls = 1, .most_events = 3, .most_bytes = 1000});
  Hold();
  Forward("0");
  ASSERT_TRUE(AwaitCalls(1));
  for (int i = 1; i <= 4; ++i) Forward(absl::StrCat(i));
  const std::string large(600, 'x'), huge(2000, 'y');
  Forward(large);
  Forward(huge);
  Forward("9");
  Release();
  ASSERT_TRUE(AwaitResults(8));
  EXPECT_THAT(calls(), ElementsAre(ElementsAre("0"), ElementsAre("1", "2", "3"),
                                   ElementsAre("4", large), ElementsAre(huge), ElementsAre("9")));
}

TEST_F(EventForwarderTest, WhatDoesNotFitIntoACallDoesNotWaitForItsEnd) {
  Start({.calls = 3, .worth_a_call = 3, .most_events = 3});
  Hold();
  Forward("0");
  ASSERT_TRUE(AwaitCalls(1));
  // All six arrive before a thread runs: one thread wakes up and takes three.
  for (int i = 1; i <= 6; ++i) Forward(absl::StrCat(i));
  EXPECT_TRUE(AwaitCalls(3));
}

TEST_F(EventForwarderTest, ARefusedEventDoesNotAffectTheOthersOfItsCall) {
  Start({.calls = 1});
  Hold();
  Forward("1");
  ASSERT_TRUE(AwaitCalls(1));
  Forward("bad");
  Forward("3");
  Release();
  ASSERT_TRUE(AwaitResults(3));
  EXPECT_EQ(ResultOf("bad"), "SIGNATURE_INVALID");
  EXPECT_EQ(ResultOf("3"), "p-3");
}

TEST_F(EventForwarderTest, WhateverMakesTheCallFailTheEventMayBeSentAgain) {
  for (const absl::Status& failure :
       {absl::UnavailableError("connection refused"), absl::DeadlineExceededError("too slow"),
        absl::PermissionDeniedError("no"), absl::UnimplementedError("what?")}) {
    Start();
    AnswerCallsWith(failure);
    const std::string body(failure.message());
    Forward(body);
    ASSERT_TRUE(Eventually([&] { return !ResultOf(body).empty(); }));
    EXPECT_EQ(ResultOf(body), "PROMOTION_RECEIVER_UNREACHABLE") << failure;
    EXPECT_THAT(MessageOf(body), HasSubstr(body));
  }
}

TEST_F(EventForwarderTest, AnAnswerForAnotherNumberOfEventsIsNoSuccess) {
  Start();
  AnswerCallsWith(v1::ReceiveEventsResponse());
  Forward("1");
  ASSERT_TRUE(AwaitResults(1));
  EXPECT_EQ(ResultOf("1"), "PROMOTION_RECEIVER_UNREACHABLE");
}

TEST_F(EventForwarderTest, AnEventThatHasWaitedTooLongIsRefusedAndNotSent) {
  Start({.calls = 1, .patience = absl::Seconds(5)});
  Hold();
  Forward("1");
  ASSERT_TRUE(AwaitCalls(1));
  Forward("old");
  clock_.Advance(absl::Seconds(6));
  Forward("new");
  Release();
  ASSERT_TRUE(AwaitResults(3));
  EXPECT_EQ(ResultOf("old"), "PROMOTION_RECEIVER_UNREACHABLE");
  EXPECT_EQ(ResultOf("new"), "p-new");
  EXPECT_THAT(calls(), ElementsAre(ElementsAre("1"), ElementsAre("new")));
}

TEST_F(EventForwarderTest, WhenItStopsEveryEventGetsAnAnswer) {
  Start({.calls = 1});
  Hold();
  Forward("1");
  ASSERT_TRUE(AwaitCalls(1));
  Forward("2");
  std::thread stop([&] { forwarder_.reset(); });
  Release();
  stop.join();
  EXPECT_EQ(ResultOf("1"), "p-1");
  // It may have been sent before the stop.
  EXPECT_THAT(ResultOf("2"), ::testing::AnyOf("p-2", "PROMOTION_RECEIVER_UNREACHABLE"));
}

}  // namespace
}  // namespace gitops
