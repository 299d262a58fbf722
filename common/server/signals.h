#ifndef GITOPS_COMMON_SERVER_SIGNALS_H_
#define GITOPS_COMMON_SERVER_SIGNALS_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"

namespace gitops {

// Blocks SIGTERM, SIGINT and SIGHUP and ignores SIGPIPE, for this thread and the threads that it
// starts later: call it first in main(). Code that starts a process must restore the default
// dispositions and an empty mask (see common/process), since both are inherited.
void BlockSignals();

// Waits for the signals that BlockSignals blocked on its own thread, which also runs the callbacks.
// One per process.
class SignalWaiter {
 public:
  struct Callbacks {
    std::function<void()> on_terminate;  // SIGTERM, SIGINT
    std::function<void()> on_reload;     // SIGHUP
  };

  // RESOURCE_EXHAUSTED and similar codes: no descriptor or thread could be created.
  static absl::StatusOr<std::unique_ptr<SignalWaiter>> Start(Callbacks callbacks);
  virtual ~SignalWaiter() = default;  // no callback runs after this
};

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_SIGNALS_H_
