#include "common/store/sqlite_transaction.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/store/sqlite_schema.h"

namespace gitops {
namespace {

// Trimming waits until this part of a limit is exceeded, so that it is not done for every write. A
// small part, since the write that trims, and those behind it, wait for all of it.
constexpr int64_t kTrimSlackDivisor = 256;

int64_t EndMicroseconds(SteadyTime now, absl::Duration ttl) {
  // ToInt64Microseconds rounds down, which would end a lease early.
  return absl::ToInt64Microseconds((now + ttl + absl::Nanoseconds(999)).since_boot());
}

absl::Duration TtlOf(int64_t microseconds) {
  return microseconds == std::numeric_limits<int64_t>::max() ? absl::InfiniteDuration()
                                                             : absl::Microseconds(microseconds);
}

absl::Status LeaseEnded(int64_t lease) {
  return absl::NotFoundError(absl::StrCat("the lease ", lease, " has ended"));
}

bool HasPrefixOf(absl::string_view key, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [key](const std::string& prefix) { return absl::StartsWith(key, prefix); });
}

}  // namespace

bool IsDatabaseError(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDataLoss(status) || absl::IsInternal(status);
}

SqliteTransaction::SqliteTransaction(SqliteDatabase* database, Clock& clock,
                                     const KeptChanges& kept)
    : database_(database), kept_(kept), now_(clock.SteadyNow()), boot_(clock.BootId()) {}

SqliteTransaction::~SqliteTransaction() {
  // SQLite has rolled back by itself after some errors.
  if (database_->in_transaction()) (void)database_->Query("ROLLBACK").Finish();
}

absl::Status SqliteTransaction::Begin() {
  absl::Status status = database_->Query("BEGIN IMMEDIATE").Finish();
  if (status.ok()) status = LoadCounters();
  if (status.ok()) status = EndDueLeases();
  return status;
}

absl::Status SqliteTransaction::LoadCounters() {
  SqliteQuery query = database_->Query(
      "SELECT revision, trimmed, logged, trimmed_logged, last_lease FROM counters");
  if (query.Step()) {
    loaded_ = {query.Number(0), query.Number(1), query.Number(2), query.Number(3), query.Number(4)};
    counters_ = loaded_;
  } else if (query.status().ok()) {
    return absl::DataLossError(
        absl::StrCat("store ", database_->path(), ": its table of counters is empty"));
  }
  return query.status();
}

absl::Status SqliteTransaction::SaveCounters() {
  if (counters_ == loaded_) return absl::OkStatus();
  SqliteQuery query = database_->Query(
      "UPDATE counters SET revision = ?1, trimmed = ?2, logged = ?3, trimmed_logged = ?4,"
      " last_lease = ?5");
  query.Bind(counters_.revision).Bind(counters_.trimmed).Bind(counters_.logged);
  query.Bind(counters_.trimmed_logged).Bind(counters_.last_lease);
  return query.Finish();
}

absl::StatusOr<int64_t> SqliteTransaction::RevisionOf(absl::string_view key) {
  SqliteQuery query = database_->Query("SELECT revision FROM entries WHERE key = ?1");
  const int64_t revision = query.Bind(key).Step() ? query.Number(0) : 0;
  if (!query.status().ok()) return query.status();
  return revision;
}

absl::Status SqliteTransaction::CheckLease(int64_t lease) {
  SqliteQuery query = database_->Query("SELECT 1 FROM leases WHERE id = ?1");
  if (!query.Bind(lease).Step() && query.status().ok()) return LeaseEnded(lease);
  return query.status();
}

