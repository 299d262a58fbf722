#ifndef GITOPS_AGENT_GIT_STOP_EVENT_H_
#define GITOPS_AGENT_GIT_STOP_EVENT_H_

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/git/upstream_git.h"
#include "common/path/fd.h"
#include "common/process/process.h"

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

// Runs a command of `git` that ends after `timeout`, and with CANCELLED once a stop is requested.
inline absl::StatusOr<CommandResult> RunUntil(const std::stop_token& stop, absl::Duration timeout,
                                              const UpstreamGit& git, absl::string_view operation,
                                              absl::string_view attempt, Command command,
                                              GitReach reach) {
  const StopEvent event(stop);
  if (!event.status().ok()) return event.status();
  command.cancel = event.descriptor();
  command.timeout = timeout;
  return git.Run(operation, attempt, command, reach);
}

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_STOP_EVENT_H_
