#ifndef GITOPS_COMMON_STORE_SQLITE_LOCK_H_
#define GITOPS_COMMON_STORE_SQLITE_LOCK_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// Locks PATH.lock, exclusive or shared, until the descriptor is closed or the process ends. The
// file contains the process id and is never removed: otherwise a third process could lock a new
// file of that name. FAILED_PRECONDITION: taken; the message has the holder's process id;
// UNAVAILABLE: the file cannot be opened.
absl::StatusOr<Fd> LockStoreFile(const std::string& path, bool exclusive);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_LOCK_H_
