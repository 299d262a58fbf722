#include "common/store/request_ids.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "common/clock/fake_clock.h"
#include "common/store/temp_store.h"
#include "gitops/v1/planner.pb.h"

namespace gitops {
namespace {

class RequestIdsTest : public testing::Test {
 protected:
  static v1::RollbackDeploymentRequest Request(const std::string& id,
                                               const std::string& deployment = "d1") {
    v1::RollbackDeploymentRequest request;
    request.set_id(deployment);
    request.set_request_id(id);
    return request;
  }

  // A call that makes `resource`, as a handler does; answers what the call is answered with.
  absl::StatusOr<std::string> Make(const std::string& resource,
                                   const google::protobuf::Message& request,
                                   const std::string& caller = "alice") {
    auto claim = ids_->Enter(caller, request, nullptr);
    if (!claim.ok()) return claim.status();
    if (!(*claim)->made().empty()) return (*claim)->made();
    std::vector<StoreWrite> writes = (*claim)->Record(resource);
    writes.push_back({.key = "resource/" + resource, .value = "x"});
    if (absl::Status written = store_.store()->Write(writes).status(); !written.ok()) {
      return written;
    }
    (*claim)->Stored();
    return resource;
  }

  void Restart() { ids_.emplace(store_.store(), "planner/v1/request/", &clock_, limits_); }
  size_t Stored() { return store_.store()->List("planner/v1/request/")->size(); }

  FakeClock clock_;
  TempStore store_;
  RequestIdLimits limits_{.count = 3};
  std::optional<RequestIds> ids_{std::in_place, store_.store(), "planner/v1/request/", &clock_,
                                 limits_};
};

TEST_F(RequestIdsTest, RepeatGetsWhatTheFirstCallMadeForADayAndAfterARestart) {
  EXPECT_EQ(*Make("first", Request("r")), "first");
  EXPECT_EQ(*Make("second", Request("r")), "first");
  Restart();
  clock_.Advance(absl::Hours(24) - absl::Seconds(1));
  EXPECT_EQ(*Make("second", Request("r")), "first");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(*Make("second", Request("r")), "second");
}

TEST_F(RequestIdsTest, OtherContentUnderTheSameIdIsRefused) {
  EXPECT_EQ(*Make("first", Request("r", "d1")), "first");
  EXPECT_TRUE(absl::IsAlreadyExists(Make("second", Request("r", "d2")).status()));
  Restart();
  EXPECT_TRUE(absl::IsAlreadyExists(Make("second", Request("r", "d2")).status()));
}

TEST_F(RequestIdsTest, IdsBelongToACallerAndAMethod) {
  EXPECT_EQ(*Make("first", Request("r")), "first");
  EXPECT_EQ(*Make("second", Request("r"), "bob"), "second");
  v1::CreatePlanRequest other;
  other.set_request_id("r");
  EXPECT_EQ(*Make("third", other), "third");
}

TEST_F(RequestIdsTest, CallWithoutAnIdIsNeverARepeat) {
  EXPECT_EQ(*Make("first", Request("")), "first");
  EXPECT_EQ(*Make("second", Request("")), "second");
  EXPECT_EQ(Stored(), 0u);
}

TEST_F(RequestIdsTest, CallThatFailedIsNotRemembered) {
  { const auto failed = ids_->Enter("alice", Request("r", "d2"), nullptr); }
  EXPECT_EQ(*Make("first", Request("r")), "first");
}

TEST_F(RequestIdsTest, RepeatInFlightWaitsForTheFirst) {
  auto first = *ids_->Enter("alice", Request("r"), nullptr);
  std::atomic<bool> asked = false;
  std::string repeated;
  std::thread repeat([&] {
    auto claim = ids_->Enter("alice", Request("r"), [&] {
      asked = true;
      return false;
    });
    repeated = (*claim)->made();
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!asked && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(asked) << "it did not wait";
  ASSERT_TRUE(store_.store()->Write(first->Record("made")).ok());
  first->Stored();
  first.reset();
  repeat.join();
  EXPECT_EQ(repeated, "made");
}

TEST_F(RequestIdsTest, CallerOfARepeatThatWaitsMayGiveUp) {
  const auto first = *ids_->Enter("alice", Request("r"), nullptr);
  EXPECT_TRUE(absl::IsCancelled(ids_->Enter("alice", Request("r"), [] { return true; }).status()));
}

TEST_F(RequestIdsTest, NoMoreIdsAreKeptThanMayBeUntilOldOnesExpire) {
  for (const char* id : {"a", "b", "c"}) EXPECT_TRUE(Make(id, Request(id)).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Make("d", Request("d")).status()));
  EXPECT_EQ(*Make("x", Request("a")), "a") << "known ids still work";
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(*Make("d", Request("d")), "d");
  EXPECT_EQ(Stored(), 1u) << "expired ids are deleted";
}

TEST_F(RequestIdsTest, DamagedRecordDoesNotStopOthers) {
  ASSERT_TRUE(Make("first", Request("r")).ok());
  ASSERT_TRUE(store_.store()->Put("planner/v1/request/zzz", "\xff\xff").ok());
  Restart();
  EXPECT_EQ(*Make("second", Request("r")), "first");
}

TEST_F(RequestIdsTest, TooLongIdIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(Make("x", Request(std::string(101, 'r'))).status()));
}

}  // namespace
}  // namespace gitops
