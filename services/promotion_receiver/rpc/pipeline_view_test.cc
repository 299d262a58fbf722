#include "services/promotion_receiver/rpc/pipeline_view.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

TEST(PipelineViewTest, WindowsAreSaidInWords) {
  const struct {
    std::vector<int> days;
    int from, to;
    std::string zone, text;
  } cases[] = {
      {{1, 2, 3, 4, 5}, 9, 17, "Europe/Amsterdam", "Mon-Fri 09:00-17:00 Europe/Amsterdam"},
      {{0, 6}, 22, 4, "UTC", "Sat,Sun 22:00-04:00 UTC"},
      {{5, 1, 2, 3, 1}, 0, 24, "UTC", "Mon-Wed,Fri 00:00-24:00 UTC"},
      {{}, 9, 17, "UTC", "09:00-17:00 UTC"},
  };
  for (const auto& [days, from, to, zone, text] : cases) {
    Window window;
    window.days = days;
    window.from = absl::Hours(from);
    window.to = absl::Hours(to);
    window.zone_name = zone;
    EXPECT_EQ(WindowText(window), text);
  }
}

TEST(PipelineViewTest, TargetsAreSaidInWords) {
  Target target;
  target.namespace_ = "shopping";
  EXPECT_EQ(TargetText(target), "namespace shopping");
  target.cluster = ClusterRef{.name = "dev", .namespace_ = ""};
  EXPECT_EQ(TargetText(target), "namespace shopping in cluster dev");
  target.cluster->namespace_ = "flux-system";
  EXPECT_EQ(TargetText(target), "namespace shopping in cluster flux-system/dev");
  Target hosts;
  hosts.hosts.emplace();
  EXPECT_EQ(TargetText(hosts), "all hosts");
  hosts.hosts->add_on("web*");
  hosts.hosts->add_on("db1");
  hosts.hosts->add_tagged("prod");
  EXPECT_EQ(TargetText(hosts), "hosts web*,db1 tagged prod");
}

TEST(PipelineViewTest, FirstEnvironmentHasNoPromotionIntoIt) {
  Pipelines::Entry entry;
  entry.pipeline.namespace_ = "shopping";
  entry.pipeline.name = "search";
  entry.error = "bad.yaml:1: nonsense";
  for (const char* name : {"dev", "prod"}) {
    Environment environment;
    environment.name = name;
    environment.promotion.manual = true;
    environment.promotion.strategy = RolloutStrategy();
    environment.promotion.soak = absl::Minutes(30);
    entry.pipeline.environments.push_back(environment);
  }
  const v1::Pipeline view = ViewOf(entry);
  EXPECT_EQ(view.pipeline(), "search");
  EXPECT_EQ(view.error(), "bad.yaml:1: nonsense");
  EXPECT_EQ(view.environments(0).strategy(), "");
  EXPECT_FALSE(view.environments(0).manual());
  EXPECT_EQ(view.environments(1).strategy(), "rollout");
  EXPECT_TRUE(view.environments(1).manual());
  EXPECT_EQ(view.environments(1).soak().seconds(), 1800);
}

}  // namespace
}  // namespace gitops
