#include <string>

#include "common/path/beneath.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using namespace std::string_literals;

TEST(CheckPlainRelativePathTest, PlainPathsPass) {
  const std::string paths[] = {
      "a",
      "etc/bind/named.conf",
      ".gitignore",
      ".gitattributes",
      ".github/workflows/x.yml",
      "x.git",
      "git",
      "git~2",
      "...",
      "a b",
      "a-",
      "a..b",
      "dev-disk-by\\x2duuid.swap",
      "gr\xc3\xbc\xc3\x9f"
      "e",
      "name@1:2",
      std::string(255, 'n'),
      "d/" + std::string(255, 'n'),
  };
  for (const std::string& path : paths) EXPECT_EQ(CheckPlainRelativePath(path), absl::OkStatus());
}

struct Case {
  std::string path;
  std::string says;
};

TEST(CheckPlainRelativePathTest, OthersAreRefusedWithTheReason) {
  const Case cases[] = {
      {"", "the path is empty"},
      {"/", "\"\" is empty"},
      {"/etc/passwd", "\"\" is empty"},
      {"a//b", "\"\" is empty"},
      {"a/", "\"\" is empty"},
      {".", "\".\" is not a name"},
      {"a/./b", "\".\" is not a name"},
      {"..", "\"..\" is not a name"},
      {"a/../b", "\"..\" is not a name"},
      {"a/..", "\"..\" is not a name"},
      {"-rf", "\"-rf\" starts with '-'"},
      {"a/--upload-pack=x/b", "\"--upload-pack=x\" starts with '-'"},
      {"a\nb", "\"a\\x0ab\" contains a NUL or another control"},
      {"a\rb", "control"},
      {"a\x1b[2Jb", "control"},
      {"a\x7f", "control"},
      {"a\0b"s, "control"},
      {"a\xc2\x9b"
       "31m",
       "control"},
      {std::string(256, 'n'), "is longer than 255 bytes"},
  };
  for (const Case& c : cases) {
    const absl::Status status = CheckPlainRelativePath(c.path);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.path;
    EXPECT_THAT(status.message(), HasSubstr(c.says));
  }
}

TEST(CheckPlainRelativePathTest, EverySpellingOfDotGitIsRefused) {
  const std::string names[] = {
      ".git",
      ".GIT",
      ".Git",
      ".git.",
      ".git ",
      ".git. . ..",
      "git~1",
      "GIT~1",
      "git~1 .",
      ".git::$INDEX_ALLOCATION",
      ".GIT::$index_allocation",
      ".git:stream",
      ".git .:stream",
      "git~1:x",
      ".git\\hooks",
      "a\\.git",
      "a\\git~1\\b",
      "\\.git\\",
      ".g\xE2\x80\x8C"
      "it",
      "\xEF\xBB\xBF.git",
      ".git\xE2\x81\xAF",
      ".G\xE2\x80\xAEI\xE2\x80\x8DT",
      ".g\xE2\x80\x8C"
      "it .::$DATA",
  };
  for (const std::string& name : names) {
    for (const std::string& path : {name, "sub/" + name, name + "/hooks/post-checkout"}) {
      const absl::Status status = CheckPlainRelativePath(path);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << path;
      EXPECT_THAT(status.message(), HasSubstr("is a spelling of .git"));
    }
  }
}

TEST(CheckPlainRelativePathTest, APathMayBeAsLongAsTheKernelTakes) {
  std::string path = "a";
  while (path.size() < 4094) path += "/a";
  ASSERT_EQ(path.size(), 4095u);
  EXPECT_EQ(CheckPlainRelativePath(path), absl::OkStatus());
  const absl::Status status = CheckPlainRelativePath(path + "a");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_LT(status.message().size(), 200u);
}

TEST(CheckPlainRelativePathTest, TheMessageIsPrintable) {
  const absl::Status status = CheckPlainRelativePath("x/\x1b]0;owned\x07");
  EXPECT_EQ(status.message().find('\x1b'), absl::string_view::npos);
  EXPECT_EQ(status.message().find('\x07'), absl::string_view::npos);
}

}  // namespace
}  // namespace gitops
