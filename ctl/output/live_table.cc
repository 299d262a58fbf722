#include "ctl/output/live_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/text/plural.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {

LiveTable::LiveTable(const RenderOptions& options, std::vector<ColumnSpec> columns,
                     std::ostream& out)
    : options_(options), list_(std::move(columns), StyleOf(options)), out_(out) {}

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

void LiveTable::Apply(const Change& change) {
  auto known = index_.find(change.key);
  if (known != index_.end() && known->second->degraded) --degraded_;
  if (change.removed) {
    if (known == index_.end()) return;
    rows_.erase(known->second);
    index_.erase(known);
    return;
  }
  if (known == index_.end()) {
    const auto row = rows_.insert(PlaceOf(change), {.key = change.key, .group = change.group});
    known = index_.emplace(change.key, row).first;
  }
  known->second->cells = change.cells;
  known->second->degraded = change.degraded;
  if (change.degraded) ++degraded_;
}

// The cells of at most `room` rows in the order of the list; of more rows, the degraded ones first.
std::vector<Cells> LiveTable::Chosen(size_t room) const {
  std::vector<Cells> chosen;
  const auto add = [&](bool (*wanted)(const Known&)) {
    for (const Known& known : rows_) {
      if (chosen.size() >= room) return;
      if (wanted(known)) chosen.push_back(known.cells(list_.style()));
    }
  };
  if (rows_.size() <= room) {
    add([](const Known&) { return true; });
    return chosen;
  }
  add([](const Known& known) { return known.degraded; });
  add([](const Known& known) { return !known.degraded; });
  return chosen;
}

std::string LiveTable::Summary(size_t shown) const {
  return absl::StrCat(Counted(rows_.size(), "row"), ", ", degraded_, " degraded; ",
                      rows_.size() - shown, " not shown");
}

// False if the terminal's size is unknown or too small for any table.
bool LiveTable::Redraw() {
  const TerminalSize size = options_.size ? options_.size() : TerminalSize{};
  // The last line of the terminal stays empty, for the cursor.
  const int header = options_.headers ? 1 : 0;
  if (size.columns <= 0 || size.rows < header + 4) return false;
  size_t room = static_cast<size_t>(size.rows - header - 1);
  std::vector<std::string> lines;
  if (rows_.size() > room) {
    --room;
    lines.push_back(Shortened(Summary(room), size.columns));
  }
  list_.SetWidth(static_cast<size_t>(size.columns));
  for (std::string& line : list_.Lines(Chosen(room))) lines.push_back(std::move(line));
  out_ << drawn_.Replace(lines, size.columns);
  return true;
}

// Each line by itself has all columns: what is empty now may have content later.
void LiveTable::PrintTable() {
  std::vector<Row> rows;
  if (options_.headers) rows.push_back(list_.Header());
  std::vector<Cells> all = Chosen(rows_.size());
  list_.Sort(all);
  for (const Cells& cells : all) rows.push_back(list_.Visible(cells));
  for (const Row& row : rows) table_.Fit(row);
  for (const Row& row : rows) out_ << table_.Line(row);
}

void LiveTable::PrintLine(const Change& change) {
  Row row = list_.Visible(change.cells(list_.style()));
  const Row header = list_.Header();
  const auto state = std::find(header.begin(), header.end(), "STATE");
  if (change.removed) {
    row[state == header.end() ? row.size() - 1 : state - header.begin()] = "REMOVED";
  }
  table_.Fit(row);
  out_ << table_.Line(row);
}

void LiveTable::Restart() {
  rows_.clear();
  index_.clear();
  degraded_ = 0;
  started_ = false;
  // A message stands below what was drawn.
  drawn_.Leave();
}

absl::Status LiveTable::Update(const std::optional<Change>& change, bool initial_done) {
  if (absl::Status status = list_.Check(); !status.ok()) return status;
  if (change.has_value()) Apply(*change);
  // The initial rows are printed together, once their widths are known.
  if (!started_ && !initial_done) return absl::OkStatus();
  const bool first = !started_;
  started_ = true;
  list_.SetNow(options_.now());
  if (!options_.terminal || !Redraw()) {
    drawn_.Leave();
    if (first) {
      PrintTable();
    } else if (change.has_value()) {
      PrintLine(*change);
    }
  }
  out_.flush();
  return absl::OkStatus();
}

}  // namespace gitops::ctl
