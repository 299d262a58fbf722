#include "common/path/trusted_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using testing::HasSubstr;

absl::StatusCode CodeOf(const std::string& path) {
  return OpenTrustedDirectory(path).status().code();
}

TEST(TrustedDirectory, MissingOnesAreMadeOnlyWhenAsked) {
  const TemporaryDirectory dir;
  EXPECT_EQ(CodeOf(dir / "a/b"), absl::StatusCode::kNotFound);
  auto made = OpenTrustedDirectory(dir / "a/b", {.create = true});
  ASSERT_TRUE(made.ok()) << made.status();
  struct stat stat = {};
  ASSERT_EQ(::fstat(made->fd.get(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 07777, 0755u);
  EXPECT_EQ(stat.st_uid, ::geteuid());
}

TEST(TrustedDirectory, OneThatOthersCanWriteToIsRefusedAndNamedUnlessItIsSticky) {
  const TemporaryDirectory dir;
  std::filesystem::create_directories(dir / "open/below");
  ASSERT_EQ(::chmod((dir / "open").c_str(), 0777), 0);
  const auto refused = OpenTrustedDirectory(dir / "open/below", {.remedy = "choose another"});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(dir / "open can be written to"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("; choose another"));
  ASSERT_EQ(::chmod((dir / "open").c_str(), 01777), 0);
  const auto sticky = OpenTrustedDirectory(dir / "open/below");
  ASSERT_TRUE(sticky.ok()) << sticky.status();
  EXPECT_EQ(sticky->shared, dir / "open");
}

TEST(TrustedDirectory, SomebodyElsesDirectoryOrSymlinkIsRefusedWithItsOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TemporaryDirectory dir;
  std::filesystem::create_directories(dir / "theirs/below");
  std::filesystem::create_directories(dir / "ours");
  std::filesystem::create_symlink("ours", dir / "link");
  EXPECT_EQ(CodeOf(dir / "link"), absl::StatusCode::kOk);
  ASSERT_EQ(::chown((dir / "theirs").c_str(), 54321, 54321), 0);
  ASSERT_EQ(::lchown((dir / "link").c_str(), 54321, 54321), 0);
  for (const char* path : {"theirs/below", "theirs", "link"}) {
    const auto refused = OpenTrustedDirectory(dir / path);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition) << path;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("54321")) << path;
  }
}

TEST(TrustedDirectory, SymlinksOfOursAreFollowedWhereverTheyLead) {
  const TemporaryDirectory dir;
  std::filesystem::create_directories(dir / "a/b");
  std::filesystem::create_symlink("../a", dir / "a/up");
  std::filesystem::create_symlink(dir / "a/up", dir / "absolute");
  std::filesystem::create_symlink("loop", dir / "loop");
  dir.Write("file", "");
  struct stat found = {}, wanted = {};
  auto opened = OpenTrustedDirectory(dir / "absolute/b");
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_EQ(::fstat(opened->fd.get(), &found), 0);
  ASSERT_EQ(::stat((dir / "a/b").c_str(), &wanted), 0);
  EXPECT_EQ(found.st_ino, wanted.st_ino);
  EXPECT_EQ(CodeOf(dir / "loop"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(dir / "file"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf("relative"), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace gitops
