#include "services/promotion_receiver/observe/cluster_observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/clock/fake_clock.h"
#include "common/http/client.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "services/promotion_receiver/observe/fake_kubernetes.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Health = TargetObservation::Health;

constexpr char kObject[] =
    "/apis/helm.toolkit.fluxcd.io/v2/namespaces/shopping/helmreleases/search";

class ClusterObserverTest : public testing::Test {
 protected:
  ClusterObserverTest() {
    kubernetes_.ServeHelm({"v2"});
    pipeline_->namespace_ = "shopping";
    pipeline_->name = "search";
    pipeline_->app = {"helm.toolkit.fluxcd.io/v2beta1", "HelmRelease", "search"};
    Environment dev;
    dev.name = "dev";
    dev.targets = {{.namespace_ = "shopping", .cluster = ClusterRef{.name = "east"}}};
    pipeline_->environments = {dev};
    WriteKubeconfig(Kubeconfig(), kubernetes_);
    options_.clusters = {{.name = "east", .kubeconfig = Kubeconfig()}};
    options_.pod.reset();
    options_.http = http_.get();
    options_.clock = &clock_;
  }

  static void WriteKubeconfig(const std::string& path, const FakeKubernetes& kubernetes,
                              const std::string& user = "") {
    std::ofstream(path) << absl::StrCat(
        "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n",
        "clusters: [{name: c, cluster: {server: '", kubernetes.url(), "', certificate-authority: '",
        kubernetes.ca_file(), "'}}]\nusers: [{name: u, user: {", user, "}}]\n");
  }
  std::string Kubeconfig() const { return directory_.path() + "/kubeconfig"; }

  void Deploy(const std::string& version, const std::string& ready = "True",
              const std::string& since = "2025-12-31T23:00:00Z") {
    kubernetes_.Put(
        kObject, absl::StrCat(R"({"apiVersion":"helm.toolkit.fluxcd.io/v2",
      "kind":"HelmRelease","metadata":{"generation":1},"status":{"observedGeneration":1,
      "conditions":[{"type":"Ready","status":")",
                              ready, R"(","lastTransitionTime":")", since,
                              R"("}],"history":[{"version":1,"status":"deployed","chartVersion":")",
                              version, R"("}]}})"));
  }

  void Start() {
    observer_ = NewClusterObserver(options_);
    observer_->OnChange([this](const EnvironmentName& environment) {
      MutexLock lock(mutex_);
      if (environment == kDev) ++changes_;
    });
    observer_->SetPipelines({pipeline_});
  }

  // None: it cannot be observed.
  std::optional<TargetObservation> Seen() {
    const auto all = observer_->Of(kDev);
    return all.empty() ? std::nullopt : std::optional(all[0]);
  }
  testing::AssertionResult Sees(Health health, const std::string& revision) {
    if (Eventually(
            [&] {
              const auto seen = Seen();
              return seen && seen->health == health && seen->revision == revision;
            },
            absl::Seconds(20))) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << (Seen() ? Seen()->revision + Seen()->detail : "nothing");
  }
  // Somebody asks for a look, a second after the last one.
  void Look() {
    clock_.Advance(absl::Seconds(1));
    observer_->Look(kDev);
  }
  int changes() {
    MutexLock lock(mutex_);
    return changes_;
  }

  const EnvironmentName kDev{"shopping", "search", "dev"};
  TempDirectory directory_;
  FakeKubernetes kubernetes_{directory_.path()};
  FakeClock clock_;  // 2026-01-01T00:00:00Z
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  const std::shared_ptr<Pipeline> pipeline_ = std::make_shared<Pipeline>();
  ClusterObserverOptions options_;
  Mutex mutex_;
  int changes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<ClusterObserver> observer_;
};

TEST_F(ClusterObserverTest, HealthyObjectIsSeenWithItsRevision) {
  Deploy("1.1");
  Start();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
  EXPECT_EQ(Seen()->since, clock_.Now() - absl::Hours(1));
  EXPECT_EQ(Seen()->target, "HelmRelease shopping/search in cluster east");
  EXPECT_TRUE(Eventually([&] { return changes() == 1; }));
}

TEST_F(ClusterObserverTest, ChangeIsSeenByTheNextPoll) {
  Deploy("1.1");
  Start();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
  Deploy("1.2");
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(15)));
  clock_.Advance(absl::Seconds(30));
  EXPECT_TRUE(Sees(Health::kHealthy, "1.2"));
  EXPECT_EQ(Seen()->since, clock_.Now()) << "the transition is older than the revision";
  EXPECT_TRUE(Eventually([&] { return changes() == 2; }));
}

TEST_F(ClusterObserverTest, LookDoesNotWaitForThePoll) {
  Deploy("1.1");
  Start();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
  Deploy("1.2");
  Look();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.2"));
}

