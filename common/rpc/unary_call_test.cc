#include "common/rpc/unary_call.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/testing/eventually.h"

namespace gitops {
namespace {

TEST(UnaryCallTest, TheEndOfTheCallIsHandedOn) {
  grpc::ClientContext context;
  const UnaryResult result = AwaitUnary(context, nullptr, [](auto done) {
    done(grpc::Status(grpc::StatusCode::NOT_FOUND, "no such thing"));
  });
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(result.status.error_message(), "no such thing");
  EXPECT_FALSE(result.gave_up);
}

TEST(UnaryCallTest, ACallThatEndsOnAnotherThreadIsWaitedFor) {
  grpc::ClientContext context;
  std::thread other;
  const UnaryResult result = AwaitUnary(context, nullptr, [&](auto done) {
    other = std::thread([done = std::move(done)] { done(grpc::Status::OK); });
  });
  other.join();
  EXPECT_TRUE(result.status.ok());
}

// Ends its call when the waiter has been asked whether it gives up.
class LateCall {
 public:
  UnaryResult Run(grpc::StatusCode code) {
    grpc::ClientContext context;
    UnaryResult result = AwaitUnary(
        context, [this] { return asked_ = true; },
        [this, code](auto done) {
          thread_ = std::thread([this, code, done = std::move(done)] {
            EXPECT_TRUE(Eventually([this] { return asked_.load(); }));
            done(grpc::Status(code, ""));
          });
        });
    thread_.join();
    return result;
  }

 private:
  std::atomic<bool> asked_ = false;
  std::thread thread_;
};

TEST(UnaryCallTest, WhoGivesUpIsToldSoAfterTheCallHasEnded) {
  EXPECT_TRUE(LateCall().Run(grpc::StatusCode::CANCELLED).gave_up);
}

TEST(UnaryCallTest, AnAnswerThatComesInTheMomentOfGivingUpIsAnAnswer) {
  const UnaryResult result = LateCall().Run(grpc::StatusCode::OK);
  EXPECT_FALSE(result.gave_up);
  EXPECT_TRUE(result.status.ok());
}

TEST(UnaryCallTest, ATimeoutIsADeadline) {
  grpc::ClientContext context;
  SetTimeout(context, absl::InfiniteDuration());
  EXPECT_GT(context.deadline(), std::chrono::system_clock::now() + std::chrono::hours(1000));
  SetTimeout(context, absl::Seconds(5));
  EXPECT_LE(context.deadline(), std::chrono::system_clock::now() + std::chrono::seconds(5));
}

}  // namespace
}  // namespace gitops
