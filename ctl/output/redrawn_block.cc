#include "ctl/output/redrawn_block.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {

std::string RedrawnBlock::Replace(const std::vector<std::string>& lines, int columns) {
  const size_t width = std::max(columns, 1);
  size_t rows = 0;
  for (const size_t drawn : widths_) rows += std::max<size_t>((drawn + width - 1) / width, 1);
  std::string text;
  if (rows > 0) text = absl::StrCat("\x1b[", rows, "A\x1b[J");
  widths_.clear();
  for (const std::string& line : lines) {
    absl::StrAppend(&text, line, "\n");
    widths_.push_back(DisplayWidth(line));
  }
  return text;
}

}  // namespace gitops::ctl
