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

// A table that follows a watch. On a terminal it is redrawn in place while it fits the screen;
// elsewhere each change is printed as a new line.
class LiveTable {
 public:
  // `out` must outlive this. The first column is the row's number; `state_column` is the column in
  // which a removed row says so.
  LiveTable(const RenderOptions& options, Row header, size_t state_column, std::ostream& out)
      : options_(options), header_(std::move(header)), state_column_(state_column), out_(out) {}

  // Where a new row is inserted. The initial rows keep the order of the list; a later row goes
  // where a list at that moment would have it.
  enum class Place { kFirst, kLast, kInItsGroup };
  struct Change {
    std::string key;
    Row row;  // the table fills in its first cell
    bool removed = false;
    Place place = Place::kLast;
    std::string group = "";  // rows of one group stand together, by their keys
  };
  // Nothing is printed before the first call with `initial_done` set.
  void Update(const std::optional<Change>& change, bool initial_done);

 private:
  // Returns the row's number, also of a removed row.
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
  // Where a new row is inserted.
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
