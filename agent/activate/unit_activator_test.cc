#include "agent/activate/unit_activator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "agent/activate/fake_systemd.h"
#include "common/clock/fake_clock.h"

namespace gitops {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kUnit[] = "web.service";

class FakePackages : public PackageManager {
 public:
  absl::Status EnsureInstalled(const std::string& package, const std::stop_token&) override {
    asked.push_back(package);
    return result;
  }
  std::vector<std::string> asked;
  absl::Status result;
};

class UnitActivatorTest : public testing::Test {
 protected:
  UnitActivatorTest() { options_.service = "web"; }

  Activator& Make(const std::string& action, absl::Duration healthy_within = absl::Seconds(30)) {
    options_.action = action;
    options_.healthy_within = healthy_within;
    activator_ = NewUnitActivator(options_, &systemd_, &packages_, &clock_);
    return *activator_;
  }

  // The unit does not stay: once it is waited for, this comes.
  UnitProperties Failed(const std::string& result = "exit-code") {
    UnitProperties unit = FakeSystemd::Service("failed", "failed");
    unit.result = result;
    return unit;
  }

  FakeClock clock_;
  FakeSystemd systemd_;
  FakePackages packages_;
  UnitActivatorOptions options_;
  std::unique_ptr<Activator> activator_;
};

TEST_F(UnitActivatorTest, ServiceWithoutActionNeverAsksSystemd) {
  systemd_.FailCall(1, absl::UnavailableError("there is no bus"));
  EXPECT_TRUE(Make("").Activate(true).ok());
  EXPECT_TRUE(activator_->CheckHealth().ok());
  EXPECT_EQ(systemd_.calls(), 0);
}

TEST_F(UnitActivatorTest, ReloadOfARunningUnitIsOneVerb) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  EXPECT_TRUE(Make("reload").Activate(false).ok());
  EXPECT_THAT(systemd_.changes(), ElementsAre("reload web.service"));
}

TEST_F(UnitActivatorTest, FirstPublicationStartsAUnitThatCannotBeReloadedYet) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service("inactive", "dead"));
  EXPECT_TRUE(Make("reload").Activate(true).ok());
  EXPECT_THAT(systemd_.changes(), ElementsAre("start web.service"));
}

TEST_F(UnitActivatorTest, FirstPublicationReloadsAUnitThatRuns) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  EXPECT_TRUE(Make("reload").Activate(true).ok());
  EXPECT_THAT(systemd_.changes(), ElementsAre("reload web.service"));
}

TEST_F(UnitActivatorTest, LaterReloadOfAStoppedUnitIsAnError) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service("inactive", "dead"));
  EXPECT_EQ(Make("reload").Activate(false).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(systemd_.changes(), ElementsAre("reload web.service"));
}

TEST_F(UnitActivatorTest, ChangedUnitFileIsReadBeforeTheVerb) {
  UnitProperties unit = FakeSystemd::Service();
  unit.need_daemon_reload = true;
  systemd_.SetUnit(kUnit, unit);
  EXPECT_TRUE(Make("restart").Activate(false).ok());
  EXPECT_THAT(systemd_.changes(), ElementsAre("daemon-reload", "restart web.service"));
}

TEST_F(UnitActivatorTest, PublishedUnitFilesAreReadEvenWhereSystemdSeesNoneNewer) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  options_.local_paths = {"/etc/systemd/system/web.service.d"};
  EXPECT_TRUE(Make("restart").Activate(false).ok());
  EXPECT_THAT(systemd_.changes(), ElementsAre("daemon-reload", "restart web.service"));
}

TEST_F(UnitActivatorTest, TemplateInstanceIsEnabledOnce) {
  UnitProperties unit = FakeSystemd::Service("inactive", "dead");
  unit.unit_file_state = "disabled";
  systemd_.SetUnit("web@blue.service", unit);
  options_.service = "web@blue";
  EXPECT_TRUE(Make("restart").Activate(false).ok());
  EXPECT_TRUE(activator_->Activate(false).ok());
  EXPECT_THAT(systemd_.changes(),
              ElementsAre("enable web@blue.service", "daemon-reload", "restart web@blue.service",
                          "restart web@blue.service"));
}

TEST_F(UnitActivatorTest, OrdinaryDisabledUnitStaysDisabled) {
  UnitProperties unit = FakeSystemd::Service();
  unit.unit_file_state = "disabled";
  systemd_.SetUnit(kUnit, unit);
  EXPECT_TRUE(Make("restart").Activate(false).ok());
  EXPECT_THAT(systemd_.changes(), ElementsAre("restart web.service"));
}

