#include "absl/strings/str_cat.h"
#include "ctl/output/escape.h"
#include "ctl/output/fleet_renderer.h"

namespace gitops::ctl {
namespace {

class NameFleetRenderer : public FleetRenderer {
 public:
  explicit NameFleetRenderer(std::ostream& out) : out_(out) {}

  absl::Status Hosts(const std::vector<v1::Host>& hosts) override {
    for (const v1::Host& host : hosts) Write(host.host());
    return absl::OkStatus();
  }
  absl::Status Host(const v1::Host& host) override { return Print(host.host()); }
  absl::Status HostDescription(const v1::Host& host, const std::vector<v1::Service>&) override {
    return Print(host.host());
  }
  absl::Status Services(const std::vector<v1::Service>& services) override {
    for (const v1::Service& service : services) Write(NameOf(service));
    return absl::OkStatus();
  }
  absl::Status HostUpdate(const v1::WatchFleetResponse& update) override {
    return update.has_host() ? Print(update.host().host()) : absl::OkStatus();
  }
  absl::Status ServiceUpdate(const v1::WatchFleetResponse& update) override {
    return update.has_service() ? Print(NameOf(update.service())) : absl::OkStatus();
  }
  absl::Status Unwell(const std::vector<v1::Host>& hosts,
                      const std::vector<v1::Service>& services) override {
    if (absl::Status s = Hosts(hosts); !s.ok()) return s;
    return Services(services);
  }
  absl::Status Outcomes(const std::vector<v1::HostOutcome>& outcomes) override {
    for (const v1::HostOutcome& outcome : outcomes) Write(outcome.host());
    return absl::OkStatus();
  }
  // The hosts that differ.
  absl::Status Differences(const std::vector<v1::HostOutcome>& outcomes) override {
    for (const v1::HostOutcome& outcome : outcomes) {
      if (!outcome.diff().differences().empty()) Write(outcome.host());
    }
    return absl::OkStatus();
  }
  absl::Status Plan(const v1::Plan& plan) override { return Print(plan.token()); }
  absl::Status PlanWithDifferences(const v1::Plan& plan,
                                   const std::vector<PlannedDifference>&) override {
    return Plan(plan);
  }
  absl::Status Deployments(const std::vector<v1::Deployment>& deployments) override {
    for (const v1::Deployment& deployment : deployments) Write(deployment.id());
    return absl::OkStatus();
  }
  absl::Status DeploymentInList(const v1::Deployment& deployment, bool) override {
    return Print(deployment.id());
  }
  absl::Status DeploymentListBegun() override { return absl::OkStatus(); }
  absl::Status Deployment(const v1::Deployment& deployment) override {
    return Print(deployment.id());
  }
  absl::Status DeploymentNow(const v1::Deployment& deployment) override {
    return Print(deployment.id());
  }
  absl::Status DeploymentEnd(const v1::Deployment& deployment) override {
    return Print(deployment.id());
  }
  absl::Status DeploymentUpdate(const v1::WatchDeploymentResponse&) override {
    return absl::OkStatus();
  }
  absl::Status Hooks(const std::vector<v1::Hook>& hooks) override {
    for (const v1::Hook& hook : hooks) Write(hook.name());
    return absl::OkStatus();
  }
  absl::Status HookTest(const v1::TestHooksResponse& response) override {
    for (const v1::HostPayload& host : response.hosts()) Write(host.host());
    return absl::OkStatus();
  }
  absl::Status Locks(const std::vector<v1::HostLock>& locks) override {
    for (const v1::HostLock& lock : locks) Write(lock.host());
    return absl::OkStatus();
  }
  absl::Status BrokenLock(const v1::HostLock& lock) override { return Print(lock.host()); }

 private:
  // "web1/app".
  static std::string NameOf(const v1::Service& service) {
    return absl::StrCat(service.host(), "/", service.service());
  }
  void Write(absl::string_view name) { out_ << EscapeLine(name) << "\n" << std::flush; }
  absl::Status Print(absl::string_view name) {
    Write(name);
    return absl::OkStatus();
  }

  std::ostream& out_;
};

}  // namespace

std::unique_ptr<FleetRenderer> MakeNameFleetRenderer(std::ostream& out) {
  return std::make_unique<NameFleetRenderer>(out);
}

}  // namespace gitops::ctl
