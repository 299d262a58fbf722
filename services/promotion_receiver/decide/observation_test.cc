#include "services/promotion_receiver/decide/observation.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

using Health = TargetObservation::Health;
using Kind = SourceView::Kind;

const absl::Time kNoon = absl::FromUnixSeconds(1767268800);

TargetObservation Target(const std::string& name, const std::string& revision, Health health,
                         absl::Time since = kNoon) {
  TargetObservation target;
  target.target = name;
  target.revision = target.version = revision;
  target.health = health;
  target.since = since;
  target.mark = target.first_mark = 1;
  return target;
}

TEST(ObservationTest, WithoutObservableTargetsEventsDecide) {
  EXPECT_EQ(ViewOf({}, "1.0").kind, Kind::kUnobservable);
  EXPECT_FALSE(CommonRevisionOf({}).has_value());
}

TEST(ObservationTest, AllHaveToBeHealthyAtTheRevision) {
  const auto one = Target("one", "1.1", Health::kHealthy);
  struct Case {
    const char* reason;
    TargetObservation other;
    Kind kind;
  };
  const Case cases[] = {
      {"both are", Target("two", "1.1", Health::kHealthy), Kind::kHealthy},
      {"one runs another revision", Target("two", "1.0", Health::kHealthy), Kind::kOtherRevision},
      {"also where it is unhealthy", Target("two", "1.0", Health::kUnhealthy),
       Kind::kOtherRevision},
      {"one is unhealthy", Target("two", "1.1", Health::kUnhealthy), Kind::kUnhealthy},
      {"one runs nothing", Target("two", "", Health::kUnhealthy), Kind::kUnhealthy},
      {"one is out of reach", Target("two", "", Health::kUnknown), Kind::kUnknown},
      {"one is healthy, and does not say where", Target("two", "", Health::kHealthy),
       Kind::kOtherRevision},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ViewOf({one, c.other}, "1.1").kind, c.kind) << c.reason;
    EXPECT_EQ(ViewOf({c.other, one}, "1.1").kind, c.kind) << c.reason;
    EXPECT_EQ(CommonRevisionOf({one, c.other}).has_value(), c.kind == Kind::kHealthy) << c.reason;
  }
}

TEST(ObservationTest, HealthOfAllBeginsWithTheLast) {
  const auto early = Target("one", "1.1", Health::kHealthy, kNoon);
  const auto late = Target("two", "1.1", Health::kHealthy, kNoon + absl::Minutes(3));
  EXPECT_EQ(ViewOf({early, late}, "1.1").since, kNoon + absl::Minutes(3));
  EXPECT_EQ(CommonRevisionOf({late, early})->since, kNoon + absl::Minutes(3));
}

TEST(ObservationTest, FormsOfOneRevisionAreTheSame) {
  const auto target = Target("one", "main@sha1:5394cb7", Health::kHealthy);
  EXPECT_EQ(ViewOf({target}, "main/5394cb7").kind, Kind::kHealthy);
}

TEST(ObservationTest, DetailNamesTheFirstAndCountsTheOthers) {
  auto dev = Target("HelmRelease a/b in cluster dev", "1.0", Health::kUnhealthy);
  dev.detail = "install failed";
  const auto second = Target("two", "1.0", Health::kHealthy);
  EXPECT_EQ(ViewOf({dev, second}, "1.1").detail,
            "HelmRelease a/b in cluster dev runs 1.0: install failed, and 1 more");
}

TEST(ObservationTest, RevisionThatAPersonRolledBackToIsNotPromotedByItself) {
  auto target = Target("one", "1.0", Health::kHealthy);
  target.deliberate = true;
  EXPECT_FALSE(CommonRevisionOf({target}).has_value());
  EXPECT_EQ(ViewOf({target}, "1.0").kind, Kind::kHealthy);
}

}  // namespace
}  // namespace gitops