TEST_F(UnitActivatorTest, RollbackStartsAUnitThatTheBadRevisionMadeFail) {
  systemd_.SetUnit(kUnit, Failed("start-limit-hit"));
  EXPECT_TRUE(Make("restart").Activate(false).ok());
  EXPECT_THAT(systemd_.changes(), ElementsAre("reset-failed web.service", "restart web.service"));
}

TEST_F(UnitActivatorTest, UnknownUnitIsNamedAndNothingIsRun) {
  const absl::Status status = Make("restart").Activate(false);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("unit web.service is not known to systemd; install it"));
  EXPECT_THAT(systemd_.changes(), IsEmpty());
}

TEST_F(UnitActivatorTest, BadUnitNameIsAnErrorOfThisServiceAndNeverSent) {
  options_.service = "../web";
  EXPECT_EQ(Make("restart").Activate(false).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(activator_->CheckHealth().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(systemd_.calls(), 0);
}

TEST_F(UnitActivatorTest, FailedJobIsTheError) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  systemd_.SetVerb(kUnit, "reload", absl::FailedPreconditionError("the job failed"),
                   FakeSystemd::Service());
  EXPECT_EQ(Make("reload").Activate(false), absl::FailedPreconditionError("the job failed"));
}

TEST_F(UnitActivatorTest, UnitThatFailsAfterItsJobIsDoneIsNotHealthy) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  systemd_.SetVerb(kUnit, "restart", absl::OkStatus(), Failed());
  const absl::Status status = Make("restart").Activate(false);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("unit web.service is failed (failed, result exit-code) after its restart"));
}

TEST_F(UnitActivatorTest, UnitThatIsStillStartingIsWaitedFor) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  systemd_.SetVerb(kUnit, "restart", absl::OkStatus(), FakeSystemd::Service("activating", "start"));
  systemd_.Then(kUnit, FakeSystemd::Service("activating", "start-post"));
  systemd_.Then(kUnit, FakeSystemd::Service());
  EXPECT_TRUE(Make("restart").Activate(false).ok());
}

TEST_F(UnitActivatorTest, UnitThatNeverGetsThereRunsOutOfTime) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  systemd_.SetVerb(kUnit, "restart", absl::OkStatus(), FakeSystemd::Service("activating", "start"));
  const absl::Status status = Make("restart", absl::Seconds(7)).Activate(false);
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("unit web.service is still activating (start) 7s after its restart"));
}

TEST_F(UnitActivatorTest, JobThatTakesTooLongNamesTheSettingThatLimitedIt) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  systemd_.SetVerb(kUnit, "restart", absl::DeadlineExceededError("its job did not finish in time"),
                   FakeSystemd::Service("activating", "start"));
  absl::Status status = Make("restart", absl::Seconds(7)).Activate(false);
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), HasSubstr("healthy_within is 7s"));
}

TEST_F(UnitActivatorTest, UnitThatFlapsIsNotHealthy) {
  UnitProperties again = FakeSystemd::Service();
  again.restarts = 1;
  for (const UnitProperties& next : {FakeSystemd::Service("activating", "auto-restart"), again,
                                     Failed("signal"), FakeSystemd::Service("inactive", "dead")}) {
    systemd_.SetUnit(kUnit, FakeSystemd::Service());
    systemd_.Then(kUnit, next);
    const absl::Status status = Make("reload").Activate(false);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << DescribeUnit(next);
    EXPECT_THAT(std::string(status.message()), HasSubstr("less than 1s after its reload"));
  }
}

TEST_F(UnitActivatorTest, OneshotIsHealthyWhenItSucceeded) {
  UnitProperties done = FakeSystemd::Service("inactive", "dead");
  done.type = "oneshot";
  systemd_.SetUnit(kUnit, done);
  systemd_.SetVerb(kUnit, "start", absl::OkStatus(), done);
  systemd_.Then(kUnit, Failed());  // would be seen if it had to settle
  EXPECT_TRUE(Make("start").Activate(false).ok());
}

TEST_F(UnitActivatorTest, StoppedUnitIsHealthyAfterStop) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  EXPECT_TRUE(Make("stop").Activate(false).ok());
  EXPECT_EQ(systemd_.unit(kUnit).active_state, "inactive");
}

TEST_F(UnitActivatorTest, TryVerbsLeaveAStoppedUnitStopped) {
  for (const char* verb : {"try-restart", "try-reload-or-restart", "reload-or-try-restart"}) {
    systemd_.SetUnit(kUnit, FakeSystemd::Service("inactive", "dead"));
    EXPECT_TRUE(Make(verb).Activate(true).ok()) << verb;
    EXPECT_EQ(systemd_.unit(kUnit).active_state, "inactive") << verb;
  }
}

