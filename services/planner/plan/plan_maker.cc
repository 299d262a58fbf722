#include "services/planner/plan/plan_maker.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/plan/action.h"
#include "common/rpc/error.h"
#include "common/text/plural.h"
#include "common/text/random_hex.h"
#include "services/planner/plan/check_spec.h"
#include "services/planner/plan/fleet_selection.h"
#include "services/planner/plan/revisions.h"
#include "services/planner/plan/select_hooks.h"
#include "services/planner/wave/waves.h"

namespace gitops {
namespace {

constexpr size_t kMostSentences = 20;

bool HasSync(const ChosenHost& host) {
  return std::any_of(host.actions->begin(), host.actions->end(),
                     [](const std::string& action) { return TraitsOf(action).takes_revision; });
}

bool IsWholeHash(const std::string& revision) {
  return revision.size() == 40 || revision.size() == 64;
}

// Whether a deployment may call the hook: hooks at the points of health checks are not called if
// those are skipped.
bool MayBeCalled(const v1::Hook& hook, const v1::DeploymentSpec& spec) {
  return std::any_of(hook.points().begin(), hook.points().end(), [&](const std::string& point) {
    return !spec.skip_health_checks() || !absl::EndsWith(point, "-healthchecks");
  });
}

// The target of a coordinated service; null: not known.
const v1::UpstreamRevision* RevisionFor(const v1::Plan& plan, const CoordinatedService& service) {
  for (const v1::UpstreamRevision& revision : plan.revisions()) {
    const bool upstream = revision.upstream().empty() || revision.upstream() == service.upstream;
    const bool branch = revision.branch().empty() || revision.branch() == service.branch;
    if (upstream && branch) return &revision;
  }
  return nullptr;
}

constexpr size_t kMostHostsNamed = 5;
// Moves that have their commit; for others it is in the plan's revisions. Plans have a limited
// size.
constexpr int kMostCommits = 10'000;

std::string Named(const std::vector<std::string>& hosts) {
  const size_t shown = std::min(hosts.size(), kMostHostsNamed);
  std::string text = absl::StrJoin(hosts.begin(), hosts.begin() + shown, ", ");
  if (hosts.size() > shown) absl::StrAppend(&text, " and ", hosts.size() - shown, " more");
  return text;
}

// Why actions in this order fail on a frozen service; empty: they do not.
std::string WhyFrozenFails(const CoordinatedService& service,
                           const std::vector<std::string>& actions) {
  std::string by = service.frozen_by;
  std::string why = service.why;
  for (const std::string& action : actions) {
    if (Is(action, HostAction::kSkip)) break;
    if (Is(action, HostAction::kUnfreeze)) by.clear();
    if (Is(action, HostAction::kFreeze) && by.empty()) {
      by = "this deployment itself";
      why.clear();
    }
    if (!TraitsOf(action).takes_revision || by.empty()) continue;
    return absl::StrCat(service.service, " is frozen by ", by, why.empty() ? "" : ": ", why);
  }
  return "";
}

// Makes one plan.
class Making {
 public:
  Making(const PlanMakerOptions& options, const v1::DeploymentSpec& spec,
         const SelectHookContext& hooks, bool changes)
      : options_(options), spec_(spec), hooks_(hooks), changes_(changes) {}

  // `shown` may be null. Otherwise the plan gets its revisions, and `missing` what they lack.
  absl::StatusOr<v1::Plan> Run(const v1::Plan* shown, std::vector<std::string>* missing) {
    if (absl::Status status = ListHooks(); !status.ok()) return status;
    if (absl::Status status = Choose(); !status.ok()) return status;
    if (absl::Status status = CheckNotEmpty(); !status.ok()) return status;
    if (absl::Status status = PlaceInWaves(); !status.ok()) return status;
    const bool sync = std::any_of(chosen_.begin(), chosen_.end(), HasSync);
    if (sync || AddsActions() || !spec_.service().empty()) {
      services_ = ServicesOfHosts(*options_.fleet, chosen_, spec_.service());
      absl::Status status =
          chosen_.empty() ? absl::OkStatus() : CheckServiceThere(services_, spec_.service());
      if (status.ok() && sync) status = CheckSomethingToSync();
      if (!status.ok()) return status;
    }
    if (shown != nullptr) {
      *plan_.mutable_revisions() = shown->revisions();
      if (sync) FindMissing(missing);
    } else if (sync || AddsActions()) {
      if (absl::Status status = Resolve(sync); !status.ok()) return status;
    }
    if (sync) ShowMoves();
    ShowUndialable();
    *plan_.mutable_spec() = spec_;
    return std::move(plan_);
  }

