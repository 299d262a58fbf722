#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/retry/backoff.h"
#include "common/rpc/error.h"
#include "common/rpc/peer.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/follow.h"
#include "ctl/commands/patience.h"
#include "ctl/commands/selected.h"
#include "ctl/failure.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/escape.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

using Words = std::vector<std::string>;

bool IsAmong(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string SyncText(v1::SyncStatus sync) {
  return std::string(absl::StripPrefix(v1::SyncStatus_Name(sync), "SYNC_STATUS_"));
}

// "OK, CURRENT, at 0e080e5a".
std::string StandText(const v1::Service& service) {
  std::string text = StateText(service.state());
  if (!service.state_info().empty()) {
    absl::StrAppend(&text, " (", EscapeLine(service.state_info()), ")");
  }
  if (service.sync() != v1::SYNC_STATUS_UNSPECIFIED) {
    absl::StrAppend(&text, ", ", SyncText(service.sync()));
  }
  return absl::StrCat(text, ", at ", ShortHash(service.hash()));
}

// What `wait service` waits for.
class Wish {
 public:
  explicit Wish(const Flags& flags)
      : states_(flags.wanted.states),
        syncs_(flags.wanted.syncs),
        revision_(absl::AsciiStrToLower(flags.spec.revision())) {
    if (states_.empty() && syncs_.empty()) states_ = {"OK"};
  }

  bool Holds(const v1::Service& service) const {
    return (states_.empty() || IsAmong(states_, StateText(service.state()))) &&
           (syncs_.empty() || IsAmong(syncs_, SyncText(service.sync()))) &&
           absl::StartsWith(service.hash(), revision_) &&
           // Reported before its host went silent: that says nothing about it as it is.
           (service.sync() != v1::SYNC_STATUS_UNKNOWN || WantsStale());
  }
  bool WantsStale() const { return IsAmong(syncs_, "UNKNOWN"); }

 private:
  Words states_, syncs_;
  std::string revision_;
};

// One try of a wait: OK once there is a result.
struct Waiting {
  std::function<absl::Status()> watch_once;
  std::function<bool()> has_result;
  // What is missing, for the message of a timeout; empty before the first answer.
  std::function<Words()> missing;
};

absl::Status TimedOut(const Words& missing) {
  constexpr size_t kMost = 10;
  Words shown(missing.begin(), missing.begin() + std::min(missing.size(), kMost));
  if (missing.size() > kMost) {
    shown.push_back(absl::StrCat("and ", missing.size() - kMost, " more"));
  }
  return absl::DeadlineExceededError(absl::StrCat("not reached: ", absl::StrJoin(shown, "; ")));
}

// Watches until there is a result. A server that is not there, or stops, is waited for until
// `deadline`; if it never answered, the result is that it cannot be reached.
absl::Status WaitFor(const Waiting& waiting, absl::Time deadline, Console& console) {
  int failures = 0;
  std::optional<absl::Status> outage;
  while (true) {
    const absl::Status status = waiting.watch_once();
    if (waiting.has_result()) return absl::OkStatus();
    const Words missing = waiting.missing();
    if (HasReason(status, Reason::kDeadlineExceeded) || absl::Now() >= deadline) {
      return missing.empty() && outage.has_value() ? *outage
             : missing.empty()                     ? AsUnreachable(status)
                                                   : TimedOut(missing);
    }
    if (!MayHelpToRetry(status)) return status;
    if (!outage.has_value()) {
      console.err << "gitopsctl: " << EscapeLine(status.message()) << "; waiting for it\n"
                  << std::flush;
    }
    outage = status;
    absl::SleepFor(std::min(kWatchBackoff.After(++failures), deadline - absl::Now()));
  }
}

absl::Time DeadlineOf(const Invocation& invocation) {
  return absl::Now() + invocation.flags.timeout.value_or(absl::InfiniteDuration());
}

// Services as they come in from a watch.
class Board {
 public:
  explicit Board(const Flags& flags) : wish_(flags) {}

  void Begin() {
    hosts_.clear();
    services_.clear();
    complete_ = false;
  }
  void Take(const v1::WatchFleetResponse& update) {
    if (update.has_host()) Put(update.host().host(), update.host(), update.removed(), hosts_);
    if (update.has_host() && update.removed()) services_.erase(update.host().host());
    if (update.has_service()) {
      Put(update.service().host(), update.service(), update.removed(), services_);
    }
    Answered(update.initial_done());
  }
  void Take(const v1::WatchServicesResponse& update, const std::string& host) {
    if (update.has_service()) Put(host, update.service(), update.removed(), services_);
    Answered(update.initial_done());
  }

  bool complete() const { return complete_; }
  bool answered() const { return answered_; }
  const std::map<std::string, v1::Service>& services() const { return services_; }
  const std::map<std::string, v1::Host>& hosts() const { return hosts_; }
  bool EveryHostReports() const {
    return std::all_of(hosts_.begin(), hosts_.end(), [](const auto& host) {
      return host.second.state() == v1::HOST_STATE_ONLINE;
    });
  }

  // In words, by host. A host that has never reported may have the service.
  Words Missing() const {
    Words missing;
    for (const auto& [name, host] : hosts_) {
      if (host.state() == v1::HOST_STATE_NEVER_SEEN && !services_.contains(name)) {
        missing.push_back(absl::StrCat(EscapeLine(name), " has never reported"));
      }
    }
    for (const auto& [host, service] : services_) {
      const bool silent = IsSilent(host) && !wish_.WantsStale();
      if (wish_.Holds(service) && !silent) continue;
      missing.push_back(absl::StrCat(EscapeLine(host), "/", EscapeLine(service.service()), " is ",
                                     StandText(service), silent ? ", its host is STALE" : ""));
    }
    return missing;
  }

 private:
  template <typename Value>
  static void Put(const std::string& key, const Value& value, bool removed,
                  std::map<std::string, Value>& all) {
    if (removed) {
      all.erase(key);
    } else {
      all[key] = value;
    }
  }
  void Answered(bool initial_done) {
    answered_ = true;
    complete_ = complete_ || initial_done;
  }
  bool IsSilent(const std::string& host) const {
    const auto found = hosts_.find(host);
    return found != hosts_.end() && found->second.state() != v1::HOST_STATE_ONLINE;
  }

  const Wish wish_;
  std::map<std::string, v1::Host> hosts_;
  std::map<std::string, v1::Service> services_;  // by host
  bool complete_ = false;
  bool answered_ = false;
};

Words MissingOn(const Board& board, const std::string& service) {
  if (!board.answered()) return {};
  Words missing = board.Missing();
  if (missing.empty()) {
    missing.push_back(absl::StrCat("no selected host has a service ", EscapeLine(service)));
  }
  return missing;
}

void Say(const Board& board, std::ostream& out) {
  for (const auto& [host, service] : board.services()) {
    out << EscapeLine(host) << "/" << EscapeLine(service.service()) << ": " << StandText(service)
        << "\n";
  }
  out << std::flush;
}

std::vector<v1::Service> ServicesOn(const Board& board) {
  std::vector<v1::Service> services;
  for (const auto& [host, service] : board.services()) services.push_back(service);
  return services;
}

// Whether the wait is over: `failure` is then OK, or why it cannot end well.
bool IsOver(FleetContext& context, const Board& board, absl::Status& failure) {
  if (!board.complete()) return false;
  const bool none = board.services().empty();
  if (board.hosts().empty() || (none && board.EveryHostReports())) {
    failure = ExplainNothing(context, context.argument(0));
    // It has come between the two calls.
    return !failure.ok() || context.invocation.flags.allow_empty();
  }
  return !none && board.Missing().empty();
}

}  // namespace

