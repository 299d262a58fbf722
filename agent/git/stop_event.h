#ifndef GITOPS_AGENT_GIT_STOP_EVENT_H_
#define GITOPS_AGENT_GIT_STOP_EVENT_H_

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/path/fd.h"

namespace gitops {

// A stop token as a descriptor, for Command::cancel.
class StopEvent {
 public:
  explicit StopEvent(std::stop_token stop)
      : event_(stop.stop_possible() ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1),
        status_(event_ || !stop.stop_possible()
                    ? absl::OkStatus()
                    : absl::UnavailableError(absl::StrCat(
                          "cannot make an event descriptor to stop git: ", std::strerror(errno)))),
        on_stop_(std::move(stop), Write{event_.get()}) {}

  // UNAVAILABLE: a stop request would be missed.
  const absl::Status& status() const { return status_; }

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
  const absl::Status status_;
  const std::stop_callback<Write> on_stop_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_STOP_EVENT_H_
