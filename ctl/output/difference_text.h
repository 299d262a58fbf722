#ifndef GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_
#define GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_

#include <string>
#include <vector>

#include "ctl/output/table.h"
#include "gitops/v1/types.pb.h"

namespace gitops::ctl {

// Differences, aligned: what `before` says, kind, path and detail; a detail of several lines stands
// below its path.
class DifferenceTable {
 public:
  void Add(const Row& before, const v1::Difference& difference);
  std::string Text() const;

 private:
  struct Entry {
    Row row;
    std::string below;
  };
  std::vector<Entry> entries_;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_
