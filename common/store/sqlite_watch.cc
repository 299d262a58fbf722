#include "common/store/sqlite_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

// How often to look for changes of other processes. In real time, independent of the store's clock,
// which other processes do not follow.
constexpr std::chrono::milliseconds kPollInterval(250);

// The number of revisions read at a time, which bounds memory while old changes are delivered
// again.
constexpr int64_t kRevisionsPerRead = 256;

absl::Status TooOld(absl::string_view prefix, int64_t after_revision, int64_t forgotten) {
  return absl::OutOfRangeError(absl::StrCat(
      "watch ", prefix, " after revision ", after_revision, ": changes up to revision ", forgotten,
      " are no longer kept; list again, and watch from there"));
}

}  // namespace

class SqliteWatchHub::Handle : public StoreWatch {
 public:
  Handle(std::shared_ptr<SqliteWatchHub> hub, int64_t id) : hub_(std::move(hub)), id_(id) {}
  ~Handle() override { hub_->Remove(id_); }

 private:
  std::shared_ptr<SqliteWatchHub> hub_;
  int64_t id_;
};

SqliteWatchHub::SqliteWatchHub(SqliteReader* reader, Options options)
    : reader_(reader), options_(std::move(options)) {}

SqliteWatchHub::~SqliteWatchHub() { Stop(); }

void SqliteWatchHub::Stop() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

absl::StatusOr<std::unique_ptr<StoreWatch>> SqliteWatchHub::Watch(
    absl::string_view prefix, int64_t after_revision,
    std::function<void(const StoreEvent&)> on_event) {
  int64_t id = 0;
  {
    // Registered before reading what the file still has, so that nothing is trimmed in between.
    MutexLock lock(mutex_);
    if (after_revision < forgotten_) return TooOld(prefix, after_revision, forgotten_);
    if (absl::Status started = EnsureThread(); !started.ok()) return started;
    id = Add({std::string(prefix), after_revision, std::move(on_event)});
  }
  auto handle = std::make_unique<Handle>(shared_from_this(), id);
  absl::StatusOr<SqliteReader::Extent> extent = reader_->ReadExtent();
  if (!extent.ok()) return extent.status();
  if (after_revision < extent->trimmed) return TooOld(prefix, after_revision, extent->trimmed);
  MutexLock lock(mutex_);
  watchers_[id]->active = true;
  revision_ = std::max(revision_, extent->revision);
  wake_.NotifyAll();
  return handle;
}

absl::Status SqliteWatchHub::EnsureThread() {
  if (thread_.joinable() || stopping_) return absl::OkStatus();
  absl::StatusOr<std::thread> thread = StartThread("watch the store", [this] { Loop(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

int64_t SqliteWatchHub::Add(Watcher watcher) {
  watchers_[++last_id_] = std::make_shared<Watcher>(std::move(watcher));
  return last_id_;
}

void SqliteWatchHub::Remove(int64_t id) {
  // Destroyed without the lock: the callback's captures may do anything in their destructors.
  std::shared_ptr<Watcher> removed;
  MutexLock lock(mutex_);
  auto found = watchers_.find(id);
  removed = std::move(found->second);
  watchers_.erase(found);
  while (calling_ == id) called_.Wait(mutex_);
}

void SqliteWatchHub::OnCommit(int64_t revision) {
  MutexLock lock(mutex_);
  if (revision <= revision_) return;
  revision_ = revision;
  if (!watchers_.empty()) wake_.NotifyAll();
}

int64_t SqliteWatchHub::LimitTrim(int64_t revision) {
  MutexLock lock(mutex_);
  for (const auto& [id, watcher] : watchers_) revision = std::min(revision, watcher->told);
  forgotten_ = std::max(forgotten_, revision);
  return revision;
}

void SqliteWatchHub::Loop() {
  while (true) {
    AwaitWork();
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
    }
    if (options_.shared) LookForForeignChanges();
    TellAll();
  }
}

bool SqliteWatchHub::HasWork() {
  if (stopping_) return true;
  for (const auto& [id, watcher] : watchers_) {
    if (watcher->active && watcher->told < revision_) return true;
  }
  return false;
}

void SqliteWatchHub::AwaitWork() {
  MutexLock lock(mutex_);
  if (std::exchange(retry_, false)) {
    const auto deadline = std::chrono::steady_clock::now() + kPollInterval;
    while (!stopping_ && wake_.WaitUntil(mutex_, deadline)) {
    }
    return;
  }
  while (!HasWork()) {
    if (options_.shared && !watchers_.empty()) {
      if (!wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kPollInterval)) return;
    } else {
      wake_.Wait(mutex_);
    }
  }
}

void SqliteWatchHub::LookForForeignChanges() {
  absl::StatusOr<int64_t> version = reader_->DataVersion();
  // Nobody receives an error here: the next round tries again.
  if (!version.ok() || *version == data_version_) return;
  absl::StatusOr<SqliteReader::Extent> extent = reader_->ReadExtent();
  if (!extent.ok()) return;
  data_version_ = *version;
  OnCommit(extent->revision);
  options_.on_foreign_change();
}

void SqliteWatchHub::TellAll() {
  std::vector<int64_t> ids;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, watcher] : watchers_) {
      if (watcher->active && watcher->told < revision_) ids.push_back(id);
    }
  }
  for (int64_t id : ids) {
    if (Tell(id)) continue;
    MutexLock lock(mutex_);
    retry_ = true;
  }
}

// Returns false if the changes cannot be read now.
bool SqliteWatchHub::Tell(int64_t id) {
  std::string prefix;
  int64_t first = 0;
  int64_t last = 0;
  {
    MutexLock lock(mutex_);
    auto found = watchers_.find(id);
    if (found == watchers_.end()) return true;
    prefix = found->second->prefix;
    first = found->second->told + 1;
    last = std::min(revision_, first + kRevisionsPerRead - 1);
  }
  absl::StatusOr<std::vector<StoreEvent>> events = reader_->Changes(prefix, first, last);
  if (!events.ok()) return false;
  for (const StoreEvent& event : *events) {
    if (!Call(id, event)) return true;
  }
  MutexLock lock(mutex_);
  auto found = watchers_.find(id);
  if (found != watchers_.end()) found->second->told = last;
  return true;
}

// Returns false if there is no such watch any more.
bool SqliteWatchHub::Call(int64_t id, const StoreEvent& event) {
  std::shared_ptr<Watcher> watcher;
  {
    MutexLock lock(mutex_);
    auto found = watchers_.find(id);
    if (found == watchers_.end() || stopping_) return false;
    watcher = found->second;
    calling_ = id;
  }
  watcher->on_event(event);
  watcher.reset();
  MutexLock lock(mutex_);
  calling_ = 0;
  called_.NotifyAll();
  return true;
}

}  // namespace gitops
