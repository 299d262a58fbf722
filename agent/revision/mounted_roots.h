#ifndef GITOPS_AGENT_REVISION_MOUNTED_ROOTS_H_
#define GITOPS_AGENT_REVISION_MOUNTED_ROOTS_H_

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// The names of entries in the directory that is open as `directory` which are, or contain, the root
// of a mount or a mount point in this process's mount namespace: removing them would remove a
// published tree. Errors are those of reading /proc/self/mountinfo.
absl::StatusOr<std::set<std::string>> MountedEntries(int directory);

// The same for given text, for tests: `mountinfo` as in proc(5), `mount_id` the mount that contains
// the directory, `path` its absolute path without symlinks.
std::set<std::string> MountedEntriesIn(absl::string_view mountinfo, int mount_id,
                                       absl::string_view path);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_MOUNTED_ROOTS_H_
