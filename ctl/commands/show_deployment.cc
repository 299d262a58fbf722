#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "ctl/commands/follow.h"
#include "ctl/failure.h"
#include "ctl/output/escape.h"
#include "ctl/output/progress.h"

namespace gitops::ctl {
namespace {

// One object per line.
bool ForPrograms(const FleetContext& context) {
  const Flags& flags = context.invocation.flags;
  const bool tree = flags.output == OutputForm::kJson || flags.output == OutputForm::kYaml;
  return tree && (flags.watch || context.invocation.command == CommandId::kWatchDeployment);
}

std::unique_ptr<DeploymentProgress> ProgressFor(FleetContext& context, bool on_out) {
  Console& console = context.console;
  // Names stay alone on standard output.
  on_out = on_out && context.invocation.flags.output != OutputForm::kName;
  const bool terminal = on_out ? console.out_is_terminal : console.err_is_terminal;
  const std::function<TerminalSize()>& size = on_out ? console.size : console.err_size;
  const TerminalSize room = size ? size() : TerminalSize{};
  const bool can_redraw = terminal && room.rows > 1 && room.columns > 0 &&
                          console.environment("TERM").value_or("") != "dumb";
  std::ostream& out = on_out ? console.out : console.err;
  if (!can_redraw) return MakeProgressLines(out, console.err);
  return MakeLiveTree(size, on_out ? context.color_on_out : context.color_on_err, out);
}

bool IsRolledBack(const v1::Deployment& deployment) {
  return std::any_of(deployment.hosts().begin(), deployment.hosts().end(), [](const auto& host) {
    return host.state() == v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK ||
           host.state() == v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED;
  });
}

std::string GoesOn(const std::string& id) {
  const std::string safe = EscapeLine(id);
  return absl::StrCat("deployment ", safe, " continues; gitopsctl watch deployment ", safe,
                      " shows it, gitopsctl cancel deployment ", safe, " ends it");
}

// Sets the message of Ctrl-C during its lifetime.
class SayOnInterrupt {
 public:
  SayOnInterrupt(Console& console, const std::string& text) : console_(console) { Say(text); }
  ~SayOnInterrupt() { Say(""); }

 private:
  void Say(const std::string& text) {
    if (console_.say_on_interrupt) console_.say_on_interrupt(text);
  }
  Console& console_;
};

absl::StatusOr<std::optional<v1::Deployment>> Follow(FleetContext& context, const std::string& id,
                                                     bool on_out, absl::Status& printed) {
  const SayOnInterrupt say(context.console, absl::StrCat("gitopsctl: ", GoesOn(id)));
  FollowOptions options;
  options.patient_at_first = context.invocation.command != CommandId::kWatchDeployment;
  std::unique_ptr<DeploymentProgress> progress;
  if (!ForPrograms(context)) progress = ProgressFor(context, on_out);
  options.seen = [&](const v1::WatchDeploymentResponse& update) {
    if (progress != nullptr) {
      progress->Update(update);
    } else {
      printed = context.fleet.DeploymentUpdate(update);
    }
    return printed.ok() && context.console.out.good();
  };
  options.note = [&](const std::string& text) {
    if (progress != nullptr) {
      progress->Note(absl::StrCat("gitopsctl: ", text));
    } else {
      context.console.err << "gitopsctl: " << text << std::endl;
    }
  };
  return FollowDeployment(context.planner, id, options);
}

}  // namespace

absl::StatusOr<ExitCode> ShowToItsEnd(FleetContext& context, const std::string& id, bool on_out) {
  absl::Status printed;
  const absl::StatusOr<std::optional<v1::Deployment>> end = Follow(context, id, on_out, printed);
  if (!printed.ok()) return printed;
  if (HasReason(end.status(), Reason::kDeadlineExceeded)) {
    return WithHint(absl::DeadlineExceededError("it did not end within --timeout"), GoesOn(id));
  }
  if (HasReason(end.status(), Reason::kResourceExhausted)) {
    return WithHint(end.status(), GoesOn(id));
  }
  if (!end.ok()) return end.status();
  if (!end->has_value()) return kDone;
  if (!ForPrograms(context)) {
    if (absl::Status s = context.fleet.DeploymentEnd(**end); !s.ok()) return s;
  }
  if ((*end)->state() == v1::DEPLOYMENT_STATE_SUCCEEDED) return kDone;
  const std::string safe = EscapeLine(id);
  context.console.err << "gitopsctl: gitopsctl describe deployment " << safe << " shows the details"
                      << (IsRolledBack(**end)
                              ? "; its hosts are back at what they had, so mend the cause, then "
                                "deploy anew\n"
                              : absl::StrCat(", gitopsctl resume deployment ", safe,
                                             " continues it\n"));
  return kFailed;
}

}  // namespace gitops::ctl
