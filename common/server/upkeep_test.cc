#include "common/server/upkeep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "common/clock/fake_clock.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

class UpkeepTest : public testing::Test {
 protected:
  UpkeepTest() { std::ofstream(file_) << "one"; }
  ~UpkeepTest() override { std::filesystem::remove(file_); }

  Settings Flags() const {
    const std::vector<std::string> arguments = {"--config", file_, "--log-level", "error"};
    return *ReadFlags(CommonServerSettings({}), arguments,
                      [](const std::string&) { return std::nullopt; });
  }
  // Returns what the server logged by the time it has read the config `times` times.
  std::string LogOf(int times, absl::StatusOr<Settings> settings) {
    testing::internal::CaptureStderr();
    {
      Upkeep upkeep({.clock = &clock_,
                     .scheduler = scheduler_.get(),
                     .settings = Flags(),
                     .text = "one",
                     .reload = [&] {
                       ++reloads_;
                       return settings;
                     }});
      for (int i = 1; i <= times; ++i) {
        upkeep.Reload();
        EXPECT_TRUE(Eventually([&] { return reloads_ == i; }));
      }
    }
    return testing::internal::GetCapturedStderr();
  }

  const std::string file_ = testing::TempDir() + "/upkeep.toml";
  FakeClock clock_;
  const std::unique_ptr<Scheduler> scheduler_ = NewScheduler(&clock_, 1);
  std::atomic<int> reloads_ = 0;
};

TEST_F(UpkeepTest, ASettingThatTakesEffectAtTheNextStartIsNamedOnceAndTheLogChangesAtOnce) {
  Settings settings = Flags();
  settings.values["state-dir"].value = "/elsewhere";
  settings.values["log-level"].value = "info";
  const std::string log = LogOf(2, settings);
  EXPECT_THAT(log, testing::HasSubstr("config reloaded"));
  EXPECT_THAT(log, testing::HasSubstr("state-dir"));
  EXPECT_EQ(log.find("takes effect at the next start"), log.rfind("takes effect at the next start"))
      << log;
  EXPECT_THAT(log, testing::Not(testing::HasSubstr("log-level")));
}

TEST_F(UpkeepTest, AnInvalidConfigIsLoggedAndReadAgainWhenAsked) {
  const std::string log = LogOf(2, absl::InvalidArgumentError("upkeep.toml:1: no such key"));
  EXPECT_THAT(log, testing::HasSubstr("the previous one stays in use"));
  EXPECT_THAT(log, testing::HasSubstr("upkeep.toml:1: no such key"));
  EXPECT_THAT(log, testing::Not(testing::HasSubstr("config reloaded")));
}

TEST_F(UpkeepTest, AnErrorThatMayPassIsToldOnceAndTheConfigIsReadAgainWithoutAChange) {
  const Settings settings = Flags();
  testing::internal::CaptureStderr();
  {
    Upkeep upkeep({.clock = &clock_,
                   .scheduler = scheduler_.get(),
                   .settings = settings,
                   .text = "one",
                   .reload = [&]() -> absl::StatusOr<Settings> {
                     if (++reloads_ < 3) return absl::ResourceExhaustedError("too many open files");
                     return settings;
                   }});
    upkeep.Reload();
    for (int i = 1; i < 3; ++i) {
      EXPECT_TRUE(Eventually([&] { return reloads_ == i; }));
      const absl::Time next = clock_.Now() + absl::Seconds(2);
      ASSERT_TRUE(clock_.AwaitDeadline(next));
      clock_.Advance(absl::Seconds(2));
    }
    EXPECT_TRUE(Eventually([&] { return reloads_ == 3; }));
  }
  const std::string log = testing::internal::GetCapturedStderr();
  const size_t told = log.find("too many open files");
  EXPECT_NE(told, std::string::npos);
  EXPECT_EQ(log.find("too many open files", told + 1), std::string::npos);
}

}  // namespace
}  // namespace gitops
