#include "services/promotion_receiver/engine/environment_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "services/promotion_receiver/decide/decide.h"
#include "services/promotion_receiver/record/promotion_order.h"
#include "services/promotion_receiver/revision/revision.h"

namespace gitops {
namespace {

using record::v1::Promotion;
constexpr auto kRunning = record::v1::PROMOTION_STATE_RUNNING;
constexpr auto kSuperseded = record::v1::PROMOTION_STATE_SUPERSEDED;

bool SameRevision(const std::string& a, const std::string& b) {
  return RevisionIdentity(a) == RevisionIdentity(b);
}

bool SameContent(const Promotion& a, const Promotion& b) {
  // Not their bytes: the order of a map's entries in them is not fixed.
  return a.state() == b.state() && a.message() == b.message() &&
         FromTimestamp(a.soak_end_time()) == FromTimestamp(b.soak_end_time()) &&
         FromTimestamp(a.healthy_since()) == FromTimestamp(b.healthy_since()) &&
         std::map(a.source_marks().begin(), a.source_marks().end()) ==
             std::map(b.source_marks().begin(), b.source_marks().end());
}

void SetTime(absl::Time time, google::protobuf::Timestamp* (Promotion::*field)(),
             void (Promotion::*clear)(), Promotion& promotion) {
  if (time == absl::InfinitePast()) {
    (promotion.*clear)();
  } else {
    *(promotion.*field)() = ToTimestamp(time);
  }
}

// Makes the plan for one snapshot.
class Planner {
 public:
  Planner(const EnvironmentSnapshot& snapshot, const std::function<std::string()>& new_id,
          const std::function<std::string()>& new_key)
      : snapshot_(snapshot), new_id_(new_id), new_key_(new_key), all_(snapshot.unfinished) {}

  EnvironmentPlan Plan() {
    if (std::optional<Promotion> created = Observed()) {
      created_ = created->id();
      plan_.exclusive = true;
      all_.emplace_back(*std::move(created));
    }
    std::set<std::string> targets;
    for (const SharedPromotion& promotion : all_) targets.insert(promotion->environment());
    for (const std::string& target : targets) PlanTarget(target);
    return std::move(plan_);
  }

 private:
  const Pipeline* pipeline() const { return snapshot_.pipeline.get(); }

  // A promotion of what the source runs, if no event told of it.
  std::optional<Promotion> Observed() {
    if (pipeline() == nullptr) return std::nullopt;
    const Environment* const next = pipeline()->After(snapshot_.source.environment);
    if (next == nullptr || next->targets.empty()) return std::nullopt;
    const auto runs = CommonRevisionOf(snapshot_.observed);
    if (!runs.has_value() || !IsNews(*runs)) return std::nullopt;
    const auto there = CommonRevisionOf(snapshot_.next_observed);
    if (there.has_value() && SameRevision(there->revision, runs->revision)) return std::nullopt;
    return Create(*runs, next->name);
  }

  bool IsNews(const CommonRevision& runs) const {
    const SharedPromotion& newest = snapshot_.newest;
    if (!newest.has_value()) return true;
    if (SameRevision(newest->revision(), runs.revision)) return false;
    // What was observed before is older than what is observed now. An event may have come before
    // the first look after it.
    return !newest->has_event() || runs.since > LatestEvent(*newest);
  }

  Promotion Create(const CommonRevision& runs, const std::string& target) const {
    Promotion promotion;
    promotion.set_id(new_id_());
    promotion.set_namespace_(snapshot_.source.namespace_);
    promotion.set_pipeline(snapshot_.source.pipeline);
    promotion.set_environment(target);
    promotion.set_source_environment(snapshot_.source.environment);
    promotion.set_revision(runs.revision);
    promotion.set_version(runs.version);
    promotion.set_actor("observed");
    promotion.set_state(record::v1::PROMOTION_STATE_OBSERVING);
    *promotion.mutable_create_time() = ToTimestamp(snapshot_.now);
    promotion.set_allocated_state_time(new auto(promotion.create_time()));
    // By the clock of the source, which stamps events too.
    absl::Time seen = runs.since;
    if (snapshot_.newest.has_value()) seen = std::max(seen, LatestEvent(*snapshot_.newest));
    *promotion.mutable_latest_event_time() = ToTimestamp(seen);
    return promotion;
  }

