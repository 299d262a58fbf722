#include "common/crash/crash_point.h"

#include <signal.h>
#include <stdlib.h>

#include "gtest/gtest.h"

namespace gitops {
namespace {

// Each death test's statement runs in a child, which reads the variable for itself.
void CrashAt(const char* value) { setenv("GITOPS_CRASH_AT", value, 1); }

using ::testing::ExitedWithCode;
using ::testing::KilledBySignal;

TEST(CrashPointDeathTest, TheNamedPointKills) {
  EXPECT_EXIT(
      {
        CrashAt("after-fetch");
        CrashPoint("after-fetch");
        _exit(0);
      },
      KilledBySignal(SIGKILL), "");
}

TEST(CrashPointDeathTest, OtherPointsDoNothing) {
  EXPECT_EXIT(
      {
        CrashAt("after-fetch");
        CrashPoint("after");
        CrashPoint("after-fetch-all");
        CrashPoint("");
        _exit(7);
      },
      ExitedWithCode(7), "");
}

TEST(CrashPointDeathTest, WithoutTheVariableNothingKills) {
  EXPECT_EXIT(
      {
        unsetenv("GITOPS_CRASH_AT");
        CrashPoint("after-fetch");
        CrashPoint("");
        _exit(7);
      },
      ExitedWithCode(7), "");
}

TEST(CrashPointDeathTest, ANumberLetsTheEarlierPassesLive) {
  EXPECT_EXIT(
      {
        CrashAt("after-fetch:3");
        CrashPoint("after-fetch");
        CrashPoint("after-fetch");
        _exit(7);
      },
      ExitedWithCode(7), "");
  EXPECT_EXIT(
      {
        CrashAt("after-fetch:3");
        CrashPoint("after-fetch");
        CrashPoint("other");
        CrashPoint("after-fetch");
        CrashPoint("after-fetch");
        _exit(7);
      },
      KilledBySignal(SIGKILL), "");
}

TEST(CrashPointDeathTest, AValueThatCannotBeMeantEndsTheTest) {
  for (const char* const value : {"after-fetch:", "after-fetch:x", "after-fetch:0", ":1"}) {
    EXPECT_EXIT(
        {
          CrashAt(value);
          CrashPoint("after-fetch");
          _exit(0);
        },
        KilledBySignal(SIGABRT), "must be NAME or NAME:N")
        << value;
  }
}

}  // namespace
}  // namespace gitops
