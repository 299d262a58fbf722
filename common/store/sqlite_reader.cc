#include "common/store/sqlite_reader.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/store/keys.h"
#include "common/store/sqlite_schema.h"

namespace gitops {
namespace {

// Two forms of each, so that SQLite can use the upper bound if there is one.
constexpr absl::string_view kListBetween =
    "SELECT key, value, revision FROM entries WHERE key >= ?1 AND key < ?3 ORDER BY key LIMIT ?2";
constexpr absl::string_view kListFrom =
    "SELECT key, value, revision FROM entries WHERE key >= ?1 ORDER BY key LIMIT ?2";

constexpr absl::string_view kChangesBetween =
    "SELECT key, value, revision FROM changes"
    " WHERE revision BETWEEN ?1 AND ?2 AND key >= ?3 AND key < ?4 ORDER BY revision, logged";
constexpr absl::string_view kChangesFrom =
    "SELECT key, value, revision FROM changes"
    " WHERE revision BETWEEN ?1 AND ?2 AND key >= ?3 ORDER BY revision, logged";

constexpr int64_t kNoLimit = -1;

}  // namespace

SqliteReader::SqliteReader(std::unique_ptr<SqliteDatabase> database)
    : database_(std::move(database)) {}

absl::StatusOr<StoredValue> SqliteReader::Get(absl::string_view key) {
  MutexLock lock(mutex_);
  SqliteQuery query = database_->Query("SELECT value, revision FROM entries WHERE key = ?1");
  if (query.Bind(key).Step()) {
    return StoredValue{std::string(key), query.Bytes(0), query.Number(1)};
  }
  if (!query.status().ok()) return query.status();
  return absl::NotFoundError(absl::StrCat("get ", key, ": the store has no such key"));
}

absl::StatusOr<std::vector<StoredValue>> SqliteReader::List(absl::string_view prefix,
                                                            absl::string_view after, int limit) {
  const std::string begin = PrefixBegin(prefix, after);
  const std::string end = PrefixEnd(prefix);
  std::vector<StoredValue> values;
  MutexLock lock(mutex_);
  SqliteQuery query = database_->Query(end.empty() ? kListFrom : kListBetween);
  query.Bind(begin).Bind(limit > 0 ? limit : kNoLimit);
  if (!end.empty()) query.Bind(end);
  while (query.Step()) {
    values.push_back({query.Bytes(0), query.Bytes(1), query.Number(2)});
  }
  if (!query.status().ok()) return query.status();
  return values;
}

absl::StatusOr<std::vector<StoreEvent>> SqliteReader::Changes(absl::string_view prefix,
                                                              int64_t first, int64_t last) {
  const std::string begin = PrefixBegin(prefix, "");
  const std::string end = PrefixEnd(prefix);
  std::vector<StoreEvent> events;
  MutexLock lock(mutex_);
  SqliteQuery query = database_->Query(end.empty() ? kChangesFrom : kChangesBetween);
  query.Bind(first).Bind(last).Bind(begin);
  if (!end.empty()) query.Bind(end);
  while (query.Step()) {
    std::optional<std::string> value;
    if (!query.IsNull(1)) value = query.Bytes(1);
    events.push_back({query.Bytes(0), std::move(value), query.Number(2)});
  }
  if (!query.status().ok()) return query.status();
  return events;
}

absl::StatusOr<SqliteReader::Extent> SqliteReader::ReadExtent() {
  MutexLock lock(mutex_);
  SqliteQuery query = database_->Query("SELECT revision, trimmed FROM counters");
  if (query.Step()) return Extent{query.Number(0), query.Number(1)};
  if (!query.status().ok()) return query.status();
  return absl::DataLossError(
      absl::StrCat("store ", database_->path(), ": its table of counters is empty"));
}

absl::StatusOr<SteadyTime> SqliteReader::NextLeaseEnd() {
  MutexLock lock(mutex_);
  return gitops::NextLeaseEnd(*database_);
}

absl::StatusOr<int64_t> SqliteReader::DataVersion() {
  MutexLock lock(mutex_);
  SqliteQuery query = database_->Query("PRAGMA data_version");
  const int64_t version = query.Step() ? query.Number(0) : 0;
  if (!query.status().ok()) return query.status();
  return version;
}

}  // namespace gitops
