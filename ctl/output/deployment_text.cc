#include "ctl/output/deployment_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
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

int DoneHosts(const v1::Deployment& deployment) {
  return deployment.succeeded_count() + deployment.skipped_count();
}

std::string TookText(const v1::Deployment& deployment) {
  if (!deployment.has_start_time() || !deployment.has_end_time()) return "";
  return DurationText(FromTimestamp(deployment.end_time()) -
                      FromTimestamp(deployment.start_time()));
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

std::string MovesText(const google::protobuf::RepeatedPtrField<v1::ServiceMove>& moves) {
  return absl::StrJoin(moves, ", ", [](std::string* text, const v1::ServiceMove& move) {
    absl::StrAppend(text, EscapeLine(move.service()), " ", ShortHash(move.from_hash()),
                    move.from_hash() == move.to_hash()
                        ? " already"
                        : absl::StrCat(" -> ", ShortHash(move.to_hash())));
  });
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

Row DeploymentHeader(bool wide) {
  Row header = {"#", "ID", "STATE", "HOSTS", "ACTIONS", "CREATED", "TOOK", "BY", "MESSAGE"};
  if (wide) header.insert(header.end(), {"REASON", "PLANNER"});
  return header;
}

Row DeploymentRow(size_t number, const v1::Deployment& deployment, bool wide, bool color) {
  Row row = {absl::StrCat(number),
             EscapeLine(deployment.id()),
             DeploymentStateText(deployment.state(), color),
             absl::StrCat(DoneHosts(deployment), "/", deployment.host_count()),
             ActionsText(deployment.spec().actions()),
             TimeText(deployment.has_create_time(), deployment.create_time()),
             TookText(deployment),
             EscapeLine(deployment.actor()),
             EscapeLine(deployment.message())};
  if (wide) {
    row.insert(row.end(), {EscapeLine(deployment.reason()), EscapeLine(deployment.planner())});
  }
  return row;
}

std::string DeploymentSentence(const v1::Deployment& deployment, bool color) {
  return absl::StrCat("deployment ", EscapeLine(deployment.id()), ": ",
                      DeploymentStateText(deployment.state(), color), ", ", DoneHosts(deployment),
                      " of ", deployment.host_count(), " hosts done",
                      deployment.message().empty() ? "" : ": ", EscapeLine(deployment.message()),
                      "\n");
}

std::string DeploymentHosts(const v1::Deployment& deployment, bool color) {
  std::vector<Row> rows = {{"#", "HOST", "WAVE", "STATE", "STEPS", "MOVES", "MESSAGE"}};
  for (const v1::HostDeployment& host : deployment.hosts()) {
    rows.push_back({absl::StrCat(rows.size() - 1), EscapeLine(host.host()),
                    absl::StrCat(host.wave()), HostStateText(host.state(), color),
                    absl::StrCat(host.steps_size()), MovesText(host.moves()),
                    EscapeLine(host.message())});
  }
  return absl::StrCat(FormatTable(rows),
                      deployment.hosts().empty() ? "no host was selected\n" : "");
}

}  // namespace gitops::ctl
