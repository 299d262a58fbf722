#include <optional>

#include "absl/strings/str_cat.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/escape.h"
#include "ctl/output/fleet_renderer.h"
#include "ctl/output/fleet_text.h"
#include "ctl/output/live_table.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

class TextFleetRenderer : public FleetRenderer {
 public:
  TextFleetRenderer(const RenderOptions& options, std::ostream& out)
      : wide_(options.form == OutputForm::kWide),
        color_(options.color),
        out_(out),
        hosts_(options, HostHeader(wide_), kHostStateColumn, out),
        services_(options, FleetServiceHeader(wide_), kFleetServiceStateColumn, out),
        deployments_(options, DeploymentHeader(wide_), kDeploymentStateColumn, out) {}

  absl::Status Hosts(const std::vector<v1::Host>& hosts) override {
    return PrintRows(HostHeader(wide_), hosts, HostRow);
  }

  absl::Status Host(const v1::Host& host) override { return Print(HostDetails(host, color_)); }

  absl::Status Services(const std::vector<v1::Service>& services) override {
    return PrintRows(FleetServiceHeader(wide_), services, FleetServiceRow);
  }

  absl::Status HostUpdate(const v1::WatchFleetResponse& update) override {
    std::optional<LiveTable::Change> change;
    if (update.has_host()) {
      change = {update.host().host(), HostRow(0, update.host(), wide_, color_), update.removed()};
    }
    hosts_.Update(change, update.initial_done());
    return absl::OkStatus();
  }

  absl::Status ServiceUpdate(const v1::WatchFleetResponse& update) override {
    std::optional<LiveTable::Change> change;
    if (update.has_service()) {
      const v1::Service& service = update.service();
      change = {absl::StrCat(service.host(), absl::string_view("\0", 1), service.service()),
                FleetServiceRow(0, service, wide_, color_), update.removed(),
                LiveTable::Place::kAfterItsGroup, service.host()};
    }
    services_.Update(change, update.initial_done());
    return absl::OkStatus();
  }

  absl::Status Unwell(const std::vector<v1::Host>& hosts,
                      const std::vector<v1::Service>& services) override {
    std::vector<Row> rows;
    for (const v1::Host& host : hosts) {
      const std::string since = TimeText(host.has_state_time(), host.state_time());
      rows.push_back({EscapeLine(host.host()), "", HostStateText(host.state(), color_),
                      since.empty() ? "has not reported" : "since " + since});
    }
    for (const v1::Service& service : services) {
      rows.push_back({EscapeLine(service.host()), EscapeLine(service.service()),
                      StateText(service.state(), color_), EscapeLine(service.state_info())});
    }
    return Print(FormatTable(rows));
  }

  absl::Status Outcomes(const std::vector<v1::HostOutcome>& outcomes) override {
    return Print(OutcomesTable(outcomes, color_));
  }

  absl::Status Differences(const std::vector<v1::HostOutcome>& outcomes) override {
    return Print(OutcomeDifferences(outcomes));
  }

  absl::Status Plan(const v1::Plan& plan) override { return Print(PlanText(plan)); }

  absl::Status Deployments(const std::vector<v1::Deployment>& deployments) override {
    return PrintRows(DeploymentHeader(wide_), deployments, DeploymentRow);
  }

  absl::Status DeploymentInList(const v1::Deployment& deployment, bool removed) override {
    const LiveTable::Change change = {deployment.id(), DeploymentRow(0, deployment, wide_, color_),
                                      removed, LiveTable::Place::kFirst};
    deployments_.Update(change, /*initial_done=*/false);
    return absl::OkStatus();
  }

  absl::Status DeploymentListBegun() override {
    deployments_.Update(std::nullopt, /*initial_done=*/true);
    return absl::OkStatus();
  }

  absl::Status Deployment(const v1::Deployment& deployment) override {
    return Print(DeploymentDetails(deployment, wide_, color_));
  }

  absl::Status DeploymentNow(const v1::Deployment& deployment) override {
    return Print(DeploymentSentence(deployment, color_));
  }

  absl::Status DeploymentEnd(const v1::Deployment& deployment) override {
    return Print(
        absl::StrCat(DeploymentSentence(deployment, color_), DeploymentHosts(deployment, color_)));
  }

  absl::Status DeploymentUpdate(const v1::WatchDeploymentResponse&) override {
    return absl::OkStatus();
  }

  absl::Status Hooks(const std::vector<v1::Hook>& hooks) override {
    return Print(HooksTable({hooks.begin(), hooks.end()}));
  }

  absl::Status HookTest(const v1::TestHooksResponse& response) override {
    return Print(HookTestText(response));
  }

  absl::Status Locks(const std::vector<v1::HostLock>& locks) override {
    return PrintRows(LockHeader(wide_), locks, LockRow);
  }

  absl::Status BrokenLock(const v1::HostLock& lock) override {
    const std::string since = TimeText(lock.has_acquire_time(), lock.acquire_time());
    return Print(absl::StrCat(EscapeLine(lock.host()), ": the lock of deployment ",
                              EscapeLine(lock.deployment()), " of ", EscapeLine(lock.actor()),
                              since.empty() ? "" : ", held since ", since,
                              since.empty() ? " is broken\n" : ", is broken\n"));
  }

 private:
  absl::Status Print(const std::string& text) {
    out_ << text << std::flush;
    return absl::OkStatus();
  }

  template <typename Element>
  absl::Status PrintRows(Row header, const std::vector<Element>& elements,
                         Row (*row_of)(size_t, const Element&, bool, bool)) {
    std::vector<Row> rows = {std::move(header)};
    for (const Element& element : elements) {
      rows.push_back(row_of(rows.size() - 1, element, wide_, color_));
    }
    return Print(FormatTable(rows));
  }

  const bool wide_;
  const bool color_;
  std::ostream& out_;
  LiveTable hosts_;
  LiveTable services_;
  LiveTable deployments_;
};

}  // namespace

std::unique_ptr<FleetRenderer> MakeTextFleetRenderer(const RenderOptions& options,
                                                     std::ostream& out) {
  return std::make_unique<TextFleetRenderer>(options, out);
}

}  // namespace gitops::ctl
