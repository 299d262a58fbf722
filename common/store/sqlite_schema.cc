#include "common/store/sqlite_schema.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

constexpr int64_t kSchemaVersion = 3;

// counters: one row. `trimmed` is the greatest revision whose changes were dropped; `logged` counts
// the bytes ever put into changes, `trimmed_logged` those dropped again. changes: the changes for
// watches, in order; `logged` is the value after this change, so that the log can be trimmed by
// size without a sum. Its key is a number: in a table WITHOUT ROWID, the rest of a value of more
// than 1 KB would take a page of its own. leases: end_microseconds counts from the boot that `boot`
// names (Clock::SteadyNow, BootId).
constexpr char kChanges[] = R"(
  CREATE TABLE changes (
    logged INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB);
  CREATE INDEX changes_by_revision ON changes (revision);
)";
constexpr char kSchema[] = R"(
  CREATE TABLE counters (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL,
    trimmed INTEGER NOT NULL,
    logged INTEGER NOT NULL,
    trimmed_logged INTEGER NOT NULL,
    last_lease INTEGER NOT NULL);
  INSERT INTO counters VALUES (1, 0, 0, 0, 0, 0);
  CREATE TABLE entries (
    key BLOB PRIMARY KEY NOT NULL,
    revision INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    value BLOB NOT NULL);
  CREATE INDEX entries_by_lease ON entries (lease) WHERE lease != 0;
  CREATE TABLE leases (
    id INTEGER PRIMARY KEY,
    ttl_microseconds INTEGER NOT NULL,
    end_microseconds INTEGER NOT NULL,
    boot BLOB NOT NULL);
  CREATE INDEX leases_by_end ON leases (end_microseconds);
)";

// Version 1 stored the ends as wall time; without a boot, the leases restart.
constexpr char kFromVersion1[] = R"(
  ALTER TABLE leases ADD COLUMN boot BLOB NOT NULL DEFAULT x'';
)";

// Version 2 kept the changes by revision and position, WITHOUT ROWID.
constexpr char kCopyChanges[] = R"(
  INSERT INTO changes SELECT logged, revision, key, value FROM former_changes;
  DROP TABLE former_changes;
)";
constexpr char kUpToDate[] = "PRAGMA user_version = 3";

absl::Status ErrnoError(absl::string_view what, const std::string& path) {
  const int error = errno;
  return absl::UnavailableError(absl::StrCat(what, " ", path, ": ", std::strerror(error),
                                             "; its directory must exist and be writable"));
}

absl::Status CreatePrivateFile(const std::string& path) {
  // mknod, not open: closing a descriptor of the file would release the locks that SQLite has on it
  // for another Store of this process.
  if (::mknod(path.c_str(), S_IFREG | 0600, 0) == 0) return absl::OkStatus();
  if (errno != EEXIST) return ErrnoError("create store", path);
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return ErrnoError("stat store", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::DataLossError(absl::StrCat("open store ", path, ": it is not a regular file"));
  }
  if ((info.st_mode & 0077) == 0) return absl::OkStatus();
  if (::chmod(path.c_str(), 0600) != 0)
    return ErrnoError("remove the permissions of others from store", path);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SchemaVersion(SqliteDatabase& database) {
  SqliteQuery query = database.Query("PRAGMA user_version");
  const int64_t version = query.Step() ? query.Number(0) : 0;
  if (!query.status().ok()) return query.status();
  return version;
}

absl::Status Migrate(SqliteDatabase& database, int64_t version) {
  std::vector<const char*> steps;
  if (version == 0) steps = {kSchema, kChanges};
  if (version == 1) steps = {kFromVersion1};
  if (version == 1 || version == 2) {
    steps.insert(steps.end(),
                 {"ALTER TABLE changes RENAME TO former_changes", kChanges, kCopyChanges});
  }
  steps.push_back(kUpToDate);
  for (const char* step : steps) {
    if (absl::Status status = database.Execute(step); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status BringUpToDate(SqliteDatabase& database) {
  // Another process may do the same: the second one finds the work done.
  if (absl::Status status = database.Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  absl::StatusOr<int64_t> version = SchemaVersion(database);
  absl::Status status = version.status();
  if (status.ok() && *version < kSchemaVersion) status = Migrate(database, *version);
  if (status.ok()) status = database.Execute("COMMIT");
  if (!status.ok() && database.in_transaction()) (void)database.Execute("ROLLBACK");
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteDatabase>> ConnectToStoreFile(const std::string& path) {
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::Open(path);
  if (!database.ok()) return database.status();
  absl::Status status = (*database)->Execute(
      "PRAGMA journal_mode = WAL;"
      "PRAGMA synchronous = FULL;"
      "PRAGMA journal_size_limit = 16777216;"  // what a burst left of the WAL is given back
      "PRAGMA cell_size_check = ON;"
      "PRAGMA trusted_schema = OFF;");
  if (!status.ok()) return status;
  return database;
}

absl::Status PrepareStoreFile(const std::string& path) {
  if (absl::Status status = CreatePrivateFile(path); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::Open(path);
  if (!database.ok()) return database.status();
  // Read first: a file of a newer version, or one that is not a database, is not changed.
  absl::StatusOr<int64_t> version = SchemaVersion(**database);
  if (!version.ok()) return version.status();
  if (*version > kSchemaVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("open store ", path, ": it was written by a newer version (schema ", *version,
                     ", this program knows ", kSchemaVersion, "); upgrade this program"));
  }
  if (*version == kSchemaVersion) return absl::OkStatus();
  database->reset();
  database = ConnectToStoreFile(path);
  if (!database.ok()) return database.status();
  return BringUpToDate(**database);
}

absl::StatusOr<SteadyTime> NextLeaseEnd(SqliteDatabase& database) {
  SqliteQuery query = database.Query("SELECT min(end_microseconds) FROM leases");
  const bool none = !query.Step() || query.IsNull(0);
  if (!query.status().ok()) return query.status();
  if (none || query.Number(0) == std::numeric_limits<int64_t>::max()) return SteadyTime::Infinite();
  return SteadyTime(absl::Microseconds(query.Number(0)));
}

}  // namespace gitops