absl::Status SqliteTransaction::CheckPreconditions(const StoreWrite& write, int64_t& live_lease) {
  if (write.expected_revision.has_value()) {
    absl::StatusOr<int64_t> revision = RevisionOf(write.key);
    if (!revision.ok()) return revision.status();
    if (*revision != *write.expected_revision) {
      return absl::FailedPreconditionError(
          absl::StrCat("write ", write.key, ": its revision is ", *revision, ", but expected was ",
                       *write.expected_revision, "; read it again"));
    }
  }
  if (write.value.has_value() && write.lease != 0 && write.lease != live_lease) {
    absl::Status status = CheckLease(write.lease);
    if (absl::IsNotFound(status)) {
      return absl::FailedPreconditionError(
          absl::StrCat("write ", write.key, ": ", status.message(), "; grant a new one"));
    }
    if (!status.ok()) return status;
    live_lease = write.lease;
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SqliteTransaction::Write(const std::vector<StoreWrite>& writes) {
  int64_t live_lease = 0;
  for (const StoreWrite& write : writes) {
    if (absl::Status status = CheckPreconditions(write, live_lease); !status.ok()) return status;
  }
  const int64_t revision = counters_.revision + 1;
  bool any = false;
  for (const StoreWrite& write : writes) {
    absl::StatusOr<bool> changed = Apply(write, revision);
    if (!changed.ok()) return changed.status();
    any = any || *changed;
  }
  // Deleting a missing key is not a change, and creates no revision.
  if (any) counters_.revision = revision;
  return counters_.revision;
}

absl::StatusOr<bool> SqliteTransaction::Apply(const StoreWrite& write, int64_t revision) {
  if (write.value.has_value()) {
    SqliteQuery query = database_->Query(
        "INSERT INTO entries (key, revision, lease, value) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (key) DO UPDATE SET revision = ?2, lease = ?3, value = ?4");
    query.Bind(write.key).Bind(revision).Bind(write.lease).Bind(*write.value);
    if (absl::Status status = query.Finish(); !status.ok()) return status;
  } else {
    SqliteQuery query = database_->Query("DELETE FROM entries WHERE key = ?1");
    if (absl::Status status = query.Bind(write.key).Finish(); !status.ok()) return status;
    if (database_->changed_rows() == 0) return false;
  }
  if (absl::Status status = Log(write.key, write.value, revision); !status.ok()) {
    return status;
  }
  return true;
}

absl::Status SqliteTransaction::Log(absl::string_view key, const std::optional<std::string>& value,
                                    int64_t revision) {
  if (HasPrefixOf(key, kept_.none)) return absl::OkStatus();
  absl::string_view kept;
  if (value.has_value() && !HasPrefixOf(key, kept_.without_values)) kept = *value;
  counters_.logged += static_cast<int64_t>(key.size() + kept.size());
  SqliteQuery query = database_->Query(
      "INSERT INTO changes (logged, revision, key, value) VALUES (?1, ?2, ?3, ?4)");
  query.Bind(counters_.logged).Bind(revision).Bind(key);
  if (value.has_value()) {
    query.Bind(kept);
  } else {
    query.BindNull();
  }
  return query.Finish();
}

absl::StatusOr<int64_t> SqliteTransaction::GrantLease(absl::Duration ttl) {
  SqliteQuery query = database_->Query(
      "INSERT INTO leases (id, ttl_microseconds, end_microseconds, boot) VALUES (?1, ?2, ?3, ?4)");
  query.Bind(counters_.last_lease + 1).Bind(absl::ToInt64Microseconds(ttl));
  query.Bind(EndMicroseconds(now_, ttl)).Bind(boot_);
  if (absl::Status status = query.Finish(); !status.ok()) return status;
  return ++counters_.last_lease;
}

absl::Status SqliteTransaction::KeepLeaseAlive(int64_t lease) {
  SqliteQuery find = database_->Query("SELECT ttl_microseconds FROM leases WHERE id = ?1");
  if (!find.Bind(lease).Step()) return find.status().ok() ? LeaseEnded(lease) : find.status();
  const absl::Duration ttl = TtlOf(find.Number(0));
  SqliteQuery query = database_->Query("UPDATE leases SET end_microseconds = ?2 WHERE id = ?1");
  return query.Bind(lease).Bind(EndMicroseconds(now_, ttl)).Finish();
}

absl::Status SqliteTransaction::RestartLeasesOfOtherBoots() {
  std::vector<std::pair<int64_t, absl::Duration>> leases;
  {
    SqliteQuery query =
        database_->Query("SELECT id, ttl_microseconds FROM leases WHERE boot != ?1 OR boot = x''");
    query.Bind(boot_);
    while (query.Step()) leases.emplace_back(query.Number(0), TtlOf(query.Number(1)));
    if (!query.status().ok()) return query.status();
  }
  for (const auto& [lease, ttl] : leases) {
    SqliteQuery query =
        database_->Query("UPDATE leases SET end_microseconds = ?2, boot = ?3 WHERE id = ?1");
    query.Bind(lease).Bind(EndMicroseconds(now_, ttl)).Bind(boot_);
    if (absl::Status status = query.Finish(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SqliteTransaction::RevokeLease(int64_t lease) {
  if (absl::Status status = CheckLease(lease); !status.ok()) return status;
  return EndLease(lease);
}

absl::Status SqliteTransaction::EndDueLeases() {
  std::vector<int64_t> due;
  {
    // Leases of another boot are restarted when the store is opened.
    SqliteQuery query = database_->Query(
        "SELECT id FROM leases WHERE end_microseconds <= ?1 AND boot = ?2 ORDER BY id");
    query.Bind(absl::ToInt64Microseconds(now_.since_boot())).Bind(boot_);
    while (query.Step()) due.push_back(query.Number(0));
    if (!query.status().ok()) return query.status();
  }
  for (int64_t lease : due) {
    if (absl::Status status = EndLease(lease); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SqliteTransaction::EndLease(int64_t lease) {
  std::vector<StoreWrite> deletions;
  {
    // The second condition lets SQLite use the partial index.
    SqliteQuery query =
        database_->Query("SELECT key FROM entries WHERE lease = ?1 AND lease != 0 ORDER BY key");
    query.Bind(lease);
    while (query.Step()) deletions.emplace_back().key = query.Bytes(0);
    if (!query.status().ok()) return query.status();
  }
  if (absl::StatusOr<int64_t> revision = Write(deletions); !revision.ok()) {
    return revision.status();
  }
  return database_->Query("DELETE FROM leases WHERE id = ?1").Bind(lease).Finish();
}

absl::StatusOr<SteadyTime> SqliteTransaction::NextLeaseEnd() {
  return gitops::NextLeaseEnd(*database_);
}

absl::Status SqliteTransaction::Trim(const std::function<int64_t(int64_t)>& limit_trim) {
  const int64_t bytes_over = counters_.logged - counters_.trimmed_logged - kKeptBytes;
  const int64_t revisions_over = counters_.revision - counters_.trimmed - kKeptRevisions;
  if (bytes_over <= kKeptBytes / kTrimSlackDivisor &&
      revisions_over <= kKeptRevisions / kTrimSlackDivisor) {
    return absl::OkStatus();
  }
  int64_t last = counters_.revision - kKeptRevisions;
  if (bytes_over > 0) {
    SqliteQuery query =
        database_->Query("SELECT revision FROM changes WHERE logged > ?1 ORDER BY logged LIMIT 1");
    query.Bind(counters_.logged - kKeptBytes);
    if (query.Step()) last = std::max(last, query.Number(0) - 1);
    if (!query.status().ok()) return query.status();
  }
  last = limit_trim(last);
  if (last <= counters_.trimmed) return absl::OkStatus();
  {
    SqliteQuery query = database_->Query(
        "SELECT logged FROM changes WHERE revision <= ?1 ORDER BY revision DESC, logged DESC LIMIT "
        "1");
    if (query.Bind(last).Step()) counters_.trimmed_logged = query.Number(0);
    if (!query.status().ok()) return query.status();
  }
  counters_.trimmed = last;
  return database_->Query("DELETE FROM changes WHERE logged <= ?1")
      .Bind(counters_.trimmed_logged)
      .Finish();
}

absl::Status SqliteTransaction::Commit(const std::function<int64_t(int64_t)>& limit_trim) {
  absl::Status status = Trim(limit_trim);
  if (status.ok()) status = SaveCounters();
  if (status.ok()) status = database_->Query("COMMIT").Finish();
  return status;
}

}  // namespace gitops
