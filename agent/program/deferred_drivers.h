#ifndef GITOPS_AGENT_PROGRAM_DEFERRED_DRIVERS_H_
#define GITOPS_AGENT_PROGRAM_DEFERRED_DRIVERS_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "agent/publish/publisher.h"
#include "agent/revision/revision.h"
#include "agent/source/source.h"

namespace gitops {

// A source and a publisher that belong together: both use one RevisionStore.
struct SourceAndPublisher {
  std::shared_ptr<RevisionStore> store;
  std::unique_ptr<Source> source;
  std::unique_ptr<Publisher> publisher;
};

// The pair that `open` makes, opened at the first use and, while that fails (the disk is not there
// yet, a directory may not be made), again at each use, so that the service says what is wrong and
// gets well by itself. `open` is called by one thread at a time.
struct DeferredPair {
  std::unique_ptr<Source> source;
  std::unique_ptr<Publisher> publisher;
};
DeferredPair DeferDrivers(std::function<absl::StatusOr<SourceAndPublisher>()> open);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_DEFERRED_DRIVERS_H_
