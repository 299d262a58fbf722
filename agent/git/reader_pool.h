#ifndef GITOPS_AGENT_GIT_READER_POOL_H_
#define GITOPS_AGENT_GIT_READER_POOL_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/git/object_reader.h"
#include "common/sync/mutex.h"

namespace gitops {

// The readers of one mirror: at most two, started when they are needed, ended when they were idle
// for a while. Thread-safe.
class ReaderPool {
 public:
  using Start = std::function<absl::StatusOr<std::unique_ptr<ObjectReader>>()>;

  ReaderPool(Start start, absl::Duration idle);
  // No use may be in progress.
  ~ReaderPool();

  // Calls `use` with a reader, at most twice: again if a reader that had been idle turns out to
  // have ended meanwhile. A reader is not used again after an error. CANCELLED: a stop was
  // requested before a reader was free; or the error of `start` or `use`.
  absl::Status With(const std::stop_token& stop,
                    absl::FunctionRef<absl::Status(ObjectReader&)> use);

  // Ends the idle readers now, and those in use after their use: the files of the mirror are about
  // to be replaced, or were.
  void Retire();

 private:
  struct Idle {
    std::unique_ptr<ObjectReader> reader;
    std::chrono::steady_clock::time_point since;
  };

  // Null: none is idle, and a new one may be started.
  absl::StatusOr<std::unique_ptr<ObjectReader>> Take(const std::stop_token& stop,
                                                     int64_t* generation);
  void Give(std::unique_ptr<ObjectReader> reader, int64_t generation);
  void EndIdle();
  bool StartEndingIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Start start_;
  const std::chrono::nanoseconds idle_time_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<Idle> idle_ ABSL_GUARDED_BY(mutex_);
  int in_use_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;  // of Retire
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;     // the thread runs, or is about to
  // Only while a reader is idle; joined by the next one.
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_READER_POOL_H_
