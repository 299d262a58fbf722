#ifndef GITOPS_CTL_TESTING_FAKE_AGENT_H_
#define GITOPS_CTL_TESTING_FAKE_AGENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gitops/v1/agent.pb.h"

namespace gitops::ctl {

// An agent with state but without real services: freeze, rollback and pull change its later
// answers, as the proto promises. Serves on a free loopback port until it is destroyed.
// Thread-safe.
class FakeAgent {
 public:
  static std::unique_ptr<FakeAgent> Start();
  virtual ~FakeAgent() = default;

  // "127.0.0.1:PORT".
  virtual std::string address() const = 0;
  // The maximum number of services or machines on one page, whatever the request asks for.
  virtual void SetPageSize(int size) = 0;

  virtual void AddMachine(const std::string& machine, const std::string& actual) = 0;
  // Adds or replaces; watchers are notified. `revisions` are those on disk; the tip is
  // `target_hash`.
  virtual void Put(const v1::Service& service) = 0;
  virtual void Remove(const std::string& service) = 0;
  virtual void SetDiff(const std::string& service, const v1::DiffServiceResponse& response) = 0;
  // From now on diffs ignore `to_hash`, as agents that do not know it do.
  virtual void IgnoreToHash() = 0;
  // From now on rollbacks and pulls end in this state, with this info and an unchanged hash.
  virtual void FailMoves(v1::ServiceState state, const std::string& info) = 0;

  // From now on `method` ("PullService") fails with this status; OK ends that.
  virtual void Fail(const std::string& method, const absl::Status& status) = 0;
  // From now on `method` does not answer until the caller gives up.
  virtual void Hang(const std::string& method) = 0;
  // Ends every watch with this status.
  virtual void EndWatches(const absl::Status& status) = 0;
  // Waits until that many watches have had their first services. False after 20 seconds.
  virtual bool WaitForWatches(int count) = 0;

  struct Call {
    std::string method;
    std::string user;  // from the call's metadata
    bool has_deadline = false;
    std::string reason;
  };
  virtual std::vector<Call> calls() const = 0;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_TESTING_FAKE_AGENT_H_
