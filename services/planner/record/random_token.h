#ifndef GITOPS_SERVICES_PLANNER_RECORD_RANDOM_TOKEN_H_
#define GITOPS_SERVICES_PLANNER_RECORD_RANDOM_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"

namespace gitops {

// 128 bits of the system's random source as 32 hexadecimal digits: safe in a URL, and on a command
// line, where a leading '-' would not be. UNAVAILABLE: the system has none.
absl::StatusOr<std::string> RandomToken();

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_RANDOM_TOKEN_H_
