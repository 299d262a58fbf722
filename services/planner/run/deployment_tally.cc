#include "services/planner/run/deployment_tally.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

constexpr size_t kMostNamed = 3;
constexpr size_t kMostText = 300;

void Name(const v1::HostDeployment& host, bool with_message, std::vector<std::string>& names) {
  if (names.size() >= kMostNamed) return;
  names.push_back(host.host());
  if (!with_message || host.message().empty()) return;
  absl::StrAppend(&names.back(), ": ", host.message().substr(0, kMostText));
}

// `names` are the first of `count`.
void Tell(std::vector<std::string>& sentences, int count, absl::string_view what,
          const std::vector<std::string>& names) {
  if (count == 0) return;
  const int more = count - static_cast<int>(names.size());
  sentences.push_back(absl::StrCat(count, what, ": ", absl::StrJoin(names, ", "),
                                   more > 0 ? absl::StrCat(" and ", more, " more") : ""));
}

}  // namespace

std::string PhaseName(int phase) {
  if (phase == kRollingBack) return "rolling-back";
  const std::string& name =
      v1::HostDeploymentState_Name(static_cast<v1::HostDeploymentState>(phase));
  return absl::StrReplaceAll(
      absl::AsciiStrToLower(absl::StripPrefix(name, "HOST_DEPLOYMENT_STATE_")), {{"_", "-"}});
}

void Add(const HostRecord& record, Tally& tally) {
  const v1::HostDeployment& host = record.host;
  const v1::HostDeploymentState state = host.state();
  const bool back = record.rolling_back && state == v1::HOST_DEPLOYMENT_STATE_RUNNING;
  ++tally.hosts;
  ++tally.phases[back ? kRollingBack : state];
  if (state == v1::HOST_DEPLOYMENT_STATE_FAILED) Name(host, true, tally.failed);
  if (state == v1::HOST_DEPLOYMENT_STATE_UNREACHABLE) Name(host, false, tally.unreachable);
  if (state == v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED) Name(host, true, tally.kept);
}

bool SetCounts(const Tally& tally, v1::Deployment& deployment) {
  const auto counts = [&deployment] {
    return std::array{deployment.host_count(), deployment.succeeded_count(),
                      deployment.failed_count(), deployment.skipped_count(),
                      deployment.unreachable_count()};
  };
  const auto before = counts();
  const PhaseCounts& phases = tally.phases;
  deployment.set_host_count(tally.hosts);
  deployment.set_succeeded_count(phases[v1::HOST_DEPLOYMENT_STATE_SUCCEEDED]);
  deployment.set_failed_count(phases[v1::HOST_DEPLOYMENT_STATE_FAILED] +
                              phases[v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED]);
  deployment.set_skipped_count(phases[v1::HOST_DEPLOYMENT_STATE_SKIPPED]);
  deployment.set_unreachable_count(phases[v1::HOST_DEPLOYMENT_STATE_UNREACHABLE]);
  return counts() != before;
}

std::string TroubleText(const Tally& tally) {
  std::vector<std::string> sentences;
  const std::string of = absl::StrCat(" of ", tally.hosts, tally.hosts == 1 ? " host" : " hosts");
  Tell(sentences, tally.phases[v1::HOST_DEPLOYMENT_STATE_FAILED], absl::StrCat(of, " failed"),
       tally.failed);
  Tell(sentences, tally.phases[v1::HOST_DEPLOYMENT_STATE_UNREACHABLE],
       absl::StrCat(of, " could not be reached"), tally.unreachable);
  if (const int back = tally.phases[v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK]; back > 0) {
    sentences.push_back(absl::StrCat(back, of, " brought back"));
  }
  Tell(sentences, tally.phases[v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED],
       absl::StrCat(of, " could not be brought back whole"), tally.kept);
  return absl::StrJoin(sentences, "; ");
}

void PhaseGauges::Set(const std::string& deployment, const PhaseCounts& counts) {
  if (!tell_) return;
  MutexLock lock(mutex_);
  PhaseCounts& known = deployments_[deployment];
  for (int i = 0; i < kHostPhases; ++i) {
    if (counts[i] == known[i]) continue;
    totals_[i] += counts[i] - known[i];
    tell_(PhaseName(i), totals_[i]);
  }
  known = counts;
  if (counts == PhaseCounts{}) deployments_.erase(deployment);
}

}  // namespace gitops
