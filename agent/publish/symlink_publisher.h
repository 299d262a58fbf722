#ifndef GITOPS_AGENT_PUBLISH_SYMLINK_PUBLISHER_H_
#define GITOPS_AGENT_PUBLISH_SYMLINK_PUBLISHER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "agent/publish/publisher.h"
#include "agent/revision/revision.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"

namespace gitops {

struct SymlinkPublisherOptions {
  ServiceSpec spec;
  RevisionStore* store = nullptr;  // of this service; must outlive the publisher
  std::string last_published;      // see BindPublisherOptions
  Clock* clock = Clock::System();  // not owned
  // For tests: called before each `local` is replaced; an error is that step's error.
  std::function<absl::Status(const std::string& local)> before_replace;
};

// Publishes by symlinks (--root=false); needs no privilege. Each `local` becomes a symlink into the
// revision, replaced by rename(2). An existing empty directory (for file = true: an empty file) is
// replaced; anything else that is not a symlink into this service's revisions is refused. A place
// nested in another is a symlink in the outer place's revision, created before the outer one is
// exchanged, so that both appear together. If the repository has something at that path, it is
// refused, unless it is the same content. `writable = false` is not enforced: revisions are as
// writable as their owner.
std::unique_ptr<Publisher> NewSymlinkPublisher(SymlinkPublisherOptions options);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_SYMLINK_PUBLISHER_H_
