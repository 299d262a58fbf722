#include "services/planner/rpc/deployment_reads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/rpc/fingerprint.h"
#include "common/rpc/page.h"
#include "common/store/convert.h"
#include "services/planner/rpc/answer_size.h"

namespace gitops {
namespace {

// "alice" is "alice@laptop" and "alice@laptop (10.0.0.1:…)", but not "alice2@laptop".
bool IsActor(const std::string& actor, const std::string& wanted) {
  if (!absl::StartsWith(actor, wanted)) return false;
  return actor.size() == wanted.size() || actor[wanted.size()] == '@' ||
         actor[wanted.size()] == ' ';
}

// The number of hosts on which a plan (stored, or of the API) will fail.
template <typename Plan>
int WillFail(const Plan& plan) {
  return static_cast<int>(
      std::count_if(plan.hosts().begin(), plan.hosts().end(),
                    [](const auto& host) { return !host.will_fail().empty(); }));
}

bool MatchesRecord(const v1::Deployment& deployment, const v1::DeploymentFilter& filter) {
  const auto& states = filter.states();
  if (!states.empty() &&
      std::find(states.begin(), states.end(), deployment.state()) == states.end()) {
    return false;
  }
  if (filter.has_actor() && !IsActor(deployment.actor(), filter.actor())) return false;
  const absl::Time created = FromTimestamp(deployment.create_time());
  if (filter.has_since() && created < FromTimestamp(filter.since())) return false;
  return !filter.has_until() || created < FromTimestamp(filter.until());
}

}  // namespace

absl::Status CheckDeploymentId(const std::string& id) {
  if (!id.empty()) return absl::OkStatus();
  return InvalidField("id", "no deployment is named");
}

DeploymentStore::IdRange DeploymentMatcher::ids() const {
  return store_->CreatedBetween(
      filter_.has_since() ? FromTimestamp(filter_.since()) : absl::InfinitePast(),
      filter_.has_until() ? FromTimestamp(filter_.until()) : absl::InfiniteFuture());
}

absl::StatusOr<bool> DeploymentMatcher::Matches(const v1::Deployment& deployment) {
  bool matches = MatchesRecord(deployment, filter_);
  const bool service_decides =
      filter_.has_service() && deployment.spec().service() != filter_.service();
  if (matches && (filter_.has_host() || service_decides)) {
    const absl::StatusOr<bool> hosts_match = MatchesHosts(deployment);
    if (!hosts_match.ok()) return hosts_match.status();
    matches = *hosts_match;
  }
  if (!matches) ++deployments_;
  return matches;
}

absl::StatusOr<bool> DeploymentMatcher::MatchesHosts(const v1::Deployment& deployment) {
  bool host_found = !filter_.has_host();
  bool service_found = !filter_.has_service() || deployment.spec().service() == filter_.service();
  const absl::Status read =
      store_->ForEachHost(deployment.id(), [&](const record::v1::HostDeployment& host) {
        ++hosts_;
        host_found = host_found || host.host() == filter_.host();
        service_found = service_found || std::any_of(host.moves().begin(), host.moves().end(),
                                                     [&](const auto& move) {
                                                       return move.service() == filter_.service();
                                                     });
        return !host_found || !service_found;
      });
  if (!read.ok()) return read;
  return host_found && service_found;
}

absl::StatusOr<v1::HostDeployment> DeploymentReads::Host(const std::string& id, int index,
                                                         v1::View view) const {
  if (view != v1::VIEW_FULL) return store_->BareHost(id, index);
  absl::StatusOr<v1::HostDeployment> host = store_->WholeHost(id, index);
  if (!host.ok()) return host;
  deployments_->running_checks().AddTo(id, index, *host);
  FitAnswer(*host);
  return host;
}

absl::StatusOr<v1::GetDeploymentResponse> DeploymentReads::Get(
    const v1::GetDeploymentRequest& request) const {
  if (absl::Status status = CheckDeploymentId(request.id()); !status.ok()) return status;
  absl::StatusOr<DeploymentRecord> record = store_->Load(request.id());
  if (!record.ok()) return record.status();
  v1::GetDeploymentResponse response;
  v1::Deployment& shown = *response.mutable_deployment();
  shown = std::move(record->deployment);
  AddTrouble(*deployments_, shown);
  AddEtag(shown);
  if (request.view() != v1::VIEW_FULL) return response;
  absl::StatusOr<std::vector<v1::HookCall>> calls = store_->SelectCalls(request.id());
  if (!calls.ok()) return calls.status();
  for (v1::HookCall& call : *calls) *shown.add_hook_calls() = std::move(call);
  FitAnswer(shown);
  const size_t used = std::min(shown.ByteSizeLong(), kMostAnswerSize);
  const auto page = ReadNumberedPage(v1::ListDeploymentHostsRequest());
  absl::StatusOr<std::string> next = FillNumberedPage(
      *page, [&](int index) { return Host(request.id(), index, v1::VIEW_FULL); },
      shown.mutable_hosts(), kMostAnswerSize - used);
  if (!next.ok()) return next.status();
  response.set_next_host_page_token(*next);
  return response;
}

absl::StatusOr<v1::ListDeploymentHostsResponse> DeploymentReads::ListHosts(
    const v1::ListDeploymentHostsRequest& request) const {
  if (absl::Status status = CheckDeploymentId(request.id()); !status.ok()) return status;
  const absl::StatusOr<NumberedPage> page = ReadNumberedPage(request);
  if (!page.ok()) return page.status();
  if (absl::Status found = store_->Load(request.id()).status(); !found.ok()) return found;
  v1::ListDeploymentHostsResponse response;
  absl::StatusOr<std::string> next = FillNumberedPage(
      *page, [&](int index) { return Host(request.id(), index, request.view()); },
      response.mutable_hosts(), kMostAnswerSize);
  if (!next.ok()) return next.status();
  response.set_next_page_token(*next);
  return response;
}

absl::StatusOr<v1::ListDeploymentsResponse> DeploymentReads::List(
    const v1::ListDeploymentsRequest& request) const {
  const absl::StatusOr<PageRequest> page = ReadPage(request);
  if (!page.ok()) return page.status();
  DeploymentMatcher matcher(store_, request.filter());
  DeploymentStore::IdRange ids = matcher.ids();
  if (!page->after.empty()) ids.before = page->after;
  v1::ListDeploymentsResponse response;
  std::string last = page->after;  // the last one that was visited
  PageRoom room(page->limit, kMostAnswerSize);
  bool more = false;
  const absl::Status read =
      store_->ForEachNewestFirst(ids, [&](v1::Deployment& deployment) -> absl::StatusOr<bool> {
        if (more = matcher.exhausted(); more) return false;
        const absl::StatusOr<bool> matches = matcher.Matches(deployment);
        if (!matches.ok()) return matches.status();
        if (*matches) {
          AddTrouble(*deployments_, deployment);
          AddEtag(deployment);
          if (request.view() != v1::VIEW_FULL) deployment.clear_events();
          if (more = !room.Take(deployment.ByteSizeLong()); more) return false;
        }
        last = deployment.id();
        if (*matches) *response.add_deployments() = std::move(deployment);
        return true;
      });
  if (!read.ok()) return read;
  if (more) response.set_next_page_token(PageToken(last));
  return response;
}

absl::StatusOr<v1::GetPlanResponse> DeploymentReads::GetPlan(
    const v1::GetPlanRequest& request) const {
  if (request.token().empty()) return InvalidField("token", "no plan's token is given");
  absl::StatusOr<record::v1::Plan> plan = store_->LoadStoredPlan(request.token());
  if (!plan.ok()) return plan.status();
  const int hosts = plan->hosts_size();
  const int will_fail = WillFail(*plan);
  plan->clear_hosts();
  v1::GetPlanResponse response;
  *response.mutable_plan() = Converted<v1::Plan>(*plan);
  response.mutable_plan()->set_host_count(hosts);
  response.mutable_plan()->set_will_fail_count(will_fail);
  return response;
}

absl::StatusOr<v1::ListPlanHostsResponse> DeploymentReads::ListPlanHosts(
    const v1::ListPlanHostsRequest& request) const {
  if (request.token().empty()) return InvalidField("token", "no plan's token is given");
  const absl::StatusOr<NumberedPage> page = ReadNumberedPage(request);
  if (!page.ok()) return page.status();
  const absl::StatusOr<record::v1::Plan> plan = store_->LoadStoredPlan(request.token());
  if (!plan.ok()) return plan.status();
  v1::ListPlanHostsResponse response;
  absl::StatusOr<std::string> next = FillNumberedPage(
      *page,
      [&](int number) -> absl::StatusOr<v1::PlannedHost> {
        if (number >= plan->hosts_size()) return absl::NotFoundError("no more hosts");
        return Converted<v1::PlannedHost>(plan->hosts(number));
      },
      response.mutable_hosts(), kMostAnswerSize);
  if (!next.ok()) return next.status();
  response.set_next_page_token(*next);
  return response;
}

std::string AddTrouble(Deployments& deployments, v1::Deployment& deployment) {
  if (HasEnded(deployment.state())) return "";
  std::string trouble = deployments.Trouble(deployment.id());
  if (!trouble.empty()) deployment.set_message(trouble);
  return trouble;
}

std::string KeepFirstHosts(v1::Plan& plan) {
  plan.set_host_count(plan.hosts_size());
  plan.set_will_fail_count(WillFail(plan));
  PageRoom room(plan.hosts_size(), kMostAnswerSize);
  for (int i = 0; i < plan.hosts_size(); ++i) {
    if (room.Take(plan.hosts(i).ByteSizeLong())) continue;
    plan.mutable_hosts()->DeleteSubrange(i, plan.hosts_size() - i);
    return PageToken(absl::StrCat(i - 1));
  }
  return "";
}

}  // namespace gitops
