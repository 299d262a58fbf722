#ifndef GITOPS_COMMON_STORE_SQLITE_LOCK_H_
#define GITOPS_COMMON_STORE_SQLITE_LOCK_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// Locks PATH.lock, exclusively or shared with others that share it, until the descriptor is closed
// or the process ends. The file holds the process id and stays: removing it would let a third
// process lock a new file of that name. FAILED_PRECONDITION: taken, with the holder's process id;
// UNAVAILABLE: the file cannot be opened.
absl::StatusOr<Fd> LockStoreFile(const std::string& path, bool exclusive);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_LOCK_H_
