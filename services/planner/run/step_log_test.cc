#include "services/planner/run/step_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"

namespace gitops {
namespace {

using ::testing::SizeIs;

TEST(StepLog, AStepAndItsActionsHaveBeginAndEnd) {
  FakeClock clock;
  StepLog log(&clock);
  log.Enter(3, v1::STEP_KIND_DEPLOY);
  clock.Advance(absl::Seconds(1));
  v1::ActionRecord* action = log.BeginAction("push", true, "d/h/0");
  clock.Advance(absl::Seconds(2));
  log.EndAction(action, "");
  log.End(v1::STEP_RESULT_OK, "");
  const v1::StepRecord& record = log.record();
  EXPECT_EQ(record.number(), 3);
  EXPECT_EQ(record.kind(), v1::STEP_KIND_DEPLOY);
  EXPECT_EQ(record.end_time().seconds() - record.start_time().seconds(), 3);
  ASSERT_THAT(record.actions(), SizeIs(1));
  EXPECT_TRUE(record.actions(0).implied());
  EXPECT_EQ(record.actions(0).result(), v1::STEP_RESULT_OK);
  EXPECT_EQ(record.actions(0).end_time().seconds() - record.actions(0).start_time().seconds(), 2);
}

TEST(StepLog, AnActionMadeAgainAfterARestartIsNotedOnce) {
  FakeClock clock;
  StepLog before(&clock);
  before.Enter(1, v1::STEP_KIND_DEPLOY);
  before.BeginAction("sync", false, "d/h/0");
  StepLog after(&clock, before.record());
  after.Enter(1, v1::STEP_KIND_DEPLOY);
  after.EndAction(after.BeginAction("sync", false, "d/h/0"), "");
  EXPECT_THAT(after.record().actions(), SizeIs(1));
  after.BeginAction("sync", false, "d/h/1");
  EXPECT_THAT(after.record().actions(), SizeIs(2)) << "another one of the same name";
}

TEST(StepLog, AStepThatIsGoneOnWithIsUnderWayAgain) {
  FakeClock clock;
  StepLog before(&clock);
  before.Enter(1, v1::STEP_KIND_DEPLOY);
  before.End(v1::STEP_RESULT_FAILED, "the hook said no");
  StepLog after(&clock, before.record());
  after.Enter(1, v1::STEP_KIND_DEPLOY);
  EXPECT_FALSE(after.record().has_end_time());
  EXPECT_EQ(after.record().result(), v1::STEP_RESULT_UNSPECIFIED);
  after.End(v1::STEP_RESULT_OK, "");
  EXPECT_EQ(after.record().result(), v1::STEP_RESULT_OK);
  EXPECT_EQ(after.record().message(), "");
}

TEST(StepLog, AFailureIsToldByActionAndStep) {
  FakeClock clock;
  StepLog log(&clock);
  log.Enter(1, v1::STEP_KIND_DEPLOY);
  log.EndAction(log.BeginAction("sync", false, "d/h/0"), "no such branch");
  log.End(v1::STEP_RESULT_FAILED, "sync: no such branch");
  EXPECT_EQ(log.record().actions(0).result(), v1::STEP_RESULT_FAILED);
  EXPECT_EQ(log.record().actions(0).message(), "no such branch");
  EXPECT_EQ(log.record().result(), v1::STEP_RESULT_FAILED);
  EXPECT_EQ(log.record().message(), "sync: no such branch");
  log.Enter(2, v1::STEP_KIND_REBOOT);
  EXPECT_THAT(log.record().actions(), SizeIs(0)) << "the next step begins empty";
}

}  // namespace
}  // namespace gitops
