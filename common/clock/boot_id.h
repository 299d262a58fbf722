#ifndef GITOPS_COMMON_CLOCK_BOOT_ID_H_
#define GITOPS_COMMON_CLOCK_BOOT_ID_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

inline constexpr char kKernelBootIdFile[] = "/proc/sys/kernel/random/boot_id";

// The kernel's id of this boot. UNAVAILABLE: it cannot be read.
absl::StatusOr<std::string> ReadKernelBootId();

// Identifies a boot: the kernel's boot id, and the start time of process 1, so that it also changes
// when a container restarts. Of another `file`, the id is only the content. UNAVAILABLE: the file
// cannot be read, or is empty; the message names it.
absl::StatusOr<std::string> ReadBootId(const std::string& file = kKernelBootIdFile);

// The start time in a text of proc_pid_stat(5); empty if there is none.
absl::string_view StartTimeOf(absl::string_view stat);

}  // namespace gitops

#endif  // GITOPS_COMMON_CLOCK_BOOT_ID_H_
