#include "services/planner/select/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Host {
  std::string name;
  std::vector<std::string> tags;
};

std::vector<SelectableHost> Views(const std::vector<Host>& hosts) {
  std::vector<SelectableHost> views;
  for (const Host& host : hosts) views.push_back({.name = host.name, .tags = host.tags});
  return views;
}

absl::StatusOr<std::vector<int>> SelectFrom(const std::vector<SelectableHost>& hosts,
                                            const Selection& selection,
                                            const Cancelled& cancelled = {}) {
  return Select(
      hosts.size(), [&](size_t i) { return hosts[i]; }, selection, cancelled);
}

const std::vector<SelectableHost>& Fleet() {
  static const auto& hosts = *new std::vector<Host>{
      {"web1", {"prod", "web"}},   {"db1", {"prod", "slave"}}, {"web2", {"prod", "web"}},
      {"db2", {"prod", "master"}}, {"web3", {"test", "web"}},  {"lb1", {}},
  };
  static const auto& fleet = *new std::vector<SelectableHost>(Views(hosts));
  return fleet;
}

std::vector<std::string> NamesOf(const Selection& selection) {
  const auto chosen = SelectFrom(Fleet(), selection);
  EXPECT_TRUE(chosen.ok()) << chosen.status();
  std::vector<std::string> names;
  if (!chosen.ok()) return names;
  for (int index : *chosen) names.emplace_back(Fleet()[index].name);
  return names;
}

TEST(Selection, WithoutAnythingIsEveryHostInItsOrder) {
  EXPECT_THAT(NamesOf({}), ElementsAre("web1", "db1", "web2", "db2", "web3", "lb1"));
}

TEST(Selection, AHostThatMatchesAnyGlobIsIn) {
  EXPECT_THAT(NamesOf({.on = {"db*", "lb1"}}), ElementsAre("db1", "db2", "lb1"));
  EXPECT_THAT(NamesOf({.on = {"{web,db}2"}}), ElementsAre("web2", "db2"));
  EXPECT_THAT(NamesOf({.on = {"nothing"}}), IsEmpty());
}

TEST(Selection, AHostMustHaveAllTags) {
  EXPECT_THAT(NamesOf({.tagged = {"prod"}}), ElementsAre("web1", "db1", "web2", "db2"));
  EXPECT_THAT(NamesOf({.tagged = {"prod", "web"}}), ElementsAre("web1", "web2"));
  EXPECT_THAT(NamesOf({.on = {"*1"}, .tagged = {"web"}}), ElementsAre("web1"));
}

TEST(Selection, OrderingByTagsIsStableAndPutsTheOthersLast) {
  EXPECT_THAT(NamesOf({.order_by_tags = {"master", "slave"}}),
              ElementsAre("db2", "db1", "web1", "web2", "web3", "lb1"));
  EXPECT_THAT(NamesOf({.order_by_tags = {"web", "prod"}}),
              ElementsAre("web1", "web2", "web3", "db1", "db2", "lb1"));
}

TEST(Selection, SkipComesBeforeEveryBeforeLimit) {
  struct Case {
    int skip, every, limit;
    std::vector<std::string> names;
  };
  const Case cases[] = {
      {1, 0, 0, {"db1", "web2", "db2", "web3", "lb1"}},
      {0, 2, 0, {"web1", "web2", "web3"}},
      {0, 1, 0, {"web1", "db1", "web2", "db2", "web3", "lb1"}},
      {0, 0, 2, {"web1", "db1"}},
      {1, 2, 0, {"db1", "db2", "lb1"}},
      {1, 2, 2, {"db1", "db2"}},
      {0, 2, 2, {"web1", "web2"}},
      {2, 3, 9, {"web2", "lb1"}},
      {6, 1, 1, {}},
      {99, 0, 0, {}},
      {0, 99, 0, {"web1"}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(NamesOf({.skip = c.skip, .every = c.every, .limit = c.limit}), c.names)
        << "--skip " << c.skip << " --every " << c.every << " --limit " << c.limit;
  }
}

TEST(Selection, TagsAreFilteredAndOrderedBeforeAnythingIsSkipped) {
  EXPECT_THAT(NamesOf({.tagged = {"prod"},
                       .order_by_tags = {"master", "slave"},
                       .skip = 1,
                       .every = 2,
                       .limit = 2}),
              ElementsAre("db1", "web2"));
}

TEST(Selection, WhatCannotBeMeantIsRefused) {
  struct Case {
    Selection selection;
    const char* says;
  };
  const Case cases[] = {
      {{.on = {"web["}}, "web["},
      {{.tagged = {"a", ""}}, "--tagged"},
      {{.order_by_tags = {""}}, "--order-by-tags"},
      {{.skip = -1}, "--skip"},
      {{.every = -2}, "--every"},
      {{.limit = -3}, "--limit"},
  };
  for (const Case& c : cases) {
    const absl::Status status = CheckSelection(c.selection);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.says;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
    EXPECT_EQ(SelectFrom(Fleet(), c.selection).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(Selection, AllGlobsTogetherMakeABoundedNumberOfAlternatives) {
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back(absl::StrCat("web", i));
  EXPECT_TRUE(CheckSelection({.on = names}).ok());
  names.push_back("db1");
  EXPECT_THAT(std::string(CheckSelection({.on = names}).message()),
              HasSubstr("the glob \"db1\" makes more alternatives than the 0"));
  std::string many;
  for (int i = 0; i < 12; ++i) many += "{a,b}";
  EXPECT_EQ(CheckSelection({.on = std::vector<std::string>(2000, many)}).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Selection, EndsSoonAfterItsCallerHasGone) {
  const std::vector<Host> hosts(1000, Host{"web1", {}});
  int looks = 0;
  const auto chosen = SelectFrom(Views(hosts), {.on = {"web*"}}, [&] { return ++looks == 3; });
  EXPECT_EQ(chosen.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(looks, 3);
}

TEST(Selection, KnowsWhetherItMeansTheWholeFleet) {
  EXPECT_TRUE(SelectsEverything({}));
  EXPECT_TRUE(SelectsEverything({.order_by_tags = {"web"}, .every = 1}));
  EXPECT_FALSE(SelectsEverything({.on = {"*"}}));
  EXPECT_FALSE(SelectsEverything({.limit = 1}));
}

TEST(Selection, AHundredThousandHostsAreChosenInTime) {
  std::vector<Host> hosts;
  for (int i = 0; i < 100'000; ++i) {
    hosts.push_back(
        {absl::StrCat("web", i), {i % 2 ? "prod" : "test", absl::StrCat("rack", i % 50)}});
  }
  const auto chosen = SelectFrom(Views(hosts), {.on = {"web*[05]"},
                                                .tagged = {"prod"},
                                                .order_by_tags = {"rack7", "rack5"},
                                                .skip = 1,
                                                .every = 3,
                                                .limit = 1000});
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(chosen->size(), 1000u);
  EXPECT_EQ(hosts[chosen->front()].name, "web55");
}

}  // namespace
}  // namespace gitops
