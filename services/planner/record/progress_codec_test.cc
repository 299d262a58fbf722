#include "services/planner/record/progress_codec.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/unknown_field_set.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

// Every field differs from its default, so that one that is not stored is noticed.
HostProgress SampleProgress() {
  return HostProgress{.remaining = {"sync", "reboot", "sync"},
                      .steps = 3,
                      .first_step = 2,
                      .moves = 17,
                      .pushed = true,
                      .prechecked = true,
                      .performed = true,
                      .checked = true,
                      .skipped = true,
                      .secrets_due = true,
                      .activated = true,
                      .error = "exit status 1",
                      .step = v1::STEP_KIND_REBOOT,
                      .stage = Stage::kPost,
                      .step_outcome = v1::STEP_RESULT_FAILED,
                      .end = v1::HOST_DEPLOYMENT_STATE_FAILED,
                      .open = OpenOperation{.number = 0, .action = "sync"},
                      .returns = {{.service = "web",
                                   .from_hash = "22",
                                   .to_hash = "11",
                                   .result = v1::STEP_RESULT_FAILED}}};
}

HostProgress ThereAndBack(const HostProgress& progress) {
  record::v1::HostProgress stored, read;
  EncodeProgress(progress, stored);
  EXPECT_TRUE(read.ParseFromString(stored.SerializeAsString()));
  absl::StatusOr<HostProgress> decoded = DecodeProgress(read);
  EXPECT_TRUE(decoded.ok()) << decoded.status();
  return decoded.value_or(HostProgress{.error = "not decoded"});
}

TEST(ProgressCodecTest, EveryFieldComesBack) {
  EXPECT_TRUE(ThereAndBack(SampleProgress()) == SampleProgress());
  EXPECT_TRUE(ThereAndBack(HostProgress{}) == HostProgress{});
}

TEST(ProgressCodecTest, EachBooleanHasAFieldOfItsOwn) {
  for (bool HostProgress::*field :
       {&HostProgress::pushed, &HostProgress::prechecked, &HostProgress::performed,
        &HostProgress::checked, &HostProgress::skipped, &HostProgress::secrets_due,
        &HostProgress::activated}) {
    HostProgress progress;
    progress.*field = true;
    EXPECT_TRUE(ThereAndBack(progress) == progress);
  }
}

TEST(ProgressCodecTest, EveryValueOfEveryEnumComesBack) {
  std::vector<HostProgress> all;
  for (int step = 0; step <= v1::StepKind_MAX; ++step) {
    all.push_back({.step = static_cast<v1::StepKind>(step)});
  }
  for (Stage stage : {Stage::kPre, Stage::kPreChecks, Stage::kBody, Stage::kPost}) {
    all.push_back({.stage = stage});
  }
  for (v1::StepResult outcome :
       {v1::STEP_RESULT_OK, v1::STEP_RESULT_FAILED, v1::STEP_RESULT_SKIPPED}) {
    all.push_back({.step_outcome = outcome});
  }
  for (v1::HostDeploymentState end :
       {v1::HOST_DEPLOYMENT_STATE_UNSPECIFIED, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED,
        v1::HOST_DEPLOYMENT_STATE_SKIPPED, v1::HOST_DEPLOYMENT_STATE_FAILED,
        v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK, v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED}) {
    all.push_back({.end = end});
  }
  for (const HostProgress& progress : all) EXPECT_TRUE(ThereAndBack(progress) == progress);
}

TEST(ProgressCodecTest, DefaultsReplaceWhatWasThereAndANewerPlannersFieldsStay) {
  record::v1::HostProgress stored;
  EncodeProgress(SampleProgress(), stored);
  stored.GetReflection()->MutableUnknownFields(&stored)->AddVarint(5000, 7);
  EncodeProgress(HostProgress{}, stored);
  EXPECT_TRUE(*DecodeProgress(stored) == HostProgress{});
  EXPECT_EQ(stored.GetReflection()->GetUnknownFields(stored).field_count(), 1);
}

TEST(ProgressCodecTest, NumbersOfEarlierVersionsKeepTheirMeaning) {
  record::v1::HostProgress stored;
  const v1::HostDeploymentState ends[] = {
      v1::HOST_DEPLOYMENT_STATE_UNSPECIFIED, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED,
      v1::HOST_DEPLOYMENT_STATE_SKIPPED, v1::HOST_DEPLOYMENT_STATE_FAILED};
  for (const v1::HostDeploymentState& end : ends) {
    stored.set_outcome(static_cast<int32_t>(&end - ends));
    EXPECT_EQ(DecodeProgress(stored)->end, end);
  }
  const v1::StepKind steps[] = {v1::STEP_KIND_UNSPECIFIED, v1::STEP_KIND_DEPLOY,
                                v1::STEP_KIND_REBOOT, v1::STEP_KIND_DRY_ACTIVATE,
                                v1::STEP_KIND_HEALTHCHECKS};
  for (const v1::StepKind& step : steps) {
    stored.set_step_kind(static_cast<int32_t>(&step - steps));
    EXPECT_EQ(DecodeProgress(stored)->step, step);
  }
  const Stage stages[] = {Stage::kPre, Stage::kPreChecks, Stage::kBody, Stage::kPost};
  for (const Stage& stage : stages) {
    stored.set_stage(static_cast<int32_t>(&stage - stages));
    EXPECT_EQ(DecodeProgress(stored)->stage, stage);
  }
}

TEST(ProgressCodecTest, WhatWasNeverStoredIsAHostThatHasNotBegun) {
  EXPECT_TRUE(*DecodeProgress(record::v1::HostProgress()) == HostProgress{});
}

TEST(ProgressCodecTest, WhatIsNotKnownIsDataLossAndNamed) {
  struct Case {
    void (*damage)(record::v1::HostProgress& stored);
    std::string named;
  };
  const std::vector<Case> cases = {
      {[](record::v1::HostProgress& p) { p.set_step_kind(6); }, "its step 6"},
      {[](record::v1::HostProgress& p) { p.set_step_kind(-1); }, "its step -1"},
      {[](record::v1::HostProgress& p) { p.set_stage(4); }, "its stage 4"},
      {[](record::v1::HostProgress& p) {
         p.set_step_result(static_cast<record::v1::StepResult>(9));
       },
       "its step's result 9"},
      {[](record::v1::HostProgress& p) { p.set_outcome(6); }, "its end 6"},
      {[](record::v1::HostProgress& p) { p.set_moves(-1); }, "negative"},
      {[](record::v1::HostProgress& p) { p.set_first_step(-1); }, "negative"},
  };
  for (const Case& c : cases) {
    record::v1::HostProgress stored;
    EncodeProgress(SampleProgress(), stored);
    c.damage(stored);
    absl::Status status = DecodeProgress(stored).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.named;
    EXPECT_THAT(status.message(), HasSubstr(c.named));
  }
}

}  // namespace
}  // namespace gitops
