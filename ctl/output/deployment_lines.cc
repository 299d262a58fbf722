#include "ctl/output/deployment_lines.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/text/plural.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using Lines = std::vector<std::string>;

// The message is escaped.
std::string WithMessage(const std::string& text, const std::string& message) {
  return message.empty() ? text : absl::StrCat(text, ": ", message);
}

// "sync done", "sync failed: no such commit".
std::string Ended(const std::string& what, v1::StepResult result, const std::string& message) {
  const char* how = result == v1::STEP_RESULT_FAILED    ? " failed"
                    : result == v1::STEP_RESULT_SKIPPED ? " skipped"
                                                        : " done";
  return WithMessage(EscapeLine(what) + how, message);
}

}  // namespace

std::vector<std::string> DeploymentLines::Update(const v1::WatchDeploymentResponse& update) {
  Lines lines;
  if (update.has_deployment()) TellDeployment(update.deployment(), lines);
  const bool host_ended = update.has_host() && TellHost(update.host(), lines);
  initial_done_ = initial_done_ || update.initial_done();
  // Before that, the hosts of a wave are not known.
  if (initial_done_ && (host_ended || update.initial_done())) TellWaves(lines);
  return lines;
}

void DeploymentLines::TellDeployment(const v1::Deployment& deployment, Lines& lines) {
  for (; events_ < deployment.events_size(); ++events_) {
    lines.push_back(EscapeLine(deployment.events(events_).message()));
  }
  if (deployment.state() == state_ && deployment.message() == message_) return;
  state_ = deployment.state();
  message_ = deployment.message();
  lines.push_back(WithMessage(
      absl::StrCat("deployment ", EscapeLine(deployment.id()), ": ", DeploymentStateText(state_)),
      EscapeLine(message_)));
}

bool DeploymentLines::TellHost(const v1::HostDeployment& host, Lines& lines) {
  const auto [known, is_new] = hosts_.try_emplace(host.host());
  Host& told = known->second;
  if (is_new) {
    told.wave = host.wave();
    ++open_[told.wave];
    ended_waves_.erase(told.wave);
  }
  const std::string name = EscapeLine(host.host());
  for (const v1::StepRecord& step : host.steps()) {
    TellStep(name, step, told.steps[step.number()], lines);
  }
  if (host.state() == told.state) return false;
  Count(told, host.state());
  if (!HasEnded(host.state())) return false;
  lines.push_back(WithMessage(absl::StrCat(name, ": ", HostStateText(host.state())),
                              EscapeLine(host.message())));
  return true;
}

void DeploymentLines::Count(Host& host, v1::HostDeploymentState state) {
  const bool had_ended = HasEnded(std::exchange(host.state, state));
  if (HasEnded(state) == had_ended) return;
  int& open = open_[host.wave];
  open += had_ended ? 1 : -1;
  ended_ += had_ended ? -1 : 1;
  if (open == 0) {
    ended_waves_.insert(host.wave);
  } else {
    ended_waves_.erase(host.wave);
  }
}

void DeploymentLines::TellStep(const std::string& host, const v1::StepRecord& step, Step& told,
                               Lines& lines) {
  const auto tell = [&](const std::string& what) {
    lines.push_back(absl::StrCat(host, ": ", what));
  };
  // Hooks that are called before a step's actions are printed before them.
  const auto tell_calls = [&](bool before_actions) {
    while (told.calls < step.hook_calls_size()) {
      const v1::HookCall& call = step.hook_calls(told.calls);
      if (before_actions && call.point().rfind("pre-", 0) != 0) return;
      tell(HookCallText(call));
      ++told.calls;
    }
  };
  tell_calls(true);
  for (int i = told.ended_actions; i < step.actions_size(); ++i) {
    const v1::ActionRecord& action = step.actions(i);
    const bool ended = action.has_end_time();
    if (!ended && i >= told.begun_actions) tell(EscapeLine(action.action()));
    told.begun_actions = std::max(told.begun_actions, i + 1);
    if (!ended) break;
    tell(Ended(action.action(), action.result(), ActionMessage(action)));
    told.ended_actions = i + 1;
  }
  tell_calls(false);
  if (told.ended || !step.has_end_time()) return;
  told.ended = true;
  // The success of a step is clear from its actions.
  if (step.result() != v1::STEP_RESULT_OK) {
    tell(Ended(KindText(step.kind()), step.result(), EscapeLine(step.message())));
  }
}

void DeploymentLines::TellWaves(Lines& lines) {
  for (const int wave : std::exchange(ended_waves_, {})) {
    if (!told_waves_.insert(wave).second) continue;
    lines.push_back(
        absl::StrCat("wave ", wave, ": done (", CountedOf(ended_, hosts_.size(), "host"), ")"));
  }
}

}  // namespace gitops::ctl
