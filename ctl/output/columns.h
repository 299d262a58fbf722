#ifndef GITOPS_CTL_OUTPUT_COLUMNS_H_
#define GITOPS_CTL_OUTPUT_COLUMNS_H_

#include <google/protobuf/timestamp.pb.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "ctl/output/table.h"

namespace gitops::ctl {

// How tables are printed.
struct TableStyle {
  bool wide = false;
  bool color = false;
  bool headers = true;
  // Columns of the terminal; 0: lines are not cut.
  size_t width = 0;
  // Ages are those at this time.
  absl::Time now = absl::Now();
  // Names of columns, in any case; empty: those of the form.
  std::vector<std::string> columns;
  // The column to sort by, with '-' in front the other way round; empty: in the order of the list.
  std::string sort;
};

struct Cell {
  Cell(std::string shown) : text(std::move(shown)) {}  // NOLINT: a text is a cell
  Cell(const char* shown) : text(shown) {}             // NOLINT
  Cell(std::string shown, double order) : text(std::move(shown)), number(order) {}

  bool IsEmpty() const { return text.empty() || text == "0"; }

  // Escaped; may contain color sequences.
  std::string text;
  // What the column is sorted by; without it, by the text.
  std::optional<double> number;
};
using Cells = std::vector<Cell>;

Cell CountCell(int64_t count);
// "3m"; empty if `is_set` is false.
Cell AgeCell(bool is_set, const google::protobuf::Timestamp& time, absl::Time now);

// In which forms a column is shown; --columns shows any.
enum class Shown { kAlways, kTable, kWide, kAsked };

struct ColumnSpec {
  std::string name;
  Shown shown = Shown::kAlways;
  // On a terminal, in the form `table`, cells are cut to this width; 0: they are not.
  size_t most = 0;
};

// Lays out rows with named columns. The cells of a row are in the order of the columns, and the
// last column has the long text. Columns without any content are left out. With a `width` no line
// is wider: gaps shrink, then the end of the line is replaced by "…".
class ListTable {
 public:
  ListTable(std::vector<ColumnSpec> columns, TableStyle style)
      : columns_(std::move(columns)), style_(std::move(style)) {}

  // INVALID_ARGUMENT: --columns or --sort names an unknown column; the message names those that
  // exist.
  absl::Status Check() const;
  // In the order that the style wants; stable.
  void Sort(std::vector<Cells>& rows) const;
  // The header and the sorted rows, as lines without newlines.
  std::vector<std::string> Lines(std::vector<Cells> rows) const;
  // The cells of the columns that the style shows, with content or not; and their names.
  Row Visible(const Cells& cells) const;
  Row Header() const;
  const TableStyle& style() const { return style_; }
  void SetWidth(size_t width) { style_.width = width; }
  void SetNow(absl::Time now) { style_.now = now; }

 private:
  std::optional<size_t> Find(const std::string& name) const;
  std::vector<size_t> VisibleColumns() const;
  std::string TextOf(const Cells& cells, size_t column) const;
  bool IsCut() const { return style_.width > 0 && !style_.wide; }

  std::vector<ColumnSpec> columns_;
  TableStyle style_;
};

// A column of a list of `Element`s, and its cell of one of them.
template <typename Element>
struct Column {
  ColumnSpec spec;
  Cell (*cell)(const Element& element, const TableStyle& style);
};
template <typename Element>
using Columns = std::vector<Column<Element>>;

template <typename Element>
std::vector<ColumnSpec> SpecsOf(const Columns<Element>& columns) {
  std::vector<ColumnSpec> specs;
  for (const Column<Element>& column : columns) specs.push_back(column.spec);
  return specs;
}

template <typename Element>
Cells CellsOf(const Columns<Element>& columns, const Element& element, const TableStyle& style) {
  Cells cells;
  cells.reserve(columns.size());
  for (const Column<Element>& column : columns) cells.push_back(column.cell(element, style));
  return cells;
}

// The lines, each with a newline.
std::string TextOfLines(const std::vector<std::string>& lines);

template <typename Element, typename Elements>
absl::StatusOr<std::string> ListText(const Columns<Element>& columns, const Elements& elements,
                                     const TableStyle& style) {
  const ListTable table(SpecsOf(columns), style);
  if (absl::Status status = table.Check(); !status.ok()) return status;
  std::vector<Cells> rows;
  for (const Element& element : elements) rows.push_back(CellsOf(columns, element, style));
  return TextOfLines(table.Lines(std::move(rows)));
}

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_COLUMNS_H_
