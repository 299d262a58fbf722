#ifndef GITOPS_COMMON_STORE_SQLITE_DATABASE_H_
#define GITOPS_COMMON_STORE_SQLITE_DATABASE_H_

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

class SqliteDatabase;

// One use of a prepared statement, which is reset when this is destroyed. The first error sticks:
// bind, step to the end, then check status().
class SqliteQuery {
 public:
  SqliteQuery(SqliteDatabase* database, sqlite3_stmt* statement, absl::Status status);
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;
  ~SqliteQuery();

  // Binds the next parameter. Bytes must outlive the query.
  SqliteQuery& Bind(absl::string_view bytes);
  SqliteQuery& Bind(int64_t number);
  SqliteQuery& BindNull();

  // True: there is a row. False: no more rows, or an error.
  bool Step();

  // Columns of the current row, counted from 0.
  int64_t Number(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string Bytes(int column) const;
  bool IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

  const absl::Status& status() const { return status_; }

  // For statements without rows.
  absl::Status Finish();

 private:
  void Check(int code);

  SqliteDatabase* database_;
  sqlite3_stmt* statement_;
  absl::Status status_;
  int bound_ = 0;
};

// A connection to a database file. Not thread-safe.
class SqliteDatabase {
 public:
  // Opens an existing file for reading and writing. UNAVAILABLE, DATA_LOSS.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& path);
  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  // Prepares each `sql` once; it must outlive this. Only one query of it may be in use at a time.
  SqliteQuery Query(absl::string_view sql);

  // Runs statements that return no rows, or whose rows do not matter.
  absl::Status Execute(const char* sql);

  // Converts a SQLite result code to an error of Store; the message names the file and what may
  // help.
  absl::Status Error(int code) const;

  // From now on nothing is checkpointed after a commit; log_pages() counts instead.
  void CountLogPages();
  // Of the write-ahead log, after this connection's last commit; 0: there was none.
  int log_pages() const { return log_pages_; }
  // `mode`: SQLITE_CHECKPOINT_…
  absl::Status Checkpoint(int mode);
  // Makes what checkpoints have written to the file durable.
  absl::Status Sync();
  // How long a lock of another connection is waited for.
  void SetPatience(int milliseconds) { sqlite3_busy_timeout(handle_, milliseconds); }

  // Of the last INSERT, UPDATE or DELETE that succeeded.
  int64_t changed_rows() const { return sqlite3_changes(handle_); }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
  const std::string& path() const { return path_; }

 private:
  SqliteDatabase(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  std::string path_;
  sqlite3* handle_;
  int log_pages_ = 0;
  std::map<absl::string_view, sqlite3_stmt*> statements_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_DATABASE_H_