TEST_F(ClusterObserverTest, ManyLooksAreOneASecond) {
  Deploy("1.1");
  Start();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
  const size_t asked = kubernetes_.asked().size();
  for (int i = 0; i < 100; ++i) observer_->Look(kDev);
  const absl::Time soon = clock_.Now() + absl::Seconds(1);
  EXPECT_EQ(clock_.AwaitDeadlineBy(soon), soon);
  EXPECT_EQ(kubernetes_.asked().size(), asked);
  Deploy("1.2");
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Sees(Health::kHealthy, "1.2"));
  EXPECT_EQ(kubernetes_.asked().size(), asked + 1);
}

TEST_F(ClusterObserverTest, ObjectThatReconcilesIsLookedAtOftenAfterAnEvent) {
  Deploy("1.1", "Unknown");
  Start();
  EXPECT_TRUE(Sees(Health::kUnknown, "1.1"));
  Look();
  EXPECT_LE(clock_.AwaitDeadlineBy(clock_.Now() + absl::Seconds(2)),
            clock_.Now() + absl::Seconds(2));
  Deploy("1.1");
  clock_.Advance(absl::Seconds(2));
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
}

TEST_F(ClusterObserverTest, UnhealthyAndMissingObjectsAreSeenAsSuch) {
  Deploy("1.1", "False");
  Start();
  EXPECT_TRUE(Sees(Health::kUnhealthy, "1.1"));
  kubernetes_.Remove(kObject);
  Look();
  EXPECT_TRUE(Sees(Health::kUnhealthy, ""));
  EXPECT_EQ(Seen()->detail, "it does not exist");
}

TEST_F(ClusterObserverTest, ClusterOutOfReachIsUnknownAndIsTriedAgain) {
  Deploy("1.1");
  Start();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
  kubernetes_.AnswerAll(HttpAnswer(503, "", "Retry-After: 300\r\n"));
  Look();
  EXPECT_TRUE(Sees(Health::kUnknown, "1.1"));
  EXPECT_THAT(Seen()->detail, HasSubstr("cluster east: GET "));
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(300)));
  kubernetes_.AnswerAll("");
  clock_.Advance(absl::Seconds(300));
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
}

TEST_F(ClusterObserverTest, RetryAfterHoldsWhoeverAsksForALook) {
  options_.threads = 1;
  kubernetes_.AnswerAll(HttpAnswer(429, "", "Retry-After: 60\r\n"));
  Start();
  EXPECT_TRUE(Eventually([&] { return Seen()->detail.find("429") != std::string::npos; }));
  kubernetes_.AnswerAll("");
  Deploy("1.1");
  Look();
  // What comes after that look shows that it is over.
  auto other = std::make_shared<Pipeline>(*pipeline_);
  other->name = "other";
  other->app.name = "other";
  observer_->SetPipelines({pipeline_, other});
  const auto asked = [this](const std::string& path) {
    const auto paths = kubernetes_.asked();
    return std::find(paths.begin(), paths.end(), path) != paths.end();
  };
  EXPECT_TRUE(Eventually([&] {
    return asked(absl::StrReplaceAll(kObject, {{"search", "other"}}));
  }));
  EXPECT_FALSE(asked(kObject));
  clock_.Advance(absl::Seconds(59));
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
}

TEST_F(ClusterObserverTest, AccountWithoutPermissionIsUnknownAndSaysWhatToAllow) {
  kubernetes_.AnswerAll(HttpAnswer(
      403, R"({"kind":"Status","message":"helmreleases is forbidden: User \"receiver\""})"));
  Start();
  EXPECT_TRUE(Eventually([&] {
    return Seen()->detail.find(
               "answered 403: helmreleases is forbidden: User \"receiver\"; allow "
               "the account of the receiver to get it") != std::string::npos;
  })) << Seen()->detail;
  EXPECT_EQ(Seen()->health, Health::kUnknown);
}

TEST_F(ClusterObserverTest, ClusterThatHangsDelaysNoOther) {
  TempDirectory directory;
  FakeKubernetes west(directory.path());
  west.Hang();
  WriteKubeconfig(directory_.path() + "/west", west);
  options_.clusters.push_back({.name = "west", .kubeconfig = directory_.path() + "/west"});
  // More of them than a cluster has threads.
  std::vector<Target> targets;
  for (int i = 0; i < 10; ++i) {
    targets.push_back({.namespace_ = absl::StrCat("n", i), .cluster = ClusterRef{.name = "west"}});
  }
  auto hanging = std::make_shared<Pipeline>(*pipeline_);
  hanging->environments[0].targets = targets;
  hanging->name = "a";
  Deploy("1.1");
  observer_ = NewClusterObserver(options_);
  observer_->SetPipelines({hanging});
  EXPECT_TRUE(Eventually([&] { return !west.asked().empty(); }));
  observer_->SetPipelines({hanging, pipeline_});
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
}

TEST_F(ClusterObserverTest, OnlyTargetsOfConfiguredClustersCount) {
  Deploy("1.1");
  pipeline_->environments[0].targets.push_back(
      {.namespace_ = "shopping", .cluster = ClusterRef{.name = "west"}});
  Start();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
  EXPECT_EQ(observer_->Of(kDev).size(), 1u);
}

