#ifndef GITOPS_CTL_IDENTITY_H_
#define GITOPS_CTL_IDENTITY_H_

#include <string>

namespace gitops::ctl {

// "alice@laptop": the user and machine of this program. Agents and planner store it with changes;
// it is only a claim.
std::string UserAtHost();

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_IDENTITY_H_
