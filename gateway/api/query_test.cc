#include "gateway/api/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(QueryTest, ParametersAreDecodedInOrder) {
  EXPECT_THAT(*ParseQuery("a.b=x%20y&c=1+2&a.b=%26&d&=e&"),
              ElementsAre(Pair("a.b", "x y"), Pair("c", "1 2"), Pair("a.b", "&"), Pair("d", ""),
                          Pair("", "e")));
  EXPECT_THAT(*ParseQuery(""), IsEmpty());
  EXPECT_THAT(*ParseQuery("a=b=c"), ElementsAre(Pair("a", "b=c")));
}

TEST(QueryTest, WhatIsNoTextIsRefused) {
  for (const char* bad : {"a=%", "a=%2", "a=%zz", "%=1", "a=%ff", "a=%00"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseQuery(bad).status())) << bad;
  }
}

TEST(QueryTest, TheNumberOfParametersIsLimited) {
  std::string query;
  for (int i = 0; i < 2000; ++i) absl::StrAppend(&query, "&a=", i);
  EXPECT_EQ(ParseQuery(query)->size(), 2000);
  EXPECT_TRUE(absl::IsInvalidArgument(ParseQuery(query + "&a=1").status()));
}

}  // namespace
}  // namespace gitops
