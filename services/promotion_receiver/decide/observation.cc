#include "services/promotion_receiver/decide/observation.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/promotion_receiver/revision/revision.h"

namespace gitops {
namespace {

using Health = TargetObservation::Health;
using Kind = SourceView::Kind;

bool Same(const std::string& a, const std::string& b) {
  return RevisionIdentity(a) == RevisionIdentity(b);
}

Kind KindOf(const TargetObservation& target, const std::string& revision) {
  if (!target.revision.empty() && !Same(target.revision, revision)) return Kind::kOtherRevision;
  if (target.health == Health::kUnhealthy) return Kind::kUnhealthy;
  if (target.health == Health::kUnknown) return Kind::kUnknown;
  return target.revision.empty() ? Kind::kOtherRevision : Kind::kHealthy;
}

std::string Describe(const TargetObservation& target, Kind kind) {
  std::string text = target.target;
  if (kind == Kind::kOtherRevision) {
    absl::StrAppend(&text, " runs ", target.revision.empty() ? "no revision" : target.revision);
  }
  if (!target.detail.empty()) absl::StrAppend(&text, ": ", target.detail);
  return text;
}

// The first of these that a target shows is the view of all.
constexpr Kind kWorstFirst[] = {Kind::kOtherRevision, Kind::kUnhealthy, Kind::kUnknown};

}  // namespace

SourceView ViewOf(const std::vector<TargetObservation>& targets, const std::string& revision) {
  SourceView view;
  if (targets.empty()) return view;
  for (const Kind kind : kWorstFirst) {
    const auto shows = [&](const TargetObservation& t) { return KindOf(t, revision) == kind; };
    const auto first = std::find_if(targets.begin(), targets.end(), shows);
    if (first == targets.end()) continue;
    view.kind = kind;
    view.detail = Describe(*first, kind);
    const auto more = std::count_if(first + 1, targets.end(), shows);
    if (more > 0) absl::StrAppend(&view.detail, ", and ", more, " more");
    return view;
  }
  view.kind = Kind::kHealthy;
  for (const TargetObservation& target : targets) {
    view.since = std::max(view.since, target.since);
    view.marks[target.target] = target.mark;
    view.first_marks[target.target] = target.first_mark;
  }
  return view;
}

std::optional<CommonRevision> CommonRevisionOf(const std::vector<TargetObservation>& targets) {
  if (targets.empty() || targets[0].revision.empty()) return std::nullopt;
  const SourceView view = ViewOf(targets, targets[0].revision);
  const bool deliberate = std::any_of(targets.begin(), targets.end(),
                                      [](const TargetObservation& t) { return t.deliberate; });
  if (view.kind != Kind::kHealthy || deliberate) return std::nullopt;
  return CommonRevision{
      .revision = targets[0].revision, .version = targets[0].version, .since = view.since};
}

}  // namespace gitops
