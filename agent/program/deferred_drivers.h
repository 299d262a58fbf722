#ifndef GITOPS_AGENT_PROGRAM_DEFERRED_DRIVERS_H_
#define GITOPS_AGENT_PROGRAM_DEFERRED_DRIVERS_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "agent/publish/publisher.h"
#include "agent/revision/revision.h"
#include "agent/source/source.h"

namespace gitops {

// A source and a publisher that use the same RevisionStore.
struct SourceAndPublisher {
  std::shared_ptr<RevisionStore> store;
  std::unique_ptr<Source> source;
  std::unique_ptr<Publisher> publisher;
};

// The pair that `open` returns, opened at the first use and, while that fails (the disk is not
// mounted yet, a directory cannot be created), again at each use, so that the service reports the
// error and recovers by itself. `open` is not called concurrently.
struct DeferredPair {
  std::unique_ptr<Source> source;
  std::unique_ptr<Publisher> publisher;
};
DeferredPair DeferDrivers(std::function<absl::StatusOr<SourceAndPublisher>()> open);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_DEFERRED_DRIVERS_H_
