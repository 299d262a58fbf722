#include "agent/publish/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Layout, OuterComesBeforeInnerAndTheNearestOuterCounts) {
  const std::vector<Place> places =
      OrderPlaces({{"/a/b/c", "three", true}, {"/a/b", "two"}, {"/a-b", "beside"}, {"/a", "."}});
  ASSERT_EQ(places.size(), 4u);
  EXPECT_EQ(places[0].spec.local, "/a");
  EXPECT_THAT(places[0].inner, ElementsAre("b"));
  EXPECT_EQ(places[0].PathIn("r"), "r");
  EXPECT_FALSE(places[1].outer);
  EXPECT_EQ(places[2].outer, 0u);
  EXPECT_EQ(places[3].outer, 2u);
  EXPECT_EQ(places[3].path_in_outer, "c");
  EXPECT_EQ(places[3].PathIn("r"), "r/three");
}

TEST(Layout, AnEntryThatIsPublishedNowhereHasNoPlace) {
  const std::vector<Place> places = OrderPlaces({{"", "watched"}, {"/a", "one"}, {"", "too"}});
  ASSERT_EQ(places.size(), 1u);
  EXPECT_EQ(places[0].spec.local, "/a");
  EXPECT_FALSE(places[0].outer);
  EXPECT_THAT(OrderPlaces({{"", "watched"}}), IsEmpty());
}

TEST(Layout, BySymlinksAnInnerPlaceTakesThePlaceOfWhatTheRepositoryHasThere) {
  const auto symlinked = [](std::vector<DirectorySpec> directories) {
    ServiceSpec service;
    service.directories = std::move(directories);
    return SymlinkedPlaces(service);
  };
  EXPECT_THAT(symlinked({{"/x/conf.d", "inner"}, {"/x", "outer"}}), ElementsAre("outer/conf.d"));
  EXPECT_THAT(symlinked({{"/x", "outer"}, {"/x/a/b", "inner"}, {"/x/a/b/c", "third"}}),
              ElementsAre("outer/a/b", "inner/c"));
  EXPECT_THAT(symlinked({{"/x", "."}, {"/x/a/b", "inner"}}), ElementsAre("a/b"));
  EXPECT_THAT(symlinked({{"/x", "outer"}, {"/y", "inner"}}), IsEmpty());
  EXPECT_THAT(symlinked({{"/x", "outer"}, {"/x/conf.d", "outer/conf.d"}}), IsEmpty())
      << "both show the same files";
  EXPECT_THAT(symlinked({{"/x", "outer"}, {"/x/conf.d", "inner"}, {"/y", "outer"}}), IsEmpty())
      << "another place shows what is there";
  EXPECT_THAT(symlinked({{"/x", "outer"}, {"/x/conf.d", "outer/conf.d/more"}}), IsEmpty());
}

TEST(Layout, PathBelowKnowsWholeNamesOnly) {
  EXPECT_EQ(PathBelow("a/b", "a"), "b");
  EXPECT_EQ(PathBelow("a", "a"), "");
  EXPECT_EQ(PathBelow("a/b", "."), "a/b");
  EXPECT_EQ(PathBelow("/x", "/"), "x");
  EXPECT_EQ(PathBelow("ab", "a"), std::nullopt);
  EXPECT_EQ(PathBelow("b", "a"), std::nullopt);
}

TEST(Layout, NamesThatAreNotUtf8AreEscapedAndWhatIsNotListedIsCounted) {
  using Kind = TreeDifference::Kind;
  const std::vector<Place> places = OrderPlaces({{"/etc/s", "etc"}, {"/srv/copy", "etc"}});
  const std::vector<TreeDifference> differences = {
      {Kind::kUntracked, "", "at least", 7},
      {Kind::kUnreadable, "etc/caf\xE9", "opening it: Permission denied"},
      {Kind::kNotCompared, "etc/back\\slash", "opening it: Too many open files"}};
  const std::vector<DriftEntry> expected = {
      {DriftEntry::Kind::kUntracked, "/etc/s", "at least", 7},
      {DriftEntry::Kind::kNotCompared, "/etc/s/back\\\\slash", "opening it: Too many open files"},
      {DriftEntry::Kind::kUnreadable, "/etc/s/caf\\xe9", "opening it: Permission denied"},
  };
  EXPECT_EQ(DriftOnHost(differences, places, {true, false}), expected);
}

TEST(Layout, DriftIsToldWhereItIsSeenOnTheHost) {
  using Kind = TreeDifference::Kind;
  const std::vector<TreeDifference> differences = {{Kind::kUntracked, "etc/conf.d/made", ""},
                                                   {Kind::kModified, "etc/main", "content"},
                                                   {Kind::kDeleted, "inner/f", ""},
                                                   {Kind::kModified, "elsewhere", ""},
                                                   {Kind::kModified, "one", "content"}};
  const std::vector<Place> places = OrderPlaces({{"/etc/s", "etc"},
                                                 {"/etc/s/conf.d", "inner"},
                                                 {"/etc/one", "one", true},
                                                 {"/srv/copy", "etc"}});
  const std::vector<DriftEntry> expected = {
      {DriftEntry::Kind::kModified, "/etc/one", "content", 0, "one"},
      {DriftEntry::Kind::kDeleted, "/etc/s/conf.d/f", "", 0, "inner/f"},
      {DriftEntry::Kind::kModified, "/etc/s/main", "content", 0, "etc/main"},
      {DriftEntry::Kind::kUntracked, "/srv/copy/conf.d/made", ""},
      {DriftEntry::Kind::kModified, "/srv/copy/main", "content", 0, "etc/main"},
  };
  EXPECT_EQ(DriftOnHost(differences, places, {true, true, true, true}), expected);
  EXPECT_THAT(DriftOnHost(differences, places, {false, false, false, false}), IsEmpty());
}

}  // namespace
}  // namespace gitops
