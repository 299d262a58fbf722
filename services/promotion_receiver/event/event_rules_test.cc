#include "services/promotion_receiver/event/event_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/rpc/error.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

// What Flux sends: reason, severity, message.
TEST(EventRulesTest, OnlyEventsThatReportASuccessMoveAnything) {
  const struct {
    std::string why, severity, reason, message;
    bool success;
  } cases[] = {
      {"a Kustomization", "info", "ReconciliationSucceeded",
       "Reconciliation finished in 1.2s, next run in 10m0s", true},
      {"install", "info", "InstallSucceeded", "Helm install succeeded for release a/b.v1", true},
      {"upgrade", "info", "UpgradeSucceeded", "Helm upgrade succeeded for release a/b.v2", true},
      {"tests", "info", "TestSucceeded", "Helm test succeeded for release a/b.v2", true},
      {"no severity", "", "UpgradeSucceeded", "", true},
      {"2022: upgrade", "info", "info", "Helm upgrade succeeded", true},
      {"2022: install", "info", "info", "Helm install succeeded", true},
      {"2022: reconciliation", "info", "info", "Release reconciliation succeeded", true},
      {"2022: begun", "info", "info", "Helm upgrade has started", false},
      {"2022: an older revision", "info", "info", "Helm rollback succeeded", false},
      {"2022: removed", "info", "info", "Helm uninstall succeeded", false},
      {"2022: failed", "error", "error", "Helm upgrade failed: timed out", false},
      {"an error that says otherwise", "error", "UpgradeSucceeded", "Helm upgrade succeeded",
       false},
      {"2022: severity error", "error", "info", "Helm upgrade succeeded", false},
      {"trace", "trace", "UpgradeSucceeded", "", false},
      {"an older revision", "info", "RollbackSucceeded", "Helm rollback succeeded", false},
      {"removed", "info", "UninstallSucceeded", "Helm uninstall succeeded", false},
      {"before health is known", "info", "Progressing", "Health check passed", false},
      {"dependencies", "info", "DependencyNotReady", "", false},
      {"failed", "error", "HealthCheckFailed", "", false},
      {"no reason", "info", "", "Helm upgrade succeeded", false},
      {"another case", "info", "upgradesucceeded", "", false},
  };
  for (const auto& [why, severity, reason, message, success] : cases) {
    FluxEvent event;
    event.severity = severity;
    event.reason = reason;
    event.message = message;
    const std::string ignored = WhyIgnored(event, {});
    EXPECT_EQ(ignored.empty(), success) << why << ": " << ignored;
  }
}

TEST(EventRulesTest, ReasonsOfAPipelineReplaceTheDefaultOnes) {
  FluxEvent event;
  event.severity = "info";
  event.reason = "Deployed";
  EXPECT_THAT(WhyIgnored(event, {}), HasSubstr("\"Deployed\""));
  EXPECT_EQ(WhyIgnored(event, {"Deployed"}), "");
  event.reason = "UpgradeSucceeded";
  EXPECT_NE(WhyIgnored(event, {"Deployed"}), "");
  event.reason = "info";
  event.message = "Helm upgrade succeeded";
  EXPECT_NE(WhyIgnored(event, {"Deployed"}), "");
  EXPECT_EQ(WhyIgnored(event, {"info"}), "");
  event.message = "Helm upgrade has started";
  EXPECT_NE(WhyIgnored(event, {"info"}), "");
}

Pipeline Search() {
  Pipeline pipeline;
  pipeline.namespace_ = "shopping";
  pipeline.name = "search";
  pipeline.app = {"helm.toolkit.fluxcd.io/v2beta1", "HelmRelease", "search"};
  Environment environment;
  environment.name = "dev";
  environment.targets.resize(2);
  environment.targets[0].namespace_ = "search-eu";
  environment.targets[1].namespace_ = "search-us";
  pipeline.environments = {environment};
  return pipeline;
}

