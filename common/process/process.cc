#include "common/process/process.h"

#include <sys/eventfd.h>

#include <atomic>
#include <utility>

#include "common/path/fd.h"
#include "common/process/attend.h"
#include "common/process/converse.h"
#include "common/process/launch.h"

namespace gitops {
namespace {

class SpawningRunner : public ProcessRunner {
 public:
  absl::StatusOr<CommandResult> Run(const Command& command) override {
    absl::StatusOr<Child> child = Start(command, /*conversation=*/false);
    if (!child.ok()) return child.status();
    return Attend(*std::move(child), command, stop_.get());
  }

  absl::StatusOr<std::unique_ptr<Conversation>> Converse(const Command& command) override {
    absl::StatusOr<Child> child = Start(command, /*conversation=*/true);
    if (!child.ok()) return child.status();
    return NewConversation(*std::move(child), command, stop_.get());
  }

  void Stop() override {
    stopped_ = true;
    // Never read, so that it stays readable for all running processes.
    if (stop_) eventfd_write(stop_.get(), 1);
  }

  int64_t spawned() const override { return spawned_; }

 private:
  absl::StatusOr<Child> Start(const Command& command, bool conversation) {
    if (stopped_) return absl::CancelledError("cannot start a process: this program is stopping");
    // Without it, running processes could not be stopped.
    if (!stop_) return absl::ResourceExhaustedError("make an eventfd: too many open files");
    absl::StatusOr<Child> child = Launch(command, conversation);
    if (child.ok()) ++spawned_;
    return child;
  }

  Fd stop_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<bool> stopped_ = false;
  std::atomic<int64_t> spawned_ = 0;
};

}  // namespace

std::unique_ptr<ProcessRunner> NewProcessRunner() { return std::make_unique<SpawningRunner>(); }

}  // namespace gitops
