#ifndef GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_
#define GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_

#include <string>
#include <utility>
#include <vector>

#include "gitops/v1/agent.pb.h"

namespace gitops::ctl {

// One difference: "modified  /etc/app.conf  +1 -2", and a unified diff of text below it, in color
// if requested. Several lines, escaped.
std::string DifferenceText(const v1::Difference& difference, bool color);
// All differences of one host.
std::string DifferencesText(const v1::DiffServiceResponse& response, bool color);
// The differences of many hosts, each once with the hosts that have it, in the order in which they
// come first. Where paths differ in the name of the host only, "${machine}" stands for it.
std::string DifferencesText(
    const std::vector<std::pair<std::string, const v1::DiffServiceResponse*>>& hosts, bool color);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DIFFERENCE_TEXT_H_
