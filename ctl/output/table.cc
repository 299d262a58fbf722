#include "ctl/output/table.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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
    line.append(gap_ + (wanted > width ? wanted - width : 0), ' ');
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

std::vector<std::string> AlignedLines(const std::vector<Row>& rows, size_t width, size_t room) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  const size_t last = widths.empty() ? 0 : std::min(widths.back(), room);
  const size_t others =
      widths.empty() ? 0
                     : std::accumulate(widths.begin(), widths.end() - 1, 2 * (widths.size() - 1));
  Table table(width > 0 && others + last > width ? 1 : 2);
  for (const Row& row : rows) table.Fit(row);
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string line = table.Line(row);
    line.pop_back();
    lines.push_back(width > 0 ? Shortened(line, width) : std::move(line));
  }
  return lines;
}

std::string Wrapped(absl::string_view text, size_t width) {
  constexpr char kIndent[] = "    ";
  std::string all;
  std::string line(std::min(text.find_first_not_of(' '), text.size()), ' ');
  text.remove_prefix(line.size());
  const auto end_line = [&] {
    absl::StrAppend(&all, line, "\n");
    line = kIndent;
  };
  for (absl::string_view word : absl::StrSplit(text, ' ')) {
    const bool begins = line.find_first_not_of(' ') == std::string::npos;
    const bool fits = width == 0 || DisplayWidth(line) + 1 + DisplayWidth(word) <= width;
    if (!fits && !begins) end_line();
    if (fits && !begins) line.push_back(' ');
    while (width > 8 && DisplayWidth(line) + DisplayWidth(word) > width) {
      const std::string part = CutToWidth(word, width - DisplayWidth(line));
      absl::StrAppend(&line, part);
      word.remove_prefix(part.size());
      end_line();
    }
    absl::StrAppend(&line, word);
  }
  return absl::StrCat(all, line, "\n");
}

}  // namespace gitops::ctl
