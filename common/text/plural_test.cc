#include "common/text/plural.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace gitops {
namespace {

TEST(PluralTest, OneIsSingularAndAllOthersArePlural) {
  EXPECT_EQ(Counted(0, "host"), "0 hosts");
  EXPECT_EQ(Counted(1, "host"), "1 host");
  EXPECT_EQ(Counted(size_t{2}, "host"), "2 hosts");
}

TEST(PluralTest, APluralThatIsGivenIsUsed) {
  EXPECT_EQ(Counted(1, "entry", "entries"), "1 entry");
  EXPECT_EQ(Counted(3, "entry", "entries"), "3 entries");
}

TEST(PluralTest, APartIsOfTheWholeNumber) {
  EXPECT_EQ(CountedOf(1, 1, "check"), "1 of 1 check");
  EXPECT_EQ(CountedOf(1, size_t{4}, "check"), "1 of 4 checks");
}

}  // namespace
}  // namespace gitops
