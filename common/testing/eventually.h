#ifndef GITOPS_COMMON_TESTING_EVENTUALLY_H_
#define GITOPS_COMMON_TESTING_EVENTUALLY_H_

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"

namespace gitops {

// Calls `condition` until it returns true, with short pauses. Returns false after `limit` of wall
// time, which only a failing test reaches. Use it if nothing signals the change; a test double that
// can signal it has a CondVar instead.
bool Eventually(absl::FunctionRef<bool()> condition, absl::Duration limit = absl::Seconds(50));

}  // namespace gitops

#endif  // GITOPS_COMMON_TESTING_EVENTUALLY_H_
