#ifndef GITOPS_SERVICES_PLANNER_TESTING_FAKE_HOST_CHECKS_H_
#define GITOPS_SERVICES_PLANNER_TESTING_FAKE_HOST_CHECKS_H_

#include <functional>
#include <limits>
#include <list>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/sync/mutex.h"
#include "services/planner/check/host_checks.h"
#include "services/planner/testing/gate.h"

namespace gitops {

// What comes of the runs that match. An empty host and an unspecified kind match all.
struct FakeCheck {
  std::string host;
  v1::RunCheckRequest::Kind kind = v1::RunCheckRequest::KIND_UNSPECIFIED;
  int skip = 0;  // so many that match go well first
  int times = std::numeric_limits<int>::max();
  bool hang = false;  // until Release() or give_up
  bool deaf = false;  // to give_up
  int tries = 0;      // told at once, with `message`; 0: nothing is told
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message = "http: 503 Service Unavailable";
};

// Checks that succeed unless told otherwise. Any thread.
class FakeHostChecks final : public HostChecks {
 public:
  struct Ran {
    std::string host, address;
    v1::RunCheckRequest::Kind kind;
    absl::Duration within;
  };

  void Add(FakeCheck check);
  void Clear();
  // Ends all hangs.
  void Release();
  // Waits until so many stand still at once; false if they do not within 10 s.
  bool AwaitHeld(int count) { return gate_.AwaitStanding(count); }
  // Oldest first.
  std::vector<Ran> runs();

  absl::Status Run(const HostSpec& host, const AgentAddress& address,
                   v1::RunCheckRequest::Kind kind, absl::Duration within,
                   const std::function<bool()>& give_up, std::string* output,
                   const TriesSeen& seen) override;

 private:
  Gate gate_;
  Mutex mutex_;
  std::list<FakeCheck> checks_ ABSL_GUARDED_BY(mutex_);
  std::vector<Ran> runs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_TESTING_FAKE_HOST_CHECKS_H_
