#include "ctl/output/deployment_text.h"

#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "common/text/plural.h"
#include "ctl/output/escape.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

constexpr char kGreen[] = "\x1b[32m";
constexpr char kRed[] = "\x1b[31m";
constexpr char kYellow[] = "\x1b[33m";
constexpr char kCyan[] = "\x1b[36m";

std::string Colored(bool color, const char* begin, const std::string& text) {
  return color && *begin != '\0' ? absl::StrCat(begin, text, "\x1b[0m") : text;
}

// A value that this version does not know is shown as its number.
std::string BareName(const std::string& name, const char* prefix, int value) {
  if (name.empty()) return absl::StrCat("state ", value);
  return std::string(absl::StripPrefix(name, prefix));
}

// As in configs and on the command line: "read-only".
std::string Word(const std::string& name, const char* prefix, int value) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(BareName(name, prefix, value)), {{"_", "-"}});
}

const char* ColorOf(v1::DeploymentState state) {
  switch (state) {
    case v1::DEPLOYMENT_STATE_SUCCEEDED:
      return kGreen;
    case v1::DEPLOYMENT_STATE_FAILED:
    case v1::DEPLOYMENT_STATE_INTERRUPTED:
      return kRed;
    case v1::DEPLOYMENT_STATE_CANCELLED:
    case v1::DEPLOYMENT_STATE_CANCELLING:
      return kYellow;
    case v1::DEPLOYMENT_STATE_RUNNING:
      return kCyan;
    default:
      return "";
  }
}

const char* ColorOf(v1::HostDeploymentState state) {
  switch (state) {
    case v1::HOST_DEPLOYMENT_STATE_SUCCEEDED:
      return kGreen;
    case v1::HOST_DEPLOYMENT_STATE_FAILED:
    case v1::HOST_DEPLOYMENT_STATE_UNREACHABLE:
    case v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED:
      return kRed;
    case v1::HOST_DEPLOYMENT_STATE_STOPPED:
    case v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK:
      return kYellow;
    case v1::HOST_DEPLOYMENT_STATE_RUNNING:
      return kCyan;
    default:
      return "";
  }
}

// " -> 8df1b3db", " -> 8df1b3db (no file changes)", " 8df1b3db already".
std::string MoveTo(const v1::ServiceMove& move) {
  if (move.from_hash() == move.to_hash()) {
    return absl::StrCat(" ", ShortHash(move.to_hash()), " already");
  }
  return absl::StrCat(" -> ", ShortHash(move.to_hash()),
                      move.changes_nothing() ? " (no file changes)" : "");
}

int DoneHosts(const v1::Deployment& deployment) {
  return deployment.succeeded_count() + deployment.skipped_count();
}

// What a host's message says beside the cause, which is told once for all.
std::string BesideCause(const v1::HostDeployment& host, const std::string& cause) {
  const std::string& message = host.message();
  if (cause.empty() || !absl::EndsWith(message, cause)) return message;
  return std::string(
      absl::StripSuffix(absl::string_view(message).substr(0, message.size() - cause.size()), ": "));
}

Cell TookCell(const v1::Deployment& deployment) {
  if (!deployment.has_start_time() || !deployment.has_end_time()) return "";
  const absl::Duration took =
      FromTimestamp(deployment.end_time()) - FromTimestamp(deployment.start_time());
  return {DurationText(took), absl::ToDoubleSeconds(took)};
}

}  // namespace

std::string DeploymentStateText(v1::DeploymentState state, bool color) {
  return Colored(color, ColorOf(state),
                 BareName(v1::DeploymentState_Name(state), "DEPLOYMENT_STATE_", state));
}

std::string HostStateText(v1::HostDeploymentState state, bool color) {
  return Colored(color, ColorOf(state),
                 BareName(v1::HostDeploymentState_Name(state), "HOST_DEPLOYMENT_STATE_", state));
}

