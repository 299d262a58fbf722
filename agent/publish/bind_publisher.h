#ifndef GITOPS_AGENT_PUBLISH_BIND_PUBLISHER_H_
#define GITOPS_AGENT_PUBLISH_BIND_PUBLISHER_H_

#include <memory>
#include <string>

#include "agent/publish/mount_exchange.h"
#include "agent/publish/publisher.h"
#include "agent/revision/revision.h"
#include "common/config/fleet.h"

namespace gitops {

struct BindPublisherOptions {
  ServiceSpec spec;
  RevisionStore* store = nullptr;  // of this service; outlives the publisher
  // The revision that was published last, for when nothing is mounted (after a reboot): what the
  // service made itself is carried over from there. May be empty, or gone.
  std::string last_published;
  ExchangeWay way = ExchangeWay::kAuto;
  // For tests: MountExchanger::Options::before_step.
  std::function<absl::Status(absl::string_view step, const std::string& target)> before_step;
};

// Publishes by bind mounts; needs CAP_SYS_ADMIN. Each `dirs` entry is one exchange, outer before
// inner. carry_over.h says what is taken from one revision to the next, mount_exchange.h what
// becomes of other mounts at and below the targets. Mount points nested in another place are made
// in that place's revision.
std::unique_ptr<Publisher> NewBindPublisher(BindPublisherOptions options);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_BIND_PUBLISHER_H_
