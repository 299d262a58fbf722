#include "services/promotion_receiver/observe/object_view.h"

#include <algorithm>

#include "common/text/utf8.h"

namespace gitops {
namespace {

using Health = TargetObservation::Health;
constexpr size_t kLongestDetail = 500;

}  // namespace

void ObjectView::Take(const absl::StatusOr<FluxStatus>& look, absl::Time now) {
  if (look.ok()) {
    TakeStatus(*look, now);
    return;
  }
  observable_ = true;
  seen_.detail = ValidUtf8(look.status().message(), kLongestDetail);
  if (!absl::IsNotFound(look.status())) {
    // What it ran is what is known last.
    seen_.health = Health::kUnknown;
    return;
  }
  seen_ = TargetObservation{
      .health = Health::kUnhealthy, .target = target_, .detail = "it does not exist"};
  watching_ = false;
  other_revision_ = last_look_ = now;
}

void ObjectView::TakeStatus(const FluxStatus& status, absl::Time now) {
  observable_ = status.has_revision;
  const bool first = last_look_ == absl::InfinitePast();
  if (now - last_look_ > longest_gap_ || status.health == Health::kUnhealthy) watching_ = false;
  last_look_ = now;
  seen_.health = status.health;
  seen_.detail = ValidUtf8(status.detail, kLongestDetail);
  // While it is reconciled, it may not say what it runs.
  if (status.health == Health::kUnknown && status.revision.empty()) return;
  if (status.revision != seen_.revision) {
    if (!first) other_revision_ = now;
    watching_ = false;
  }
  seen_.revision = status.revision;
  seen_.version = status.version;
  if (status.health != Health::kHealthy) return;
  seen_.mark = absl::ToUnixSeconds(status.transition);
  if (!watching_) {
    seen_.first_mark = seen_.mark;
    seen_.since = std::max(status.transition, other_revision_);
  }
  watching_ = true;
}

}  // namespace gitops
