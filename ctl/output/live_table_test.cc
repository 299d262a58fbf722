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
    table_.Update(LiveTable::Change{name, {"", name, "OK"}, removed, place, group},
                  /*initial_done=*/false);
  }
  // What was printed since the last call.
  std::string Printed() {
    std::string text = out_.str();
    out_.str("");
    return text;
  }

  std::ostringstream out_;
  LiveTable table_{{}, {"#", "NAME", "STATE"}, 2, out_};
};

TEST_F(LiveTableTest, FirstRowsStayInTheOrderInWhichTheyCome) {
  for (const char* name : {"web2", "db1", "web1"}) Update(name, Place::kFirst);
  EXPECT_EQ(Printed(), "") << "until the beginning is over";
  table_.Update(std::nullopt, /*initial_done=*/true);
  EXPECT_EQ(Printed(), "#  NAME  STATE\n0  web2  OK\n1  db1   OK\n2  web1  OK\n");
}

TEST_F(LiveTableTest, ANewRowTakesThePlaceThatTheListWouldGiveIt) {
  Update("b/1", Place::kAfterItsGroup, "b");
  Update("a/1", Place::kAfterItsGroup, "a");
  table_.Update(std::nullopt, /*initial_done=*/true);
  Printed();
  Update("b/2", Place::kAfterItsGroup, "b");
  EXPECT_EQ(Printed(), "1  b/2   OK\n");
  Update("a/1", Place::kAfterItsGroup, "a");
  EXPECT_EQ(Printed(), "2  a/1   OK\n") << "it has moved down";
  Update("new", Place::kFirst);
  EXPECT_EQ(Printed(), "0  new   OK\n");
  Update("last");
  EXPECT_EQ(Printed(), "4  last  OK\n");
}

TEST_F(LiveTableTest, ARowThatIsRemovedSaysWhereItStood) {
  Update("a");
  Update("b");
  table_.Update(std::nullopt, /*initial_done=*/true);
  Printed();
  Update("a", Place::kLast, "", /*removed=*/true);
  EXPECT_EQ(Printed(), "0  a     REMOVED\n");
  Update("b");
  EXPECT_EQ(Printed(), "0  b     OK\n");
}

}  // namespace
}  // namespace gitops::ctl
