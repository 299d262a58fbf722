#include "agent/git/reader_pool.h"

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "agent/git/stop_event.h"
#include "common/testing/eventually.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

// Answers every request with "missing", and counts how many of it exist.
class FakeGit final : public Conversation {
 public:
  FakeGit(std::atomic<int>* alive, std::atomic<bool>* broken) : alive_(alive), broken_(broken) {
    ++*alive_;
  }
  ~FakeGit() override { --*alive_; }
  absl::Status Ask(absl::string_view, const OnAnswer& on_answer, absl::Duration, int) override {
    if (broken_->exchange(false)) {
      ending_ = CommandResult{.exit_status = 137};
      return absl::AbortedError("it has ended");
    }
    return on_answer("a missing\n").status();
  }
  const std::optional<CommandResult>& ending() const override { return ending_; }

 private:
  std::atomic<int>* const alive_;
  std::atomic<bool>* const broken_;
  std::optional<CommandResult> ending_;
};

class ReaderPoolTest : public ::testing::Test {
 protected:
  std::unique_ptr<ReaderPool> NewPool(absl::Duration idle) {
    return std::make_unique<ReaderPool>(
        [this]() -> absl::StatusOr<std::unique_ptr<ObjectReader>> {
          if (!start_error_.ok()) return start_error_;
          ++started_;
          return std::make_unique<ObjectReader>(std::make_unique<FakeGit>(&alive_, &broken_));
        },
        idle);
  }
  static absl::Status Ask(ObjectReader& reader) {
    return reader.Info({"a"}, absl::Seconds(1), -1).status();
  }

  absl::Status start_error_;
  std::atomic<int> alive_ = 0, started_ = 0;
  std::atomic<bool> broken_ = false;
};

TEST_F(ReaderPoolTest, OneReaderServesRequestsInTurnAndEndsWhenItIsIdle) {
  const auto pool = NewPool(absl::Milliseconds(300));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool->With({}, Ask), absl::OkStatus());
  EXPECT_LE(started_, 2);  // a stalled machine may let one end in between
  EXPECT_TRUE(Eventually([&] { return alive_ == 0; }));
  EXPECT_EQ(pool->With({}, Ask), absl::OkStatus());
  EXPECT_EQ(alive_, 1);
}

TEST_F(ReaderPoolTest, OneThatEndedWhileItWasIdleIsReplacedOnce) {
  const auto pool = NewPool(absl::Hours(1));
  ASSERT_EQ(pool->With({}, Ask), absl::OkStatus());
  broken_ = true;
  EXPECT_EQ(pool->With({}, Ask), absl::OkStatus());
  EXPECT_EQ(started_, 2);
  EXPECT_EQ(alive_, 1);
}

TEST_F(ReaderPoolTest, AnErrorOfTheUseEndsTheReader) {
  const auto pool = NewPool(absl::Hours(1));
  EXPECT_EQ(pool->With({}, [](ObjectReader&) { return absl::DataLossError("forged"); }),
            absl::DataLossError("forged"));
  EXPECT_EQ(alive_, 0);
  start_error_ = absl::ResourceExhaustedError("no process");
  EXPECT_EQ(pool->With({}, Ask), start_error_);
  start_error_ = absl::OkStatus();
  EXPECT_EQ(pool->With({}, Ask), absl::OkStatus());
}

TEST_F(ReaderPoolTest, RetiringEndsIdleReadersNowAndOthersAfterTheirUse) {
  const auto pool = NewPool(absl::Hours(1));
  ASSERT_EQ(pool->With({}, Ask), absl::OkStatus());
  pool->Retire();
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(pool->With({},
                       [&](ObjectReader& reader) {
                         pool->Retire();
                         EXPECT_EQ(alive_, 1);
                         return Ask(reader);
                       }),
            absl::OkStatus());
  EXPECT_EQ(alive_, 0);
}

TEST_F(ReaderPoolTest, AThirdUseWaitsAndItsWaitCanBeStopped) {
  const auto pool = NewPool(absl::Hours(1));
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<int> busy = 0;
  const auto hold = [&] {
    return pool->With({}, [&](ObjectReader&) {
      ++busy;
      released.wait();
      return absl::OkStatus();
    });
  };
  auto first = std::async(std::launch::async, hold);
  auto second = std::async(std::launch::async, hold);
  ASSERT_TRUE(Eventually([&] { return busy == 2; }));
  std::stop_source stop;
  auto third = std::async(std::launch::async, [&] { return pool->With(stop.get_token(), Ask); });
  stop.request_stop();
  EXPECT_EQ(third.get().code(), absl::StatusCode::kCancelled);
  auto fourth = std::async(std::launch::async, [&] { return pool->With({}, Ask); });
  release.set_value();
  EXPECT_EQ(fourth.get(), absl::OkStatus());
  EXPECT_EQ(first.get(), absl::OkStatus());
  EXPECT_EQ(second.get(), absl::OkStatus());
  EXPECT_EQ(started_, 2);
}

TEST(ObjectReader, AGitThatHangsIsLeftWhenAStopIsRequested) {
  const auto runner = NewProcessRunner();
  auto git = runner->Converse({.argv = {"sleep", "1000"}});
  ASSERT_TRUE(git.ok()) << git.status();
  ObjectReader reader(*std::move(git));
  std::stop_source stop;
  const StopEvent event(stop.get_token());
  std::thread stops([&] { stop.request_stop(); });
  EXPECT_EQ(reader.Info({std::string(40, 'a')}, absl::Hours(1), event.descriptor()).status().code(),
            absl::StatusCode::kCancelled);
  stops.join();
}

}  // namespace
}  // namespace gitops
