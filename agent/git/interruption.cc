#include "agent/git/interruption.h"

#include <poll.h>
#include <sys/eventfd.h>

namespace gitops {

Interruption::Interruption() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Interruption::Raise() {
  if (event_) eventfd_write(event_.get(), 1);
}

void Interruption::Clear() {
  eventfd_t count;
  if (event_) eventfd_read(event_.get(), &count);
}

bool Interruption::raised() const {
  pollfd event = {event_.get(), POLLIN, 0};
  return poll(&event, 1, 0) == 1;
}

}  // namespace gitops
