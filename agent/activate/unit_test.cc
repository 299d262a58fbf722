#include "agent/activate/unit.h"

#include <gtest/gtest.h>

#include <csignal>

namespace gitops {
namespace {

UnitProperties Unit(const std::string& active, const std::string& type = "simple",
                    const std::string& result = "success", const std::string& load = "loaded") {
  UnitProperties unit;
  unit.load_state = load;
  unit.active_state = active;
  unit.sub_state = "x";
  unit.type = type;
  unit.result = result;
  unit.invocation_id = "1";
  return unit;
}

TEST(JudgeUnitTest, SaysWhereAUnitIsOnItsWay) {
  struct Case {
    const char* why;
    UnitProperties unit;
    bool wants_running;
    UnitHealth expected;
  };
  const Case cases[] = {
      {"runs", Unit("active"), true, UnitHealth::kHealthy},
      {"is starting, or waits for its automatic restart", Unit("activating"), true,
       UnitHealth::kWaiting},
      {"is reloading", Unit("reloading"), true, UnitHealth::kWaiting},
      {"first half of a restart", Unit("deactivating"), true, UnitHealth::kWaiting},
      {"ended by itself, without a fault, but should run", Unit("inactive"), true,
       UnitHealth::kFailed},
      {"failed", Unit("failed", "simple", "exit-code"), true, UnitHealth::kFailed},
      {"a oneshot that succeeded and is gone", Unit("inactive", "oneshot"), true,
       UnitHealth::kHealthy},
      {"a oneshot that succeeded and remains", Unit("active", "oneshot"), true,
       UnitHealth::kHealthy},
      {"a oneshot that is at work", Unit("activating", "oneshot"), true, UnitHealth::kWaiting},
      {"a oneshot that did not succeed", Unit("inactive", "oneshot", "timeout"), true,
       UnitHealth::kFailed},
      {"a oneshot that failed", Unit("failed", "oneshot", "exit-code"), true, UnitHealth::kFailed},
      {"a timer", Unit("active", "", ""), true, UnitHealth::kHealthy},
      {"does not exist", Unit("inactive", "", "", "not-found"), true, UnitHealth::kFailed},
      {"is masked though still running", Unit("active", "simple", "success", "masked"), true,
       UnitHealth::kFailed},
      {"was stopped, as asked", Unit("inactive"), false, UnitHealth::kHealthy},
      {"is being stopped", Unit("deactivating"), false, UnitHealth::kWaiting},
      {"still runs though it was stopped", Unit("active"), false, UnitHealth::kWaiting},
      {"could only be killed", Unit("failed", "simple", "timeout"), false, UnitHealth::kFailed},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(JudgeUnit(c.unit, c.wants_running), c.expected) << c.why;
  }
}

TEST(FlappedTest, IsWhatDoesNotStayAsItWas) {
  const UnitProperties before = Unit("active");
  EXPECT_FALSE(Flapped(before, before));
  EXPECT_FALSE(Flapped(before, Unit("reloading"))) << "an administrator may reload it meanwhile";
  EXPECT_TRUE(Flapped(before, Unit("activating")));
  EXPECT_TRUE(Flapped(before, Unit("inactive")));
  EXPECT_TRUE(Flapped(before, Unit("failed")));
  UnitProperties restarted = before;
  restarted.restarts = 1;
  EXPECT_TRUE(Flapped(before, restarted));
  UnitProperties another_start = before;
  another_start.invocation_id = "2";
  EXPECT_TRUE(Flapped(before, another_start));
}

TEST(DescribeUnitTest, SaysHowItEnded) {
  UnitProperties unit = Unit("failed", "simple", "exit-code");
  unit.sub_state = "failed";
  unit.main_code = CLD_EXITED;
  unit.main_status = 3;
  unit.restarts = 5;
  EXPECT_EQ(DescribeUnit(unit),
            "failed (failed, result exit-code, main process exited with status 3, restarted 5 "
            "times)");
  unit.main_code = CLD_KILLED;
  unit.main_status = 9;
  unit.restarts = 0;
  EXPECT_EQ(DescribeUnit(unit),
            "failed (failed, result exit-code, main process ended by signal 9)");
  EXPECT_EQ(DescribeUnit(Unit("active")), "active (x)");
  EXPECT_EQ(DescribeUnit(Unit("inactive", "", "", "not-found")), "not loaded (not-found)");
}

TEST(UnitNameTest, IsTheServiceUnlessItHasAUnitsSuffix) {
  const std::pair<const char*, const char*> cases[] = {
      {"nginx", "nginx.service"},           {"nginx.service", "nginx.service"},
      {"backup.timer", "backup.timer"},     {"my.app", "my.app.service"},
      {"getty@tty1", "getty@tty1.service"}, {"a@b.socket", "a@b.socket"},
      {"srv-data.mount", "srv-data.mount"},
  };
  for (const auto& [given, expected] : cases) {
    absl::StatusOr<std::string> name = UnitName(given);
    ASSERT_TRUE(name.ok()) << given << ": " << name.status();
    EXPECT_EQ(*name, expected);
  }
}

TEST(UnitNameTest, RefusesWhatSystemdWould) {
  for (const std::string& name :
       {std::string(), std::string("-f"), std::string("a b"), std::string("../x"),
        std::string("a/b"), std::string("a\nb"), std::string(".service"), std::string("@x"),
        std::string(250, 'a')}) {
    absl::StatusOr<std::string> unit = UnitName(name);
    EXPECT_EQ(unit.status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST(TemplateInstanceTest, HasAnInstance) {
  EXPECT_TRUE(IsTemplateInstance("web@blue.service"));
  EXPECT_TRUE(IsTemplateInstance("web@a.b.service"));
  EXPECT_FALSE(IsTemplateInstance("web@.service"));
  EXPECT_FALSE(IsTemplateInstance("web.service"));
}

TEST(HoldsUnitFilesTest, IsWhatLiesInAboveOrAtSystemdsDirectories) {
  EXPECT_TRUE(HoldsUnitFiles({"/etc/nginx", "/etc/systemd/system/web.service.d"}));
  EXPECT_TRUE(HoldsUnitFiles({"/etc/systemd"}));
  EXPECT_TRUE(HoldsUnitFiles({"/usr/local/lib/systemd/system"}));
  EXPECT_TRUE(HoldsUnitFiles({"/"}));
  EXPECT_FALSE(HoldsUnitFiles({"/etc/nginx", "/etc/systemd/systemx", "/etc/systemd/network"}));
  EXPECT_FALSE(HoldsUnitFiles({}));
}

}  // namespace
}  // namespace gitops
