#include "gateway/front/token_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

class TokenFileTest : public ::testing::Test {
 protected:
  // Replaces the file with one that has a token for each name.
  void Write(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
      absl::StrAppend(&text, "[[tokens]]\nname = \"", name, "\"\nrole = \"viewer\"\nsha256 = \"",
                      std::string(64, 'a'), "\"\n");
    }
    WriteText(text);
  }
  void WriteText(const std::string& text) {
    std::ofstream(path_ + ".new") << text;
    ASSERT_EQ(rename((path_ + ".new").c_str(), path_.c_str()), 0);
  }
  absl::StatusOr<std::unique_ptr<TokenFile>> Open() {
    return TokenFile::Open(path_, Clock::System(), scheduler_.get());
  }

  const std::string path_ = ::testing::TempDir() + "tokens.toml";
  const std::unique_ptr<Scheduler> scheduler_ = NewScheduler(Clock::System(), 1);
};

TEST_F(TokenFileTest, AChangedFileIsReadAndABadOneIsNot) {
  Write({"ci"});
  const auto file = Open();
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->tokens()->all().size(), 1);
  Write({"ci", "web"});
  (*file)->Reload();
  EXPECT_TRUE(Eventually([&] { return (*file)->tokens()->all().size() == 2; }));
  WriteText("[[tokens]]\n");
  (*file)->Reload();
  Write({"ci", "web", "third"});
  (*file)->Reload();
  EXPECT_TRUE(Eventually([&] { return (*file)->tokens()->all().size() == 3; }));
}

TEST_F(TokenFileTest, AMissingOrBadFileIsAnErrorAtTheStart) {
  EXPECT_TRUE(absl::IsNotFound(
      TokenFile::Open("/no/such/file", Clock::System(), scheduler_.get()).status()));
  WriteText("[[tokens]]\n");
  EXPECT_TRUE(absl::IsInvalidArgument(Open().status()));
}

TEST_F(TokenFileTest, WithoutAFileThereAreNoTokens) {
  const auto file = TokenFile::Open("", Clock::System(), scheduler_.get());
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->tokens()->all().empty());
  (*file)->Reload();
}

}  // namespace
}  // namespace gitops
