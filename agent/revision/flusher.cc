#include "agent/revision/flusher.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/revision/revision_directory.h"
#include "common/log/log.h"
#include "common/path/fd.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

// Gathers what many services write because of one commit: until there was nothing new for a while,
// so that the flush is over before the next commit needs the disk.
constexpr std::chrono::milliseconds kQuiet(100);
constexpr std::chrono::milliseconds kMaxGather(500);

void Say(const std::string& root, const absl::Status& status) {
  // A directory that is gone meanwhile needs no flush.
  if (status.ok() || absl::IsNotFound(status)) return;
  LogWarning("a revision is not known to be on the disk, and is verified if the host ends now",
             {{"path", root}, {"error", std::string(status.message())}});
}

}  // namespace

Flusher& Flusher::Shared() {
  static Flusher flusher;
  return flusher;
}

Flusher::~Flusher() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Flusher::Add(std::string root, std::string directory) {
  {
    MutexLock lock(mutex_);
    if (StartThread()) {
      waiting_.push_back({std::move(root), std::move(directory)});
      changed_.NotifyAll();
      return;
    }
  }
  Flush({{std::move(root), std::move(directory)}});
}

bool Flusher::StartThread() {
  if (thread_.joinable()) return true;
  absl::StatusOr<std::thread> thread = gitops::StartThread("flush revisions", [this] { Run(); });
  if (!thread.ok()) {
    LogWarning("a revision is flushed while its service waits",
               {{"error", std::string(thread.status().message())}});
    return false;
  }
  thread_ = *std::move(thread);
  return true;
}

void Flusher::Wait() {
  MutexLock lock(mutex_);
  while (flushing_ || !waiting_.empty()) changed_.Wait(mutex_);
}

void Flusher::Run() {
  MutexLock lock(mutex_);
  while (true) {
    while (waiting_.empty() && !stopping_) changed_.Wait(mutex_);
    using Clock = std::chrono::steady_clock;
    const auto latest = Clock::now() + kMaxGather;
    while (!stopping_ && changed_.WaitUntil(mutex_, std::min(latest, Clock::now() + kQuiet))) {
    }
    if (stopping_) return;
    const std::vector<Written> written = std::exchange(waiting_, {});
    flushing_ = true;
    mutex_.Unlock();
    Flush(written);
    mutex_.Lock();
    flushing_ = false;
    changed_.NotifyAll();
  }
}

void Flusher::Flush(const std::vector<Written>& written) {
  std::map<dev_t, absl::Status> flushed;
  for (const Written& one : written) {
    const ServiceDirectory service(one.root, StoreAccess::kMounts);
    absl::StatusOr<Fd> root = service.Open();
    struct stat stat = {};
    if (!root.ok() || ::fstat(root->get(), &stat) != 0) {
      Say(one.root, root.status());
      continue;
    }
    auto known = flushed.find(stat.st_dev);
    if (known == flushed.end()) {
      known = flushed.emplace(stat.st_dev, service.Flush(*root)).first;
    }
    Say(one.root, known->second.ok() ? service.MarkDurable(*root, one.directory) : known->second);
  }
}

}  // namespace gitops
