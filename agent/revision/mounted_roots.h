#ifndef GITOPS_AGENT_REVISION_MOUNTED_ROOTS_H_
#define GITOPS_AGENT_REVISION_MOUNTED_ROOTS_H_

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Names of the entries of the directory that is open as `directory` which are, or hold, the root of
// a mount or a mount point in this process's mount namespace: removing them would pull a published
// tree from under its readers. Errors as reading /proc/self/mountinfo.
absl::StatusOr<std::set<std::string>> MountedEntries(int directory);

// The same over given text, for tests: `mountinfo` as in proc(5), `mount_id` the mount on which the
// directory lies, `path` its absolute path without symlinks.
std::set<std::string> MountedEntriesIn(absl::string_view mountinfo, int mount_id,
                                       absl::string_view path);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_MOUNTED_ROOTS_H_