FluxEvent Of(const std::string& api_version, const std::string& kind, const std::string& name_space,
             const std::string& name) {
  FluxEvent event;
  event.api_version = api_version;
  event.kind = kind;
  event.namespace_ = name_space;
  event.name = name;
  return event;
}

TEST(EventRulesTest, ObjectIsComparedByGroupKindNameAndNamespaceOfATarget) {
  const struct {
    std::string why;
    FluxEvent event;
    bool matches;
  } cases[] = {
      {"the same", Of("helm.toolkit.fluxcd.io/v2beta1", "HelmRelease", "search-eu", "search"),
       true},
      {"another version", Of("helm.toolkit.fluxcd.io/v2", "HelmRelease", "search-us", "search"),
       true},
      {"another group", Of("evil.io/v2beta1", "HelmRelease", "search-eu", "search"), false},
      {"no group", Of("v2beta1", "HelmRelease", "search-eu", "search"), false},
      {"another kind", Of("helm.toolkit.fluxcd.io/v2", "Kustomization", "search-eu", "search"),
       false},
      {"another namespace", Of("helm.toolkit.fluxcd.io/v2", "HelmRelease", "shopping", "search"),
       false},
      {"another name", Of("helm.toolkit.fluxcd.io/v2", "HelmRelease", "search-eu", "cart"), false},
      {"nothing", FluxEvent(), false},
  };
  const Pipeline pipeline = Search();
  for (const auto& [why, event, matches] : cases) {
    const absl::Status status = CheckObject(event, pipeline, pipeline.environments[0]);
    EXPECT_EQ(status.ok(), matches) << why;
    EXPECT_EQ(HasReason(status, Reason::kObjectMismatch), !matches) << why;
  }
}

TEST(EventRulesTest, PipelineWithoutAVersionTakesAnyGroup) {
  Pipeline pipeline = Search();
  pipeline.app.api_version.clear();
  EXPECT_TRUE(CheckObject(Of("helm.toolkit.fluxcd.io/v2", "HelmRelease", "search-eu", "search"),
                          pipeline, pipeline.environments[0])
                  .ok());
}

TEST(EventRulesTest, ServiceOfTheFleetIsInNoNamespaceOrThatOfThePipeline) {
  Pipeline pipeline = Search();
  pipeline.app = {"gitops/v1", "Service", "nginx"};
  pipeline.environments[0].targets.assign(1, Target());
  pipeline.environments[0].targets[0].hosts.emplace();
  const Environment& environment = pipeline.environments[0];
  EXPECT_TRUE(CheckObject(Of("gitops/v1", "Service", "", "nginx"), pipeline, environment).ok());
  EXPECT_TRUE(
      CheckObject(Of("gitops/v1", "Service", "shopping", "nginx"), pipeline, environment).ok());
  EXPECT_FALSE(
      CheckObject(Of("gitops/v1", "Service", "other", "nginx"), pipeline, environment).ok());
}

TEST(EventRulesTest, StaleAndFutureEventsAreRefused) {
  const absl::Time now = absl::FromUnixSeconds(1'767'225'600);
  FluxEvent event;
  const auto check = [&](absl::Duration ago, absl::Duration max_age = absl::Hours(1)) {
    event.timestamp = now - ago;
    return CheckAge(event, now, max_age);
  };
  EXPECT_TRUE(check(absl::ZeroDuration()).ok());
  EXPECT_TRUE(check(absl::Hours(1)).ok());
  EXPECT_TRUE(HasReason(check(absl::Hours(1) + absl::Seconds(1)), Reason::kEventStale));
  EXPECT_TRUE(check(absl::Hours(100), absl::InfiniteDuration()).ok());
  EXPECT_TRUE(check(-absl::Minutes(5)).ok());
  EXPECT_TRUE(HasReason(check(-absl::Minutes(5) - absl::Seconds(1)), Reason::kEventStale));
  EXPECT_TRUE(HasReason(check(-absl::Hours(1), absl::InfiniteDuration()), Reason::kEventStale));
}

}  // namespace
}  // namespace gitops
