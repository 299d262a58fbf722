#include "services/promotion_receiver/observe/flux_object.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/promotion_receiver/observe/object_view.h"

namespace gitops {
namespace {

using Health = TargetObservation::Health;

const absl::Time kNoon = absl::FromUnixSeconds(1767268800);

// Each of them, generation 3, with a status. "READY" stands for its conditions.
constexpr char kReady[] =
    R"("observedGeneration": 3, "conditions": [
        {"type": "Released", "status": "True", "lastTransitionTime": "2026-01-01T09:00:00Z"},
        {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T12:00:00Z",
         "reason": "ReconciliationSucceeded", "message": "done"}])";

FluxStatus Read(const std::string& api_version, const std::string& kind,
                const std::string& status) {
  const std::string text =
      absl::StrCat(R"({"apiVersion": ")", api_version, R"(", "kind": ")", kind,
                   R"(", "metadata": {"name": "search", "generation": 3}, "status": {)",
                   absl::StrReplaceAll(status, {{"READY", kReady}}), "}}");
  const auto object = nlohmann::json::parse(text, nullptr, false);
  EXPECT_FALSE(object.is_discarded()) << text;
  return ReadFluxObject(object);
}

constexpr char kHelmV1[] = "helm.toolkit.fluxcd.io/v2beta1";
constexpr char kHelmV2[] = "helm.toolkit.fluxcd.io/v2";
constexpr char kKustomize[] = "kustomize.toolkit.fluxcd.io/v1";

struct Case {
  const char* reason;
  const char* api_version;
  const char* kind;
  const char* status;
  Health health;
  const char* revision;
  const char* detail;
};

const Case kCases[] = {
    {"HelmRelease v2beta1", kHelmV1, "HelmRelease",
     R"(READY, "lastAppliedRevision": "0.13.4", "lastAttemptedRevision": "0.13.4")",
     Health::kHealthy, "0.13.4", ""},
    {"HelmRelease v2beta2", "helm.toolkit.fluxcd.io/v2beta2", "HelmRelease",
     R"(READY, "lastAppliedRevision": "0.13.4", "history": [{"version": 1, "chartVersion": "9"}])",
     Health::kHealthy, "0.13.4", ""},
    {"an attempted revision proves nothing", kHelmV1, "HelmRelease",
     R"(READY, "lastAttemptedRevision": "0.13.5", "lastAppliedRevision": "0.13.4")",
     Health::kHealthy, "0.13.4", ""},
    {"HelmRelease v2: the highest version, wherever it stands", kHelmV2, "HelmRelease",
     R"(READY, "lastAppliedRevision": "7", "history": [
       {"version": 1, "chartVersion": "0.13.4", "status": "superseded"},
       {"version": 3, "chartVersion": "0.13.6", "status": "deployed"},
       {"version": 2, "chartVersion": "0.13.5", "status": "superseded"}])",
     Health::kHealthy, "0.13.6", ""},
    {"HelmRelease v2 after a failed upgrade", kHelmV2, "HelmRelease",
     R"(READY, "lastAttemptedRevision": "0.13.5", "history": [
       {"version": 2, "chartVersion": "0.13.5", "status": "failed"},
       {"version": 1, "chartVersion": "0.13.4", "status": "deployed"}])",
     Health::kUnhealthy, "", "its release 2 is failed"},
    {"HelmRelease v2 without a release", kHelmV2, "HelmRelease", "READY", Health::kUnhealthy, "",
     "it has no release yet"},
    {"Kustomization", kKustomize, "Kustomization",
     R"(READY, "lastAppliedRevision": "main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738")",
     Health::kHealthy, "main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738", ""},
    {"Kustomization of old", "kustomize.toolkit.fluxcd.io/v1beta2", "Kustomization",
     R"(READY, "lastAppliedRevision": "main/5394cb7f48332b2de7c17dd8b8384bbc84b7e738")",
     Health::kHealthy, "main/5394cb7f48332b2de7c17dd8b8384bbc84b7e738", ""},
    {"nothing applied yet", kKustomize, "Kustomization", "READY", Health::kUnhealthy, "",
     "it has applied no revision yet"},
    {"not ready", kKustomize, "Kustomization",
     R"("observedGeneration": 3, "lastAppliedRevision": "main/1", "conditions": [
       {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T12:00:00Z",
        "reason": "HealthCheckFailed", "message": "timeout waiting"}])",
     Health::kUnhealthy, "main/1", "Ready is False, HealthCheckFailed, timeout waiting"},
    {"while it reconciles it is neither", kKustomize, "Kustomization",
     R"("observedGeneration": 3, "lastAppliedRevision": "main/1", "conditions": [
       {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T12:00:00Z",
        "reason": "Progressing"}])",
     Health::kUnknown, "main/1", "Ready is Unknown, Progressing"},
    {"a generation that the controller has not seen", kKustomize, "Kustomization",
     R"("observedGeneration": 2, "lastAppliedRevision": "main/1", "conditions": [
       {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T12:00:00Z"}])",
     Health::kUnknown, "main/1", "its controller has not seen generation 3 yet"},
    {"no status", kKustomize, "Kustomization", "", Health::kUnknown, "", "Ready is missing"},
    {"a status of other types", kKustomize, "Kustomization",
     R"("observedGeneration": "3", "lastAppliedRevision": 7, "conditions": "Ready")",
     Health::kUnknown, "", "Ready is missing"},
    {"a time that is none", kKustomize, "Kustomization",
     R"("observedGeneration": 3, "lastAppliedRevision": "main/1", "conditions": [
       {"type": "Ready", "status": "True", "lastTransitionTime": "noon"}])",
     Health::kUnknown, "main/1", "its Ready condition has no lastTransitionTime"},
    {"another kind that says what it applied", "infra.contrib.fluxcd.io/v1alpha2", "Terraform",
     R"(READY, "lastAppliedRevision": "main/1")", Health::kHealthy, "main/1", ""},
};

