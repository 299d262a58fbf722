#ifndef GITOPS_SERVICES_PLANNER_PLAN_FAKE_FLEET_H_
#define GITOPS_SERVICES_PLANNER_PLAN_FAKE_FLEET_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

// A fleet whose hosts and services the test sets. Any thread.
class FakeFleet final : public Fleet {
 public:
  // Appends a host, online, at HOST:8004, or replaces it in its place.
  void Add(const std::string& host, const std::vector<std::string>& tags = {},
           v1::HostState state = v1::HOST_STATE_ONLINE);
  void Remove(const std::string& host);
  // Sets a service of a host; `coordinated` ones follow https://git.example/ops.git, branch main.
  void AddService(const std::string& host, const std::string& service, const std::string& hash,
                  bool coordinated = true);
  // The configuration places a coordinated service there, which the host has not reported.
  void Place(const std::string& host, const std::string& service);
  void Change(const std::string& host, const std::string& service,
              const std::function<void(v1::Service&)>& change);
  void RemoveService(const std::string& host, const std::string& service);
  void SetAddress(const std::string& host, const std::string& address);
  void SetLastSeen(const std::string& host, absl::Time time);
  void OrderByTags(const std::vector<std::string>& tags);
  int subscribers();

  void Configure(std::shared_ptr<const FleetConfig> config) override;
  std::shared_ptr<const FleetConfig> config() const override;
  absl::StatusOr<std::unique_ptr<AgentReport>> Connected(const v1::Hello& hello,
                                                         const std::string& peer,
                                                         const Principal& caller) override;
  FleetView Hosts() const override;
  absl::StatusOr<FleetHost> Find(const std::string& host) const override;
  std::vector<v1::Service> Services(const std::string& host) const override;
  bool HasService(const std::string& host, const std::string& service) const override;
  bool AwaitsCoordinated(const std::string& host, const std::string& service) const override;
  ReportMemory memory() const override { return {}; }
  // In memory only.
  absl::StatusOr<bool> MarkHealth(const std::string& host,
                                  std::optional<v1::FailedHealth> failed) override;
  int64_t Subscribe(std::function<void(const std::string& host)> changed) override;
  void Unsubscribe(int64_t id) override;

 private:
  void ChangeHost(const std::string& host, const std::function<void(FleetHost&)>& change);
  void Tell(const std::string& host);

  mutable Mutex mutex_;
  std::shared_ptr<const FleetConfig> config_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<const FleetHost>> hosts_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, size_t> places_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::map<std::string, v1::Service>> services_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<std::string, std::string>> placed_ ABSL_GUARDED_BY(mutex_);
  // Held during callbacks, so that none runs after Unsubscribe.
  Mutex telling_;
  std::map<int64_t, std::function<void(const std::string&)>> subscribers_ ABSL_GUARDED_BY(telling_);
  int64_t last_id_ ABSL_GUARDED_BY(telling_) = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_FAKE_FLEET_H_
