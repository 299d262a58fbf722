#include "services/planner/rpc/deployment_filter.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

// "alice" is "alice@laptop" and "alice@laptop (10.0.0.1:…)", but not "alice2@laptop".
bool IsActor(const std::string& actor, const std::string& wanted) {
  if (!absl::StartsWith(actor, wanted)) return false;
  return actor.size() == wanted.size() || actor[wanted.size()] == '@' ||
         actor[wanted.size()] == ' ';
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

}  // namespace gitops
