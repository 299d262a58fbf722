#include "common/log/log.h"

#include <string>
#include <thread>
#include <vector>

#include "common/log/secret.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override { ConfigureLog("text", "info").IgnoreError(); }

  // What `log` wrote to standard error.
  template <typename F>
  std::string Captured(F log) {
    ::testing::internal::CaptureStderr();
    log();
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, WritesLinesOfTextUnlessTold) {
  EXPECT_THAT(Captured([] {
                LogInfo("started", {{"port", "80"}, {"why", "a b"}});
              }),
              MatchesRegex("20[0-9-]+T[0-9:]+\\.[0-9][0-9][0-9]Z INFO started port=80 "
                           "why=\"a b\"\n"));
}

TEST_F(LogTest, JsonIsOneObjectALine) {
  ASSERT_TRUE(ConfigureLog("json", "info").ok());
  EXPECT_THAT(Captured([] {
                LogError("{} failed %s", {{"at", "two\nlines"}});
              }),
              MatchesRegex("\\{\"time\":\"[^\"]+\",\"level\":\"error\","
                           "\"message\":\"\\{\\} failed %s\",\"at\":\"two\\\\nlines\"\\}\n"));
}

TEST_F(LogTest, OnlyTheLevelAndAboveAreWritten) {
  const auto all = [] {
    LogDebug("one");
    LogInfo("two");
    LogWarning("three");
    LogError("four");
  };
  ASSERT_TRUE(ConfigureLog("text", "warning").ok());
  const std::string few = Captured(all);
  EXPECT_THAT(few, Not(HasSubstr("two")));
  EXPECT_THAT(few, HasSubstr("WARNING three"));
  EXPECT_THAT(few, HasSubstr("ERROR four"));
  ASSERT_TRUE(ConfigureLog("text", "debug").ok());
  EXPECT_THAT(Captured(all), HasSubstr("DEBUG one"));
}

TEST_F(LogTest, ABadSettingIsNamedAndChangesNothing) {
  ASSERT_TRUE(ConfigureLog("text", "error").ok());
  const absl::Status format = ConfigureLog("xml", "debug");
  EXPECT_EQ(format.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(format.message(), HasSubstr("\"xml\"; it must be text or json"));
  const absl::Status level = ConfigureLog("json", "loud");
  EXPECT_EQ(level.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(level.message(), HasSubstr("\"loud\"; it must be debug, info, warning or error"));
  EXPECT_EQ(Captured([] { LogWarning("quiet"); }), "");
  EXPECT_THAT(Captured([] { LogError("loud"); }), HasSubstr("ERROR loud\n"));
}

TEST_F(LogTest, LinesOfManyThreadsDoNotMix) {
  const std::string lines = Captured([] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([i] {
        for (int n = 0; n < 50; ++n) {
          if (n % 10 == 0) ConfigureLog("text", "info").IgnoreError();
          LogInfo("line", {{"text", std::string(200, static_cast<char>('a' + i))}});
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  int count = 0;
  for (size_t at = 0, end; (end = lines.find('\n', at)) != std::string::npos; at = end + 1) {
    EXPECT_THAT(lines.substr(at, end - at), MatchesRegex("[^ ]+ INFO line text=[a-d]+"));
    EXPECT_EQ(lines.find_first_not_of(lines[end - 1], end - 200), end);
    ++count;
  }
  EXPECT_EQ(count, 200);
}

TEST_F(LogTest, TheNewestLinesAreKept) {
  const std::string written = Captured([] {
    LogInfo("the last but one");
    LogInfo("the last", {{"port", "80"}});
    LogDebug("not logged");
  });
  const std::vector<std::string> kept = RecentLogLines();
  ASSERT_GE(kept.size(), 2u);
  EXPECT_EQ(kept[kept.size() - 2] + "\n" + kept.back() + "\n", written);
}

TEST_F(LogTest, ASecretIsInNoLine) {
  const Secret token("hunter2");
  const std::string lines = Captured([&] {
    LogInfo("has a token", {{"set", token.empty() ? "no" : "yes"}});
  });
  EXPECT_THAT(lines, HasSubstr("set=yes"));
  EXPECT_THAT(lines, Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace gitops
