#ifndef GITOPS_COMMON_SERVER_STATE_DIRECTORY_H_
#define GITOPS_COMMON_SERVER_STATE_DIRECTORY_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/store/kept_changes.h"
#include "common/store/store.h"

namespace gitops {

// Opens the SQLite store `file` in the directory of --state-dir, which is created with its parents;
// sets its mode. FAILED_PRECONDITION: the directory cannot be created; the message says why.
// UNAVAILABLE: another process has the store, which may pass. Others as OpenSqliteStore's.
absl::StatusOr<std::unique_ptr<Store>> OpenStateStore(const std::string& directory,
                                                      const std::string& file, Clock* clock,
                                                      mode_t mode = 0700, KeptChanges kept = {});

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_STATE_DIRECTORY_H_
