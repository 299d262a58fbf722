#include "gateway/front/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string HashOf(const std::string& token) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(hash), sizeof hash));
}

std::string Row(const std::string& name, const std::string& token, const std::string& more = "") {
  return absl::StrCat("[[tokens]]\nname = \"", name, "\"\nrole = \"operator\"\nsha256 = \"",
                      HashOf(token), "\"\n", more, "\n");
}

TEST(TokensTest, ATokenIsFoundByItsHash) {
  const auto tokens = Tokens::Parse(Row("ci", "secret-1") + Row("web", "secret-2"), "tokens.toml");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  const auto found = tokens->Find("secret-2", kNow);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)->name, "web");
  EXPECT_EQ((*found)->role, Role::kOperator);
  for (const char* wrong : {"secret-3", "", "secret-2 "}) {
    EXPECT_TRUE(absl::IsUnauthenticated(tokens->Find(wrong, kNow).status())) << wrong;
  }
}

TEST(TokensTest, AnExpiredTokenIsRefused) {
  for (const char* time : {"2027-01-15T08:00:00Z", "\"2027-01-15T09:00:00+01:00\""}) {
    const auto tokens = Tokens::Parse(Row("ci", "s", absl::StrCat("expires = ", time)), "t");
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    EXPECT_TRUE(tokens->Find("s", kNow - absl::Seconds(1)).ok());
    const absl::Status expired = tokens->Find("s", kNow).status();
    EXPECT_TRUE(absl::IsUnauthenticated(expired));
    EXPECT_THAT(std::string(expired.message()), HasSubstr("2027-01-15T08:00:00"));
  }
}

TEST(TokensTest, ATokenMayBeLimitedToHosts) {
  const auto tokens =
      Tokens::Parse(Row("web", "1", "on = [\"web*\", \"lb1\"]\ntagged = [\"prod\"]") +
                        Row("prod", "2", "tagged = [\"prod\"]") + Row("all", "3"),
                    "t");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  const HostScope& web = (*tokens->Find("1", kNow))->scope;
  EXPECT_THAT(web.on, ::testing::ElementsAre("web*", "lb1"));
  EXPECT_THAT(web.tagged, ::testing::ElementsAre("prod"));
  EXPECT_FALSE(web.everything());
  EXPECT_FALSE((*tokens->Find("2", kNow))->scope.everything());
  EXPECT_TRUE((*tokens->Find("3", kNow))->scope.everything());
}

TEST(TokensTest, ALimitThatLimitsNothingIsRefused) {
  for (const char* limit : {"on = []", "tagged = []", "on = [\"\"]", "on = \"web1\""}) {
    const auto tokens = Tokens::Parse(Row("ci", "s", limit), "tokens.toml");
    EXPECT_THAT(std::string(tokens.status().message()), HasSubstr("tokens.toml:5")) << limit;
  }
}

TEST(TokensTest, ErrorsNameFileLineAndKeyButNoHash) {
  const std::string hash = HashOf("s");
  const auto tokens =
      Tokens::Parse(absl::StrCat("[[tokens]]\nname = \"a b\"\nrole = \"root\"\nsha256 = \"", hash,
                                 "0\"\nexpires = 2027-01-15\nexpire = 1\n[[tokens]]\n"),
                    "tokens.toml");
  ASSERT_FALSE(tokens.ok());
  const std::string message(tokens.status().message());
  for (const char* part : {"tokens.toml:2", "tokens.toml:3", "\"root\" is not one of viewer",
                           "tokens.toml:4", "64 hex digits", "tokens.toml:5", "tokens.toml:6",
                           "unknown key \"expire\"", "tokens.toml:7", "name: is missing"}) {
    EXPECT_THAT(message, HasSubstr(part));
  }
  EXPECT_THAT(message, Not(HasSubstr(hash)));
}

TEST(TokensTest, TwoTokensOfOneNameAreRefused) {
  EXPECT_FALSE(Tokens::Parse(Row("ci", "1") + Row("ci", "2"), "t").ok());
}

TEST(TokensTest, AnEmptyFileHasNoTokens) {
  const auto tokens = Tokens::Parse("", "t");
  ASSERT_TRUE(tokens.ok());
  EXPECT_TRUE(absl::IsUnauthenticated(tokens->Find("", kNow).status()));
}

}  // namespace
}  // namespace gitops