  void PlanTarget(const std::string& target) {
    const Promotion* running = nullptr;
    std::vector<const Promotion*> waiting;
    for (const SharedPromotion& shared : all_) {
      const Promotion& promotion = *shared;
      if (promotion.environment() != target) continue;
      if (promotion.state() == kRunning) {
        running = &promotion;
      } else if (const Promotion* newer = ReplacementOf(promotion)) {
        Supersede(promotion, *newer);
      } else {
        waiting.push_back(&promotion);
      }
    }
    if (running != nullptr && !PlanRunning(*running)) running = nullptr;
    for (const Promotion* promotion : waiting) running = PlanWaiting(*promotion, running);
  }

  // Null: none.
  const Promotion* ReplacementOf(const Promotion& promotion) const {
    const auto replaces = [&](const Promotion& other) {
      return other.environment() == promotion.environment() && Replaces(other, promotion);
    };
    if (snapshot_.newest.has_value() && replaces(*snapshot_.newest)) return snapshot_.newest.get();
    const auto found = std::find_if(all_.begin(), all_.end(),
                                    [&](const SharedPromotion& other) { return replaces(*other); });
    return found == all_.end() ? nullptr : found->get();
  }

  void Supersede(const Promotion& promotion, const Promotion& newer) {
    Promotion next = promotion;
    SetState(next, kSuperseded,
             absl::StrCat("replaced by ", newer.version(), " (", newer.id(), ")"), snapshot_.now);
    Write(promotion, std::move(next));
  }

  // Says why it cannot go on, where that is so. False: it has ended.
  bool PlanRunning(const Promotion& promotion) {
    std::string why = Missing(promotion);
    const Environment* const target = TargetOf(promotion);
    if (why.empty() && target != nullptr) why = Blocked(*target);
    const std::string now = target != nullptr && target->promotion.strategy.has_value()
                                ? StrategyName(*target->promotion.strategy)
                                : promotion.strategy();
    Promotion next = promotion;
    if (now != promotion.strategy() && promotion.id() != snapshot_.calling) {
      // The other strategy does not know what this one has done.
      SetState(next, record::v1::PROMOTION_STATE_FAILED,
               absl::StrCat("the strategy of ", target->name, " changed from ",
                            promotion.strategy(), " to ", now,
                            " while this was in progress; replay it to carry it out by that"),
               snapshot_.now);
    } else if (!why.empty() && why != promotion.message()) {
      next.set_message(why);
    } else {
      return true;
    }
    const bool goes_on = next.state() == kRunning;
    Write(promotion, std::move(next));
    return goes_on;
  }

  // Returns what is in progress afterwards.
  const Promotion* PlanWaiting(const Promotion& promotion, const Promotion* running) {
    const bool stuck = running != nullptr && IsStuck(*running);
    const Decision decision =
        Decide(SnapshotOf(promotion, running == nullptr || stuck ? "" : running->version()));
    plan_.again = std::min(plan_.again, decision.again);
    Promotion next = promotion;
    if (decision.state != promotion.state() || decision.message != promotion.message()) {
      const absl::Time since = decision.state == promotion.state()
                                   ? FromTimestamp(promotion.state_time())
                                   : snapshot_.now;
      SetState(next, decision.state, decision.message, since);
    }
    SetTime(decision.healthy_since, &Promotion::mutable_healthy_since,
            &Promotion::clear_healthy_since, next);
    SetTime(decision.soak_end, &Promotion::mutable_soak_end_time, &Promotion::clear_soak_end_time,
            next);
    next.mutable_source_marks()->clear();
    next.mutable_source_marks()->insert(decision.marks.begin(), decision.marks.end());
    if (decision.state == kRunning) {
      Begin(next);
      if (stuck) Supersede(*running, promotion);
      running = &promotion;
    }
    if (promotion.id() == created_ || !SameContent(next, promotion)) {
      Write(promotion, std::move(next));
    }
    return running;
  }

  // A newer one may take the place of one that has had no effect yet and cannot have it now.
  bool IsStuck(const Promotion& running) const {
    return running.id() != snapshot_.calling && running.result().empty() &&
           running.has_next_attempt_time();
  }

  void Begin(Promotion& promotion) {
    plan_.exclusive = true;
    *promotion.mutable_start_time() = ToTimestamp(snapshot_.now);
    promotion.set_strategy(StrategyName(*TargetOf(promotion)->promotion.strategy));
    if (promotion.effect_key().empty()) promotion.set_effect_key(new_key_());
  }

