#ifndef GITOPS_CTL_OUTPUT_TABLE_H_
#define GITOPS_CTL_OUTPUT_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gitops::ctl {

using Row = std::vector<std::string>;

// Aligns cells in columns. Widths only grow, so that later rows align with earlier ones if they
// fit. Cells must be escaped; they may contain color sequences.
class Table {
 public:
  // `gap`: the spaces between columns.
  explicit Table(size_t gap = 2) : gap_(gap) {}
  void Fit(const Row& row);
  // The row as a line with a newline, without trailing spaces.
  std::string Line(const Row& row) const;

 private:
  size_t gap_;
  std::vector<size_t> widths_;
};

// All rows, aligned with each other.
std::string FormatTable(const std::vector<Row>& rows);

// The same as lines without newlines. Lines that are wider than `width` (0: any width fits) end
// with "…". Gaps of one column are used where the last column would have fewer columns than it
// needs and than `room`.
std::vector<std::string> AlignedLines(const std::vector<Row>& rows, size_t width, size_t room);

// The text with line breaks between words, so that no line is wider than `width` (0: none is
// added); later lines are indented by four columns. A longer word is broken. Ends with a newline.
std::string Wrapped(absl::string_view text, size_t width);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_TABLE_H_
