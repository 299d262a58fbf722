#ifndef GITOPS_CTL_OUTPUT_TABLE_H_
#define GITOPS_CTL_OUTPUT_TABLE_H_

#include <string>
#include <vector>

namespace gitops::ctl {

using Row = std::vector<std::string>;

// Aligns cells in columns. Widths only grow, so rows that are printed later stand below the first
// ones as far as they fit. Cells are escaped already; they may hold colour sequences.
class Table {
 public:
  void Fit(const Row& row);
  // The row as a line with its newline, nothing after the last cell that is not empty.
  std::string Line(const Row& row) const;

 private:
  std::vector<size_t> widths_;
};

// All rows, aligned with each other.
std::string FormatTable(const std::vector<Row>& rows);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_TABLE_H_