TEST_F(ClusterObserverTest, ClusterThatIsConfiguredLaterIsObserved) {
  Deploy("1.1");
  const std::vector<ClusterSpec> clusters = std::exchange(options_.clusters, {});
  Start();
  EXPECT_FALSE(Seen().has_value());
  observer_->SetClusters(clusters);
  EXPECT_EQ(changes(), 1);
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
}

TEST_F(ClusterObserverTest, ClusterThatIsTakenOutIsNoLongerObserved) {
  Deploy("1.1");
  Start();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
  EXPECT_TRUE(Eventually([&] { return changes() == 1; }));
  observer_->SetClusters({});
  EXPECT_FALSE(Seen().has_value());
  EXPECT_EQ(changes(), 2);
}

TEST_F(ClusterObserverTest, WhatIsKnownOfAClusterThatStaysIsKept) {
  Deploy("1.1");
  Start();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
  const size_t asked = kubernetes_.asked().size();
  std::vector<ClusterSpec> clusters = options_.clusters;
  clusters.insert(clusters.begin(), {.name = "west", .kubeconfig = Kubeconfig()});
  observer_->SetClusters(clusters);
  EXPECT_EQ(Seen()->revision, "1.1");
  EXPECT_EQ(Seen()->health, Health::kHealthy);
  EXPECT_EQ(kubernetes_.asked().size(), asked);
}

TEST_F(ClusterObserverTest, KubeconfigThatChangesIsUsedByTheNextPoll) {
  Deploy("1.1");
  kubernetes_.SetToken("new");
  WriteKubeconfig(Kubeconfig(), kubernetes_, "token: old");
  Start();
  EXPECT_TRUE(Eventually([&] { return Seen()->detail.find("401") != std::string::npos; }));
  WriteKubeconfig(Kubeconfig(), kubernetes_, "token: new");
  Look();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
}

TEST_F(ClusterObserverTest, ClustersOfOneNameInTwoNamespacesAreTwoTargets) {
  Deploy("1.1");
  options_.clusters.push_back({.name = "east", .namespace_ = "fleet", .kubeconfig = Kubeconfig()});
  std::swap(options_.clusters[0], options_.clusters[1]);
  pipeline_->environments[0].targets.push_back(
      {.namespace_ = "shopping", .cluster = ClusterRef{.name = "east", .namespace_ = "fleet"}});
  Start();
  const auto all = observer_->Of(kDev);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[0].target, all[1].target);
}

TEST_F(ClusterObserverTest, TargetOfAClusterThatIsNotConfiguredIsNotObserved) {
  pipeline_->environments[0].targets[0].cluster = ClusterRef{.name = "west"};
  Start();
  EXPECT_FALSE(Seen().has_value());
}

TEST_F(ClusterObserverTest, NamespaceOfTheClusterRefCounts) {
  options_.clusters[0].namespace_ = "fleet";
  Start();
  EXPECT_FALSE(Seen().has_value()) << "the reference is to the pipeline's namespace";
  pipeline_->environments[0].targets[0].cluster->namespace_ = "fleet";
  observer_->SetPipelines({pipeline_});
  EXPECT_TRUE(Seen().has_value());
}

TEST_F(ClusterObserverTest, TargetWithoutClusterNeedsAPod) {
  Deploy("1.1");
  pipeline_->environments[0].targets[0].cluster.reset();
  Start();
  EXPECT_FALSE(Seen().has_value());
  observer_.reset();
  options_.pod =
      KubeAccess{.server = kubernetes_.url(), .authority = {.file = kubernetes_.ca_file()}};
  Start();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
  EXPECT_EQ(Seen()->target, "HelmRelease shopping/search in the cluster of this pod");
}

TEST_F(ClusterObserverTest, ObjectWithoutRevisionIsNotObserved) {
  kubernetes_.Put(kObject, R"({"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"Other",
    "metadata":{"generation":1},"status":{}})");
  Start();
  EXPECT_TRUE(Eventually([&] { return !Seen().has_value(); }));
}

TEST_F(ClusterObserverTest, PipelineThatIsGoneIsNoLongerPolled) {
  Deploy("1.1");
  Start();
  EXPECT_TRUE(Sees(Health::kHealthy, "1.1"));
  observer_->SetPipelines({});
  EXPECT_FALSE(Seen().has_value());
  const size_t asked = kubernetes_.asked().size();
  clock_.Advance(absl::Hours(1));
  observer_.reset();
  EXPECT_EQ(kubernetes_.asked().size(), asked);
}

TEST_F(ClusterObserverTest, DestructionDoesNotWaitForAServerThatHangs) {
  kubernetes_.Hang();
  Start();
  EXPECT_TRUE(Eventually([&] { return !kubernetes_.asked().empty(); }));
  observer_.reset();
}

}  // namespace
}  // namespace gitops
