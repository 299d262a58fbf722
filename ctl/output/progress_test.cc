#include "ctl/output/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <sstream>

#include "common/testing/eventually.h"

namespace gitops::ctl {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

v1::WatchDeploymentResponse Host(v1::HostDeploymentState state, bool initial_done) {
  v1::WatchDeploymentResponse update;
  update.mutable_host()->set_host("web1");
  update.mutable_host()->set_wave(1);
  update.mutable_host()->set_state(state);
  update.set_initial_done(initial_done);
  return update;
}

TEST(ProgressTest, TreeEndsWithTheLastState) {
  std::ostringstream out;
  {
    const auto tree = MakeLiveTree([] { return TerminalSize{24, 80}; }, false, out);
    tree->Update(Host(v1::HOST_DEPLOYMENT_STATE_PENDING, true));
    for (int i = 0; i < 1000; ++i) {
      tree->Update(Host(v1::HOST_DEPLOYMENT_STATE_RUNNING, false));
    }
    tree->Update(Host(v1::HOST_DEPLOYMENT_STATE_SUCCEEDED, false));
  }
  EXPECT_THAT(out.str(), EndsWith("└─ wave 1\n   └─ web1  SUCCEEDED\n"));
  // Drawn at most some times a second, in place.
  EXPECT_LT(out.str().size(), 20'000u);
}

TEST(ProgressTest, TreeIsNotDrawnBeforeAllHostsAreKnown) {
  std::ostringstream out;
  {
    const auto tree = MakeLiveTree([] { return TerminalSize{24, 80}; }, false, out);
    tree->Update(Host(v1::HOST_DEPLOYMENT_STATE_PENDING, false));
  }
  EXPECT_EQ(out.str(), "");
}

TEST(ProgressTest, TreeIsDrawnAnewForATerminalThatWasResizedAlthoughNothingElseChanged) {
  std::atomic<int> columns = 80;
  std::atomic<int> asked = 0;
  std::ostringstream out;
  {
    const auto tree = MakeLiveTree(
        [&] {
          ++asked;
          return TerminalSize{24, columns};
        },
        false, out);
    tree->Update(Host(v1::HOST_DEPLOYMENT_STATE_RUNNING, true));
    EXPECT_TRUE(Eventually([&] { return asked >= 1; })) << "it was not drawn";
    columns = 10;
    // One look finds the new size, the next is for drawing, the one after that finds no news.
    const int before = asked;
    EXPECT_TRUE(Eventually([&] { return asked >= before + 3; }));
  }
  // The first line had 38 columns, the last 19: 4, 1 and 2 rows of the narrow terminal.
  EXPECT_THAT(out.str(), EndsWith("\x1b[7A\x1b[Jdeploymen…\n└─ wave 1\n   └─ web…\n"));
}

TEST(ProgressTest, LinesAndNotesGoTheirWays) {
  std::ostringstream out;
  std::ostringstream notes;
  const auto lines = MakeProgressLines(out, notes);
  lines->Update(Host(v1::HOST_DEPLOYMENT_STATE_SUCCEEDED, true));
  lines->Note("away");
  EXPECT_THAT(out.str(),
              testing::MatchesRegex("....-..-..T..:..:..Z web1: SUCCEEDED\n"
                                    "....-..-..T..:..:..Z wave 1: done .1 of 1 host.\n"));
  EXPECT_EQ(notes.str(), "away\n");
}

}  // namespace
}  // namespace gitops::ctl
