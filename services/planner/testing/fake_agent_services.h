#ifndef GITOPS_SERVICES_PLANNER_TESTING_FAKE_AGENT_SERVICES_H_
#define GITOPS_SERVICES_PLANNER_TESTING_FAKE_AGENT_SERVICES_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sync/mutex.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/testing/gate.h"

namespace gitops {

// The services of agents in memory: can be frozen, rolled back, pulled, compared and asked for
// revisions. Any thread.
class FakeAgentServices final : public ServiceCaller, public RevisionResolver {
 public:
  struct Service {
    std::string hash;
    std::string frozen_by;  // empty: it is not frozen
  };

  // Unknown addresses do not answer.
  void Add(const std::string& address, const std::map<std::string, std::string>& hashes);
  void SetUp(const std::string& address, bool up);
  // What ResolveRevision answers for an empty revision.
  void SetTip(const std::string& hash);
  // What ResolveRevision of this agent says that a commit touches; else it does not know.
  void SetTouched(const std::string& address, const std::vector<std::string>& services);
  // The agents that were asked for revisions, in order.
  std::vector<std::string> resolvers();
  // The last DiffServiceRequest.
  v1::DiffServiceRequest last_diff();
  Service Look(const std::string& address, const std::string& service);

  // From now on calls with this request ("DiffServiceRequest") hang until they are given up.
  void Hang(const std::string& request);
  // Waits until so many calls hang, or none; false if they do not within 10 s.
  bool AwaitHung(int count) { return gate_.AwaitStanding(count); }
  bool AwaitNoneHung() { return gate_.AwaitNone(); }

  absl::StatusOr<v1::ResolveRevisionResponse> ResolveRevision(
      const AgentAddress& address, const v1::ResolveRevisionRequest& request,
      const GiveUp& give_up) override;
  absl::Status Call(const AgentAddress& address, const CallFor& caller,
                    const ServiceRequest& request, v1::HostOutcome* outcome) override;
  // Names the address.
  absl::StatusOr<v1::DebugInfo> DebugInfo(const AgentAddress& address,
                                          const CallFor& caller) override;

 private:
  struct Agent {
    std::map<std::string, Service> services;
    bool up = true;
    std::optional<v1::ServiceNames> touched = std::nullopt;
  };

  // CANCELLED: the call was to hang, and gave up.
  absl::Status Arrive(const std::string& request, const GiveUp& give_up);
  absl::StatusOr<Service*> Find(const std::string& address, const std::string& service)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Gate gate_;
  Mutex mutex_;
  std::map<std::string, Agent> agents_ ABSL_GUARDED_BY(mutex_);
  std::string tip_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> hanging_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> resolvers_ ABSL_GUARDED_BY(mutex_);
  v1::DiffServiceRequest last_diff_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_TESTING_FAKE_AGENT_SERVICES_H_
