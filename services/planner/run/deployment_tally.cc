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

template <typename T>
bool Set(T value, T before, void (v1::Deployment::*set)(T), v1::Deployment& deployment) {
  (deployment.*set)(value);
  return value != before;
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
  const int failed = tally.phases[v1::HOST_DEPLOYMENT_STATE_FAILED] +
                     tally.phases[v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED];
  using D = v1::Deployment;
  bool changed = Set(tally.hosts, deployment.host_count(), &D::set_host_count, deployment);
  changed |= Set(tally.phases[v1::HOST_DEPLOYMENT_STATE_SUCCEEDED], deployment.succeeded_count(),
                 &D::set_succeeded_count, deployment);
  changed |= Set(failed, deployment.failed_count(), &D::set_failed_count, deployment);
  changed |= Set(tally.phases[v1::HOST_DEPLOYMENT_STATE_SKIPPED], deployment.skipped_count(),
                 &D::set_skipped_count, deployment);
  changed |= Set(tally.phases[v1::HOST_DEPLOYMENT_STATE_UNREACHABLE],
                 deployment.unreachable_count(), &D::set_unreachable_count, deployment);
  return changed;
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
  {
    MutexLock lock(mutex_);
    PhaseCounts& known = deployments_[deployment];
    for (int i = 0; i < kHostPhases; ++i) totals_[i] += counts[i] - known[i];
    known = counts;
    if (counts == PhaseCounts{}) deployments_.erase(deployment);
    // The thread that is telling already tells this too.
    if (telling_) return;
    telling_ = true;
  }
  for (;;) {
    std::vector<std::pair<int, int>> changed;
    {
      MutexLock lock(mutex_);
      for (int i = 0; i < kHostPhases; ++i) {
        if (totals_[i] != told_[i]) changed.emplace_back(i, totals_[i]);
      }
      told_ = totals_;
      if (changed.empty()) {
        telling_ = false;
        return;
      }
    }
    for (const auto& [phase, hosts] : changed) {
      tell_(PhaseName(phase), hosts);
    }
  }
}

}  // namespace gitops
