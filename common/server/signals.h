#ifndef GITOPS_COMMON_SERVER_SIGNALS_H_
#define GITOPS_COMMON_SERVER_SIGNALS_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"

namespace gitops {

// Blocks SIGTERM, SIGINT and SIGHUP and ignores SIGPIPE, for this thread and those it starts from
// now on: call it first in main(). Who starts a process must give it the default dispositions and
// an empty mask back (see common/process), since both are inherited.
void BlockSignals();

// Waits for the signals that BlockSignals blocked, in a thread of its own, from which the callbacks
// come, one at a time. One of these per process.
class SignalWaiter {
 public:
  struct Callbacks {
    std::function<void()> on_terminate;  // SIGTERM, SIGINT
    std::function<void()> on_reload;     // SIGHUP
  };

  // RESOURCE_EXHAUSTED and the like: the system gave no descriptor or thread.
  static absl::StatusOr<std::unique_ptr<SignalWaiter>> Start(Callbacks callbacks);
  virtual ~SignalWaiter() = default;  // no callback runs after this
};

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_SIGNALS_H_
