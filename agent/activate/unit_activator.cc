#include "agent/activate/unit_activator.h"

#include <algorithm>
#include <functional>
#include <stop_token>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/activate/completion.h"
#include "agent/activate/unit.h"
#include "common/config/unit_verbs.h"
#include "common/crash/crash_point.h"
#include "common/retry/backoff.h"

namespace gitops {
namespace {

// For calls that systemd answers by itself: reading properties, reloading unit files, enabling.
constexpr absl::Duration kMaxManagerWait = absl::Seconds(90);
// A job may take as long as the unit's limits allow, but not forever.
constexpr absl::Duration kMaxJobWait = absl::Minutes(5);
// A unit that exits right after its start is active for a moment.
constexpr absl::Duration kSettle = absl::Seconds(1);

bool MayStart(absl::string_view verb) {
  const UnitVerb* const found = FindUnitVerb(verb);
  return found != nullptr && found->may_start;
}

class UnitActivator : public Activator {
 public:
  UnitActivator(UnitActivatorOptions options, Systemd* systemd, PackageManager* packages,
                Clock* clock)
      : options_(std::move(options)),
        unit_(UnitName(options_.service)),
        systemd_(systemd),
        packages_(packages),
        clock_(clock) {}

  absl::Status Prepare() override {
    if (options_.package.empty()) return absl::OkStatus();
    if (stop_.stop_requested()) return absl::CancelledError("stopped before its package");
    return packages_->EnsureInstalled(options_.package, stop_.get_token());
  }
  absl::Status Activate(bool first) override;
  absl::Status CheckHealth() override;
  void Stop() override { stop_.request_stop(); }

 private:
  using Condition = std::function<bool(const UnitProperties&)>;

  std::string VerbFor(const UnitProperties& unit, bool first) const;
  bool wants_running() const { return options_.action != "stop"; }
  absl::Status CheckUnitName() const;
  absl::StatusOr<UnitProperties> Look();
  absl::StatusOr<UnitProperties> BringUnitUpToDate();
  absl::Status AwaitHealthy(const std::string& verb, absl::Time deadline);
  absl::Status AwaitSettled(const std::string& verb, const UnitProperties& healthy);
  absl::StatusOr<UnitProperties> WaitThroughOutages(const Condition& until, absl::Time deadline);
  absl::Status Fault(const UnitProperties& unit, absl::string_view when) const;

