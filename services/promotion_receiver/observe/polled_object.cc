#include "services/promotion_receiver/observe/polled_object.h"

#include <algorithm>
#include <random>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/rpc/error.h"
#include "services/promotion_receiver/observe/flux_object.h"

namespace gitops {
namespace {

// After Look, until it is clear what the object runs: Flux often sends its event before it has
// written the object's status.
constexpr absl::Duration kUrgent = absl::Minutes(1), kUrgentPoll = absl::Seconds(2);

// Between two looks, however often somebody asks for one.
constexpr absl::Duration kLeastPause = absl::Seconds(1);

double Random() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

bool SameWhereItCounts(const TargetObservation& a, const TargetObservation& b) {
  return std::tie(a.health, a.revision, a.since, a.mark, a.first_mark, a.detail) ==
         std::tie(b.health, b.revision, b.since, b.mark, b.first_mark, b.detail);
}

std::string InWords(const KubeObjectName& name, const PolledCluster& cluster) {
  return absl::StrCat(name.kind, " ", name.namespace_, "/", name.name, " in ",
                      cluster.client.cluster());
}

}  // namespace

PolledObject::PolledObject(KubeObjectName name, std::shared_ptr<PolledCluster> cluster,
                           absl::Duration poll, Clock* clock,
                           std::vector<EnvironmentName> environments, Changed changed)
    : name_(std::move(name)),
      cluster_(std::move(cluster)),
      in_words_(InWords(name_, *cluster_)),
      poll_(poll),
      clock_(clock),
      changed_(std::move(changed)),
      view_(in_words_, std::max(4 * poll, absl::Minutes(2))),
      environments_(std::move(environments)),
      job_(cluster_->scheduler->Add(clock_->Now(), [this] { return Poll(); })) {}

void PolledObject::Stop() {
  GiveUp();
  job_.reset();
}

void PolledObject::Look() {
  {
    MutexLock lock(mutex_);
    urgent_until_ = clock_->Now() + kUrgent;
  }
  job_->Wake();
}

void PolledObject::SetEnvironments(std::vector<EnvironmentName> environments) {
  MutexLock lock(mutex_);
  environments_ = std::move(environments);
}

std::optional<TargetObservation> PolledObject::Observation() {
  MutexLock lock(mutex_);
  if (!view_.observable()) return std::nullopt;
  return view_.observation();
}

absl::Time PolledObject::Poll() {
  {
    MutexLock lock(mutex_);
    const absl::Time now = clock_->Now();
    const absl::Time least = std::max(polled_ + kLeastPause, not_before_);
    if (now < least && now >= polled_) return least;
    polled_ = now;
  }
  const absl::StatusOr<nlohmann::json> object =
      cluster_->client.Get(name_, [this] { return stopping_.load(); });
  if (stopping_) return absl::InfiniteFuture();
  const absl::StatusOr<FluxStatus> status =
      object.ok() ? absl::StatusOr<FluxStatus>(ReadFluxObject(*object)) : object.status();
  std::vector<EnvironmentName> tell;
  absl::Time next;
  {
    MutexLock lock(mutex_);
    const TargetObservation before = view_.observation();
    const bool was_observable = view_.observable();
    view_.Take(status, clock_->Now());
    if (!SameWhereItCounts(before, view_.observation()) || was_observable != view_.observable()) {
      tell = environments_;
    }
    next = Next(status.status());
  }
  if (!tell.empty()) changed_(tell);
  return next;
}

absl::Time PolledObject::Next(const absl::Status& look) {
  const absl::Time now = clock_->Now();
  if (!look.ok() && !absl::IsNotFound(look)) {
    if (++failures_ == 1) {
      LogWarning("A target of promotions cannot be observed; trying again",
                 {{"target", in_words_}, {"error", look.ToString()}});
    }
    not_before_ = now + RetryDelayOf(look).value_or(absl::ZeroDuration());
    return std::max(now + PollBackoff(poll_).After(failures_, Random()), not_before_);
  }
  failures_ = 0;
  absl::Duration pause = poll_ * (1 - 0.5 * Random());
  if (now < urgent_until_ && view_.observation().health != TargetObservation::Health::kHealthy) {
    pause = std::min(pause, kUrgentPoll);
  }
  return now + pause;
}

}  // namespace gitops
