#ifndef GITOPS_CTL_OUTPUT_LIVE_TABLE_H_
#define GITOPS_CTL_OUTPUT_LIVE_TABLE_H_

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "ctl/output/columns.h"
#include "ctl/output/redrawn_block.h"
#include "ctl/output/renderer.h"
#include "ctl/output/table.h"

namespace gitops::ctl {

// A table that follows a watch. On a terminal it is redrawn in place: if it has more rows than the
// terminal, as a line of counts, then the degraded rows, then as many others as fit. Elsewhere each
// change is printed as a new line.
class LiveTable {
 public:
  // `out` must outlive this. A removed row says so in the column STATE.
  LiveTable(const RenderOptions& options, std::vector<ColumnSpec> columns, std::ostream& out);

  // Where a new row is inserted. The initial rows keep the order of the list; a later row goes
  // where a list at that moment would have it.
  enum class Place { kFirst, kLast, kInItsGroup };
  // The cells at the time of a style, which they depend on: they have ages.
  using MakeCells = std::function<Cells(const TableStyle&)>;
  struct Change {
    std::string key;
    MakeCells cells;
    bool degraded = false;
    bool removed = false;
    Place place = Place::kLast;
    std::string group = "";  // rows of one group stand together, by their keys
  };
  // Nothing is printed before the first call with `initial_done` set. INVALID_ARGUMENT: see
  // ListTable::Check.
  absl::Status Update(const std::optional<Change>& change, bool initial_done);
  // The watch begins anew: the rows that come until `initial_done` replace those that are known.
  void Restart();

 private:
  struct Known {
    std::string key;
    std::string group;
    MakeCells cells;
    bool degraded = false;
  };
  using Rows = std::list<Known>;

  void Apply(const Change& change);
  Rows::iterator PlaceOf(const Change& change);
  void PrintTable();
  void PrintLine(const Change& change);
  bool Redraw();
  std::vector<Cells> Chosen(size_t room) const;
  std::string Summary(size_t shown) const;

  const RenderOptions options_;
  ListTable list_;
  std::ostream& out_;
  Rows rows_;
  std::unordered_map<std::string, Rows::iterator> index_;
  size_t degraded_ = 0;
  Table table_;
  bool started_ = false;
  RedrawnBlock drawn_;
};

template <typename Element>
LiveTable::MakeCells LiveCells(const Columns<Element>& columns, const Element& element) {
  return [&columns, element](const TableStyle& style) { return CellsOf(columns, element, style); };
}

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_LIVE_TABLE_H_
