#include "services/promotion_receiver/decide/decide.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/config/duration.h"
#include "services/promotion_receiver/decide/window.h"

namespace gitops {
namespace {

using Kind = SourceView::Kind;
namespace state = record::v1;

std::string Utc(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

// Whether a target may have been unhealthy while nobody watched it.
bool MayHaveChanged(const PromotionSnapshot& p) {
  for (const auto& [target, first_mark] : p.source_view.first_marks) {
    const auto known = p.marks.find(target);
    if (known == p.marks.end() || first_mark > known->second) return true;
  }
  return false;
}

bool IsBeforeApproval(const PromotionSnapshot& p) {
  return p.state == state::PROMOTION_STATE_OBSERVING || p.state == state::PROMOTION_STATE_SOAKING;
}

// Since when the source is healthy: continues what was known, or begins anew.
void NoteHealth(const PromotionSnapshot& p, Decision& decision) {
  const bool known = p.healthy_since != absl::InfinitePast();
  switch (p.source_view.kind) {
    case Kind::kOtherRevision:
    case Kind::kUnhealthy:
      return;
    case Kind::kUnknown:
      break;
    case Kind::kUnobservable:
      // The event is all there is. Its arrival, since the source's clock may be off.
      if (!known) {
        decision.healthy_since = p.create_time;
        return;
      }
      break;
    case Kind::kHealthy:
      // What has soaked stays so until it is seen unhealthy.
      if (!known || (IsBeforeApproval(p) && MayHaveChanged(p))) {
        decision.healthy_since = p.source_view.since;
        return;
      }
      break;
  }
  decision.healthy_since = p.healthy_since;
  decision.marks = p.marks;
}

// Each of these returns the decision if the promotion has to wait for what the function is about.
using Step = std::optional<Decision>;

Step Observe(const PromotionSnapshot& p, Decision& decision) {
  if (p.replayed || decision.healthy_since != absl::InfinitePast()) return std::nullopt;
  decision.state = state::PROMOTION_STATE_OBSERVING;
  decision.message = absl::StrCat("waits until ", p.version, " is healthy in ", p.source);
  if (!p.source_view.detail.empty()) {
    absl::StrAppend(&decision.message, ": ", p.source_view.detail);
  }
  return decision;
}

Step Soak(const PromotionSnapshot& p, Decision& decision) {
  if (p.replayed || p.forced || p.soak <= absl::ZeroDuration()) return std::nullopt;
  decision.soak_end = decision.healthy_since + p.soak;
  const bool unknown = p.source_view.kind == Kind::kUnknown;
  const bool over = p.now >= decision.soak_end;
  if (over && !unknown) return std::nullopt;
  // What has soaked, and waits for something else, goes on waiting for that.
  if (over && !IsBeforeApproval(p)) return std::nullopt;
  decision.state = state::PROMOTION_STATE_SOAKING;
  // Flux reports a change of health with each reconciliation, so these are only kept where they
  // matter.
  if (p.source_view.kind == Kind::kHealthy) decision.marks = p.source_view.marks;
  decision.message = absl::StrCat("soaks in ", p.source, " until ", Utc(decision.soak_end), " (",
                                  FormatDurationText(p.soak), ")");
  if (unknown) absl::StrAppend(&decision.message, "; now unknown: ", p.source_view.detail);
  if (!over) decision.again = decision.soak_end;
  return decision;
}

Step AwaitApproval(const PromotionSnapshot& p, Decision& decision) {
  if (!p.manual || p.approved) return std::nullopt;
  decision.state = state::PROMOTION_STATE_WAITING_APPROVAL;
  decision.message = absl::StrCat("waits for approval of ", p.version, " into ", p.target);
  return decision;
}

Step AwaitWindow(const PromotionSnapshot& p, Decision& decision) {
  if (IsOpen(p.windows, p.now)) return std::nullopt;
  const Opening opening = NextOpening(p.windows, p.now);
  decision.state = state::PROMOTION_STATE_WAITING_WINDOW;
  decision.message =
      absl::StrCat("waits for the next window of ", p.target, ": ", FormatOpening(opening));
  decision.again = opening.time;
  return decision;
}

Step AwaitRelease(const PromotionSnapshot& p, Decision& decision) {
  if (p.hold.empty() && p.blocked.empty()) return std::nullopt;
  decision.state = state::PROMOTION_STATE_HELD;
  decision.message = p.hold.empty() ? p.blocked : absl::StrCat(p.target, " is held ", p.hold);
  return decision;
}

// The last look before it begins.
Step AwaitTurn(const PromotionSnapshot& p, Decision& decision) {
  if (!p.busy_with.empty()) {
    decision.state = state::PROMOTION_STATE_WAITING_WINDOW;
    decision.message = absl::StrCat("waits until the promotion of ", p.busy_with, " into ",
                                    p.target, ", which is in progress, has ended");
    return decision;
  }
  if (p.replayed || p.source_view.kind != Kind::kUnknown) return std::nullopt;
  decision.state = state::PROMOTION_STATE_OBSERVING;
  decision.message =
      absl::StrCat("waits until ", p.source, " can be observed again: ", p.source_view.detail);
  return decision;
}

}  // namespace

Decision Decide(const PromotionSnapshot& p) {
  Decision decision;
  if (p.state == state::PROMOTION_STATE_RUNNING || !p.missing.empty()) {
    decision.state = p.state;
    decision.message = p.missing;
    decision.healthy_since = p.healthy_since;
    decision.marks = p.marks;
    return decision;
  }
  NoteHealth(p, decision);
  for (const auto step : {Observe, Soak, AwaitApproval, AwaitWindow, AwaitRelease, AwaitTurn}) {
    if (Step waits = step(p, decision)) return *waits;
  }
  decision.state = state::PROMOTION_STATE_RUNNING;
  decision.message = absl::StrCat("promotes ", p.version, " into ", p.target);
  return decision;
}

}  // namespace gitops
