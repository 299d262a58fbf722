#include "common/store/keys.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

StoreWrite WriteOf(std::string key) {
  StoreWrite write;
  write.key = std::move(key);
  return write;
}

TEST(CheckWritesTest, RefusesWhatNoEngineCouldMakeAtOnce) {
  EXPECT_EQ(CheckWrites({}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CheckWrites({WriteOf("")}).code(), absl::StatusCode::kInvalidArgument);
  absl::Status twice = CheckWrites({WriteOf("b"), WriteOf("a"), WriteOf("b")});
  EXPECT_EQ(twice.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(twice.message(), HasSubstr("key b"));
  EXPECT_TRUE(CheckWrites({WriteOf("b"), WriteOf("a")}).ok());
}

TEST(PrefixTest, EndIsTheFirstKeyBehindThePrefix) {
  EXPECT_EQ(PrefixEnd("a/"), "a0");
  EXPECT_EQ(PrefixEnd("a\xff\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
  EXPECT_EQ(PrefixEnd("\x7f"), "\x80");
}

TEST(PrefixTest, BeginIsThePrefixOrJustBehindTheKeyBefore) {
  EXPECT_EQ(PrefixBegin("b/", ""), "b/");
  EXPECT_EQ(PrefixBegin("b/", "a/9"), "b/");
  EXPECT_EQ(PrefixBegin("b/", "b/1"), std::string("b/1\0", 4));
  EXPECT_EQ(PrefixBegin("", ""), "");
}

}  // namespace
}  // namespace gitops