TEST(FluxObjectTest, EveryFormIsRead) {
  for (const Case& c : kCases) {
    const FluxStatus read = Read(c.api_version, c.kind, c.status);
    EXPECT_EQ(read.health, c.health) << c.reason;
    EXPECT_EQ(read.revision, c.revision) << c.reason;
    EXPECT_EQ(read.detail, c.detail) << c.reason;
    EXPECT_TRUE(read.has_revision) << c.reason;
    if (c.health == Health::kHealthy) {
      EXPECT_EQ(read.transition, kNoon) << c.reason;
    }
  }
}

TEST(FluxObjectTest, VersionOfAnOciChartHasNoDigest) {
  const FluxStatus read = Read(kHelmV2, "HelmRelease", R"(READY, "history": [{"version": 1,
      "status": "deployed", "chartVersion": "1.2.3+0cc9a8446c95",
      "ociDigest": "sha256:0cc9a8446c95009ef382f5eade883a67c257f77d50f84e78ecef2aac9428d1e5"}])");
  EXPECT_EQ(read.revision, "1.2.3+0cc9a8446c95");
  EXPECT_EQ(read.version, "1.2.3");
}

TEST(FluxObjectTest, KindThatDoesNotSayWhatItRunsCannotBeObserved) {
  EXPECT_FALSE(Read("source.toolkit.fluxcd.io/v1", "GitRepository", "READY").has_revision);
}

TEST(FluxObjectTest, AnyJsonIsRead) {
  for (const char* text : {"null", "7", "[]", "\"x\"", "{}", R"({"status": []})",
                           R"({"status": {"conditions": [null, 7, []], "history": {"a": 1}}})"}) {
    EXPECT_EQ(ReadFluxObject(nlohmann::json::parse(text)).health, Health::kUnknown) << text;
  }
}

FluxStatus Healthy(const std::string& revision, absl::Time transition) {
  return {.health = Health::kHealthy,
          .revision = revision,
          .version = revision,
          .transition = transition};
}

