#ifndef GITOPS_CTL_OUTPUT_LIVE_TABLE_H_
#define GITOPS_CTL_OUTPUT_LIVE_TABLE_H_

#include <map>
#include <optional>
#include <ostream>
#include <string>

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

  struct Change {
    std::string key;  // rows are ordered by it
    Row row;          // its first cell is filled in here
    bool removed = false;
  };
  // Nothing is printed before `initial_done` was set once.
  void Update(const std::optional<Change>& change, bool initial_done);

 private:
  void Apply(const Change& change);
  void PrintLine(const Change& change);
  bool Redraw();
  // With the number that `key` has, or would have, among the rows.
  Row Numbered(const std::string& key, Row row) const;
  std::vector<Row> AllRows() const;

  const RenderOptions options_;
  const Row header_;
  const size_t state_column_;
  std::ostream& out_;
  std::map<std::string, Row> rows_;
  Table table_;
  bool started_ = false;
  RedrawnBlock drawn_;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_LIVE_TABLE_H_
