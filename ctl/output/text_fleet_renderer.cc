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
      : options_(options),
        out_(out),
        hosts_(options, SpecsOf(HostColumns()), out),
        services_(options, SpecsOf(FleetServiceColumns()), out),
        deployments_(options, SpecsOf(DeploymentColumns()), out) {}

  absl::Status Hosts(const std::vector<v1::Host>& hosts) override {
    return List(HostColumns(), hosts);
  }

  absl::Status Host(const v1::Host& host) override {
    return Print(HostDetails(host, StyleOf(options_)));
  }

  absl::Status HostDescription(const v1::Host& host,
                               const std::vector<v1::Service>& services) override {
    return Print(gitops::ctl::HostDescription(host, services, StyleOf(options_)));
  }

  absl::Status Services(const std::vector<v1::Service>& services) override {
    return List(FleetServiceColumns(), services);
  }

  absl::Status HostUpdate(const v1::WatchFleetResponse& update) override {
    std::optional<LiveTable::Change> change;
    if (update.has_host()) {
      change = {.key = update.host().host(),
                .cells = LiveCells(HostColumns(), update.host()),
                .degraded = IsDegraded(update.host()),
                .removed = update.removed()};
    }
    return hosts_.Update(change, update.initial_done());
  }

  absl::Status ServiceUpdate(const v1::WatchFleetResponse& update) override {
    std::optional<LiveTable::Change> change;
    if (update.has_service()) {
      const v1::Service& service = update.service();
      change = {.key = absl::StrCat(service.host(), absl::string_view("\0", 1), service.service()),
                .cells = LiveCells(FleetServiceColumns(), service),
                .degraded = IsDegraded(service),
                .removed = update.removed(),
                .place = LiveTable::Place::kInItsGroup,
                .group = service.host()};
    }
    return services_.Update(change, update.initial_done());
  }

  void RestartWatch() override {
    hosts_.Restart();
    services_.Restart();
    deployments_.Restart();
  }

  absl::Status Unwell(const std::vector<v1::Host>& hosts,
                      const std::vector<v1::Service>& services) override {
    const TableStyle style = StyleOf(options_);
    std::vector<Row> rows;
    for (const v1::Host& host : hosts) {
      rows.push_back({EscapeLine(host.host()), "", HostStateText(host.state(), style.color),
                      Joined({SilenceText(host, style.now), TroubleText(host)})});
    }
    for (const v1::Service& service : services) {
      rows.push_back({EscapeLine(service.host()), EscapeLine(service.service()),
                      TableStateText(service, style.color), EscapeLine(service.state_info())});
    }
    return Print(TextOfLines(AlignedLines(rows, style.width, 24)));
  }

  absl::Status Outcomes(const std::vector<v1::HostOutcome>& outcomes) override {
    return List(OutcomeColumns(), outcomes);
  }

  absl::Status Differences(const std::vector<v1::HostOutcome>& outcomes) override {
    return Print(OutcomeDifferences(outcomes, options_.color));
  }

  absl::Status Plan(const v1::Plan& plan) override {
    return Print(PlanText(plan, StyleOf(options_)));
  }

  absl::Status PlanWithDifferences(const v1::Plan& plan,
                                   const std::vector<PlannedDifference>& differences) override {
    std::string text = PlanText(plan, StyleOf(options_));
    for (const PlannedDifference& difference : differences) {
      const v1::ServiceMove& move = difference.move;
      absl::StrAppend(&text, "\n", EscapeLine(move.service()), " ", ShortHash(move.from_hash()),
                      " -> ", ShortHash(move.to_hash()), ":\n",
                      OutcomeDifferences(difference.outcomes, options_.color));
    }
    return Print(text);
  }

  absl::Status Deployments(const std::vector<v1::Deployment>& deployments) override {
    return List(DeploymentColumns(), deployments);
  }

  absl::Status DeploymentInList(const v1::Deployment& deployment, bool removed) override {
    const LiveTable::Change change = {.key = deployment.id(),
                                      .cells = LiveCells(DeploymentColumns(), deployment),
                                      .degraded = IsDegraded(deployment),
                                      .removed = removed,
                                      .place = LiveTable::Place::kFirst};
    return deployments_.Update(change, /*initial_done=*/false);
  }

  absl::Status DeploymentListBegun() override {
    return deployments_.Update(std::nullopt, /*initial_done=*/true);
  }

  absl::Status Deployment(const v1::Deployment& deployment) override {
    return Print(DeploymentDetails(deployment, StyleOf(options_)));
  }

  absl::Status DeploymentNow(const v1::Deployment& deployment) override {
    return Print(DeploymentSentence(deployment, StyleOf(options_)));
  }

  absl::Status DeploymentEnd(const v1::Deployment& deployment) override {
    return Print(absl::StrCat(DeploymentSentence(deployment, StyleOf(options_)),
                              DeploymentHosts(deployment, StyleOf(options_))));
  }

  absl::Status DeploymentUpdate(const v1::WatchDeploymentResponse&) override {
    return absl::OkStatus();
  }

  absl::Status Hooks(const std::vector<v1::Hook>& hooks) override {
    return List(HookColumns(), hooks);
  }

  absl::Status HookTest(const v1::TestHooksResponse& response) override {
    return Print(HookTestText(response));
  }

  absl::Status Locks(const std::vector<v1::HostLock>& locks) override {
    return List(LockColumns(), locks);
  }

  absl::Status BrokenLock(const v1::HostLock& lock) override {
    const std::string since = TimeText(lock.has_acquire_time(), lock.acquire_time());
    return Print(absl::StrCat(EscapeLine(lock.host()), ": the lock of deployment ",
                              EscapeLine(lock.deployment()), " of ", EscapeLine(lock.actor()),
                              since.empty() ? "" : ", held since ", since,
                              since.empty() ? " is broken\n" : ", is broken\n"));
  }

 private:
  static std::string SilenceText(const v1::Host& host, absl::Time now) {
    if (host.state() == v1::HOST_STATE_ONLINE) return "";
    const Cell age = AgeCell(host.has_state_time(), host.state_time(), now);
    return age.text.empty() ? "has not reported" : absl::StrCat("silent for ", age.text);
  }

  absl::Status Print(const std::string& text) {
    out_ << text << std::flush;
    return absl::OkStatus();
  }

  template <typename Element>
  absl::Status List(const Columns<Element>& columns, const std::vector<Element>& elements) {
    const absl::StatusOr<std::string> text = ListText(columns, elements, StyleOf(options_));
    return text.ok() ? Print(*text) : text.status();
  }

  const RenderOptions options_;
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