 private:
  absl::Status ListHooks() {
    absl::StatusOr<v1::ListHooksResponse> listed = options_.hooks->List();
    if (!listed.ok()) return listed.status();
    for (v1::Hook& hook : *listed->mutable_hooks()) {
      if (MayBeCalled(hook, spec_)) *plan_.add_hooks() = std::move(hook);
    }
    return absl::OkStatus();
  }

  // Whether a hook may add a sync later, when revisions can no longer be resolved.
  bool AddsActions() const {
    return std::any_of(plan_.hooks().begin(), plan_.hooks().end(),
                       [](const v1::Hook& hook) { return hook.mode() == v1::HOOK_MODE_TRANSFORM; });
  }

  // pre-select, the selection, post-select.
  absl::Status Choose() {
    fleet_ = options_.fleet->Hosts();
    const std::vector<std::string>* actions =
        &lists_.emplace_back(spec_.actions().begin(), spec_.actions().end());
    std::vector<ChosenHost> all;
    all.reserve(fleet_.size());
    for (const auto& host : fleet_) all.push_back({.host = host.get(), .actions = actions});
    auto base = AskSelectHooks(hooks_, "pre-select", fleet_, std::move(all), lists_);
    if (!base.ok()) return base.status();
    if (base->empty() && fleet_.size() > 0) emptied_at_ = "pre-select";
    auto selected = SelectAmong(*base);
    if (!selected.ok()) return selected.status();
    if (!selected->empty()) emptied_at_ = "post-select";
    auto chosen = AskSelectHooks(hooks_, "post-select", fleet_, *std::move(selected), lists_);
    if (!chosen.ok()) return chosen.status();
    chosen_ = *std::move(chosen);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<ChosenHost>> SelectAmong(const std::vector<ChosenHost>& base) const {
    const absl::StatusOr<std::vector<int>> indices = SelectIndices(
        base.size(), [&](size_t i) -> const FleetHost& { return *base[i].host; },
        ToSelection(spec_.selection(), *options_.fleet), hooks_.give_up, HasTheService(base));
    if (!indices.ok()) return indices.status();
    std::vector<ChosenHost> selected;
    selected.reserve(indices->size());
    for (const int index : *indices) selected.push_back(base[index]);
    return selected;
  }

  Eligible HasTheService(const std::vector<ChosenHost>& base) const {
    if (spec_.service().empty()) return nullptr;
    return [this, &base](size_t i) {
      const bool has = options_.fleet->HasService(base[i].host->host.host(), spec_.service());
      ++(has ? with_service_ : without_service_);
      return has;
    };
  }

  // Judged after the post-select hooks, which may have added or removed hosts.
  absl::Status CheckNotEmpty() const {
    if (!chosen_.empty() || spec_.allow_empty()) return absl::OkStatus();
    if (!emptied_at_.empty()) return EmptiedByHook();
    if (with_service_ == 0 && without_service_ > 0)
      return NobodyHas(spec_.service(), without_service_);
    return NoHostSelected(spec_.selection(), fleet_);
  }

  // The last hook that was asked about any hosts: those after it in the chain got an empty list.
  absl::Status EmptiedByHook() const {
    std::string hook;
    for (const v1::HookCall& call : *hooks_.calls) {
      const bool asked = call.point() == emptied_at_ && call.request() != "[]";
      if (asked && !call.ignored()) hook = call.hook();
    }
    return MakeError(Reason::kNoHostSelected,
                     absl::StrCat(hook.empty() ? "the hooks" : absl::StrCat("hook \"", hook, "\""),
                                  " at ", emptied_at_, " removed all hosts"),
                     {{"hook", hook}, {"point", emptied_at_}});
  }

  // A host of which nothing is known yet may have something to sync. So may one that the
  // configuration gives a coordinated service which it has not reported.
  absl::Status CheckSomethingToSync() const {
    if (spec_.allow_empty()) return absl::OkStatus();
    std::vector<std::string> without;
    for (size_t i = 0; i < chosen_.size(); ++i) {
      if (!HasSync(chosen_[i]) || !services_[i].known) continue;
      const std::string& host = chosen_[i].host->host.host();
      if (!services_[i].coordinated.empty()) continue;
      if (!options_.fleet->AwaitsCoordinated(host, spec_.service())) without.push_back(host);
    }
    if (without.empty()) return absl::OkStatus();
    const std::string what = spec_.service().empty()
                                 ? "no coordinated service"
                                 : absl::StrCat("no coordinated service \"", spec_.service(), "\"");
    return MakeError(Reason::kNothingToSync,
                     absl::StrCat("there is nothing to sync on ", Named(without), ": ", what,
                                  "; select other hosts, or give --allow-empty"),
                     {{"host", without.front()}});
  }

  absl::Status PlaceInWaves() {
    const absl::StatusOr<RolloutPolicy> policy = RolloutPolicyOf(spec_.rollout());
    if (!policy.ok()) return policy.status();
    const std::vector<int> waves = MakeWaves(static_cast<int>(chosen_.size()), *policy);
    const auto host_at = [&](size_t i) -> const FleetHost& { return *chosen_[i].host; };
    size_t bytes = 0, list_bytes = 0;
    const std::vector<std::string>* list = nullptr;
    plan_.mutable_hosts()->Reserve(static_cast<int>(chosen_.size()));
    for (size_t i = 0; i < chosen_.size(); ++i) {
      FetchAhead(i, chosen_.size(), host_at);
      const FleetHost& host = host_at(i);
      // Each of the plan's hosts has its own copy of the actions.
      if (std::exchange(list, chosen_[i].actions) != chosen_[i].actions) {
        list_bytes = 0;
        for (const std::string& action : *list) list_bytes += action.size() + 2;
      }
      bytes += host.spec.name.size() + host.spec.address.size() + list_bytes;
      if (bytes > options_.most_bytes) return TooLarge();
      v1::PlannedHost* planned = plan_.add_hosts();
      planned->set_host(host.spec.name);
      planned->set_address(host.spec.address);
      planned->set_state(host.host.state());
      planned->set_wave(waves[i]);
      planned->mutable_actions()->Assign(list->begin(), list->end());
    }
    plan_.set_wave_count(waves.empty() ? 0 : *std::max_element(waves.begin(), waves.end()));
    return absl::OkStatus();
  }

  absl::Status TooLarge() const {
    return MakeError(Reason::kPlanTooLarge,
                     absl::StrCat("the plan would have ", Counted(chosen_.size(), "host"),
                                  " and take more than ", options_.most_bytes,
                                  " bytes; select fewer hosts, or give fewer actions"));
  }

  absl::Status Resolve(bool sync) {
    const std::vector<RevisionSource> sources = SourcesOf(chosen_, services_);
    const bool nothing_known = std::none_of(services_.begin(), services_.end(),
                                            [](const HostServices& host) { return host.known; });
    if (sync && nothing_known && !chosen_.empty() && IsWholeHash(spec_.revision())) {
      plan_.add_revisions()->set_hash(absl::AsciiStrToLower(spec_.revision()));
      return absl::OkStatus();
    }
    auto revisions = ResolveRevisions({.agents = options_.agents,
                                       .clock = options_.clock,
                                       .revision = absl::AsciiStrToLower(spec_.revision()),
                                       .give_up = hooks_.give_up},
                                      chosen_, sources, services_, /*lenient=*/!sync, touched_);
    if (!revisions.ok()) return revisions.status();
    if (sync && !changes_) {
      LearnTouched({.agents = options_.agents,
                    .clock = options_.clock,
                    .revision = "",
                    .give_up = hooks_.give_up},
                   chosen_, services_, *revisions, touched_);
    }
    for (v1::UpstreamRevision& revision : *revisions) *plan_.add_revisions() = std::move(revision);
    return absl::OkStatus();
  }

  // Finds coordinated services of upstreams for which the shown plan has no revision.
  void FindMissing(std::vector<std::string>* missing) const {
    // A commit that the spec names need not be in every upstream.
    if (!spec_.revision().empty()) return;
    std::set<std::string> sources;
    for (size_t i = 0; i < chosen_.size(); ++i) {
      if (!HasSync(chosen_[i]) || !services_[i].reported) continue;
      for (const CoordinatedService& service : services_[i].coordinated) {
        if (RevisionFor(plan_, service) != nullptr) continue;
        if (!sources.insert(absl::StrCat(service.upstream, " ", service.branch)).second) continue;
        missing->push_back(absl::StrCat(chosen_[i].host->host.host(), ": ", service.service,
                                        " follows ", service.upstream, " (branch ", service.branch,
                                        ") now, whose revision was not shown"));
      }
    }
  }

  void ShowMoves() {
    for (size_t i = 0; i < chosen_.size(); ++i) {
      if (!HasSync(chosen_[i]) || !services_[i].reported) continue;
      v1::PlannedHost* host = plan_.mutable_hosts(static_cast<int>(i));
      for (CoordinatedService& service : services_[i].coordinated) {
        if (service.frozen()) host->add_frozen_services(service.service);
        std::string fails = WhyFrozenFails(service, *chosen_[i].actions);
        if (!fails.empty()) host->add_will_fail(std::move(fails));
        const v1::UpstreamRevision* revision = RevisionFor(plan_, service);
        if (revision == nullptr || revision->hash() == service.hash) continue;
        v1::ServiceMove* move = host->add_moves();
        move->set_to_hash(revision->hash());
        if (revision->has_commit() && ++commits_ <= kMostCommits) {
          *move->mutable_commit() = revision->commit();
        }
        move->set_changes_nothing(touched_.ChangesNothing(service));
        move->set_from_hash(std::move(service.hash));
        move->set_service(std::move(service.service));
      }
    }
  }

  // An agent without an address cannot be called.
  void ShowUndialable() {
    for (v1::PlannedHost& host : *plan_.mutable_hosts()) {
      if (!host.address().empty() || host.actions().empty()) continue;
      host.add_will_fail("no address is known at which its agent could be called");
    }
  }

  const PlanMakerOptions& options_;
  const v1::DeploymentSpec& spec_;
  const SelectHookContext& hooks_;
  const bool changes_;
  v1::Plan plan_;
  Touched touched_;
  int commits_ = 0;
  std::string emptied_at_;  // the select point whose hooks may have removed all hosts
  // Of the hosts that match otherwise.
  mutable int with_service_ = 0, without_service_ = 0;
  FleetView fleet_;
  ActionLists lists_;
  std::vector<ChosenHost> chosen_;  // of fleet_ and lists_
  // As chosen_; empty if nothing needs them.
  std::vector<HostServices> services_;
};

absl::Status Moved(const std::vector<std::string>& differences) {
  const size_t shown = std::min(differences.size(), kMostSentences);
  std::string text = absl::StrJoin(differences.begin(), differences.begin() + shown, "; ");
  if (differences.size() > shown) {
    absl::StrAppend(&text, "; and ", differences.size() - shown, " more differences");
  }
  return MakeError(Reason::kPlanStale,
                   absl::StrCat("the world is not as the plan showed it: ", text,
                                ". Plan again to see what would be done"));
}

// Why there is no plan any more; if no host is selected, also which hosts were.
std::vector<std::string> WhatLeft(const v1::Plan& shown, const absl::Status& why) {
  std::vector<std::string> differences = {std::string(why.message())};
  if (!HasReason(why, Reason::kNoHostSelected)) return differences;
  v1::Plan empty;
  *empty.mutable_hooks() = shown.hooks();
  for (std::string& left : ComparePlans(shown, empty)) differences.push_back(std::move(left));
  return differences;
}

}  // namespace

absl::StatusOr<v1::Plan> PlanMaker::Make(const v1::DeploymentSpec& spec, bool changes,
                                         const PlanContext& context) const {
  if (absl::Status status = CheckSpec(spec, changes); !status.ok()) return status;
  return Run(spec, changes, context, nullptr, nullptr);
}

absl::StatusOr<v1::Plan> PlanMaker::Confirm(const v1::Plan& shown,
                                            const PlanContext& context) const {
  std::vector<std::string> missing;
  // Its hosts were shown by name, so the whole fleet needs no `all`.
  absl::StatusOr<v1::Plan> now = Run(shown.spec(), /*changes=*/true, context, &shown, &missing);
  // No host is selected, or none has the service any more, or there is nothing left to sync.
  if (absl::IsNotFound(now.status()) || HasReason(now.status(), Reason::kNothingToSync))
    return Moved(WhatLeft(shown, now.status()));
  if (!now.ok()) return now.status();
  std::vector<std::string> differences = ComparePlans(shown, *now);
  differences.insert(differences.end(), missing.begin(), missing.end());
  if (!differences.empty()) return Moved(differences);
  return now;
}

absl::StatusOr<v1::Plan> PlanMaker::Run(const v1::DeploymentSpec& spec, bool changes,
                                        const PlanContext& context, const v1::Plan* shown,
                                        std::vector<std::string>* missing) const {
  std::vector<v1::HookCall> made;
  const SelectHookContext hooks = {
      .hooks = options_.hooks,
      .deployment = context.deployment,
      // A plan has no id, and the keys of no two may be alike.
      .key = context.deployment.empty() ? "plan-" + RandomHex(16) : context.deployment,
      .traceparent = context.traceparent,
      .ignore_errors = spec.ignore_hook_errors(),
      .give_up = context.give_up,
      .calls = &made};
  absl::StatusOr<v1::Plan> plan = Making(options_, spec, hooks, changes).Run(shown, missing);
  if (plan.ok()) plan->mutable_hook_calls()->Assign(made.begin(), made.end());
  if (context.calls != nullptr) *context.calls = std::move(made);
  return plan;
}

}  // namespace gitops
