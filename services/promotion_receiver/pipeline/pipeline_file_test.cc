#include "services/promotion_receiver/pipeline/pipeline_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// As Weave's documentation and clusters have them.
constexpr char kWeave[] = R"(apiVersion: pipelines.weave.works/v1alpha1
kind: Pipeline
metadata:
  name: podinfo-02
  namespace: flux-system
  creationTimestamp: "2022-10-25T16:49:48Z"
  generation: 4
  labels: {app: podinfo}
  managedFields:
  - apiVersion: pipelines.weave.works/v1alpha1
    fieldsV1: {"f:spec": {}}
spec:
  appRef:
    apiVersion: helm.toolkit.fluxcd.io/v2beta1
    kind: HelmRelease
    name: podinfo
  environments:
    - name: dev
      targets:
        - namespace: podinfo-02-dev
          clusterRef:
            kind: GitopsCluster
            name: dev
            namespace: flux-system
    - name: test
      targets:
        - namespace: podinfo-02-qa
          clusterRef:
            kind: GitopsCluster
            name: dev
        - namespace: podinfo-02-perf
    - name: prod
      promotion:
        manual: true
        strategy:
          notification: {}
          secretRef:
            name: prod-secret
      targets:
        - namespace: podinfo-02-prod
  promotion:
    manual: false
    strategy:
      pull-request:
        type: github
        url: https://github.com/my-org/my-app-repo
        baseBranch: master
      secretRef:
        name: promotion-credentials
status:
  observedGeneration: 4
  conditions: []
)";

TEST(PipelineFileTest, FileOfWeavesIsReadAsItStands) {
  const auto pipelines = ParsePipelines(kWeave, "p.yaml");
  ASSERT_TRUE(pipelines.ok()) << pipelines.status();
  ASSERT_THAT(*pipelines, SizeIs(1));
  const Pipeline& pipeline = (*pipelines)[0];
  EXPECT_EQ(pipeline.Id(), "flux-system/podinfo-02");
  EXPECT_EQ(pipeline.file, "p.yaml");
  EXPECT_EQ(pipeline.app.api_version, "helm.toolkit.fluxcd.io/v2beta1");
  EXPECT_EQ(pipeline.app.kind, "HelmRelease");
  EXPECT_EQ(pipeline.app.name, "podinfo");
  EXPECT_EQ(pipeline.key_secret, "promotion-credentials");
  ASSERT_THAT(pipeline.environments, SizeIs(3));

  const Environment& dev = pipeline.environments[0];
  EXPECT_EQ(dev.targets[0].namespace_, "podinfo-02-dev");
  EXPECT_EQ(dev.targets[0].cluster->name, "dev");
  EXPECT_EQ(dev.targets[0].cluster->namespace_, "flux-system");

  const Environment& test = pipeline.environments[1];
  ASSERT_THAT(test.targets, SizeIs(2));
  EXPECT_EQ(test.targets[0].cluster->namespace_, "");
  EXPECT_FALSE(test.targets[1].cluster.has_value());
  EXPECT_FALSE(test.promotion.manual);
  EXPECT_EQ(test.promotion.secret, "promotion-credentials");
  EXPECT_EQ(test.key_secret, "promotion-credentials");
  const auto& pull_request = std::get<PullRequestStrategy>(*test.promotion.strategy);
  EXPECT_EQ(pull_request.provider, PullRequestStrategy::Provider::kGithub);
  EXPECT_EQ(pull_request.url, "https://github.com/my-org/my-app-repo");
  EXPECT_EQ(pull_request.base_branch, "master");

  const Environment& prod = pipeline.environments[2];
  EXPECT_TRUE(prod.promotion.manual);
  EXPECT_TRUE(std::holds_alternative<NotificationStrategy>(*prod.promotion.strategy));
  EXPECT_EQ(prod.promotion.secret, "prod-secret");
  EXPECT_EQ(prod.key_secret, "prod-secret");
}

// One pipeline with these lines of `spec` beside appRef.
std::string With(const std::string& spec, const std::string& app = "Kustomization") {
  return absl::StrCat(
      "apiVersion: pipelines.weave.works/v1alpha1\nkind: Pipeline\nmetadata: {name: search, "
      "namespace: shopping}\nspec:\n  appRef: {apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: ",
      app, ", name: search}\n", spec);
}
constexpr char kTwo[] =
    "  environments:\n  - name: dev\n    targets: [{namespace: d}]\n  - name: prod\n"
    "    targets: [{namespace: p}]\n";

Pipeline Parsed(const std::string& text) {
  const auto pipelines = ParsePipelines(text, "p.yaml");
  EXPECT_TRUE(pipelines.ok()) << pipelines.status();
  return pipelines.ok() && !pipelines->empty() ? pipelines->front() : Pipeline();
}
std::string Faults(const std::string& text) {
  const auto pipelines = ParsePipelines(text, "p.yaml");
  EXPECT_FALSE(pipelines.ok()) << text;
  return std::string(pipelines.status().message());
}