  const UnitActivatorOptions options_;
  const absl::StatusOr<std::string> unit_;
  Systemd* const systemd_;
  PackageManager* const packages_;
  Clock* const clock_;
  std::stop_source stop_;
};

absl::Status UnitActivator::Activate(bool first) {
  if (options_.action.empty()) return absl::OkStatus();
  if (absl::Status named = CheckUnitName(); !named.ok()) return named;
  absl::StatusOr<UnitProperties> before = BringUnitUpToDate();
  if (!before.ok()) return before.status();

  const bool judge = options_.healthy_within > absl::ZeroDuration();
  const absl::Time deadline = clock_->Now() + (judge ? options_.healthy_within : kMaxJobWait);
  const std::string verb = VerbFor(*before, first);
  // Neither a revision that made the unit fail repeatedly, nor many publications in a short time,
  // may prevent the start of the next one.
  if (MayStart(verb)) {
    absl::Status reset =
        systemd_->ResetFailed(*unit_, clock_->Now() + kMaxManagerWait, stop_.get_token());
    if (!reset.ok()) return reset;
  }
  CrashPoint("before-action");
  absl::Status ran = systemd_->RunVerb(*unit_, verb, deadline, stop_.get_token());
  CrashPoint("after-action");
  if (judge && absl::IsDeadlineExceeded(ran)) {
    return absl::DeadlineExceededError(absl::StrCat(
        ran.message(), " (healthy_within is ", absl::FormatDuration(options_.healthy_within), ")"));
  }
  if (!ran.ok() || !judge) return ran;
  // The try- verbs do nothing to a unit that somebody stopped.
  if (absl::StrContains(verb, "try-") && before->active_state == "inactive") return ran;
  return AwaitHealthy(verb, deadline);
}

std::string UnitActivator::VerbFor(const UnitProperties& unit, bool first) const {
  // Before the first start there is nothing to reload. A failed unit cannot be reloaded either, and
  // the try- verbs ignore it, so it would stay down forever.
  const bool reload_first = first && options_.action == "reload" && !IsUp(unit);
  const bool passed_over =
      options_.action == "reload" || absl::StrContains(options_.action, "try-");
  return reload_first || (passed_over && unit.active_state == "failed") ? "start" : options_.action;
}

absl::Status UnitActivator::CheckHealth() {
  if (options_.action.empty()) return absl::OkStatus();
  if (absl::Status named = CheckUnitName(); !named.ok()) return named;
  absl::StatusOr<UnitProperties> now =
      systemd_->State(*unit_, clock_->Now() + kMaxManagerWait, stop_.get_token());
  // Inactive is not an error here: an administrator may have stopped it.
  if (now.ok() && now->load_state == "loaded" && now->active_state != "failed") return now.status();
  if (now.ok()) now = Look();
  if (now.ok()) return Fault(*now, "");
  return absl::IsDeadlineExceeded(now.status()) ? absl::UnavailableError(now.status().message())
                                                : now.status();
}

absl::Status UnitActivator::CheckUnitName() const {
  return unit_.ok() ? absl::OkStatus() : absl::FailedPreconditionError(unit_.status().message());
}

absl::StatusOr<UnitProperties> UnitActivator::Look() {
  return systemd_->Properties(*unit_, clock_->Now() + kMaxManagerWait, stop_.get_token());
}

// Makes systemd reload the unit from disk, and enables it if it is an instance of a template.
absl::StatusOr<UnitProperties> UnitActivator::BringUnitUpToDate() {
  absl::StatusOr<UnitProperties> unit = Look();
  if (!unit.ok()) return unit;
  // systemd notices only newer files, and a rollback may publish older ones.
  if (unit->need_daemon_reload || HoldsUnitFiles(options_.local_paths)) {
    absl::Status read = systemd_->Reload(clock_->Now() + kMaxManagerWait, stop_.get_token());
    if (!read.ok()) return read;
    unit = Look();
    if (!unit.ok()) return unit;
  }
  if (unit->load_state != "loaded") return Fault(*unit, "");
  if (!wants_running() || !IsTemplateInstance(*unit_) || unit->unit_file_state != "disabled") {
    return unit;
  }
  const absl::Time deadline = clock_->Now() + kMaxManagerWait;
  absl::Status enabled = systemd_->Enable(*unit_, deadline, stop_.get_token());
  if (enabled.ok()) enabled = systemd_->Reload(deadline, stop_.get_token());
  if (!enabled.ok()) return enabled;
  return unit;
}

absl::Status UnitActivator::AwaitHealthy(const std::string& verb, absl::Time deadline) {
  UnitProperties last;
  absl::StatusOr<UnitProperties> reached = WaitThroughOutages(
      [&](const UnitProperties& now) {
        last = now;
        return JudgeUnit(now, wants_running()) != UnitHealth::kWaiting;
      },
      deadline);
  if (absl::IsDeadlineExceeded(reached.status())) {
    return absl::DeadlineExceededError(
        absl::StrCat("unit ", *unit_, " is still ", DescribeUnit(last), " ",
                     absl::FormatDuration(options_.healthy_within), " after its ", verb,
                     " (healthy_within); see journalctl -u ", *unit_));
  }
  if (!reached.ok()) return reached.status();
  if (JudgeUnit(*reached, wants_running()) == UnitHealth::kFailed) {
    return Fault(*reached, absl::StrCat(" after its ", verb));
  }
  const bool runs_on = reached->active_state == "active" && reached->type != "oneshot";
  return runs_on ? AwaitSettled(verb, *reached) : absl::OkStatus();
}

absl::Status UnitActivator::AwaitSettled(const std::string& verb, const UnitProperties& healthy) {
  const absl::Duration settle = std::min(kSettle, options_.healthy_within);
  absl::StatusOr<UnitProperties> flapped = WaitThroughOutages(
      [&](const UnitProperties& now) { return Flapped(healthy, now); }, clock_->Now() + settle);
  if (absl::IsDeadlineExceeded(flapped.status())) return absl::OkStatus();
  if (!flapped.ok()) return flapped.status();
  return Fault(*flapped, absl::StrCat(" less than ", absl::FormatDuration(settle), " after its ",
                                      verb, " made it active"));
}

// A restart of the bus meanwhile is not a failure of the unit.
absl::StatusOr<UnitProperties> UnitActivator::WaitThroughOutages(const Condition& until,
                                                                 absl::Time deadline) {
  for (;;) {
    absl::StatusOr<UnitProperties> reached =
        systemd_->WaitForUnit(*unit_, until, deadline, stop_.get_token());
    const absl::Time retry = clock_->Now() + kBusRetry;
    if (!absl::IsUnavailable(reached.status()) || retry >= deadline) return reached;
    absl::Status pause = Completion<bool>().Await(clock_, retry, stop_.get_token()).status();
    if (absl::IsCancelled(pause)) return absl::CancelledError("the agent is stopping");
  }
}

absl::Status UnitActivator::Fault(const UnitProperties& unit, absl::string_view when) const {
  if (unit.load_state == "not-found") {
    return absl::FailedPreconditionError(
        absl::StrCat("unit ", *unit_, " is not known to systemd", when,
                     "; install it, or correct `service` or `package`"));
  }
  return absl::FailedPreconditionError(absl::StrCat("unit ", *unit_, " is ", DescribeUnit(unit),
                                                    when, "; see journalctl -u ", *unit_));
}

}  // namespace

std::unique_ptr<Activator> NewUnitActivator(UnitActivatorOptions options, Systemd* systemd,
                                            PackageManager* packages, Clock* clock) {
  return std::make_unique<UnitActivator>(std::move(options), systemd, packages, clock);
}

}  // namespace gitops
