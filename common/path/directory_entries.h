#ifndef GITOPS_COMMON_PATH_DIRECTORY_ENTRIES_H_
#define GITOPS_COMMON_PATH_DIRECTORY_ENTRIES_H_

#include <dirent.h>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace gitops {

// Calls `visit` for each entry of an open directory, without "." and "..", and ends at the first
// error. `directory` may be opened O_PATH; its own position is neither used nor moved. One entry at
// a time is held in memory. `visit` may remove the entry that it is given. OK: the listing was
// complete; an error of readdir(3) is never taken for its end.
absl::Status ForEachEntry(int directory, absl::FunctionRef<absl::Status(const dirent&)> visit);

// Whether an entry of an open directory is itself a directory; false if it no longer exists.
bool IsDirectory(int directory, const dirent& entry);

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_DIRECTORY_ENTRIES_H_
