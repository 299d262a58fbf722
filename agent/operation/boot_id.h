#ifndef GITOPS_AGENT_OPERATION_BOOT_ID_H_
#define GITOPS_AGENT_OPERATION_BOOT_ID_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

inline constexpr char kKernelBootIdFile[] = "/proc/sys/kernel/random/boot_id";

// What differs after every boot: the kernel's boot id, and the start time of process 1, so that it
// differs for a restarted container too. Of another `file` the content alone is the id.
// UNAVAILABLE: it cannot be read, or is empty; names the file.
absl::StatusOr<std::string> ReadBootId(const std::string& file = kKernelBootIdFile);

// The start time in a text of proc_pid_stat(5); empty: it is none.
absl::string_view StartTimeOf(absl::string_view stat);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_BOOT_ID_H_