  PromotionSnapshot SnapshotOf(const Promotion& promotion, std::string busy_with) const {
    PromotionSnapshot p;
    p.state = promotion.state();
    p.source = promotion.source_environment();
    p.target = promotion.environment();
    p.version = promotion.version();
    p.create_time = FromTimestamp(promotion.create_time());
    p.replayed = promotion.replayed();
    p.approved = promotion.has_approval();
    p.forced = promotion.approval().force();
    if (promotion.has_healthy_since()) p.healthy_since = FromTimestamp(promotion.healthy_since());
    p.marks.insert(promotion.source_marks().begin(), promotion.source_marks().end());
    p.missing = Missing(promotion);
    p.source_view = ViewOf(snapshot_.observed, promotion.revision());
    p.busy_with = std::move(busy_with);
    p.now = snapshot_.now;
    if (const auto hold = snapshot_.hold_of(p.target)) {
      p.hold = absl::StrCat("by ", hold->actor());
      if (!hold->reason().empty()) absl::StrAppend(&p.hold, ": ", hold->reason());
    }
    if (const Environment* const target = TargetOf(promotion)) {
      p.manual = target->promotion.manual;
      p.soak = target->promotion.soak;
      p.windows = target->promotion.windows;
      p.blocked = Blocked(*target);
    }
    return p;
  }

  const Environment* TargetOf(const Promotion& promotion) const {
    return pipeline() == nullptr ? nullptr : pipeline()->Find(promotion.environment());
  }

  std::string Blocked(const Environment& target) const {
    if (target.promotion.strategy.has_value()) return snapshot_.blocked(*target.promotion.strategy);
    return absl::StrCat("nothing would be done: ", target.name, " has no promotion.strategy in ",
                        pipeline()->file);
  }

  // Why the configuration has no place for the promotion; empty: it has.
  std::string Missing(const Promotion& promotion) const {
    constexpr absl::string_view kAdvice = "; put it back, or reject this promotion";
    const std::string id = absl::StrCat(promotion.namespace_(), "/", promotion.pipeline());
    if (pipeline() == nullptr) {
      return absl::StrCat("waits: there is no longer a pipeline ", id, kAdvice);
    }
    for (const std::string& name : {promotion.environment(), promotion.source_environment()}) {
      if (pipeline()->Find(name) != nullptr) continue;
      return absl::StrCat("waits: the pipeline ", id, " in ", pipeline()->file,
                          " no longer has an environment ", name, kAdvice);
    }
    const Environment* const next = pipeline()->After(promotion.source_environment());
    if (promotion.state() == kRunning || (next && next->name == promotion.environment())) return "";
    return absl::StrCat("waits: in ", pipeline()->file, " ", promotion.environment(),
                        " no longer comes after ", promotion.source_environment(), kAdvice);
  }

  void Write(const Promotion& before, Promotion next) {
    PromotionWrite write;
    write.promotion = std::move(next);
    if (before.id() != created_) write.from = before.state();
    plan_.writes.push_back(std::move(write));
  }

  const EnvironmentSnapshot& snapshot_;
  const std::function<std::string()>& new_id_;
  const std::function<std::string()>& new_key_;
  std::vector<SharedPromotion> all_;  // unfinished, with the one that is created
  std::string created_;               // its id; empty: none is
  EnvironmentPlan plan_;
};

}  // namespace

EnvironmentPlan PlanEnvironment(const EnvironmentSnapshot& snapshot,
                                const std::function<std::string()>& new_id,
                                const std::function<std::string()>& new_key) {
  return Planner(snapshot, new_id, new_key).Plan();
}

bool Replaces(const Promotion& b, const Promotion& a) {
  if (a.id() == b.id()) return false;
  const absl::Time replay_a = FromTimestamp(a.replay_time());
  const absl::Time replay_b = FromTimestamp(b.replay_time());
  if (a.has_replay_time() && b.has_replay_time()) return replay_b > replay_a;
  if (a.has_replay_time()) return FromTimestamp(b.create_time()) > replay_a;
  if (b.has_replay_time() && replay_b >= FromTimestamp(a.create_time())) return true;
  return IsNewer(b, a);
}

void SetState(Promotion& promotion, record::v1::PromotionState state, absl::string_view message,
              absl::Time now) {
  promotion.set_state(state);
  promotion.set_message(std::string(message));
  *promotion.mutable_state_time() = ToTimestamp(now);
  if (!HasEnded(state)) return;
  *promotion.mutable_end_time() = ToTimestamp(now);
  promotion.clear_next_attempt_time();
}

std::string StrategyName(const Strategy& strategy) {
  if (std::holds_alternative<PullRequestStrategy>(strategy)) return "pull-request";
  if (std::holds_alternative<NotificationStrategy>(strategy)) return "notification";
  return "rollout";
}

}  // namespace gitops
