#include "ctl/output/table.h"

#include <algorithm>

#include "ctl/output/escape.h"

namespace gitops::ctl {

void Table::Fit(const Row& row) {
  widths_.resize(std::max(widths_.size(), row.size()));
  for (size_t i = 0; i < row.size(); ++i) {
    widths_[i] = std::max(widths_[i], DisplayWidth(row[i]));
  }
}

std::string Table::Line(const Row& row) const {
  std::string line;
  for (size_t i = 0; i < row.size(); ++i) {
    line += row[i];
    const size_t width = DisplayWidth(row[i]);
    const size_t wanted = i < widths_.size() ? widths_[i] : 0;
    line.append(wanted > width ? wanted - width + 2 : 2, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string FormatTable(const std::vector<Row>& rows) {
  Table table;
  for (const Row& row : rows) table.Fit(row);
  std::string text;
  for (const Row& row : rows) text += table.Line(row);
  return text;
}

}  // namespace gitops::ctl
