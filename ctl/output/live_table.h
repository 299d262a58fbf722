#ifndef GITOPS_CTL_OUTPUT_LIVE_TABLE_H_
#define GITOPS_CTL_OUTPUT_LIVE_TABLE_H_

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "ctl/output/redrawn_block.h"
#include "ctl/output/renderer.h"
#include "ctl/output/table.h"

namespace gitops::ctl {

// A table that follows a watch: on a terminal it is redrawn in place as long as it fits the screen,
// elsewhere each change is one more line.
class LiveTable {
 public:
  // `out` must outlive this. The first column is the row's number; `state_column` is where a row
  // that has gone says so.
  LiveTable(const RenderOptions& options, Row header, size_t state_column, std::ostream& out)
      : options_(options), header_(std::move(header)), state_column_(state_column), out_(out) {}

  // Where a row stands that was not there before: the first rows come in the order of the list, and
  // a new row takes the place that a list of that moment would give it.
  enum class Place { kFirst, kLast, kAfterItsGroup };
  struct Change {
    std::string key;
    Row row;  // its first cell is filled in here
    bool removed = false;
    Place place = Place::kLast;
    std::string group = "";  // rows of one group stand together
  };
  // Nothing is printed before `initial_done` was set once.
  void Update(const std::optional<Change>& change, bool initial_done);

 private:
  // Returns the number that the row has, or had.
  size_t Apply(const Change& change);
  void PrintLine(size_t number, const Change& change);
  bool Redraw();
  struct Known {
    std::string key;
    std::string group;
    Row row;
  };
  using Rows = std::vector<Known>;

  Rows::iterator Find(const std::string& key);
  // Where a new row is put.
  Rows::iterator PlaceOf(const Change& change);
  std::vector<Row> AllRows() const;

  const RenderOptions options_;
  const Row header_;
  const size_t state_column_;
  std::ostream& out_;
  Rows rows_;
  Table table_;
  bool started_ = false;
  RedrawnBlock drawn_;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_LIVE_TABLE_H_
