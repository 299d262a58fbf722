#ifndef GITOPS_COMMON_SERVER_STOP_WITHIN_H_
#define GITOPS_COMMON_SERVER_STOP_WITHIN_H_

#include <functional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// Runs `stop` on its own thread and waits for its end. After `bound`, it logs `late` as an error
// and ends the process with exit status 1, without destructors: nothing can be freed that still
// runs.
void StopWithin(absl::Duration bound, absl::string_view program, absl::string_view late,
                const std::function<void()>& stop);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_STOP_WITHIN_H_