std::string ResultText(v1::StepResult result, bool color) {
  const char* begin = result == v1::STEP_RESULT_OK       ? kGreen
                      : result == v1::STEP_RESULT_FAILED ? kRed
                                                         : "";
  if (result == v1::STEP_RESULT_UNSPECIFIED) return "";
  return Colored(color, begin, BareName(v1::StepResult_Name(result), "STEP_RESULT_", result));
}

std::string KindText(v1::StepKind kind) {
  return Word(v1::StepKind_Name(kind), "STEP_KIND_", kind);
}

std::string ModeText(v1::HookMode mode) {
  return Word(v1::HookMode_Name(mode), "HOOK_MODE_", mode);
}

std::string OnErrorText(v1::HookOnError on_error) {
  return Word(v1::HookOnError_Name(on_error), "HOOK_ON_ERROR_", on_error);
}

bool HasEnded(v1::DeploymentState state) {
  return state == v1::DEPLOYMENT_STATE_SUCCEEDED || state == v1::DEPLOYMENT_STATE_FAILED ||
         state == v1::DEPLOYMENT_STATE_CANCELLED || state == v1::DEPLOYMENT_STATE_INTERRUPTED;
}

bool HasEnded(v1::HostDeploymentState state) {
  return state != v1::HOST_DEPLOYMENT_STATE_UNSPECIFIED &&
         state != v1::HOST_DEPLOYMENT_STATE_PENDING && state != v1::HOST_DEPLOYMENT_STATE_RUNNING;
}

std::string MovesText(const google::protobuf::RepeatedPtrField<v1::ServiceMove>& moves,
                      const TableStyle& style) {
  std::vector<std::string> texts;
  std::map<std::string, std::vector<const v1::ServiceMove*>> equal;
  std::vector<std::string> order;
  for (const v1::ServiceMove& move : moves) {
    const std::string to = style.wide ? absl::StrCat(order.size()) : MoveTo(move);
    const auto [known, is_new] = equal.try_emplace(to);
    if (is_new) order.push_back(to);
    known->second.push_back(&move);
  }
  for (const std::string& to : order) {
    const std::vector<const v1::ServiceMove*>& same = equal[to];
    const v1::ServiceMove& move = *same[0];
    if (same.size() > 1) {
      texts.push_back(absl::StrCat(Counted(same.size(), "service"), to));
      continue;
    }
    const bool moves_on = move.from_hash() != move.to_hash();
    const std::string commit =
        style.wide ? CommitText(move.has_commit(), move.commit(), style.now) : "";
    texts.push_back(absl::StrCat(EscapeLine(move.service()), " ",
                                 moves_on ? ShortHash(move.from_hash()) : "", MoveTo(move),
                                 commit.empty() ? "" : " ", commit));
  }
  return absl::StrReplaceAll(absl::StrJoin(texts, ", "), {{"  ", " "}});
}

std::string ActionsText(const google::protobuf::RepeatedPtrField<std::string>& actions) {
  return EscapeLine(absl::StrJoin(actions, ", "));
}

std::string ActionMessage(const v1::ActionRecord& action) {
  return EscapeLine(absl::StripPrefix(action.message(), absl::StrCat(action.action(), ": ")));
}

std::string HookCallText(const v1::HookCall& call) {
  const std::string who = absl::StrCat(EscapeLine(call.point()), ": ", EscapeLine(call.hook()));
  if (!call.error().empty()) {
    return absl::StrCat(who, " failed: ", EscapeLine(call.error()),
                        call.ignored() ? " (ignored)" : "");
  }
  return absl::StrCat(who, " answered in ",
                      absl::ToInt64Milliseconds(FromDuration(call.duration())), " ms");
}

bool IsDegraded(const v1::Deployment& deployment) {
  return deployment.state() == v1::DEPLOYMENT_STATE_FAILED ||
         deployment.state() == v1::DEPLOYMENT_STATE_INTERRUPTED;
}

