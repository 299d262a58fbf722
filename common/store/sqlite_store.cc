#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/path/fd.h"
#include "common/store/kept_changes.h"
#include "common/store/keys.h"
#include "common/store/sqlite_checkpointer.h"
#include "common/store/sqlite_lease.h"
#include "common/store/sqlite_lock.h"
#include "common/store/sqlite_reader.h"
#include "common/store/sqlite_schema.h"
#include "common/store/sqlite_watch.h"
#include "common/store/sqlite_writer.h"
#include "common/store/store.h"

namespace gitops {
namespace {

// Far below SQLite's limit, so that a write is refused before a part of its batch is applied.
constexpr size_t kMaxEntry = 256 << 20;

class SqliteStore : public Store {
 public:
  SqliteStore(const SqliteStoreOptions& options, KeptChanges kept, Fd lock,
              std::unique_ptr<SqliteDatabase> reading, std::unique_ptr<SqliteDatabase> watching,
              std::unique_ptr<SqliteDatabase> writing, std::unique_ptr<SqliteDatabase> moving)
      : shared_(!options.exclusive),
        lock_(std::move(lock)),
        reader_(std::move(reading)),
        watch_reader_(std::move(watching)),
        lease_timer_(options.clock, [this] { return EndDueLeases(); }),
        watches_(std::make_shared<SqliteWatchHub>(
            &watch_reader_, SqliteWatchHub::Options{shared_, [this] { FollowForeignLeases(); }})),
        checkpointer_(std::move(moving)),
        writer_(std::make_unique<SqliteWriter>(std::move(writing), options.clock, std::move(kept),
                                               WriterHooks())) {}

  ~SqliteStore() override {
    lease_timer_.Stop();
    watches_->Stop();
    writer_.reset();
  }

  // Restarts the leases in the file. The commit schedules their ends.
  absl::Status Start() {
    return writer_
        ->Run([](SqliteTransaction& transaction) -> absl::StatusOr<int64_t> {
          absl::Status status = transaction.RestartLeasesOfOtherBoots();
          if (!status.ok()) return status;
          return transaction.revision();
        })
        .status();
  }

  absl::StatusOr<StoredValue> Get(absl::string_view key) override {
    if (shared_) FollowForeignLeases();
    return reader_.Get(key);
  }

  absl::StatusOr<std::vector<StoredValue>> List(absl::string_view prefix, absl::string_view after,
                                                int limit) override {
    if (shared_) FollowForeignLeases();
    return reader_.List(prefix, after, limit);
  }

  absl::StatusOr<int64_t> Write(const std::vector<StoreWrite>& writes) override {
    if (absl::Status status = CheckWrites(writes); !status.ok()) return status;
    for (const StoreWrite& write : writes) {
      if (write.key.size() + (write.value ? write.value->size() : 0) <= kMaxEntry) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("write ", write.key, ": the value is larger than ", kMaxEntry, " bytes"));
    }
    return writer_->Run([&](SqliteTransaction& transaction) { return transaction.Write(writes); });
  }

  absl::StatusOr<std::unique_ptr<StoreWatch>> Watch(
      absl::string_view prefix, int64_t after_revision,
      std::function<void(const StoreEvent&)> on_event) override {
    return watches_->Watch(prefix, after_revision, std::move(on_event));
  }

  absl::StatusOr<int64_t> GrantLease(absl::Duration ttl) override {
    if (ttl <= absl::ZeroDuration()) {
      return absl::InvalidArgumentError(
          absl::StrCat("grant a lease of ", absl::FormatDuration(ttl), ": must be longer than 0"));
    }
    return writer_->Run(
        [ttl](SqliteTransaction& transaction) { return transaction.GrantLease(ttl); });
  }

  absl::Status KeepLeaseAlive(int64_t lease) override {
    return RunOnLease(lease, &SqliteTransaction::KeepLeaseAlive);
  }

  absl::Status RevokeLease(int64_t lease) override {
    return RunOnLease(lease, &SqliteTransaction::RevokeLease);
  }

 private:
  SqliteWriter::Hooks WriterHooks() {
    return {[this](int64_t revision) { return watches_->LimitTrim(revision); },
            [this](int64_t revision, SteadyTime next_lease_end) {
              watches_->OnCommit(revision);
              lease_timer_.Schedule(next_lease_end);
            },
            [this](int pages) { checkpointer_.Note(pages); }};
  }

  absl::Status RunOnLease(int64_t lease, absl::Status (SqliteTransaction::*method)(int64_t)) {
    return writer_
        ->Run([&](SqliteTransaction& transaction) -> absl::StatusOr<int64_t> {
          absl::Status status = (transaction.*method)(lease);
          if (!status.ok()) return status;
          return lease;
        })
        .status();
  }

  // Every transaction starts by ending due leases, so an empty one suffices.
  absl::Status EndDueLeases() {
    return writer_
        ->Run([](SqliteTransaction& transaction) -> absl::StatusOr<int64_t> {
          return transaction.revision();
        })
        .status();
  }

  // Another process may have granted a lease, and died.
  void FollowForeignLeases() {
    absl::StatusOr<int64_t> version = reader_.DataVersion();
    if (!version.ok()) return;
    {
      MutexLock lock(foreign_mutex_);
      if (*version == foreign_version_) return;
      foreign_version_ = *version;
    }
    if (absl::StatusOr<SteadyTime> next_end = reader_.NextLeaseEnd(); next_end.ok()) {
      lease_timer_.ScheduleNoLaterThan(*next_end);
    }
  }

  const bool shared_;
  const Fd lock_;
  SqliteReader reader_;
  SqliteReader watch_reader_;  // of its own, since it reads many changes at a time
  SqliteLeaseTimer lease_timer_;
  std::shared_ptr<SqliteWatchHub> watches_;
  SqliteCheckpointer checkpointer_;
  std::unique_ptr<SqliteWriter> writer_;
  Mutex foreign_mutex_;
  int64_t foreign_version_ ABSL_GUARDED_BY(foreign_mutex_) = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteStoreOptions& options) {
  return OpenSqliteStore(options, {});
}

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteStoreOptions& options,
                                                       KeptChanges kept) {
  absl::StatusOr<Fd> lock = LockStoreFile(options.path, options.exclusive);
  if (!lock.ok()) return lock.status();
  if (absl::Status status = PrepareStoreFile(options.path); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> reading = ConnectToStoreFile(options.path);
  if (!reading.ok()) return reading.status();
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> watching = ConnectToStoreFile(options.path);
  if (!watching.ok()) return watching.status();
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> writing = ConnectToStoreFile(options.path);
  if (!writing.ok()) return writing.status();
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> moving = ConnectToStoreFile(options.path);
  if (!moving.ok()) return moving.status();
  auto store =
      std::make_unique<SqliteStore>(options, std::move(kept), *std::move(lock), *std::move(reading),
                                    *std::move(watching), *std::move(writing), *std::move(moving));
  if (absl::Status status = store->Start(); !status.ok()) return status;
  return store;
}

}  // namespace gitops
