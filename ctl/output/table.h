#ifndef GITOPS_CTL_OUTPUT_TABLE_H_
#define GITOPS_CTL_OUTPUT_TABLE_H_

#include <string>
#include <vector>

namespace gitops::ctl {

using Row = std::vector<std::string>;

// Aligns cells in columns. Widths only grow, so that later rows align with earlier ones if they
// fit. Cells must be escaped; they may contain color sequences.
class Table {
 public:
  void Fit(const Row& row);
  // The row as a line with a newline, without trailing spaces.
  std::string Line(const Row& row) const;

 private:
  std::vector<size_t> widths_;
};

// All rows, aligned with each other.
std::string FormatTable(const std::vector<Row>& rows);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_TABLE_H_
