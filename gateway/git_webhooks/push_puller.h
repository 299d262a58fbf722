#ifndef GITOPS_GATEWAY_GIT_WEBHOOKS_PUSH_PULLER_H_
#define GITOPS_GATEWAY_GIT_WEBHOOKS_PUSH_PULLER_H_

#include <atomic>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "common/client/planner_client.h"
#include "common/sync/mutex.h"
#include "gateway/git_webhooks/push_event.h"

namespace gitops {

struct PushPullerOptions {
  int threads = 4;  // branches that are handled at the same time
  size_t most_waiting = 1000;
};

// Makes the services that follow a pushed branch look at once, through the planner. Pushes of a
// branch that is waiting count once; a push of a branch whose services are looking makes them look
// again afterwards. Failures are logged: the agents poll anyway. Thread-safe.
class PushPuller {
 public:
  explicit PushPuller(const PlannerClient& planner, PushPullerOptions options = {});
  // Cancels the calls in flight and forgets the pushes that wait.
  ~PushPuller();
  PushPuller(const PushPuller&) = delete;
  PushPuller& operator=(const PushPuller&) = delete;

  // Does not block. RESOURCE_EXHAUSTED: too many branches are waiting.
  absl::Status Add(const std::vector<Push>& pushes);

 private:
  void Run();
  // The next branch that no thread is looking at; nothing: stopping.
  std::optional<Push> Take();
  void Look(const Push& push);
  void Pull(const std::string& service, const std::vector<std::string>& hosts);
  PlannerClient Planner() const;

  const PlannerClient planner_;
  const PushPullerOptions options_;
  std::atomic<bool> stopping_ = false;
  Mutex mutex_;
  CondVar changed_;
  std::set<Push> waiting_ ABSL_GUARDED_BY(mutex_);
  std::set<Push> looking_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_GIT_WEBHOOKS_PUSH_PULLER_H_