TEST(PipelineFileTest, FirstVersionsOfWeavesHaveNoStrategyInBetween) {
  const Pipeline pipeline = Parsed(With(absl::StrCat(
      kTwo,
      "  promotion:\n    pull-request:\n      type: gitlab\n      url: https://git.example/a/b\n"
      "      secretRef: {name: git}\n")));
  ASSERT_THAT(pipeline.environments, SizeIs(2));
  const PromotionRules& rules = pipeline.environments[1].promotion;
  EXPECT_EQ(std::get<PullRequestStrategy>(*rules.strategy).base_branch, "main");
  EXPECT_EQ(rules.secret, "git");
  EXPECT_EQ(pipeline.environments[1].key_secret, "") << "it is not for signatures";
}

TEST(PipelineFileTest, OurOwnFieldsAreRead) {
  const Pipeline pipeline = Parsed(With(
      R"(  successReasons: [Deployed]
  environments:
  - name: dev
    targets: [{hosts: {on: ["dev*"]}}]
  - name: prod
    targets: [{hosts: {on: ["web*"], tagged: [prod]}}]
    promotion:
      soak: 30m
      windows:
      - {days: [Mon, Tue], from: "09:00", to: "17:00", timezone: Europe/Amsterdam}
      - {from: "22:00", to: 04:00}
      strategy:
        rollout: {actions: [push, switch], canary: 1, batch: "25%", maxFailures: 0,
                  pauseBetween: 5m, onFailure: rollback}
)"));
  EXPECT_THAT(pipeline.success_reasons, ElementsAre("Deployed"));
  ASSERT_THAT(pipeline.environments, SizeIs(2));
  const Environment& prod = pipeline.environments[1];
  ASSERT_TRUE(prod.targets[0].hosts.has_value());
  EXPECT_EQ(prod.targets[0].hosts->on(0), "web*");
  EXPECT_EQ(prod.targets[0].hosts->tagged(0), "prod");
  EXPECT_EQ(prod.promotion.soak, absl::Minutes(30));
  ASSERT_THAT(prod.promotion.windows, SizeIs(2));
  const Window& day = prod.promotion.windows[0];
  EXPECT_THAT(day.days, ElementsAre(1, 2));
  EXPECT_EQ(day.from, absl::Hours(9));
  EXPECT_EQ(day.to, absl::Hours(17));
  EXPECT_EQ(day.zone_name, "Europe/Amsterdam");
  EXPECT_EQ(day.zone.name(), "Europe/Amsterdam");
  EXPECT_EQ(prod.promotion.windows[1].to, absl::Hours(4));
  EXPECT_EQ(prod.promotion.windows[1].zone_name, "UTC");
  const auto& rollout = std::get<RolloutStrategy>(*prod.promotion.strategy);
  EXPECT_THAT(rollout.actions, ElementsAre("push", "switch"));
  EXPECT_EQ(rollout.rollout.canary(), 1);
  EXPECT_EQ(rollout.rollout.batch(), "25%");
  EXPECT_EQ(rollout.rollout.max_failures(), "0");
  EXPECT_EQ(rollout.rollout.pause_between().seconds(), 300);
  EXPECT_EQ(rollout.rollout.on_failure(), v1::Rollout::ON_FAILURE_ROLLBACK);
}

TEST(PipelineFileTest, EnvironmentsOwnSettingsOverrideThePipelines) {
  const Pipeline pipeline = Parsed(With(
      R"(  environments:
  - name: dev
    targets: [{namespace: d}]
    promotion: {strategy: {secretRef: {name: dev-key}}}
  - name: staging
    targets: [{namespace: s}]
    promotion: {manual: false, soak: 0s}
  - name: prod
    targets: [{namespace: p}]
    promotion: {strategy: {notification: {sinks: [chat]}}, windows: []}
  promotion:
    manual: true
    soak: 1h
    windows: [{from: "09:00"}]
    strategy:
      pull-request: {type: gitea, url: "ssh://git@git.example/a/b"}
      secretRef: {name: common}
)"));
  ASSERT_THAT(pipeline.environments, SizeIs(3));
  EXPECT_EQ(pipeline.environments[0].key_secret, "dev-key");
  const Environment& staging = pipeline.environments[1];
  EXPECT_FALSE(staging.promotion.manual);
  EXPECT_EQ(staging.promotion.soak, absl::ZeroDuration());
  EXPECT_THAT(staging.promotion.windows, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<PullRequestStrategy>(*staging.promotion.strategy));
  const Environment& prod = pipeline.environments[2];
  EXPECT_TRUE(prod.promotion.manual);
  EXPECT_EQ(prod.promotion.soak, absl::Hours(1));
  EXPECT_THAT(prod.promotion.windows, SizeIs(0));
  EXPECT_THAT(std::get<NotificationStrategy>(*prod.promotion.strategy).sinks, ElementsAre("chat"));
  EXPECT_EQ(prod.key_secret, "common");
}

// Each setting by itself: the environment's, else the pipeline's. Credentials that are given for a
// strategy stay with it.
TEST(PipelineFileTest, EachSettingOfAnEnvironmentOverridesThePipelines) {
  const std::string pull_request = "pull-request: {type: gitea, url: \"ssh://git@h/b\"";
  const struct {
    std::string own, pipeline;
    bool manual;
    std::string strategy, secret, key_secret;
  } cases[] = {
      {"{}", "{manual: true, strategy: {notification: {}, secretRef: {name: p}}}", true,
       "notification", "p", "p"},
      {"{manual: false}", "{manual: true}", false, "", "", ""},
      {"{strategy: {notification: {}}}", "{manual: true}", true, "notification", "", ""},
      {"{strategy: {secretRef: {name: e}}}", "{strategy: {notification: {}, secretRef: {name: p}}}",
       false, "notification", "e", "e"},
      {"{strategy: {" + pull_request + "}}}",
       "{strategy: {notification: {}, secretRef: {name: p}}}", false, "pull-request", "p", "p"},
      {"{strategy: {secretRef: {name: e}}}",
       "{strategy: {" + pull_request + ", secretRef: {name: git}}, secretRef: {name: p}}}", false,
       "pull-request", "git", "e"},
      {"{strategy: {" + pull_request + "}}}",
       "{strategy: {" + pull_request + ", secretRef: {name: git}}, secretRef: {name: p}}}", false,
       "pull-request", "p", "p"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(absl::StrCat(each.own, " over ", each.pipeline));
    const Pipeline pipeline = Parsed(With(
        absl::StrCat("  environments:\n  - {name: a}\n  - name: b\n    targets: [{namespace: b}]\n"
                     "    promotion: ",
                     each.own, "\n  promotion: ", each.pipeline, "\n")));
    ASSERT_THAT(pipeline.environments, SizeIs(2));
    const PromotionRules& rules = pipeline.environments[1].promotion;
    EXPECT_EQ(rules.manual, each.manual);
    EXPECT_EQ(rules.secret, each.secret);
    EXPECT_EQ(pipeline.environments[1].key_secret, each.key_secret);
    ASSERT_EQ(rules.strategy.has_value(), !each.strategy.empty());
    if (!each.strategy.empty()) {
      EXPECT_EQ(std::holds_alternative<PullRequestStrategy>(*rules.strategy),
                each.strategy == "pull-request");
    }
  }
}

TEST(PipelineFileTest, FileMayHaveManyPipelines) {
  const std::string one = With(kTwo);
  const auto pipelines = ParsePipelines(
      absl::StrCat(one, "---\n---\n", absl::StrReplaceAll(one, {{"name: search,", "name: cart,"}})),
      "p.yaml");
  ASSERT_TRUE(pipelines.ok()) << pipelines.status();
  ASSERT_THAT(*pipelines, SizeIs(2));
  EXPECT_EQ((*pipelines)[1].Id(), "shopping/cart");
  EXPECT_THAT(Faults(absl::StrCat(one, "---\n", one)),
              HasSubstr("p.yaml:14: metadata: the file has two pipelines shopping/search"));
}

TEST(PipelineFileTest, FaultsAreToldWithFileLineAndField) {
  const struct {
    std::string text, fault;
  } cases[] = {
      {"kind: Pipeline\n",
       "p.yaml:1: apiVersion: it is  Pipeline, not "
       "pipelines.weave.works/v1alpha1 Pipeline"},
      {"apiVersion: v1\nkind: Secret\ndata: {token: aHVudGVyMg==}\n",
       "p.yaml:2: kind: it is v1 Secret"},
      {"apiVersion: pipelines.weave.works/v1alpha1\nkind: Pipeline\n", "metadata: is missing"},
      {"apiVersion: pipelines.weave.works/v1alpha1\nkind: Pipeline\n", "spec: is missing"},
      {With(""), "p.yaml:5: spec.environments: is missing"},
      {With("  environments: []\n"), "spec.environments: is empty"},
      {With("  enviroments: []\n"),
       "p.yaml:6: spec: unknown key \"enviroments\" (did you mean "
       "\"environments\"?)"},
      {With("  environments:\n  - targets: []\n"),
       "p.yaml:7: spec.environments[0].name: is missing"},
      {With("  environments:\n  - name: a/b\n"),
       "spec.environments[0].name: \"a/b\" is not a name"},
      {With("  environments:\n  - name: a..b\n"), "is not a name"},
      {With("  environments:\n  - name: a\n  - name: a\n"), "there are two environments \"a\""},
      {With("  environments:\n  - name: a\n    targets: [{}]\n"),
       "spec.environments[0].targets[0].namespace: is missing"},
      {With("  environments:\n  - name: a\n    targets: [{hosts: {on: [x]}, namespace: y}]\n"),
       "a target has either hosts, or a namespace"},
      {With("  environments:\n  - name: a\n    targets: [{hosts: {}}]\n"), "it selects no hosts"},
      {With(
           "  environments:\n  - name: a\n    targets: [{namespace: y, clusterRef: {kind: Cluster, "
           "name: x}}]\n"),
       "\"Cluster\" is not GitopsCluster"},
      {With(absl::StrCat(kTwo, "  promotion: {manual: maybe}\n")),
       "p.yaml:11: spec.promotion.manual: it is neither true nor false"},
      {With(absl::StrCat(kTwo, "  promotion: {soak: long}\n")), "spec.promotion.soak: "},
      {With(absl::StrCat(kTwo, "  promotion: {windows: [{timezone: Mars/Base}]}\n")),
       "spec.promotion.windows[0].timezone: \"Mars/Base\" is not a known time zone"},
      {With(absl::StrCat(kTwo, "  promotion: {windows: [{timezone: ../../etc/hostname}]}\n")),
       "is not a known time zone"},
      {With(absl::StrCat(kTwo, "  promotion: {windows: [{from: \"9:00\"}]}\n")),
       "\"9:00\" is not a time as \"09:00\""},
      {With(absl::StrCat(kTwo, "  promotion: {windows: [{from: \"24:01\"}]}\n")), "is not a time"},
      {With(absl::StrCat(kTwo, "  promotion: {windows: [{days: [Monday]}]}\n")),
       "\"Monday\" is not one of Mon, Tue"},
      {With(absl::StrCat(kTwo, "  promotion: {strategy: {pull-request: {}}}\n")),
       "pull-request.type: is missing"},
      {With(absl::StrCat(kTwo, "  promotion: {strategy: {pull-request: {type: svn, url: x}}}\n")),
       "\"svn\" is not one of github"},
      {With(absl::StrCat(kTwo,
                         "  promotion: {strategy: {pull-request: {type: github, url: "
                         "\"ext::sh -c x\"}}}\n")),
       "pull-request.url: "},
      {With(absl::StrCat(kTwo, "  promotion: {strategy: {notification: {}, rollout: {}}}\n")),
       "there is more than one strategy"},
      {With(absl::StrCat(kTwo, "  promotion: {strategy: {secretRef: {name: ../x}}}\n")),
       "secretRef.name: \"../x\" is not a name"},
      {With(absl::StrCat(kTwo, "  promotion: {strategy: {rollout: {}}}\n")),
       "p.yaml:10: spec.environments[1].targets: environment prod: a rollout cannot be done: "
       "target "
       "1 has no hosts"},
      {With("  environments:\n  - name: a\n  - name: b\n"
            "    targets: [{hosts: {on: [x], tagged: [t]}}, {hosts: {on: [y], tagged: [u]}}]\n"
            "  promotion: {strategy: {rollout: {}}}\n"),
       "p.yaml:9: spec.environments[1].targets: environment b: a rollout cannot be done: targets 1 "
       "and 2 differ"},
      {With(absl::StrCat(kTwo, "  promotion: {strategy: {rollout: {batch: many}}}\n")),
       "\"many\" is neither a number of hosts nor a percentage"},
      {With(absl::StrCat(kTwo, "  promotion: {strategy: {rollout: {actions: [fly]}}}\n")), "fly"},
      {With("  environments:\n  - name: a\n  - name: b\n  promotion: {strategy: {rollout: {}}}\n",
            "HelmRelease"),
       "strategy.rollout needs revisions that are commits"},
  };
  for (const auto& [text, fault] : cases) {
    EXPECT_THAT(Faults(text), HasSubstr(fault));
    EXPECT_THAT(Faults(text), testing::Not(HasSubstr("aHVudGVyMg")));
  }
}

TEST(PipelineFileTest, AllFaultsAreToldAtOnceInTheOrderOfTheFile) {
  const std::string faults = Faults(With("  environments:\n  - nmae: a\n  - name: [b]\n"));
  EXPECT_LT(faults.find("p.yaml:7: "), faults.find("p.yaml:8: "));
}

TEST(PipelineFileTest, PlainYamlIsNoPipeline) { EXPECT_EQ(Parsed("# nothing\n").name, ""); }

}  // namespace
}  // namespace gitops
