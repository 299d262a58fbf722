#ifndef GITOPS_AGENT_PUBLISH_BIND_PUBLISHER_H_
#define GITOPS_AGENT_PUBLISH_BIND_PUBLISHER_H_

#include <memory>
#include <string>

#include "agent/publish/mount_exchange.h"
#include "agent/publish/publisher.h"
#include "agent/revision/revision.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"

namespace gitops {

struct BindPublisherOptions {
  ServiceSpec spec;
  RevisionStore* store = nullptr;  // of this service; must outlive the publisher
  // The revision that was published last, for the case that nothing is mounted (after a reboot):
  // untracked files are carried over from it. May be empty, or no longer exist.
  std::string last_published;
  Clock* clock = Clock::System();  // not owned
  ExchangeWay way = ExchangeWay::kAuto;
  // For tests: MountExchanger::Options::before_step.
  std::function<absl::Status(absl::string_view step, const std::string& target)> before_step;
};

// Publishes by bind mounts; needs CAP_SYS_ADMIN. Each `dirs` entry is one exchange, outer before
// inner. carry_over.h describes which files are carried over, mount_exchange.h the treatment of
// other mounts at and below the targets. Mount points nested in another place are created in that
// place's revision.
std::unique_ptr<Publisher> NewBindPublisher(BindPublisherOptions options);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_BIND_PUBLISHER_H_