absl::StatusOr<ExitCode> WaitFleetService(FleetContext& context) {
  Board board(context.invocation.flags);
  v1::WatchFleetRequest request;
  *request.mutable_selection() = context.selection();
  request.set_service(context.argument(0));
  absl::Status failure;
  bool over = false;
  const Waiting waiting = {
      .watch_once =
          [&] {
            board.Begin();
            return context.planner.WatchFleet(request, [&](const v1::WatchFleetResponse& update) {
              board.Take(update);
              over = IsOver(context, board, failure);
              return !over;
            });
          },
      .has_result = [&] { return over; },
      .missing = [&] { return MissingOn(board, context.argument(0)); },
  };
  const absl::Status waited = WaitFor(waiting, DeadlineOf(context.invocation), context.console);
  if (!waited.ok()) return waited;
  if (!failure.ok()) return failure;
  if (context.invocation.flags.is_text()) {
    Say(board, context.console.out);
  } else if (absl::Status s = context.fleet.Services(ServicesOn(board)); !s.ok()) {
    return s;
  }
  return kDone;
}

absl::StatusOr<ExitCode> WaitService(CommandContext& context) {
  Board board(context.invocation.flags);
  const std::string& name = context.invocation.arguments[0];
  bool over = false;
  const Waiting waiting = {
      .watch_once =
          [&] {
            board.Begin();
            return context.agent.Watch({name}, [&](const v1::WatchServicesResponse& update) {
              board.Take(update, context.invocation.host);
              over = board.complete() && !board.services().empty() && board.Missing().empty();
              return !over;
            });
          },
      .has_result = [&] { return over; },
      .missing = [&] { return MissingOn(board, name); },
  };
  const absl::Status waited = WaitFor(waiting, DeadlineOf(context.invocation), context.console);
  if (!waited.ok()) return waited;
  if (context.invocation.flags.is_text()) {
    Say(board, context.console.out);
  } else if (absl::Status s = context.renderer.Services(ServicesOn(board)); !s.ok()) {
    return s;
  }
  return kDone;
}

