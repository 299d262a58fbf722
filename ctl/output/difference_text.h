#ifndef GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_
#define GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_

#include <string>
#include <vector>

#include "ctl/output/table.h"
#include "gitops/v1/types.pb.h"

namespace gitops::ctl {

// One difference as a row: the cells of `before`, kind, path, detail. Always one line.
Row DifferenceRow(Row before, const v1::Difference& difference);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_
