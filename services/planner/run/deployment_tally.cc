#include "services/planner/run/deployment_tally.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

constexpr size_t kMostNamed = 3;

void Name(const v1::HostDeployment& host, std::vector<std::string>& names) {
  if (names.size() < kMostNamed) names.push_back(host.host());
}

// `names` are the first of `count` of `hosts`. Why each failed is in its own message.
void Tell(std::vector<std::string>& sentences, int count, int hosts, absl::string_view what,
          const std::vector<std::string>& names) {
  if (count == 0) return;
  if (hosts == 1) return sentences.push_back(absl::StrCat(names[0], what));
  const int more = count - static_cast<int>(names.size());
  sentences.push_back(absl::StrCat(count, " of ", hosts, " hosts", what, ": ",
                                   absl::StrJoin(names, ", "),
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
  if (state == v1::HOST_DEPLOYMENT_STATE_FAILED) Name(host, tally.failed);
  if (state == v1::HOST_DEPLOYMENT_STATE_UNREACHABLE) Name(host, tally.unreachable);
  if (state == v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED) Name(host, tally.kept);
  if (state == v1::HOST_DEPLOYMENT_STATE_FAILED && tally.failure.empty()) {
    tally.failure = host.message();
  }
  if (state == v1::HOST_DEPLOYMENT_STATE_UNREACHABLE && tally.silence.empty()) {
    tally.silence = host.message();
  }
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
  const auto tell = [&](v1::HostDeploymentState state, absl::string_view what,
                        const std::vector<std::string>& names) {
    Tell(sentences, tally.phases[state], tally.hosts, what, names);
  };
  tell(v1::HOST_DEPLOYMENT_STATE_FAILED, " failed", tally.failed);
  tell(v1::HOST_DEPLOYMENT_STATE_UNREACHABLE, " could not be reached", tally.unreachable);
  if (const int back = tally.phases[v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK]; back > 0) {
    sentences.push_back(tally.hosts == 1
                            ? std::string("the host was brought back")
                            : absl::StrCat(back, " of ", tally.hosts, " hosts brought back"));
  }
  tell(v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED, " could not be brought back whole", tally.kept);
  return absl::StrJoin(sentences, "; ");
}

std::string CauseText(const Tally& tally, const std::string& former) {
  if (!tally.failure.empty()) return tally.failure;
  const bool brought_back = tally.phases[v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK] > 0 ||
                            tally.phases[v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED] > 0 ||
                            tally.phases[kRollingBack] > 0;
  return brought_back && !former.empty() ? former : tally.silence;
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
