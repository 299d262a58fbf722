#ifndef GITOPS_CTL_TESTING_FAKE_PLANNER_H_
#define GITOPS_CTL_TESTING_FAKE_PLANNER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ctl/testing/recorded_request.h"
#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

// A planner (and hook dispatcher) that serves the hosts, plans and deployments that a test puts in;
// it does nothing by itself. Serves on a free loopback port until it is destroyed. Thread-safe.
class FakePlanner {
 public:
  static std::unique_ptr<FakePlanner> Start();
  virtual ~FakePlanner() = default;

  // "127.0.0.1:PORT".
  virtual std::string address() const = 0;
  // The maximum number of elements on one page, whatever the request asks for.
  virtual void SetPageSize(int size) = 0;

  // Each adds or replaces; watchers are notified. Selections are recorded, but only `on` is
  // applied, as a list of names.
  virtual void PutHost(const v1::Host& host) = 0;
  virtual void PutService(const v1::Service& service) = 0;
  virtual void RemoveService(const std::string& host, const std::string& service) = 0;
  // With its hosts. CreateDeployment, ResumeDeployment and RollbackDeployment return the one that
  // was put last.
  virtual void PutDeployment(const v1::Deployment& deployment) = 0;
  virtual void RemoveDeployment(const std::string& id) = 0;

  // The answer of CreatePlan, with the spec of the request.
  virtual void SetPlan(const v1::Plan& plan) = 0;
  // The answer of freeze, unfreeze, pull, rollback, diff and GetServices.
  virtual void SetOutcomes(const std::vector<v1::HostOutcome>& outcomes) = 0;
  // The answer of GetDebugInfo for this host; empty: for the planner.
  virtual void PutDebugInfo(const std::string& host, const v1::DebugInfo& info) = 0;
  virtual void AddHook(const v1::Hook& hook) = 0;
  virtual void AddDamagedRecord(const std::string& key, const std::string& kind) = 0;
  virtual void SetHookTest(const v1::TestHooksResponse& response) = 0;

  // From now on `method` ("CreatePlan") fails with this status; OK ends that.
  virtual void Fail(const std::string& method, const absl::Status& status) = 0;
  // From now on `method` does not answer until the caller gives up.
  virtual void Hang(const std::string& method) = 0;
  // Ends the current watches with this status; later ones are served.
  virtual void EndWatches(const absl::Status& status) = 0;
  // Waits until that many watches have had their first answers. False after 20 seconds.
  virtual bool WaitForWatches(int count) = 0;

  struct Call {
    std::string method;
    std::string user;  // from the call's metadata
    bool has_deadline = false;
    RecordedRequest request;  // without the request_id
    std::string request_id;
  };
  virtual std::vector<Call> calls() const = 0;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_TESTING_FAKE_PLANNER_H_
