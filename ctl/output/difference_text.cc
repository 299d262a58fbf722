#include "ctl/output/difference_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

std::string KindText(v1::Difference::Kind kind) {
  if (!v1::Difference::Kind_IsValid(kind)) return absl::StrCat("kind ", static_cast<int>(kind));
  const std::string name(absl::StripPrefix(v1::Difference::Kind_Name(kind), "KIND_"));
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", " "}});
}

}  // namespace

void DifferenceTable::Add(const Row& before, const v1::Difference& difference) {
  const bool has_lines = absl::StrContains(difference.detail(), '\n');
  Entry entry{before, ""};
  entry.row.insert(entry.row.end(), {KindText(difference.kind()), EscapeLine(difference.path()),
                                     has_lines ? "" : EscapeLine(difference.detail())});
  if (has_lines) {
    entry.below = EscapeText(difference.detail());
    if (difference.detail().back() != '\n') entry.below += '\n';
  }
  entries_.push_back(std::move(entry));
}

std::string DifferenceTable::Text() const {
  Table table;
  for (const Entry& entry : entries_) table.Fit(entry.row);
  std::string text;
  for (const Entry& entry : entries_) absl::StrAppend(&text, table.Line(entry.row), entry.below);
  return text;
}

}  // namespace gitops::ctl
