#ifndef GITOPS_CTL_OUTPUT_REDRAWN_BLOCK_H_
#define GITOPS_CTL_OUTPUT_REDRAWN_BLOCK_H_

#include <string>
#include <vector>

namespace gitops::ctl {

// Lines at the end of a terminal's output that are replaced in place.
class RedrawnBlock {
 public:
  // Returns the text that replaces the previous lines on the terminal by `lines`, each at most
  // `columns` wide and without a newline. A terminal that was made narrower has wrapped the
  // previous lines.
  std::string Replace(const std::vector<std::string>& lines, int columns);
  // Keeps the current lines; the next ones are written below them.
  void Leave() { widths_.clear(); }
  bool empty() const { return widths_.empty(); }

 private:
  std::vector<size_t> widths_;  // of the lines that the next call replaces
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_REDRAWN_BLOCK_H_
