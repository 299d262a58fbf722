#include "common/process/process.h"

#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/path/fd.h"
#include "common/process/attend.h"
#include "common/process/converse.h"
#include "common/process/launch.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

class SpawningRunner : public ProcessRunner {
 public:
  explicit SpawningRunner(int root) : root_(root) {}

  absl::StatusOr<CommandResult> Run(const Command& command) override {
    const absl::StatusOr<int> stop = StopDescriptor();
    if (!stop.ok()) return stop.status();
    absl::StatusOr<Child> child = Start(command, /*conversation=*/false);
    if (!child.ok()) return child.status();
    return Attend(*std::move(child), command, *stop);
  }

  absl::StatusOr<std::unique_ptr<Conversation>> Converse(const Command& command) override {
    const absl::StatusOr<int> stop = StopDescriptor();
    if (!stop.ok()) return stop.status();
    absl::StatusOr<Child> child = Start(command, /*conversation=*/true);
    if (!child.ok()) return child.status();
    return NewConversation(*std::move(child), command, *stop);
  }

  void Stop() override {
    MutexLock lock(mutex_);
    stopped_ = true;
    // Never read, so that it stays readable for all running processes.
    if (stop_) eventfd_write(stop_.get(), 1);
  }

  int64_t spawned() const override { return spawned_; }

 private:
  // Without it, running processes could not be stopped.
  absl::StatusOr<int> StopDescriptor() {
    MutexLock lock(mutex_);
    if (stopped_) return absl::CancelledError("cannot start a process: this program is stopping");
    if (!stop_) stop_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (stop_) return stop_.get();
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot make an event descriptor to stop processes: ", std::strerror(errno)));
  }

  absl::StatusOr<Child> Start(const Command& command, bool conversation) {
    absl::StatusOr<Child> child = Launch(command, conversation, root_);
    if (child.ok()) ++spawned_;
    return child;
  }

  const int root_;  // below 0: this process's
  Mutex mutex_;
  Fd stop_ ABSL_GUARDED_BY(mutex_);  // an eventfd, made for the first process
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<int64_t> spawned_ = 0;
};

}  // namespace

std::unique_ptr<ProcessRunner> NewProcessRunner(int root) {
  return std::make_unique<SpawningRunner>(root);
}

}  // namespace gitops
