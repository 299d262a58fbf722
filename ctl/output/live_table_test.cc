#include "ctl/output/live_table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace gitops::ctl {
namespace {

using Place = LiveTable::Place;

class LiveTableTest : public testing::Test {
 protected:
  void Update(const std::string& name, Place place = Place::kLast, const std::string& group = "",
              bool removed = false) {
    const LiveTable::Change change = {.key = name,
                                      .cells =
                                          [name](const TableStyle&) {
                                            return Cells{name, "OK"};
                                          },
                                      .removed = removed,
                                      .place = place,
                                      .group = group};
    EXPECT_TRUE(table().Update(change, /*initial_done=*/false).ok());
  }
  void Begun() { EXPECT_TRUE(table().Update(std::nullopt, /*initial_done=*/true).ok()); }
  LiveTable& table() { return options_.terminal ? on_terminal_ : as_lines_; }
  // What was printed since the last call; of a table that is redrawn only the last one.
  std::string Printed() {
    std::string text = out_.str();
    out_.str("");
    const size_t redrawn = text.rfind("\x1b[J");
    return redrawn == std::string::npos ? text : text.substr(redrawn + 3);
  }

  RenderOptions options_ = {.terminal = true, .size = [] { return TerminalSize{24, 80}; }};
  std::ostringstream out_;
  LiveTable on_terminal_{options_, {{"NAME"}, {"STATE"}}, out_};
  LiveTable as_lines_{{}, {{"NAME"}, {"STATE"}}, out_};
};

TEST_F(LiveTableTest, FirstRowsStayInTheOrderInWhichTheyCome) {
  for (const char* name : {"web2", "db1", "web1"}) Update(name, Place::kFirst);
  EXPECT_EQ(Printed(), "") << "until the beginning is over";
  Begun();
  EXPECT_EQ(Printed(), "NAME  STATE\nweb2  OK\ndb1   OK\nweb1  OK\n");
}

TEST_F(LiveTableTest, ANewRowTakesThePlaceThatTheListWouldGiveIt) {
  Update("b/1", Place::kInItsGroup, "b");
  Update("a/1", Place::kInItsGroup, "a");
  Begun();
  Update("b/2", Place::kInItsGroup, "b");
  Update("a/1", Place::kInItsGroup, "a");
  EXPECT_EQ(Printed(), "NAME  STATE\nb/1   OK\nb/2   OK\na/1   OK\n");
  Update("b/0", Place::kInItsGroup, "b");
  EXPECT_EQ(Printed(), "NAME  STATE\nb/0   OK\nb/1   OK\nb/2   OK\na/1   OK\n");
  Update("new", Place::kFirst);
  Update("last");
  EXPECT_EQ(Printed(), "NAME  STATE\nnew   OK\nb/0   OK\nb/1   OK\nb/2   OK\na/1   OK\nlast  OK\n");
  Update("b/1", Place::kInItsGroup, "b", /*removed=*/true);
  EXPECT_EQ(Printed(), "NAME  STATE\nnew   OK\nb/0   OK\nb/2   OK\na/1   OK\nlast  OK\n");
}

TEST_F(LiveTableTest, WithoutATerminalAChangeIsALine) {
  options_.terminal = false;
  Update("a");
  Update("b");
  Begun();
  Printed();
  Update("a", Place::kLast, "", /*removed=*/true);
  EXPECT_EQ(Printed(), "a     REMOVED\n");
  Update("b");
  EXPECT_EQ(Printed(), "b     OK\n");
}

}  // namespace
}  // namespace gitops::ctl
