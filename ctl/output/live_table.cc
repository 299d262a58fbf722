#include "ctl/output/live_table.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {

LiveTable::Rows::iterator LiveTable::Find(const std::string& key) {
  return std::find_if(rows_.begin(), rows_.end(),
                      [&](const Known& known) { return known.key == key; });
}

LiveTable::Rows::iterator LiveTable::PlaceOf(const Change& change) {
  // The initial rows are in the order of the list.
  if (!started_ || change.place == Place::kLast) return rows_.end();
  if (change.place == Place::kFirst) return rows_.begin();
  const auto greater = std::find_if(rows_.begin(), rows_.end(), [&](const Known& known) {
    return known.group == change.group && known.key > change.key;
  });
  if (greater != rows_.end()) return greater;
  const auto last = std::find_if(rows_.rbegin(), rows_.rend(),
                                 [&](const Known& known) { return known.group == change.group; });
  return last == rows_.rend() ? rows_.end() : last.base();
}

size_t LiveTable::Apply(const Change& change) {
  auto row = Find(change.key);
  if (change.removed) {
    const size_t number = row - rows_.begin();
    if (row != rows_.end()) rows_.erase(row);
    return number;
  }
  if (row == rows_.end()) {
    row = rows_.insert(PlaceOf(change), {.key = change.key, .group = change.group, .row = {}});
  }
  row->row = change.row;
  return row - rows_.begin();
}

std::vector<Row> LiveTable::AllRows() const {
  std::vector<Row> rows = {header_};
  for (const Known& known : rows_) {
    rows.push_back(known.row);
    rows.back()[0] = absl::StrCat(rows.size() - 2);
  }
  return rows;
}

// False if the terminal's size is unknown or too small for the table.
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

void LiveTable::PrintLine(size_t number, const Change& change) {
  Row row = change.row;
  row[0] = absl::StrCat(number);
  if (change.removed) row[state_column_] = "REMOVED";
  table_.Fit(row);
  out_ << table_.Line(row);
}

void LiveTable::Update(const std::optional<Change>& change, bool initial_done) {
  const size_t number = change.has_value() ? Apply(*change) : 0;
  // The initial rows are printed together, once their widths are known.
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
    PrintLine(number, *change);
  }
  out_.flush();
}

}  // namespace gitops::ctl
