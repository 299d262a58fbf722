#include "common/store/sqlite_database.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

// How long to wait for another process that is writing.
constexpr int kBusyTimeoutMilliseconds = 5000;

absl::Status ErrorOf(const std::string& path, int code, absl::string_view detail) {
  const std::string what = absl::StrCat("store ", path, ": ", detail, " (SQLite code ", code, ")");
  if (code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_DATA ||
      code == SQLITE_IOERR_CORRUPTFS) {
    code = SQLITE_CORRUPT;
  }
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(
          absl::StrCat(what, "; restore the file, or move it away to start with an empty store"));
    case SQLITE_FULL:
      return absl::UnavailableError(absl::StrCat(what, "; free space on its file system"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(absl::StrCat(what, "; another process keeps it locked"));
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
      return absl::UnavailableError(
          absl::StrCat(what, "; make the file and its directory writable"));
    default:
      return absl::InternalError(what);
  }
}

}  // namespace

SqliteQuery::SqliteQuery(SqliteDatabase* database, sqlite3_stmt* statement, absl::Status status)
    : database_(database), statement_(statement), status_(std::move(status)) {}

SqliteQuery::~SqliteQuery() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void SqliteQuery::Check(int code) {
  if (status_.ok() && code != SQLITE_OK) status_ = database_->Error(code);
}

SqliteQuery& SqliteQuery::Bind(absl::string_view bytes) {
  // A null pointer would be bound as NULL, which is not an empty value.
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  if (status_.ok()) {
    Check(sqlite3_bind_blob64(statement_, ++bound_, data, bytes.size(), SQLITE_STATIC));
  }
  return *this;
}

SqliteQuery& SqliteQuery::Bind(int64_t number) {
  if (status_.ok()) Check(sqlite3_bind_int64(statement_, ++bound_, number));
  return *this;
}

SqliteQuery& SqliteQuery::BindNull() {
  if (status_.ok()) Check(sqlite3_bind_null(statement_, ++bound_));
  return *this;
}

bool SqliteQuery::Step() {
  if (!status_.ok()) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) Check(code);
  return false;
}

std::string SqliteQuery::Bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (data == nullptr || size == 0) return {};
  return std::string(static_cast<const char*>(data), size);
}

absl::Status SqliteQuery::Finish() {
  while (Step()) {
  }
  return status_;
}

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) {
    absl::Status status =
        ErrorOf(path, code, handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle));
    sqlite3_close_v2(handle);
    return status;
  }
  sqlite3_busy_timeout(handle, kBusyTimeoutMilliseconds);
  return std::unique_ptr<SqliteDatabase>(new SqliteDatabase(path, handle));
}

SqliteDatabase::~SqliteDatabase() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

SqliteQuery SqliteDatabase::Query(absl::string_view sql) {
  auto found = statements_.find(sql);
  if (found != statements_.end()) return SqliteQuery(this, found->second, absl::OkStatus());
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return SqliteQuery(this, nullptr, Error(code));
  statements_[sql] = statement;
  return SqliteQuery(this, statement, absl::OkStatus());
}

absl::Status SqliteDatabase::Execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code);
}

void SqliteDatabase::CountLogPages() {
  // Also replaces what PRAGMA wal_autocheckpoint has set.
  sqlite3_wal_hook(
      handle_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<SqliteDatabase*>(self)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

absl::Status SqliteDatabase::Checkpoint(int mode) {
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, mode, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code);
}

absl::Status SqliteDatabase::Sync() {
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(handle_, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code);
}

absl::Status SqliteDatabase::Error(int code) const {
  return ErrorOf(path_, code, sqlite3_errmsg(handle_));
}

}  // namespace gitops
