// What tests of the fleet share.
#ifndef GITOPS_SERVICES_PLANNER_FLEET_FLEET_TEST_BASE_H_
#define GITOPS_SERVICES_PLANNER_FLEET_FLEET_TEST_BASE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/clock/fake_clock.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

inline constexpr char kPeer[] = "ipv4:10.0.0.7:41234";

inline HostSpec Host(const std::string& name, const std::string& address = "") {
  HostSpec spec;
  spec.name = name;
  spec.address = address.empty() ? name + ":8004" : address;
  return spec;
}

inline ServiceSpec Placed(const std::string& machine, const std::string& service) {
  ServiceSpec spec;
  spec.machine = machine;
  spec.service = service;
  spec.upstream.url = "https://user:hunter2@git.example/ops.git";
  spec.tracking = Tracking::kCoordinated;
  return spec;
}

inline v1::Service Service(const std::string& host, const std::string& name,
                           v1::ServiceState state = v1::SERVICE_STATE_OK,
                           const std::string& hash = "") {
  v1::Service service;
  service.set_host(host);
  service.set_service(name);
  service.set_state(state);
  service.set_hash(hash);
  return service;
}

inline v1::Hello Hello(const std::vector<std::string>& names,
                       const std::vector<v1::Service>& services = {}) {
  v1::Hello hello;
  for (const std::string& name : names) hello.add_names(name);
  for (const v1::Service& service : services) *hello.add_services() = service;
  hello.set_address(":9000");
  hello.set_version("1.2.3");
  hello.set_boot_id("boot");
  return hello;
}

inline v1::ServicesChanged Change(const std::vector<v1::Service>& services,
                                  const std::vector<std::string>& removed = {}) {
  v1::ServicesChanged changed;
  for (const v1::Service& service : services) *changed.add_services() = service;
  for (const std::string& name : removed) changed.add_removed(name);
  return changed;
}

class FleetTest : public testing::Test {
 protected:
  void Configure(std::vector<HostSpec> hosts, std::vector<ServiceSpec> services = {}) {
    FleetConfig config;
    config.hosts = std::move(hosts);
    config.services.assign(services.begin(), services.end());
    fleet_->Configure(std::make_shared<const FleetConfig>(std::move(config)));
  }
  std::unique_ptr<AgentReport> Connect(const v1::Hello& hello, const std::string& peer = kPeer) {
    auto report = fleet_->Connected(hello, peer, MakePrincipal("", "", peer));
    EXPECT_TRUE(report.ok()) << report.status();
    return *std::move(report);
  }
  v1::Host Find(const std::string& name) {
    const auto host = fleet_->Find(name);
    EXPECT_TRUE(host.ok()) << host.status();
    return host.ok() ? host->host : v1::Host();
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& host : fleet_->Hosts()) names.push_back(host->host.host());
    return names;
  }
  std::vector<std::string> Services(const std::string& host) {
    std::vector<std::string> names;
    for (const v1::Service& service : fleet_->Services(host)) names.push_back(service.service());
    return names;
  }
  int64_t Now() { return absl::ToUnixSeconds(clock_.Now()); }

  FakeClock clock_;
  std::unique_ptr<Fleet> fleet_ = NewFleet({.clock = &clock_});
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_FLEET_TEST_BASE_H_
