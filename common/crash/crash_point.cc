#include "common/crash/crash_point.h"

namespace gitops {

void (*crash_hook)(absl::string_view name) = nullptr;

void CrashPoint(absl::string_view name) {
  if (crash_hook != nullptr) crash_hook(name);
}

}  // namespace gitops
