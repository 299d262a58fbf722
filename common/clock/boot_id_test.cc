#include "common/clock/boot_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

TEST(BootIdTest, IsTheKernelsAndTheStartOfTheFirstProcess) {
  const auto boot_id = ReadBootId();
  ASSERT_TRUE(boot_id.ok()) << boot_id.status();
  EXPECT_THAT(*boot_id, MatchesRegex("[0-9a-f-]+\\.[0-9]+"));
  EXPECT_EQ(*ReadBootId(), *boot_id);
  EXPECT_THAT(*boot_id, StartsWith(*ReadKernelBootId() + "."));
}

TEST(BootIdTest, OfAnotherFileIsItsContent) {
  TemporaryDirectory directory;
  directory.Write("boot", "first\n");
  EXPECT_EQ(*ReadBootId(directory / "boot"), "first");
}

TEST(BootIdTest, AFileThatIsMissingOrEmptyIsUnavailableAndNamed) {
  TemporaryDirectory directory;
  directory.Write("empty", "\n");
  for (const std::string name : {"empty", "missing"}) {
    const absl::Status status = ReadBootId(directory / name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr(directory / name));
  }
}

TEST(BootIdTest, TheStartTimeIsFoundBehindAnyProgramName) {
  const std::string rest = "S 0 1 1 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 4711 23";
  EXPECT_EQ(StartTimeOf("1 (systemd) " + rest), "4711");
  EXPECT_EQ(StartTimeOf("1 (a) b) (c) " + rest), "4711");
  EXPECT_EQ(StartTimeOf("1 (systemd) S 0 1"), "");
  EXPECT_EQ(StartTimeOf(""), "");
}

}  // namespace
}  // namespace gitops
