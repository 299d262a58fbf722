#include "services/planner/plan/fake_fleet.h"

#include <utility>

namespace gitops {

void FakeFleet::Add(const std::string& host, const std::vector<std::string>& tags,
                    v1::HostState state) {
  auto entry = std::make_shared<FleetHost>();
  entry->spec.name = host;
  entry->spec.address = host + ":8004";
  entry->spec.tags = tags;
  entry->host.set_host(host);
  entry->host.set_address(entry->spec.address);
  entry->host.set_state(state);
  entry->host.set_configured(true);
  entry->host.mutable_tags()->Assign(tags.begin(), tags.end());
  {
    MutexLock lock(mutex_);
    const auto [place, is_new] = places_.try_emplace(host, hosts_.size());
    if (is_new) hosts_.emplace_back();
    hosts_[place->second] = std::move(entry);
  }
  Tell(host);
}

void FakeFleet::Remove(const std::string& host) {
  {
    MutexLock lock(mutex_);
    hosts_.erase(hosts_.begin() + static_cast<int64_t>(places_.at(host)));
    services_.erase(host);
    places_.clear();
    for (size_t i = 0; i < hosts_.size(); ++i) places_[hosts_[i]->host.host()] = i;
  }
  Tell(host);
}

void FakeFleet::AddService(const std::string& host, const std::string& service,
                           const std::string& hash, bool coordinated) {
  {
    MutexLock lock(mutex_);
    v1::Service& entry = services_[host][service];
    entry.set_host(host);
    entry.set_service(service);
    entry.set_hash(hash);
    entry.set_state(v1::SERVICE_STATE_OK);
    entry.set_upstream("https://git.example/ops.git");
    entry.set_branch("main");
    entry.set_tracking(coordinated ? v1::TRACKING_COORDINATED : v1::TRACKING_AUTO);
  }
  Tell(host);
}

void FakeFleet::Place(const std::string& host, const std::string& service) {
  {
    MutexLock lock(mutex_);
    placed_.insert({host, service});
  }
  Tell(host);
}

void FakeFleet::Change(const std::string& host, const std::string& service,
                       const std::function<void(v1::Service&)>& change) {
  {
    MutexLock lock(mutex_);
    change(services_.at(host).at(service));
  }
  Tell(host);
}

void FakeFleet::RemoveService(const std::string& host, const std::string& service) {
  {
    MutexLock lock(mutex_);
    services_.at(host).erase(service);
  }
  Tell(host);
}

void FakeFleet::SetAddress(const std::string& host, const std::string& address) {
  ChangeHost(host, [&](FleetHost& entry) {
    entry.host.set_address(address);
    entry.spec.address = address;
  });
}

void FakeFleet::SetLastSeen(const std::string& host, absl::Time time) {
  ChangeHost(host, [&](FleetHost& entry) {
    entry.host.mutable_last_seen_time()->set_seconds(absl::ToUnixSeconds(time));
  });
}

void FakeFleet::ChangeHost(const std::string& host, const std::function<void(FleetHost&)>& change) {
  {
    MutexLock lock(mutex_);
    std::shared_ptr<const FleetHost>& place = hosts_[places_.at(host)];
    auto entry = std::make_shared<FleetHost>(*place);
    change(*entry);
    place = std::move(entry);
  }
  Tell(host);
}

void FakeFleet::OrderByTags(const std::vector<std::string>& tags) {
  FleetConfig config;
  config.order_by_tags = tags;
  Configure(std::make_shared<const FleetConfig>(std::move(config)));
}

int FakeFleet::subscribers() {
  MutexLock lock(telling_);
  return static_cast<int>(subscribers_.size());
}

void FakeFleet::Configure(std::shared_ptr<const FleetConfig> config) {
  MutexLock lock(mutex_);
  config_ = std::move(config);
}

std::shared_ptr<const FleetConfig> FakeFleet::config() const {
  MutexLock lock(mutex_);
  return config_;
}

absl::StatusOr<std::unique_ptr<AgentReport>> FakeFleet::Connected(const v1::Hello&,
                                                                  const std::string&,
                                                                  const Principal&) {
  return absl::UnimplementedError("this fleet takes no agents");
}

FleetView FakeFleet::Hosts() const {
  MutexLock lock(mutex_);
  return FleetView(std::make_shared<const FleetView::List>(hosts_));
}

absl::StatusOr<FleetHost> FakeFleet::Find(const std::string& host) const {
  MutexLock lock(mutex_);
  const auto found = places_.find(host);
  if (found == places_.end()) return absl::NotFoundError("no host " + host);
  return *hosts_[found->second];
}

std::vector<v1::Service> FakeFleet::Services(const std::string& host) const {
  MutexLock lock(mutex_);
  std::vector<v1::Service> services;
  const auto found = services_.find(host);
  if (found == services_.end()) return services;
  for (const auto& [name, service] : found->second) services.push_back(service);
  return services;
}

bool FakeFleet::HasService(const std::string& host, const std::string& service) const {
  MutexLock lock(mutex_);
  const auto found = services_.find(host);
  return placed_.contains({host, service}) ||
         (found != services_.end() && found->second.contains(service));
}

bool FakeFleet::AwaitsCoordinated(const std::string& host, const std::string& service) const {
  MutexLock lock(mutex_);
  if (!service.empty()) return placed_.contains({host, service});
  const auto first = placed_.lower_bound({host, ""});
  return first != placed_.end() && first->first == host;
}

absl::StatusOr<bool> FakeFleet::MarkHealth(const std::string& host,
                                           std::optional<v1::FailedHealth> failed) {
  const absl::StatusOr<FleetHost> before = Find(host);
  if (!before.ok()) return before.status();
  if (!failed.has_value() && !before->host.has_failed_health()) return false;
  ChangeHost(host, [&](FleetHost& entry) {
    entry.host.clear_failed_health();
    if (failed.has_value()) *entry.host.mutable_failed_health() = *failed;
  });
  return true;
}

int64_t FakeFleet::Subscribe(std::function<void(const std::string& host)> changed) {
  MutexLock lock(telling_);
  subscribers_[++last_id_] = std::move(changed);
  return last_id_;
}

void FakeFleet::Unsubscribe(int64_t id) {
  MutexLock lock(telling_);
  subscribers_.erase(id);
}

void FakeFleet::Tell(const std::string& host) {
  MutexLock lock(telling_);
  for (const auto& [id, changed] : subscribers_) changed(host);
}

}  // namespace gitops
