#include "common/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/server/version.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, BuildInfoNamesComponentAndVersion) {
  EXPECT_THAT(Metrics("agent").Text(),
              HasSubstr(absl::StrCat("gitops_build_info{component=\"agent\",version=\"", Version(),
                                     "\"} 1\n")));
}

TEST(MetricsTest, LabelValuesAreEscapedAsTheFormatAsks) {
  Metrics metrics("test");
  prometheus::BuildCounter()
      .Name("odd_total")
      .Register(metrics.registry())
      .Add({{"name", "a\"b\\c\nd"}});
  EXPECT_THAT(metrics.Text(), HasSubstr("odd_total{name=\"a\\\"b\\\\c\\nd\"} 0\n"));
}

TEST(MetricsTest, TimestampsKeepTheirSeconds) {
  Metrics metrics("test");
  prometheus::BuildGauge().Name("at_seconds").Register(metrics.registry()).Add({}).Set(1795370348);
  EXPECT_THAT(metrics.Text(), HasSubstr("at_seconds 1795370348\n"));
}

TEST(MetricsTest, RemovedSeriesAreGone) {
  Metrics metrics("test");
  auto& family = prometheus::BuildGauge().Name("here").Register(metrics.registry());
  prometheus::Gauge& gauge = family.Add({{"name", "web"}});
  ASSERT_THAT(metrics.Text(), HasSubstr("here{name=\"web\"} 0"));
  family.Remove(&gauge);
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("here")));
}

TEST(MetricsTest, TextIsReadWhileSeriesComeAndGo) {
  Metrics metrics("test");
  auto& family = prometheus::BuildGauge().Name("here").Register(metrics.registry());
  std::thread changes([&] {
    for (int i = 0; i < 500; ++i) family.Remove(&family.Add({{"name", absl::StrCat(i)}}));
  });
  for (int i = 0; i < 50; ++i) EXPECT_THAT(metrics.Text(), HasSubstr("gitops_build_info"));
  changes.join();
}

TEST(MetricsTest, CollectedFamiliesAreMadeAnewAtEachReading) {
  Metrics metrics("test");
  int seen = 0;
  metrics.AddCollector([&seen] {
    prometheus::MetricFamily family{
        .name = "seen", .help = "How often.", .type = prometheus::MetricType::Gauge};
    family.metric.emplace_back().gauge.value = ++seen;
    return std::vector<prometheus::MetricFamily>{family};
  });
  EXPECT_THAT(metrics.Text(), HasSubstr("\nseen 1\n"));
  EXPECT_THAT(metrics.Text(), HasSubstr("\nseen 2\n"));
}

}  // namespace
}  // namespace gitops
