#include "ctl/output/table.h"

#include <gtest/gtest.h>

namespace gitops::ctl {
namespace {

TEST(TableTest, ColumnsAreAlignedAndLinesEndWithoutBlanks) {
  EXPECT_EQ(FormatTable({{"#", "SERVICE", "INFO"}, {"0", "größe", ""}, {"10", "x", "why"}}),
            "#   SERVICE  INFO\n"
            "0   größe\n"
            "10  x        why\n");
}

TEST(TableTest, ColorsDoNotShiftColumns) {
  EXPECT_EQ(FormatTable({{"STATE", "X"}, {"\x1b[32mOK\x1b[0m", "y"}}),
            "STATE  X\n"
            "\x1b[32mOK\x1b[0m     y\n");
}

TEST(TableTest, LaterRowsKeepTheWidthsOfTheFirst) {
  Table table;
  table.Fit({"a long one", "b"});
  EXPECT_EQ(table.Line({"a", "b"}), "a           b\n");
}

}  // namespace
}  // namespace gitops::ctl
