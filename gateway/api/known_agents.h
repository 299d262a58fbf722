#ifndef GITOPS_GATEWAY_API_KNOWN_AGENTS_H_
#define GITOPS_GATEWAY_API_KNOWN_AGENTS_H_

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "gateway/api/rpc_caller.h"

namespace gitops {

// The agents that have just answered for their hosts. Reads whose answers name the host spare
// asking the planner where its agent is. Thread-safe.
class KnownAgents {
 public:
  // If the agent at the former address of a host still answers as that host, reads miss the new
  // address for this long.
  static constexpr absl::Duration kKnown = absl::Seconds(5);

  explicit KnownAgents(Clock* clock) : clock_(clock) {}

  // Null: it is not known.
  std::shared_ptr<const Backend> Find(const std::string& host);
  // `agent` has answered as `host`; it was looked up at `found`.
  void Put(const std::string& host, std::shared_ptr<const Backend> agent, SteadyTime found);
  void Remove(const std::string& host);

 private:
  struct Known {
    std::shared_ptr<const Backend> agent;
    SteadyTime until;
  };

  Clock* const clock_;
  Mutex mutex_;
  std::map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_KNOWN_AGENTS_H_
