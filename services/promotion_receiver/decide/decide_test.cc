#include "services/promotion_receiver/decide/decide.h"

#include <gtest/gtest.h>

#include <functional>

namespace gitops {
namespace {

using Kind = SourceView::Kind;
namespace state = record::v1;
constexpr auto kObserving = state::PROMOTION_STATE_OBSERVING;
constexpr auto kSoaking = state::PROMOTION_STATE_SOAKING;
constexpr auto kApproval = state::PROMOTION_STATE_WAITING_APPROVAL;
constexpr auto kWindow = state::PROMOTION_STATE_WAITING_WINDOW;
constexpr auto kHeld = state::PROMOTION_STATE_HELD;
constexpr auto kRunning = state::PROMOTION_STATE_RUNNING;

// A Thursday, 12:00 UTC.
const absl::Time kNow = absl::FromCivil(absl::CivilMinute(2026, 1, 1, 12, 0), absl::UTCTimeZone());

SourceView Healthy(absl::Time since) {
  return {.kind = Kind::kHealthy, .since = since, .marks = {{"t", 7}}, .first_marks = {{"t", 7}}};
}

SourceView View(Kind kind) {
  return {.kind = kind, .detail = "HelmRelease shopping/search in cluster dev: why"};
}

PromotionSnapshot Waiting() {
  PromotionSnapshot p;
  p.source = "dev";
  p.target = "prod";
  p.version = "1.2.3";
  p.create_time = kNow - absl::Minutes(5);
  p.source_view = Healthy(kNow - absl::Minutes(5));
  p.now = kNow;
  return p;
}

Window Daily(int from, int to) { return {.from = absl::Hours(from), .to = absl::Hours(to)}; }

struct Case {
  const char* reason;
  std::function<void(PromotionSnapshot&)> given;
  state::PromotionState expected;
  const char* message;  // part of it
  absl::Time again = absl::InfiniteFuture();
};

const Case kCases[] = {
    {"nothing asks to wait", [](auto&) {}, kRunning, "promotes 1.2.3 into prod"},
    {"what has begun goes on, whatever else holds",
     [](auto& p) {
       p.state = kRunning;
       p.source_view = View(Kind::kUnhealthy);
       p.hold = "by alice";
       p.windows = {Daily(1, 2)};
     },
     kRunning, ""},

    {"an event is not enough where the source can be observed: it runs another revision",
     [](auto& p) { p.source_view = View(Kind::kOtherRevision); }, kObserving,
     "waits until 1.2.3 is healthy in dev: HelmRelease shopping/search in cluster dev: why"},
    {"the source is not healthy", [](auto& p) { p.source_view = View(Kind::kUnhealthy); },
     kObserving, "is healthy in dev"},
    {"a source out of reach is not healthy", [](auto& p) { p.source_view = View(Kind::kUnknown); },
     kObserving, "is healthy in dev"},
    {"the event decides where nothing can be observed",
     [](auto& p) { p.source_view = View(Kind::kUnobservable); }, kRunning, "promotes"},
    {"a replay does not wait for the source",
     [](auto& p) {
       p.replayed = true;
       p.soak = absl::Hours(1);
       p.source_view = View(Kind::kOtherRevision);
     },
     kRunning, "promotes"},
    {"a replay waits for approval as any other",
     [](auto& p) {
       p.replayed = true;
       p.manual = true;
     },
     kApproval, "waits for approval of 1.2.3 into prod"},

    {"it has run for 5 of 30 minutes", [](auto& p) { p.soak = absl::Minutes(30); }, kSoaking,
     "soaks in dev until 2026-01-01 12:25:00 UTC (30m)", kNow + absl::Minutes(25)},
    {"the soak is over at its end, not after it", [](auto& p) { p.soak = absl::Minutes(5); },
     kRunning, "promotes"},
    {"without observation the soak counts from the arrival of the event",
     [](auto& p) {
       p.source_view = View(Kind::kUnobservable);
       p.soak = absl::Minutes(30);
     },
     kSoaking, "12:25:00", kNow + absl::Minutes(25)},
    {"an unhealthy state during the soak begins it anew",
     [](auto& p) {
       p.state = kSoaking;
       p.healthy_since = kNow - absl::Minutes(20);
       p.soak = absl::Minutes(30);
       p.source_view = View(Kind::kUnhealthy);
     },
     kObserving, "is healthy"},
    {"the soak does not end while the source is out of reach",
     [](auto& p) {
       p.state = kSoaking;
       p.healthy_since = kNow - absl::Hours(1);
       p.soak = absl::Minutes(30);
       p.source_view = View(Kind::kUnknown);
     },
     kSoaking, "now unknown: HelmRelease"},
    {"a source out of reach does not begin the soak anew",
     [](auto& p) {
       p.state = kSoaking;
       p.healthy_since = kNow - absl::Minutes(20);
       p.soak = absl::Minutes(30);
       p.source_view = View(Kind::kUnknown);
     },
     kSoaking, "12:10:00", kNow + absl::Minutes(10)},
    {"manual approval does not come before the end of the soak",
     [](auto& p) {
       p.manual = true;
       p.soak = absl::Minutes(30);
     },
     kSoaking, "soaks", kNow + absl::Minutes(25)},
    {"an approval without force does not end the soak",
     [](auto& p) {
       p.manual = p.approved = true;
       p.soak = absl::Minutes(30);
     },
     kSoaking, "soaks", kNow + absl::Minutes(25)},
    {"one with force does",
     [](auto& p) {
       p.manual = p.approved = p.forced = true;
       p.soak = absl::Minutes(30);
     },
     kRunning, "promotes"},
    {"force does not promote what is unhealthy",
     [](auto& p) {
       p.manual = p.approved = p.forced = true;
       p.source_view = View(Kind::kUnhealthy);
     },
     kObserving, "is healthy"},

    {"manual, and nobody has approved", [](auto& p) { p.manual = true; }, kApproval,
     "waits for approval"},
    {"approved", [](auto& p) { p.manual = p.approved = true; }, kRunning, "promotes"},
    {"a soak that was over stays so while the source is out of reach",
     [](auto& p) {
       p.state = kApproval;
       p.healthy_since = kNow - absl::Hours(1);
       p.soak = absl::Minutes(30);
       p.manual = true;
       p.source_view = View(Kind::kUnknown);
     },
     kApproval, "waits for approval"},
    {"approved, but whether the source is still healthy cannot be said",
     [](auto& p) {
       p.state = kApproval;
       p.healthy_since = kNow - absl::Hours(1);
       p.manual = p.approved = true;
       p.source_view = View(Kind::kUnknown);
     },
     kObserving, "waits until dev can be observed again"},
    {"the source became unhealthy while it waited for approval",
     [](auto& p) {
       p.state = kApproval;
       p.healthy_since = kNow - absl::Hours(1);
       p.manual = true;
       p.source_view = View(Kind::kUnhealthy);
     },
     kObserving, "is healthy"},

    {"the window opens tomorrow", [](auto& p) { p.windows = {Daily(9, 11)}; }, kWindow,
     "waits for the next window of prod: Fri 2026-01-02 09:00 UTC", kNow + absl::Hours(21)},
    {"a window is open",
     [](auto& p) {
       p.windows = {Daily(9, 11), Daily(11, 13)};
     },
     kRunning, "promotes"},
    {"approval comes before the window",
     [](auto& p) {
       p.manual = true;
       p.windows = {Daily(9, 11)};
     },
     kApproval, "approval"},

    {"a person holds the environment", [](auto& p) { p.hold = "by alice: incident 7"; }, kHeld,
     "prod is held by alice: incident 7"},
    {"a hold stops a replay too",
     [](auto& p) {
       p.replayed = true;
       p.hold = "by alice";
     },
     kHeld, "held"},
    {"there is no strategy", [](auto& p) { p.blocked = "prod has no strategy"; }, kHeld,
     "prod has no strategy"},
    {"another promotion into the environment is in progress",
     [](auto& p) { p.busy_with = "1.2.2"; }, kWindow, "the promotion of 1.2.2 into prod"},
    {"the pipeline is gone: it keeps its state",
     [](auto& p) {
       p.state = kApproval;
       p.missing = "the pipeline is gone";
     },
     kApproval, "the pipeline is gone"},
};

TEST(DecideTest, EveryCaseEndsInItsState) {
  for (const Case& c : kCases) {
    PromotionSnapshot p = Waiting();
    c.given(p);
    const Decision decision = Decide(p);
    EXPECT_EQ(state::PromotionState_Name(decision.state), state::PromotionState_Name(c.expected))
        << c.reason;
    EXPECT_NE(decision.message.find(c.message), std::string::npos)
        << c.reason << ": " << decision.message;
    EXPECT_EQ(decision.again, c.again) << c.reason;
  }
}

// Decides, and takes over what is to be kept.
Decision Step(PromotionSnapshot& p) {
  const Decision decision = Decide(p);
  p.state = decision.state;
  p.healthy_since = decision.healthy_since;
  p.marks = decision.marks;
  return decision;
}

PromotionSnapshot Soaking() {
  PromotionSnapshot p = Waiting();
  p.soak = absl::Minutes(30);
  Step(p);
  return p;
}

TEST(DecideTest, SoakBeginsAnewAfterAnUnhealthyState) {
  PromotionSnapshot p = Soaking();
  p.source_view = View(Kind::kUnhealthy);
  Step(p);
  p.source_view = Healthy(kNow);
  EXPECT_EQ(Step(p).soak_end, kNow + absl::Minutes(30));
}

TEST(DecideTest, SoakBeginsAnewAfterAnotherRevision) {
  PromotionSnapshot p = Soaking();
  p.source_view = View(Kind::kOtherRevision);
  Step(p);
  p.source_view = Healthy(kNow);
  EXPECT_EQ(Step(p).soak_end, kNow + absl::Minutes(30));
}

TEST(DecideTest, ReconciliationsThatAreWatchedDoNotProlongTheSoak) {
  PromotionSnapshot p = Soaking();
  p.source_view.marks = {{"t", 8}};
  EXPECT_EQ(Step(p).soak_end, kNow + absl::Minutes(25));
  p.source_view.marks = {{"t", 9}};
  EXPECT_EQ(Step(p).soak_end, kNow + absl::Minutes(25));
}

TEST(DecideTest, DowntimeCountsIfNothingChanged) {
  PromotionSnapshot p = Soaking();
  p.now += absl::Minutes(25);
  EXPECT_EQ(Step(p).state, kRunning);
}

TEST(DecideTest, DowntimeDoesNotCountIfHealthChanged) {
  PromotionSnapshot p = Soaking();
  p.now += absl::Minutes(25);
  p.source_view = Healthy(p.now - absl::Minutes(1));
  p.source_view.marks = p.source_view.first_marks = {{"t", 8}};
  EXPECT_EQ(Step(p).soak_end, p.now + absl::Minutes(29));
}

TEST(DecideTest, ReconciliationSeenBeforeTheDowntimeDoesNotProlongTheSoak) {
  PromotionSnapshot p = Soaking();
  p.source_view.marks = {{"t", 8}};
  Step(p);
  p.source_view.first_marks = {{"t", 8}};  // after the restart
  EXPECT_EQ(Step(p).soak_end, kNow + absl::Minutes(25));
}

TEST(DecideTest, TargetThatIsNewHasToSoak) {
  PromotionSnapshot p = Soaking();
  p.source_view.since = kNow;
  p.source_view.marks["u"] = p.source_view.first_marks["u"] = 1;
  EXPECT_EQ(Step(p).soak_end, kNow + absl::Minutes(30));
}

TEST(DecideTest, SoakThatWasOverIsNotRepeatedAfterDowntime) {
  PromotionSnapshot p = Waiting();
  p.soak = absl::Minutes(5);
  p.manual = true;
  EXPECT_EQ(Step(p).state, kApproval);
  p.source_view = Healthy(kNow);
  p.source_view.marks = p.source_view.first_marks = {{"t", 99}};
  EXPECT_EQ(Step(p).state, kApproval);
}

TEST(DecideTest, ApprovalOutlivesAnUnhealthySpell) {
  PromotionSnapshot p = Waiting();
  p.manual = p.approved = true;
  p.source_view = View(Kind::kUnhealthy);
  EXPECT_EQ(Step(p).state, kObserving);
  p.source_view = Healthy(kNow);
  EXPECT_EQ(Step(p).state, kRunning);
}

}  // namespace
}  // namespace gitops
