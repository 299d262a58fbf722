#ifndef GITOPS_EXAMPLES_HOOKS_FREEZE_WINDOW_H_
#define GITOPS_EXAMPLES_HOOKS_FREEZE_WINDOW_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "examples/hooks/hook.h"

namespace gitops::examples {

// A part of every week, in UTC, as minutes since Monday 00:00. Includes `begin` but not `end`; may
// extend over the end of the week.
struct FreezeWindow {
  int begin = 0;
  int end = 0;
  std::string text;  // as configured

  bool Holds(absl::Time time) const;
};

// Reads "Fri 16:00-Mon 08:00". INVALID_ARGUMENT.
absl::StatusOr<FreezeWindow> ParseFreezeWindow(absl::string_view text);

// Stops everything that begins within one of the windows: FAILED_PRECONDITION.
Hook FreezeWindowHook(std::vector<FreezeWindow> windows, std::function<absl::Time()> now);

}  // namespace gitops::examples

#endif  // GITOPS_EXAMPLES_HOOKS_FREEZE_WINDOW_H_