const Columns<v1::Deployment>& DeploymentColumns() {
  using D = const v1::Deployment&;
  using T = const TableStyle&;
  static const auto& columns = *new Columns<v1::Deployment>{
      {{"ID"}, [](D d, T) -> Cell { return EscapeLine(d.id()); }},
      {{"STATE"}, [](D d, T t) -> Cell { return DeploymentStateText(d.state(), t.color); }},
      {{"HOSTS"},
       [](D d, T) -> Cell {
         return {absl::StrCat(DoneHosts(d), "/", d.host_count()),
                 static_cast<double>(d.host_count())};
       }},
      {{"ACTIONS", Shown::kAlways, 14},
       [](D d, T) -> Cell { return ActionsText(d.spec().actions()); }},
      {{"AGE"},
       [](D d, T t) -> Cell { return AgeCell(d.has_create_time(), d.create_time(), t.now); }},
      {{"CREATED", Shown::kWide},
       [](D d, T) -> Cell {
         return {TimeText(d.has_create_time(), d.create_time()),
                 static_cast<double>(d.create_time().seconds())};
       }},
      {{"TOOK"}, [](D d, T) -> Cell { return TookCell(d); }},
      {{"BY", Shown::kWide}, [](D d, T) -> Cell { return EscapeLine(d.actor()); }},
      {{"REASON", Shown::kWide}, [](D d, T) -> Cell { return EscapeLine(d.reason()); }},
      {{"PLANNER", Shown::kWide}, [](D d, T) -> Cell { return EscapeLine(d.planner()); }},
      {{"CAUSE", Shown::kWide}, [](D d, T) -> Cell { return EscapeLine(d.cause()); }},
      {{"MESSAGE"},
       [](D d, T t) -> Cell {
         return Joined({t.wide ? "" : EscapeLine(d.cause()), EscapeLine(d.message())});
       }},
  };
  return columns;
}

std::string DeploymentSentence(const v1::Deployment& deployment, const TableStyle& style) {
  const std::string why =
      Joined({EscapeLine(deployment.message()), EscapeLine(deployment.cause())});
  const std::string sentence =
      absl::StrCat("deployment ", EscapeLine(deployment.id()), ": ",
                   DeploymentStateText(deployment.state(), style.color), ", ",
                   CountedOf(DoneHosts(deployment), deployment.host_count(), "host"), " done",
                   why.empty() ? "" : ": ", why);
  return Wrapped(sentence, style.width);
}

std::string DeploymentHosts(const v1::Deployment& deployment, const TableStyle& style) {
  using H = const v1::HostDeployment&;
  using T = const TableStyle&;
  static const auto& columns = *new Columns<v1::HostDeployment>{
      {{"HOST"}, [](H h, T) -> Cell { return EscapeLine(h.host()); }},
      {{"WAVE"}, [](H h, T) { return CountCell(h.wave()); }},
      {{"STATE"}, [](H h, T t) -> Cell { return HostStateText(h.state(), t.color); }},
      {{"STEPS", Shown::kWide}, [](H h, T) { return CountCell(h.steps_size()); }},
      {{"MOVES", Shown::kWide}, [](H h, T t) -> Cell { return MovesText(h.moves(), t); }},
      {{"MESSAGE", Shown::kWide}, [](H h, T) -> Cell { return EscapeLine(h.message()); }},
      {{"INFO", Shown::kTable},
       [](H h, T t) -> Cell {
         return Joined({EscapeLine(h.message()), MovesText(h.moves(), t)});
       }},
  };
  TableStyle own = style;
  own.columns.clear();
  own.sort.clear();
  auto hosts = deployment.hosts();
  for (v1::HostDeployment& host : hosts) host.set_message(BesideCause(host, deployment.cause()));
  const absl::StatusOr<std::string> text = ListText(columns, hosts, own);
  return absl::StrCat(text.value_or(""),
                      deployment.hosts().empty() ? "no host was selected\n" : "");
}

}  // namespace gitops::ctl
