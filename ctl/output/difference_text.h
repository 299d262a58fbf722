#ifndef GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_
#define GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_

#include <string>
#include <vector>

#include "ctl/output/table.h"
#include "gitops/v1/types.pb.h"

namespace gitops::ctl {

// One difference on one line, whatever its texts hold: the cells of `before`, kind, path, detail.
Row DifferenceRow(Row before, const v1::Difference& difference);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_
