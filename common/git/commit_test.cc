#include "common/git/commit.h"

#include <string>

#include "common/text/utf8.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

constexpr char kHash[] = "0123456789012345678901234567890123456789";

CommitInfo Parsed(const std::string& content) { return ParseCommit(kHash, content); }

TEST(CommitTest, HasSubjectAuthorAndTheTimeOfTheCommit) {
  const CommitInfo commit = Parsed(
      "tree 1\nparent 2\nauthor Ann Example <ann@example.org> 100 +0200\n"
      "committer Bob <bob@example.org> 1700000000 -0100\n"
      "gpgsig -----BEGIN\n author not this one <> 1 +0000\n\n"
      "  Take more workers \n\nBecause.\n");
  EXPECT_EQ(commit.hash, kHash);
  EXPECT_EQ(commit.subject, "Take more workers");
  EXPECT_EQ(commit.author, "Ann Example");
  EXPECT_EQ(commit.time, absl::FromUnixSeconds(1700000000));
}

TEST(CommitTest, BytesThatAreNoTextAreEscaped) {
  const CommitInfo commit = Parsed(
      "tree 1\nauthor J\xf6rg <j@example.org> 1 +0000\nencoding ISO-8859-1\n\n"
      "red \x1b[31m caf\xc3\xa9\n");
  EXPECT_EQ(commit.author, "J\\xf6rg");
  EXPECT_EQ(commit.subject, "red \\x1b[31m caf\xc3\xa9");
}

TEST(CommitTest, LongTextsAreCutBetweenCharactersAndEscapes) {
  std::string euros, controls = "a";
  for (int i = 0; i < 300; ++i) {
    euros += "\xe2\x82\xac";
    controls += '\x01';
  }
  const CommitInfo commit = Parsed("tree 1\nauthor " + euros + " <> 1 +0000\n\n" + controls);
  EXPECT_EQ(commit.author.size(), 99u);
  EXPECT_TRUE(IsValidUtf8(commit.author));
  EXPECT_EQ(commit.subject.size(), 197u);
  EXPECT_EQ(commit.subject.substr(193), "\\x01");
}

TEST(CommitTest, WhatIsMissingOrImpossibleStaysEmpty) {
  EXPECT_EQ(Parsed("").hash, kHash);
  EXPECT_EQ(Parsed("tree 1\n").subject, "");
  EXPECT_EQ(Parsed("tree 1\n\n\n \nlate").subject, "late");
  EXPECT_EQ(Parsed("tree 1\nauthor\ncommitter Bob\n\nx").time, absl::InfinitePast());
  EXPECT_EQ(Parsed("tree 1\ncommitter B <> 99999999999999 +0000\n\nx").time, absl::InfinitePast());
  EXPECT_EQ(Parsed("tree 1\ncommitter B <> -5 +0000\n\nx").time, absl::InfinitePast());
}

}  // namespace
}  // namespace gitops
