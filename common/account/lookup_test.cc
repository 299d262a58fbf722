#include "common/account/lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

using testing::HasSubstr;

TEST(LookupTest, RootIsThereByNameAsUserAndGroup) {
  const auto user = LookUpUser("root");
  ASSERT_TRUE(user.ok()) << user.status();
  EXPECT_EQ(user->uid, 0u);
  EXPECT_EQ(user->gid, 0u);
  EXPECT_EQ(user->name, "root");
  EXPECT_EQ(user->home, "/root");
  EXPECT_EQ(LookUpGroup("root").value_or(1), 0u);
}

TEST(LookupTest, OneThatThereIsNotIsNotFoundByName) {
  for (const auto& status :
       {LookUpUser("no-such-user").status(), LookUpUser("").status(), LookUpUser("0").status()}) {
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
  }
  EXPECT_THAT(std::string(LookUpGroup("no-such-group").status().message()),
              HasSubstr("there is no group \"no-such-group\" on this host"));
}

TEST(LookupTest, AnOwnerIsANameOrElseANumberAsChownTakesThem) {
  const struct {
    const char* text;
    int64_t id;  // -1: refused
    const char* why;
  } cases[] = {
      {"root", 0, "a name"},
      {"0", 0, "a number"},
      {"1234", 1234, "a number that no account has"},
      {"4294967294", 4294967294, "the highest"},
      {"4294967295", -1, "chown(2) would leave the owner as it is"},
      {"4294967296", -1, "beyond what an owner can be"},
      {"-1", -1, "negative"},
      {"+1", -1, "a sign"},
      {" 1", -1, "a space"},
      {"", -1, "nothing"},
      {"0x10", -1, "not decimal"},
      {"no-such-name", -1, "neither"},
  };
  for (const auto& c : cases) {
    const auto user = UserIdOf(c.text);
    const auto group = GroupIdOf(c.text);
    EXPECT_EQ(user.ok() ? int64_t{*user} : -1, c.id) << c.text << ": " << c.why;
    EXPECT_EQ(group.ok() ? int64_t{*group} : -1, c.id) << c.text << ": " << c.why;
    if (c.id < 0) EXPECT_TRUE(absl::IsNotFound(user.status())) << user.status();
  }
}

}  // namespace
}  // namespace gitops
