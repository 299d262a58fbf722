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

TEST(TableTest, ATextIsWrappedBetweenWordsAndALongWordIsBroken) {
  EXPECT_EQ(Wrapped("  will fail: web1: frozen", 12), "  will fail:\n    web1:\n    frozen\n");
  EXPECT_EQ(Wrapped("a verylongwordindeed", 10), "a\n    verylo\n    ngword\n    indeed\n");
  EXPECT_EQ(Wrapped("as it is  here", 0), "as it is  here\n");
}

TEST(TableTest, LinesThatAreTooWideHaveNarrowGapsAndThenAnEllipsis) {
  const std::vector<Row> rows = {{"web1", "OK", "short"}, {"web2", "BROKEN", "a long text"}};
  EXPECT_EQ(AlignedLines(rows, 80, 24)[1], "web2  BROKEN  a long text");
  EXPECT_EQ(AlignedLines(rows, 23, 24)[1], "web2 BROKEN a long text");
  EXPECT_EQ(AlignedLines(rows, 16, 24)[1], "web2 BROKEN a l…");
  EXPECT_EQ(AlignedLines(rows, 16, 24)[0], "web1 OK     sho…");
}

}  // namespace
}  // namespace gitops::ctl
