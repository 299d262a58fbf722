#ifndef GITOPS_AGENT_REVISION_FLUSHER_H_
#define GITOPS_AGENT_REVISION_FLUSHER_H_

#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/sync/mutex.h"

namespace gitops {

// Brings written revisions to the disk after they were published, and marks them durable: one flush
// of the file system (some 20 ms) for all that were written meanwhile costs less than an fsync for
// each of hundreds of files. What is not marked when the host ends uncleanly is verified by its
// hashes at the next start. Thread-safe.
class Flusher {
 public:
  // The one of this process.
  static Flusher& Shared();
  Flusher() = default;
  ~Flusher();  // What is still waiting stays unmarked.
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  // `root` is <mount>/<service>. Does not wait, unless a thread cannot be started.
  void Add(std::string root, std::string directory);
  // Waits until all that was added before is flushed, or has failed. For tests.
  void Wait();

 private:
  struct Written {
    std::string root;
    std::string directory;
  };
  static void Flush(const std::vector<Written>& written);
  bool StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::vector<Written> waiting_ ABSL_GUARDED_BY(mutex_);
  bool flushing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // started by the first Add
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_FLUSHER_H_
