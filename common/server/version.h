#ifndef GITOPS_COMMON_SERVER_VERSION_H_
#define GITOPS_COMMON_SERVER_VERSION_H_

#include "absl/strings/string_view.h"

namespace gitops {

// The version of the whole suite; its programs are released together.
inline absl::string_view Version() { return "0.1.0"; }

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_VERSION_H_
