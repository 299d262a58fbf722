#ifndef GITOPS_CTL_IDENTITY_H_
#define GITOPS_CTL_IDENTITY_H_

#include <string>

namespace gitops::ctl {

// "alice@laptop": who runs this program, and where. Agents and planner keep it with changes; it
// proves nothing.
std::string UserAtHost();

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_IDENTITY_H_