namespace {

// A planner that is not there is waited for only with a --timeout: else for ever.
bool AwaitsPlanner(const FleetContext& context) {
  return context.invocation.flags.timeout.has_value();
}

absl::Status NoAnswerInTime() {
  return AsUnreachable(absl::UnavailableError("the planner did not answer within --timeout"));
}

// The newest one may be asked for before the planner is there.
absl::StatusOr<std::string> AwaitDeploymentId(FleetContext& context) {
  absl::StatusOr<std::string> id = DeploymentId(context);
  for (int failures = 1; AwaitsPlanner(context) && !id.ok() && MayHelpToRetry(id.status()) &&
                         context.planner.Remaining() > absl::ZeroDuration();
       ++failures) {
    absl::SleepFor(std::min(kWatchBackoff.After(failures), context.planner.Remaining()));
    id = DeploymentId(context);
  }
  if (HasReason(id.status(), Reason::kDeadlineExceeded)) return NoAnswerInTime();
  return id;
}

}  // namespace

absl::StatusOr<ExitCode> WaitDeployment(FleetContext& context) {
  const Words& states = context.invocation.flags.wanted.states;
  const Words good = states.empty() ? Words{"SUCCEEDED"} : states;
  const absl::StatusOr<std::string> id = AwaitDeploymentId(context);
  if (!id.ok()) return id.status();
  std::optional<v1::Deployment> last;
  bool reached = false;
  FollowOptions options;
  options.patient_at_first = AwaitsPlanner(context);
  options.seen = [&](const v1::WatchDeploymentResponse& update) {
    if (!update.has_deployment()) return true;
    last = update.deployment();
    reached = IsAmong(states, DeploymentStateText(last->state()));
    return !reached;
  };
  options.note = [&](const std::string& text) {
    context.console.err << "gitopsctl: " << text << std::endl;
  };
  const auto end = FollowDeployment(context.planner, *id, options);
  if (HasReason(end.status(), Reason::kDeadlineExceeded)) {
    if (!last.has_value()) return NoAnswerInTime();
    return TimedOut(
        {absl::StrCat("deployment ", EscapeLine(*id), " is ", DeploymentStateText(last->state()))});
  }
  if (!end.ok()) return end.status();
  const v1::Deployment& now = end->has_value() ? **end : *last;
  if (absl::Status s = context.fleet.DeploymentNow(now); !s.ok()) return s;
  if (reached || IsAmong(good, DeploymentStateText(now.state()))) return kDone;
  context.console.err << "gitopsctl: deployment " << EscapeLine(*id) << " ended in "
                      << DeploymentStateText(now.state()) << ", not in "
                      << absl::StrJoin(good, " or ") << "\n";
  return kFailed;
}

}  // namespace gitops::ctl
