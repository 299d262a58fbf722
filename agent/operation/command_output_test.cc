#include "agent/operation/command_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/operation/redact.h"
#include "common/path/temporary_directory.h"
#include "common/process/process.h"

namespace gitops {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST(RedactorTest, TakesSecretsOutWholeLineByLineAndInAnyOrder) {
  Redactor redactor;
  redactor.Add("hunter2\n");
  redactor.Add("-----BEGIN-----\r\nabcdef\r\n-----END-----\n");
  redactor.Add("hunter2-and-more");
  EXPECT_EQ(redactor.Apply("login hunter2 failed"), "login [secret] failed");
  EXPECT_EQ(redactor.Apply("hunter2-and-more"), "[secret]");
  EXPECT_EQ(redactor.Apply("x abcdef y"), "x [secret] y");
  EXPECT_EQ(redactor.Apply("nothing"), "nothing");
  redactor.Add("a1");
  EXPECT_THAT(redactor.Apply("is a1 ok"), HasSubstr("not shown"));
  EXPECT_THAT(redactor.ApplyToEnd("is a1 ok"), HasSubstr("not shown"));
}

TEST(RedactorTest, TheRestOfASecretWhoseBeginningIsCutOffGoesToo) {
  Redactor redactor;
  EXPECT_EQ(redactor.ApplyToEnd("er2 and text"), "er2 and text") << "there is no secret";
  redactor.Add("hunter2");
  EXPECT_EQ(redactor.ApplyToEnd("er2\nand hunter2"), "\nand [secret]") << "up to the line's end";
  EXPECT_EQ(redactor.ApplyToEnd("unter2" + std::string(8, 'x') + " and text"), " and text")
      << "of a longer line, as much as could be";
  EXPECT_EQ(redactor.ApplyToEnd("er2"), "");
}

class CommandOutputTest : public testing::Test {
 protected:
  CommandOutputTest() { host_.secrets["key"].destination = directory_ / "key"; }

  std::string End(absl::string_view output, absl::string_view error_output = "") {
    CommandOutput kept;
    const auto keep = kept.Keeper();
    // As pipes hand it over.
    for (size_t at = 0; at < output.size(); at += 4096) {
      EXPECT_TRUE(keep(output.substr(at, 4096)).ok());
    }
    return kept.End(error_output, {host_}, 100);
  }

  TemporaryDirectory directory_;
  HostSpec host_;
};

TEST_F(CommandOutputTest, IsTheEndOfBothOutputs) {
  EXPECT_EQ(End(""), "");
  EXPECT_EQ(End("out\n", "err"), "out\nerr");
  const std::string end = End(std::string(1 << 20, 'x') + "the end");
  EXPECT_EQ(end.size(), 100u);
  EXPECT_THAT(end, EndsWith("the end"));
}

TEST_F(CommandOutputTest, IsTextWithLinesWhateverWasPrinted) {
  EXPECT_EQ(End("caf\xe9\n\x1b[31m\n", "C:\\"), "caf\\xe9\n\\x1b[31m\nC:\\\\");
  std::string characters;
  for (int i = 0; i < 100; ++i) characters += "\xE2\x82\xAC";
  EXPECT_EQ(End(characters).size(), 99u) << "the rest of a character is cut off too";
}

TEST_F(CommandOutputTest, HoldsNoSecretThatLiesOnTheHost) {
  directory_.Write("key", "hunter2-7c1f\n");
  EXPECT_EQ(End("key: hunter2-7c1f\n", "hunter2-7c1f"), "key: [secret]\n[secret]");
}

TEST_F(CommandOutputTest, HoldsNoPartOfASecretWhereverItIsCut) {
  const std::string secret(3 * kKeptErrorOutput, 's');
  directory_.Write("key", secret);
  EXPECT_THAT(End(absl::StrCat(secret, secret, secret, "\nthe end")),
              testing::AllOf(Not(HasSubstr("sss")), EndsWith("the end")));
  const std::string error = absl::StrCat(secret, "\nthe end");
  EXPECT_THAT(End("", error.substr(error.size() - kKeptErrorOutput)),
              testing::AllOf(Not(HasSubstr("sss")), EndsWith("the end")));
}

TEST_F(CommandOutputTest, IsNotShownWhereASecretCannotBeKnown) {
  EXPECT_EQ(End("", ""), "");
  ASSERT_EQ(mkfifo((directory_ / "key").c_str(), 0600), 0);
  EXPECT_THAT(End("hunter2"), testing::AllOf(HasSubstr("is not shown"), Not(HasSubstr("hunter2"))));
}

}  // namespace
}  // namespace gitops
