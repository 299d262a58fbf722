#ifndef GITOPS_COMMON_STORE_SQLITE_SCHEMA_H_
#define GITOPS_COMMON_STORE_SQLITE_SCHEMA_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/store/sqlite_database.h"

namespace gitops {

// Creates the file (mode 0600) and the tables where they are missing, and takes group and others'
// rights from a file that has them. FAILED_PRECONDITION: a newer program wrote it.
absl::Status PrepareStoreFile(const std::string& path);

// A connection to a prepared file, with the settings of the store.
absl::StatusOr<std::unique_ptr<SqliteDatabase>> ConnectToStoreFile(const std::string& path);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_SCHEMA_H_
