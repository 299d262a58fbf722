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

}  // namespace
}  // namespace gitops
