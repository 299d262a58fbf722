#include "services/promotion_receiver/record/promotion_order.h"

#include <gtest/gtest.h>

#include <optional>

#include "common/clock/timestamp.h"

namespace gitops {
namespace {

using record::v1::Promotion;
using Kind = Arrival::Kind;

struct Known {
  std::string id, revision;
  int at = 0;      // the timestamp of its event
  int latest = 0;  // of its repeats; 0: none
};

Promotion Of(const Known& known) {
  Promotion promotion;
  promotion.set_id(known.id);
  promotion.set_revision(known.revision);
  *promotion.mutable_event()->mutable_timestamp() = ToTimestamp(absl::FromUnixSeconds(known.at));
  if (known.latest != 0) {
    *promotion.mutable_latest_event_time() = ToTimestamp(absl::FromUnixSeconds(known.latest));
  }
  return promotion;
}

TEST(PromotionOrderTest, ArrivalIsJudgedByTimestampsNeverByVersions) {
  const struct {
    std::string why;
    std::optional<Known> newest, same;
    std::string revision;
    int at;
    Kind kind;
    std::string of;
  } cases[] = {
      {"the first one", {}, {}, "1", 10, Kind::kNewer, ""},
      {"the same again", {{"a", "1", 10}}, {{"a", "1", 10}}, "1", 10, Kind::kRepeat, "a"},
      {"reported again later", {{"a", "1", 10}}, {{"a", "1", 10}}, "1", 99, Kind::kRepeat, "a"},
      {"a late report of the newest",
       {{"a", "1", 10}},
       {{"a", "1", 10}},
       "1",
       5,
       Kind::kRepeat,
       "a"},
      {"the other form of the revision",
       {{"a", "main/0cc9", 10}},
       {{"a", "main/0cc9", 10}},
       "main@sha1:0cc9",
       20,
       Kind::kRepeat,
       "a"},
      {"later", {{"a", "2", 10}}, {}, "1", 11, Kind::kNewer, ""},
      {"in the same second, but arrived later", {{"a", "1", 10}}, {}, "2", 10, Kind::kNewer, ""},
      {"earlier, though the version is higher", {{"a", "1", 10}}, {}, "2", 9, Kind::kOlder, ""},
      {"earlier than a repeat of the newest", {{"a", "1", 10, 30}}, {}, "2", 20, Kind::kOlder, ""},
      {"A again after B", {{"b", "2", 20}}, {{"a", "1", 10}}, "1", 30, Kind::kNewer, ""},
      {"the event of A, sent again after B",
       {{"b", "2", 20}},
       {{"a", "1", 10}},
       "1",
       10,
       Kind::kRepeat,
       "a"},
      {"the same where both are of one second",
       {{"b", "2", 10}},
       {{"a", "1", 10}},
       "1",
       10,
       Kind::kRepeat,
       "a"},
      {"a report of A from before B",
       {{"b", "2", 20}},
       {{"a", "1", 10}},
       "1",
       15,
       Kind::kRepeat,
       "a"},
  };
  for (const auto& [why, newest, same, revision, at, kind, of] : cases) {
    const std::optional<Promotion> newest_one =
        newest.has_value() ? std::optional(Of(*newest)) : std::nullopt;
    const std::optional<Promotion> same_one =
        same.has_value() ? std::optional(Of(*same)) : std::nullopt;
    const Arrival arrival = ArrivalOf(revision, absl::FromUnixSeconds(at),
                                      newest_one.has_value() ? &*newest_one : nullptr,
                                      same_one.has_value() ? &*same_one : nullptr);
    EXPECT_EQ(arrival.kind, kind) << why;
    EXPECT_EQ(arrival.of, of) << why;
  }
}

TEST(PromotionOrderTest, PromotionWithoutAnEventIsAsOldAsItsCreation) {
  Promotion observed;
  *observed.mutable_create_time() = ToTimestamp(absl::FromUnixSeconds(7));
  EXPECT_EQ(LatestEvent(observed), absl::FromUnixSeconds(7));
}

}  // namespace
}  // namespace gitops
