#include "services/planner/fleet/seen_writer.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/store/table.h"

namespace gitops {
namespace {

constexpr char kPrefix[] = "planner/v1/seen/";
constexpr size_t kBatch = 100;  // a transaction of etcd holds 128 writes
constexpr size_t kBatchBytes = 4 << 20;
constexpr absl::Duration kRetry = absl::Seconds(5);

}  // namespace

SeenWriter::SeenWriter(Store* store, Clock* clock,
                       std::function<std::optional<std::string>(const std::string& host)> current)
    : store_(store), clock_(clock), current_(std::move(current)), thread_([this] { Run(); }) {}

SeenWriter::~SeenWriter() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  thread_.join();
}

void SeenWriter::Touch(const std::string& host) {
  MutexLock lock(mutex_);
  pending_.insert(host);
  wake_.NotifyAll();
}

std::set<std::string> SeenWriter::Take() {
  std::set<std::string> batch;
  while (!pending_.empty() && batch.size() < kBatch) {
    batch.insert(pending_.extract(pending_.begin()));
  }
  return batch;
}

void SeenWriter::Run() {
  bool failing = false;
  MutexLock lock(mutex_);
  while (true) {
    while (pending_.empty() && !stopping_) wake_.Wait(mutex_);
    if (pending_.empty()) return;
    std::set<std::string> batch = Take();
    mutex_.Unlock();
    const absl::Status written = Write(batch);
    mutex_.Lock();
    const bool retry = absl::IsUnavailable(written);
    if (!written.ok() && !failing) {
      LogWarning("cannot store which hosts were seen",
                 {{"error", std::string(written.message())}, {"retry", retry ? "yes" : "no"}});
    }
    failing = !written.ok();
    if (!retry) continue;
    pending_.merge(batch);
    if (stopping_) return;
    const SteadyTime again = clock_->SteadyNow() + kRetry;
    while (!stopping_ && clock_->WaitUntil(mutex_, wake_, again)) {
    }
  }
}

absl::Status SeenWriter::Write(const std::set<std::string>& hosts) {
  std::vector<StoreWrite> writes;
  size_t bytes = 0;
  for (const std::string& host : hosts) {
    StoreWrite write{.key = absl::StrCat(kPrefix, host), .value = current_(host)};
    bytes += write.value.has_value() ? write.value->size() : 0;
    writes.push_back(std::move(write));
    if (bytes < kBatchBytes) continue;
    if (absl::Status written = store_->Write(writes).status(); !written.ok()) return written;
    writes.clear();
    bytes = 0;
  }
  return writes.empty() ? absl::OkStatus() : store_->Write(writes).status();
}

absl::Status LoadSeen(
    Store* store,
    const std::function<void(const std::string& host, const record::v1::SeenHost& seen)>& on_seen) {
  const Table<record::v1::SeenHost> table(store, kPrefix);
  return table.ForEach("", "", [&](Table<record::v1::SeenHost>::Row& row) {
    if (row.message.ok()) on_seen(row.name, *row.message);
    return true;
  });
}

}  // namespace gitops