TEST_F(UnitActivatorTest, UnitThatFailedIsStartedWhereTheVerbWouldNotHealIt) {
  for (const char* verb :
       {"reload", "try-restart", "try-reload-or-restart", "reload-or-try-restart"}) {
    systemd_.SetUnit(kUnit, Failed());
    EXPECT_TRUE(Make(verb).Activate(false).ok()) << verb;
    EXPECT_EQ(systemd_.unit(kUnit).active_state, "active") << verb;
  }
  EXPECT_THAT(systemd_.changes(), Contains("start web.service").Times(4));
}

TEST_F(UnitActivatorTest, UnitThatFailedAndShallNotRunIsNotStarted) {
  systemd_.SetUnit(kUnit, Failed());
  (void)Make("stop").Activate(false);
  EXPECT_NE(systemd_.unit(kUnit).active_state, "active");
}

TEST_F(UnitActivatorTest, ZeroHealthyWithinAsksOnlyForTheJobsResult) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  systemd_.SetVerb(kUnit, "restart", absl::OkStatus(), Failed());
  EXPECT_TRUE(Make("restart", absl::ZeroDuration()).Activate(false).ok());
}

TEST_F(UnitActivatorTest, EveryCallThatFailsIsTheErrorOfActivate) {
  // Look, daemon-reload, look, enable, daemon-reload, reset-failed, verb, wait, settle.
  for (int n = 1; n <= 9; ++n) {
    UnitProperties unit = FakeSystemd::Service();
    unit.unit_file_state = "disabled";
    unit.need_daemon_reload = true;
    systemd_.SetUnit("web@a.service", unit);
    options_.service = "web@a";
    systemd_.FailCall(n, absl::FailedPreconditionError("no"));
    EXPECT_EQ(Make("restart").Activate(false), absl::FailedPreconditionError("no")) << n;
  }
}

TEST_F(UnitActivatorTest, BusThatIsBackInTimeDoesNotFailTheService) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  systemd_.FailCall(4, absl::UnavailableError("lost"));  // look, reset-failed, verb, wait
  absl::Status status = absl::UnknownError("not back yet");
  Activator& activator = Make("restart");
  std::thread thread([&] { status = activator.Activate(false); });
  ASSERT_TRUE(clock_.AwaitWaiters(1));
  clock_.Advance(absl::Seconds(1));
  thread.join();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(UnitActivatorTest, BusThatStaysAwayIsUnavailable) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  for (int n = 4; n < 10; ++n) systemd_.FailCall(n, absl::UnavailableError("lost"));
  EXPECT_EQ(Make("restart", absl::Milliseconds(200)).Activate(false).code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(UnitActivatorTest, StopEndsAWaitingActivate) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  systemd_.HangWaits();
  Activator& activator = Make("restart");
  absl::Status status;
  std::thread thread([&] { status = activator.Activate(false); });
  ASSERT_TRUE(systemd_.AwaitHanging());
  activator.Stop();
  thread.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
}

TEST_F(UnitActivatorTest, CheckHealthSaysWhatFailed) {
  systemd_.SetUnit(kUnit, FakeSystemd::Service());
  Make("reload");
  EXPECT_TRUE(activator_->CheckHealth().ok());
  systemd_.SetUnit(kUnit, FakeSystemd::Service("inactive", "dead"));
  EXPECT_TRUE(activator_->CheckHealth().ok()) << "somebody stopped it";
  systemd_.SetUnit(kUnit, Failed("oom-kill"));
  const absl::Status failed = activator_->CheckHealth();
  EXPECT_EQ(failed.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(failed.message()), HasSubstr("result oom-kill"));
  systemd_.FailCall(1, absl::DeadlineExceededError("slow"));
  EXPECT_EQ(activator_->CheckHealth().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(systemd_.changes(), IsEmpty());
}

TEST_F(UnitActivatorTest, PrepareAsksForThePackageOnly) {
  EXPECT_TRUE(Make("reload").Prepare().ok());
  EXPECT_THAT(packages_.asked, IsEmpty());
  options_.package = "nginx";
  packages_.result = absl::UnavailableError("locked");
  EXPECT_EQ(Make("reload").Prepare(), packages_.result);
  EXPECT_THAT(packages_.asked, ElementsAre("nginx"));
  EXPECT_EQ(systemd_.calls(), 0);
}

}  // namespace
}  // namespace gitops
