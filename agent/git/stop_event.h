#ifndef GITOPS_AGENT_GIT_STOP_EVENT_H_
#define GITOPS_AGENT_GIT_STOP_EVENT_H_

#include <sys/eventfd.h>

#include <stop_token>
#include <utility>

#include "common/path/fd.h"

namespace gitops {

// A stop token as a descriptor, for Command::cancel.
class StopEvent {
 public:
  explicit StopEvent(std::stop_token stop)
      : event_(stop.stop_possible() ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1),
        on_stop_(std::move(stop), Write{event_.get()}) {}

  // Readable once a stop was requested; -1: that is impossible.
  int descriptor() const { return event_.get(); }

 private:
  struct Write {
    int event;
    void operator()() const {
      if (event >= 0) eventfd_write(event, 1);
    }
  };

  const Fd event_;
  const std::stop_callback<Write> on_stop_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_STOP_EVENT_H_
