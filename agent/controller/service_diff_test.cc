#include "agent/controller/service_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = DriftEntry::Kind;

constexpr uint32_t kFile = 0100644, kExecutable = 0100755;

// Says of each pair what it is.
absl::StatusOr<std::vector<TextDiff>> Describe(const std::vector<TextPair>& pairs, size_t,
                                               std::stop_token) {
  std::vector<TextDiff> diffs;
  for (const auto& [before, after] : pairs) {
    diffs.push_back({.hunks = absl::StrCat("@@ ", before, " -> ", after, "\n"),
                     .added = after.empty() ? 0 : 1,
                     .removed = before.empty() ? 0 : 1});
  }
  return diffs;
}

absl::StatusOr<std::map<std::string, std::string>> Known(const std::set<std::string>& ids) {
  std::map<std::string, std::string> contents;
  for (const std::string& id : ids) {
    if (!absl::StartsWith(id, "large")) contents[id] = "text of " + id;
  }
  if (ids.contains("binary")) contents["binary"] = std::string("a\0b", 3);
  return contents;
}

std::vector<DriftEntry> Told(std::vector<ComparedFile> files, const DiffWish& wish) {
  return WithDiffs(std::move(files), wish, Describe, Known);
}

std::vector<std::string> Shown(const std::vector<ComparedFile>& files) {
  std::vector<std::string> shown;
  for (const ComparedFile& file : files) {
    const Kind kind = file.entry.kind;
    const char* const sign = kind == Kind::kAdded ? "+" : kind == Kind::kDeleted ? "-" : "~";
    shown.push_back(absl::StrCat(sign, file.entry.path, " ", file.entry.detail));
  }
  return shown;
}

TEST(CompareFilesTest, NamesWhatAMoveWouldChangeWhereItIsOnTheHost) {
  const std::vector<DirectorySpec> directories = {{.local = "/etc/s", .link = "etc"},
                                                  {.local = "/srv/d", .link = "etc/deep"},
                                                  {.link = "docs"}};
  const std::vector<Source::File> before = {{"docs/a", kFile, "1"},     {"etc/a", kFile, "1"},
                                            {"etc/deep/b", kFile, "2"}, {"etc/gone", kFile, "3"},
                                            {"etc/run", kFile, "4"},    {"etc/same", kFile, "5"}};
  const std::vector<Source::File> after = {
      {"docs/a", kFile, "2"},     {"etc/a", kFile, "9"},         {"etc/deep/b", kFile, "8"},
      {"etc/n\xe9w", kFile, "7"}, {"etc/run", kExecutable, "4"}, {"etc/same", kFile, "5"}};
  EXPECT_THAT(Shown(CompareFiles(directories, before, after)),
              ElementsAre("~/etc/s/a content", "-/etc/s/gone ", "+/etc/s/n\\xe9w ",
                          "~/etc/s/run mode 100755 instead of 100644", "~/srv/d/b content",
                          "~docs/a content"));
  EXPECT_THAT(CompareFiles(directories, before, before), IsEmpty());
}

ComparedFile Changed(const std::string& path, const std::string& from, const std::string& to) {
  return {.entry = {.kind = Kind::kModified, .path = path, .detail = "content"},
          .before_id = from,
          .after_id = to};
}

TEST(WithDiffsTest, ContentIsShownOnlyOnWish) {
  const auto names = Told({Changed("/a", "1", "2")}, {});
  EXPECT_EQ(names[0].detail, "content");
  EXPECT_EQ(names[0].added_lines, 1);
  EXPECT_EQ(names[0].removed_lines, 1);
  EXPECT_EQ(Told({Changed("/a", "1", "2")}, {.content = true})[0].detail,
            "--- a/a\n+++ b/a\n@@ text of 1 -> text of 2\n");
}

TEST(WithDiffsTest, OfSecretsBinariesAndLargeFilesNothingIsShown) {
  const auto told = Told({Changed("/secret", "1", "2"), Changed("/binary", "binary", "2"),
                          Changed("/large", "1", "large")},
                         {.content = true, .secrets = {"/secret"}});
  for (const DriftEntry& entry : told) {
    EXPECT_EQ(entry.detail, "content") << entry.path;
    EXPECT_EQ(entry.added_lines, 0) << entry.path;
  }
}

TEST(WithDiffsTest, ControlCharactersAreEscaped) {
  ComparedFile file = Changed("/a", "1", "");
  file.read = true;
  file.after_text = "\x1b[31m";
  EXPECT_THAT(Told({file}, {.content = true})[0].detail, HasSubstr("text of 1 -> \\x1b[31m"));
}

TEST(WithDiffsTest, AllDiffsTogetherAreLimitedAndTheRestIsStillNamed) {
  std::vector<ComparedFile> files;
  for (int i = 0; i < 100; ++i) {
    ComparedFile file = Changed(absl::StrCat("/", i), "1", "");
    file.read = true;
    file.after_text = std::string(50'000, 'x');
    files.push_back(std::move(file));
  }
  const auto told = Told(std::move(files), {.content = true});
  size_t bytes = 0;
  for (const DriftEntry& entry : told) bytes += entry.detail.size();
  EXPECT_LE(bytes, size_t{2 << 20});
  EXPECT_THAT(told.back().detail, HasSubstr("left out"));
  EXPECT_EQ(told.back().added_lines, 1);
}

TEST(WithDiffsTest, WhyThereAreNoDiffsIsTold) {
  const auto failing = [](const std::set<std::string>&) {
    return absl::UnavailableError("no route");
  };
  const auto told = WithDiffs({Changed("/a", "1", "2")}, {.content = true}, Describe, failing);
  EXPECT_EQ(told[0].detail, "content; no diffs: no route");
  const auto names = WithDiffs({Changed("/a", "1", "2")}, {}, Describe, failing);
  EXPECT_THAT(names[0].detail, Not(HasSubstr("no route")));
}

}  // namespace
}  // namespace gitops
