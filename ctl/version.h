#ifndef GITOPS_CTL_VERSION_H_
#define GITOPS_CTL_VERSION_H_

namespace gitops::ctl {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_VERSION_H_
