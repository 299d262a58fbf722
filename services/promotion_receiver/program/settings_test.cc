#include "services/promotion_receiver/program/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "services/promotion_receiver/program/receiver_metrics.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<PromotionReceiverConfig> Load(std::vector<std::string> arguments,
                                             const std::string& text = "") {
  if (!text.empty()) {
    const std::string file = ::testing::TempDir() + "config.toml";
    std::ofstream(file) << text;
    arguments.push_back("--config=" + file);
  }
  const auto none = [](const std::string&) { return std::nullopt; };
  auto flags = ReadFlags(PromotionReceiverSettings(), arguments, none);
  if (!flags.ok()) return flags.status();
  return LoadPromotionReceiverConfig(*flags);
}

TEST(PromotionReceiverSettingsTest, DefaultsAreThoseOfTheContracts) {
  const auto config = Load({"--pipelines=/p"});
  ASSERT_TRUE(config.ok()) << config.status();
  const Settings& settings = config->settings;
  EXPECT_EQ(settings.Get("listen"), "127.0.0.1:8003");
  EXPECT_EQ(settings.Get("metrics-listen"), "127.0.0.1:9224");
  EXPECT_EQ(settings.GetDuration("max-age"), absl::Hours(1));
  EXPECT_EQ(settings.GetDuration("secret-grace"), absl::Minutes(10));
  EXPECT_FALSE(settings.GetBool("allow-unsigned"));
  EXPECT_EQ(settings.Get("planner"), "");
}

TEST(PromotionReceiverSettingsTest, FileIsReadWithTheTablesOfOtherProgramsInIt) {
  const auto config = Load({"--max-age=2h"},
                           "[promotion-receiver]\npipelines = \"/p\"\nmax-age = \"3h\"\n"
                           "[[clusters]]\nname = \"dev\"\n[[sinks]]\nname = \"chat\"\n"
                           "[[webhooks]]\n[planner]\nname = \"x\"\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->settings.Get("pipelines"), "/p");
  EXPECT_EQ(config->settings.GetDuration("max-age"), absl::Hours(2));
}

TEST(PromotionReceiverSettingsTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(Load({}).status().message(), HasSubstr("give --pipelines DIR"));
  EXPECT_THAT(Load({"--pipelines=/p", "--planner=:x:"}).status().message(), HasSubstr("--planner"));
  EXPECT_THAT(Load({"--pipelines=/p", "--max-age=1s"}).status().message(), HasSubstr("max-age"));
  EXPECT_THAT(
      Load({}, "[promotion-receiver]\npiplines = \"/p\"\n").status().message(),
      HasSubstr("config.toml:2: [promotion-receiver]: unknown key \"piplines\" (did you mean "
                "\"pipelines\"?)"));
}

TEST(ReceiverMetricsTest, EventsPromotionsAndFilesAreCounted) {
  Metrics metrics("promotion-receiver");
  ReceiverMetrics receiver(metrics);
  receiver.EventSeen("shopping/search", "new");
  receiver.EventSeen("shopping/search", "SIGNATURE_INVALID");
  record::v1::Promotion promotion;
  promotion.set_namespace_("shopping");
  promotion.set_pipeline("search");
  promotion.set_state(record::v1::PROMOTION_STATE_SUCCEEDED);
  receiver.PromotionEnded(promotion);
  receiver.PipelinesRead(3, 1);
  receiver.InProgress(2);
  const std::string text = metrics.Text();
  for (const char* line : {
           "gitops_promotion_webhooks_total{pipeline=\"shopping/search\",result=\"new\"} 1",
           "gitops_promotion_webhooks_total{pipeline=\"shopping/"
           "search\",result=\"signature_invalid\"} "
           "1",
           "gitops_promotions_total{pipeline=\"shopping/search\",result=\"succeeded\"} 1",
           "gitops_pipelines 3",
           "gitops_pipeline_files_bad 1",
           "gitops_queue_depth{queue=\"promotions\"} 2",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace gitops