class ObjectViewTest : public testing::Test {
 protected:
  void Take(const absl::StatusOr<FluxStatus>& look) {
    now_ += absl::Seconds(30);
    view_.Take(look, now_);
  }
  const TargetObservation& seen() const { return view_.observation(); }

  ObjectView view_{"HelmRelease a/b in cluster dev", absl::Minutes(2)};
  absl::Time now_ = kNoon;
};

TEST_F(ObjectViewTest, BeforeTheFirstLookNothingIsKnown) {
  EXPECT_EQ(seen().health, Health::kUnknown);
  EXPECT_EQ(seen().detail, "it was not looked at yet");
}

TEST_F(ObjectViewTest, HealthBeginsWithTheTransition) {
  Take(Healthy("1.1", kNoon - absl::Hours(2)));
  EXPECT_EQ(seen().since, kNoon - absl::Hours(2));
  EXPECT_EQ(seen().mark, seen().first_mark);
}

TEST_F(ObjectViewTest, HealthAtANewRevisionBeginsWhenItWasSeen) {
  Take(Healthy("1.0", kNoon - absl::Hours(2)));
  Take(Healthy("1.1", kNoon - absl::Hours(2)));
  EXPECT_EQ(seen().since, now_);
}

TEST_F(ObjectViewTest, ReconciliationsThatAreWatchedChangeOnlyTheMark) {
  Take(Healthy("1.1", kNoon));
  const auto first = seen();
  Take(FluxStatus{.health = Health::kUnknown, .revision = "1.1", .version = "1.1"});
  Take(Healthy("1.1", now_));
  EXPECT_EQ(seen().since, first.since);
  EXPECT_EQ(seen().first_mark, first.mark);
  EXPECT_GT(seen().mark, first.mark);
}

TEST_F(ObjectViewTest, ReleaseThatIsUpgradedDoesNotSayWhatItRunsAndChangesNothingElse) {
  Take(Healthy("1.1", kNoon));
  const auto first = seen();
  Take(FluxStatus{.health = Health::kUnknown, .detail = "Ready is Unknown"});
  EXPECT_EQ(seen().health, Health::kUnknown);
  EXPECT_EQ(seen().revision, "1.1");
  EXPECT_EQ(seen().detail, "Ready is Unknown");
  Take(Healthy("1.1", now_));
  EXPECT_EQ(seen().first_mark, first.mark) << "other values, but the same revision";
  Take(FluxStatus{.health = Health::kUnknown});
  Take(Healthy("1.2", now_));
  EXPECT_EQ(seen().first_mark, seen().mark);
}

TEST_F(ObjectViewTest, UnhealthyStateBeginsTheWatchAnew) {
  Take(Healthy("1.1", kNoon));
  Take(FluxStatus{.health = Health::kUnhealthy, .revision = "1.1", .version = "1.1"});
  Take(Healthy("1.1", now_));
  EXPECT_EQ(seen().first_mark, seen().mark);
}

TEST_F(ObjectViewTest, GapBeginsTheWatchAnew) {
  Take(Healthy("1.1", kNoon));
  Take(absl::UnavailableError("cluster dev is down"));
  EXPECT_EQ(seen().health, Health::kUnknown);
  EXPECT_EQ(seen().revision, "1.1");
  EXPECT_EQ(seen().detail, "cluster dev is down");
  now_ += absl::Minutes(5);
  Take(Healthy("1.1", now_));
  EXPECT_EQ(seen().first_mark, seen().mark);
}

TEST_F(ObjectViewTest, ObjectThatIsGoneIsUnhealthyAndOneOutOfReachIsNot) {
  Take(Healthy("1.1", kNoon));
  Take(absl::NotFoundError("not found"));
  EXPECT_EQ(seen().health, Health::kUnhealthy);
  EXPECT_EQ(seen().revision, "");
  EXPECT_EQ(seen().detail, "it does not exist");
}

}  // namespace
}  // namespace gitops
