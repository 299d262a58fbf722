#include "ctl/output/watch_table.h"

#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ctl/output/escape.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {

Row WatchTable::RowOf(const v1::Service& service) const {
  const auto place = services_.lower_bound(service.service());
  return ServiceRow(std::distance(services_.begin(), place), service,
                    options_.form == OutputForm::kWide, options_.color);
}

void WatchTable::Apply(const v1::WatchServicesResponse& update) {
  if (!update.has_service()) return;
  if (update.removed()) {
    services_.erase(update.service().service());
  } else {
    services_[update.service().service()] = update.service();
  }
}

// False where the terminal's size is unknown or too small for the table.
bool WatchTable::Redraw() {
  const TerminalSize size = options_.size ? options_.size() : TerminalSize{};
  if (size.columns <= 0 || static_cast<int>(services_.size()) + 1 >= size.rows) return false;
  std::vector<Row> rows = {ServiceHeader(options_.form == OutputForm::kWide)};
  for (const auto& [name, service] : services_) rows.push_back(RowOf(service));
  table_ = Table();
  for (const Row& row : rows) table_.Fit(row);
  std::string text;
  if (drawn_lines_ > 0) text = absl::StrCat("\x1b[", drawn_lines_, "A\x1b[J");
  for (const Row& row : rows) {
    std::string line = table_.Line(row);
    line.pop_back();
    // A line that wraps would take two lines of the screen.
    absl::StrAppend(&text, CutToWidth(line, size.columns), "\n");
  }
  drawn_lines_ = rows.size();
  out_ << text;
  return true;
}

void WatchTable::PrintLine(const v1::WatchServicesResponse& update) {
  Row row = RowOf(update.service());
  if (update.removed()) row[3] = "REMOVED";
  table_.Fit(row);
  out_ << table_.Line(row);
}

void WatchTable::Update(const v1::WatchServicesResponse& update) {
  Apply(update);
  // The first services are printed together, when their widths are known.
  if (!started_ && !update.initial_done()) return;
  const bool first = !started_;
  started_ = true;
  if (options_.terminal && Redraw()) {
    out_.flush();
    return;
  }
  drawn_lines_ = 0;
  if (first) {
    std::vector<Row> rows = {ServiceHeader(options_.form == OutputForm::kWide)};
    for (const auto& [name, service] : services_) rows.push_back(RowOf(service));
    for (const Row& row : rows) table_.Fit(row);
    for (const Row& row : rows) out_ << table_.Line(row);
  } else if (update.has_service()) {
    PrintLine(update);
  }
  out_.flush();
}

}  // namespace gitops::ctl
