#ifndef GITOPS_COMMON_STORE_SQLITE_SCHEMA_H_
#define GITOPS_COMMON_STORE_SQLITE_SCHEMA_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock/steady_time.h"
#include "common/store/sqlite_database.h"

namespace gitops {

// Creates the file (mode 0600) and the tables if they are missing, upgrades the tables of an older
// version, and removes the permissions of group and others. FAILED_PRECONDITION: a newer version
// wrote it.
absl::Status PrepareStoreFile(const std::string& path);

// A connection to a prepared file, with the settings of the store.
absl::StatusOr<std::unique_ptr<SqliteDatabase>> ConnectToStoreFile(const std::string& path);

// When the next lease ends, among those that were granted or restarted in this boot. Infinite():
// there is none.
absl::StatusOr<SteadyTime> NextLeaseEnd(SqliteDatabase& database);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_SCHEMA_H_
