#include "agent/controller/drift_scans.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace gitops {
namespace {

using Kind = DriftEntry::Kind;
using Entries = std::vector<DriftEntry>;

const Entries kError = {{Kind::kNotCompared, "/etc/a", "opening it: Too many open files"}};

TEST(DriftScansTest, TrackedFilesThatDifferAreDriftAndUntrackedOnesAreNot) {
  DriftScans scans;
  EXPECT_EQ(scans.Judge(Entries{{Kind::kUntracked, "/etc/own", ""}})->drift, "");
  const auto found = scans.Judge(Entries{{Kind::kModified, "/etc/a", "content"},
                                         {Kind::kUnreadable, "/etc/b", "opening it: no"},
                                         {Kind::kDeleted, "/etc/c", ""},
                                         {Kind::kDeleted, "/etc/d", ""},
                                         {Kind::kUntracked, "/etc/own", ""}});
  EXPECT_EQ(found->drift,
            "changed on this host: /etc/a, /etc/b (unreadable: opening it: no), /etc/c and 1 more");
  EXPECT_TRUE(found->correct);
}

TEST(DriftScansTest, ErrorsOfTheHostAreToldAfterThreeScansInARowAndCorrectNothing) {
  DriftScans scans;
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(scans.Judge(kError).has_value());
    EXPECT_FALSE(scans.Judge(absl::InternalError("cannot read the manifest")).has_value());
    const auto told = scans.Judge(kError);
    ASSERT_TRUE(told.has_value());
    EXPECT_FALSE(told->correct);
    EXPECT_EQ(told->drift,
              "not everything could be compared with the revision: /etc/a: opening it: Too many "
              "open files");
    const auto over = scans.Judge(Entries());
    ASSERT_TRUE(over.has_value());
    EXPECT_EQ(over->drift, "");
  }
}

TEST(DriftScansTest, FilesThatAreNotCarriedOverAreToldAtOnceAndCorrectNothing) {
  DriftScans scans;
  const auto told = scans.Judge(Entries{{Kind::kNotCarriedOver, "/etc/a", "input/output error"}});
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->drift,
            "files that the service wrote during the publication are missing until they can be "
            "carried over, which is tried again: input/output error");
  EXPECT_FALSE(told->correct);
  EXPECT_EQ(scans.Judge(Entries())->drift, "");
}

TEST(DriftScansTest, ALongPathIsCutInTheInfo) {
  DriftScans scans;
  const auto found = scans.Judge(Entries{{Kind::kModified, "/" + std::string(4000, 'x'), ""}});
  EXPECT_LT(found->drift.size(), 400u);
}

TEST(DriftScansTest, DriftBesideAnErrorIsToldAtOnce) {
  DriftScans scans;
  Entries both = kError;
  both.push_back({Kind::kModified, "/etc/b", "content"});
  const auto found = scans.Judge(both);
  EXPECT_EQ(found->drift, "changed on this host: /etc/b");
  EXPECT_TRUE(found->correct);
}

TEST(DriftScansTest, AnIncompleteScanDoesNotClearWhatIsKnown) {
  DriftScans scans;
  EXPECT_TRUE(scans.Judge(Entries{{Kind::kModified, "/etc/b", ""}})->correct);
  EXPECT_FALSE(scans.Judge(kError).has_value());
}

}  // namespace
}  // namespace gitops
