#ifndef GITOPS_CTL_OUTPUT_REDRAWN_BLOCK_H_
#define GITOPS_CTL_OUTPUT_REDRAWN_BLOCK_H_

#include <string>
#include <vector>

namespace gitops::ctl {

// Lines at the end of what is on a terminal that are replaced in place.
class RedrawnBlock {
 public:
  // What to write so that `lines` (each no wider than `columns`, without a newline) stand where the
  // last ones stood. Where the terminal was made narrower meanwhile it has wrapped those.
  std::string Replace(const std::vector<std::string>& lines, int columns);
  // What stands there stays; the next lines stand below it.
  void Leave() { widths_.clear(); }
  bool empty() const { return widths_.empty(); }

 private:
  std::vector<size_t> widths_;  // of the lines that the next call replaces
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_REDRAWN_BLOCK_H_
