#include "ctl/output/live_table.h"

#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {

Row LiveTable::Numbered(const std::string& key, Row row) const {
  row[0] = absl::StrCat(std::distance(rows_.begin(), rows_.lower_bound(key)));
  return row;
}

void LiveTable::Apply(const Change& change) {
  if (change.removed) {
    rows_.erase(change.key);
  } else {
    rows_[change.key] = change.row;
  }
}

std::vector<Row> LiveTable::AllRows() const {
  std::vector<Row> rows = {header_};
  for (const auto& [key, row] : rows_) {
    rows.push_back(row);
    rows.back()[0] = absl::StrCat(rows.size() - 2);
  }
  return rows;
}

// False where the terminal's size is unknown or too small for the table.
bool LiveTable::Redraw() {
  const TerminalSize size = options_.size ? options_.size() : TerminalSize{};
  if (size.columns <= 0 || static_cast<int>(rows_.size()) + 1 >= size.rows) return false;
  const std::vector<Row> rows = AllRows();
  table_ = Table();
  for (const Row& row : rows) table_.Fit(row);
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string line = table_.Line(row);
    line.pop_back();
    // A line that wraps would take two lines of the screen.
    lines.push_back(CutToWidth(line, size.columns));
  }
  out_ << drawn_.Replace(lines, size.columns);
  return true;
}

void LiveTable::PrintLine(const Change& change) {
  Row row = Numbered(change.key, change.row);
  if (change.removed) row[state_column_] = "REMOVED";
  table_.Fit(row);
  out_ << table_.Line(row);
}

void LiveTable::Update(const std::optional<Change>& change, bool initial_done) {
  if (change.has_value()) Apply(*change);
  // The first rows are printed together, when their widths are known.
  if (!started_ && !initial_done) return;
  const bool first = !started_;
  started_ = true;
  if (options_.terminal && Redraw()) {
    out_.flush();
    return;
  }
  drawn_.Leave();
  if (first) {
    const std::vector<Row> rows = AllRows();
    for (const Row& row : rows) table_.Fit(row);
    for (const Row& row : rows) out_ << table_.Line(row);
  } else if (change.has_value()) {
    PrintLine(*change);
  }
  out_.flush();
}

}  // namespace gitops::ctl
