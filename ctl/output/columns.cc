#include "ctl/output/columns.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "ctl/output/escape.h"
#include "ctl/output/time_text.h"

namespace gitops::ctl {
namespace {

// The room below which narrower gaps are better than a shorter last column.
constexpr size_t kRoomForLongText = 44;

// "locked-by" is LOCKED BY.
std::string Normal(absl::string_view name) {
  return absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", " "}, {"_", " "}}));
}

bool HasContent(const std::vector<Cells>& rows, size_t column) {
  return std::any_of(rows.begin(), rows.end(),
                     [&](const Cells& cells) { return !cells[column].IsEmpty(); });
}

// Less by number, or by text where there is none.
bool IsBefore(const Cell& a, const Cell& b) {
  if (a.number.has_value() && b.number.has_value()) return *a.number < *b.number;
  if (a.number.has_value() != b.number.has_value()) return a.number.has_value();
  return WithoutColor(a.text) < WithoutColor(b.text);
}

}  // namespace

Cell CountCell(int64_t count) { return {absl::StrCat(count), static_cast<double>(count)}; }

Cell AgeCell(bool is_set, const google::protobuf::Timestamp& time, absl::Time now) {
  if (!is_set) return "";
  const absl::Duration age = now - FromTimestamp(time);
  return {AgeText(age), absl::ToDoubleSeconds(age)};
}

std::optional<size_t> ListTable::Find(const std::string& name) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].name == Normal(name)) return i;
  }
  return std::nullopt;
}

absl::Status ListTable::Check() const {
  const auto check = [&](const char* flag, absl::string_view name) {
    if (Find(std::string(name)).has_value()) return absl::OkStatus();
    const auto append = [](std::string* text, const ColumnSpec& column) {
      absl::StrAppend(text, column.name);
    };
    return absl::InvalidArgumentError(absl::StrCat(flag, ": there is no column ",
                                                   EscapeLine(Normal(name)), "; there are ",
                                                   absl::StrJoin(columns_, ", ", append)));
  };
  for (const std::string& name : style_.columns) {
    if (absl::Status status = check("--columns", name); !status.ok()) return status;
  }
  return style_.sort.empty() ? absl::OkStatus()
                             : check("--sort", absl::StripPrefix(style_.sort, "-"));
}

std::vector<size_t> ListTable::VisibleColumns() const {
  std::vector<size_t> visible;
  for (const std::string& name : style_.columns) {
    if (const std::optional<size_t> column = Find(name)) visible.push_back(*column);
  }
  if (!visible.empty()) return visible;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Shown shown = columns_[i].shown;
    if (shown == Shown::kAlways || shown == (style_.wide ? Shown::kWide : Shown::kTable)) {
      visible.push_back(i);
    }
  }
  return visible;
}

void ListTable::Sort(std::vector<Cells>& rows) const {
  absl::string_view name = style_.sort;
  const bool reversed = absl::ConsumePrefix(&name, "-");
  const std::optional<size_t> column = Find(std::string(name));
  if (!column.has_value()) return;
  std::stable_sort(rows.begin(), rows.end(), [&](const Cells& a, const Cells& b) {
    return reversed ? IsBefore(b[*column], a[*column]) : IsBefore(a[*column], b[*column]);
  });
}

std::string ListTable::TextOf(const Cells& cells, size_t column) const {
  const size_t most = columns_[column].most;
  const bool cut = IsCut() && most > 0;
  return cut ? Shortened(cells[column].text, most) : cells[column].text;
}

Row ListTable::Visible(const Cells& cells) const {
  Row row;
  for (const size_t column : VisibleColumns()) row.push_back(TextOf(cells, column));
  return row;
}

Row ListTable::Header() const {
  Row row;
  for (const size_t column : VisibleColumns()) row.push_back(columns_[column].name);
  return row;
}

std::vector<std::string> ListTable::Lines(std::vector<Cells> rows) const {
  Sort(rows);
  std::vector<size_t> columns = VisibleColumns();
  if (style_.columns.empty() && !rows.empty()) {
    std::erase_if(columns, [&](size_t column) { return !HasContent(rows, column); });
  }
  std::vector<Row> shown;
  if (style_.headers) {
    Row& header = shown.emplace_back();
    for (const size_t column : columns) header.push_back(columns_[column].name);
  }
  for (const Cells& cells : rows) {
    Row& row = shown.emplace_back();
    for (const size_t column : columns) row.push_back(TextOf(cells, column));
  }
  return AlignedLines(shown, style_.width, kRoomForLongText);
}

std::string TextOfLines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  return text;
}

}  // namespace gitops::ctl
