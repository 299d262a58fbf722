#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/clock/timestamp.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/escape.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

using google::protobuf::RepeatedPtrField;

std::string SelectionText(const v1::Selection& selection) {
  std::vector<std::string> parts;
  for (const std::string& glob : selection.on()) parts.push_back(absl::StrCat("on ", glob));
  if (!selection.tagged().empty()) {
    parts.push_back(absl::StrCat("tagged ", absl::StrJoin(selection.tagged(), ",")));
  }
  if (!selection.order_by_tags().empty()) {
    parts.push_back(absl::StrCat("ordered by ", absl::StrJoin(selection.order_by_tags(), ",")));
  }
  if (selection.skip() > 0) parts.push_back(absl::StrCat("skip ", selection.skip()));
  if (selection.every() > 1) parts.push_back(absl::StrCat("every ", selection.every()));
  if (selection.limit() > 0) parts.push_back(absl::StrCat("limit ", selection.limit()));
  if (parts.empty()) return "all hosts";
  return EscapeLine(absl::StrJoin(parts, "; "));
}

std::string EventsText(const v1::Deployment& deployment) {
  std::vector<Row> rows;
  for (const v1::DeploymentEvent& event : deployment.events()) {
    rows.push_back({"  " + TimeText(event.has_time(), event.time()), EscapeLine(event.message()),
                    EscapeLine(event.actor())});
  }
  return rows.empty() ? "" : "\nEvents:\n" + FormatTable(rows);
}

std::string Indented(absl::string_view text, absl::string_view by) {
  std::string result;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&result, by, EscapeLine(line), "\n");
  }
  return result;
}

std::string CallText(const v1::HookCall& call, absl::string_view by, bool wide) {
  std::string text = absl::StrCat(by, HookCallText(call), "\n");
  if (!wide) return text;
  absl::StrAppend(&text, Indented(absl::StrCat("sent: ", call.request()), std::string(by) + "  "),
                  Indented(absl::StrCat("answer ", call.http_status(), ": ", call.response()),
                           std::string(by) + "  "));
  return text;
}

std::string CallsText(const RepeatedPtrField<v1::HookCall>& calls, absl::string_view by,
                      bool wide) {
  std::string text;
  for (const v1::HookCall& call : calls) text += CallText(call, by, wide);
  return text;
}

bool IsBefore(const v1::HookCall& call) { return call.point().rfind("pre-", 0) == 0; }

// A step that failed with an action says what the action says.
std::string StepMessage(const v1::StepRecord& step) {
  const bool told = std::any_of(
      step.actions().begin(), step.actions().end(), [&step](const v1::ActionRecord& action) {
        return !action.message().empty() &&
               absl::EndsWith(EscapeLine(step.message()), ActionMessage(action));
      });
  return told ? "" : EscapeLine(step.message());
}

std::string StepText(const v1::StepRecord& step, bool wide, bool color) {
  const std::string message = StepMessage(step);
  std::string text =
      absl::StrCat("    ", step.number(), " ", KindText(step.kind()), "  ",
                   step.has_end_time() ? ResultText(step.result(), color) : "in progress",
                   message.empty() ? "" : ": ", message, "\n");
  for (const v1::HookCall& call : step.hook_calls()) {
    if (IsBefore(call)) text += CallText(call, "      ", wide);
  }
  for (const v1::ActionRecord& action : step.actions()) {
    absl::StrAppend(&text, "      ", EscapeLine(action.action()),
                    action.implied() ? " (implied)" : "", "  ",
                    action.has_end_time() ? ResultText(action.result(), color) : "in progress",
                    action.message().empty() ? "" : ": ", ActionMessage(action), "\n");
    if (wide) text += Indented(action.output(), "        ");
  }
  for (const v1::HookCall& call : step.hook_calls()) {
    if (!IsBefore(call)) text += CallText(call, "      ", wide);
  }
  return text;
}

std::string StepsText(const v1::Deployment& deployment, bool wide, bool color) {
  std::string text;
  for (const v1::HostDeployment& host : deployment.hosts()) {
    if (host.steps().empty()) continue;
    absl::StrAppend(&text, "  ", EscapeLine(host.host()),
                    host.remaining_actions().empty() ? "" : ", remaining: ",
                    ActionsText(host.remaining_actions()), "\n");
    for (const v1::StepRecord& step : host.steps()) text += StepText(step, wide, color);
  }
  return text.empty() ? "" : "\nSteps:\n" + text;
}

std::string WaveText(const v1::Deployment& deployment) {
  return deployment.wave_count() == 0
             ? ""
             : absl::StrCat(deployment.current_wave(), " of ", deployment.wave_count());
}

}  // namespace

std::string RevisionsText(const RepeatedPtrField<v1::UpstreamRevision>& revisions,
                          const TableStyle& style) {
  std::vector<Row> rows;
  for (const v1::UpstreamRevision& revision : revisions) {
    rows.push_back(
        {"  " + (revision.branch().empty() ? "every branch" : EscapeLine(revision.branch())), "->",
         HashText(revision.hash(), style),
         CommitText(revision.has_commit(), revision.commit(), style.now),
         EscapeLine(revision.upstream())});
  }
  if (rows.empty()) return "";
  return "\nRevisions:\n" + TextOfLines(AlignedLines(rows, style.width, 0));
}

std::string DeploymentDetails(const v1::Deployment& deployment, const TableStyle& style) {
  const bool color = style.color;
  // Whole texts: what is shown is one thing.
  TableStyle whole = style;
  whole.width = 0;
  const std::string facts = FactsText({
      {"Deployment:", EscapeLine(deployment.id())},
      {"State:", DeploymentStateText(deployment.state(), color)},
      {"Message:", EscapeLine(deployment.message())},
      {"Cause:", EscapeLine(deployment.cause())},
      {"Actions:", ActionsText(deployment.spec().actions())},
      {"Selection:", SelectionText(deployment.spec().selection())},
      {"Service:", EscapeLine(deployment.spec().service())},
      {"Rolls back:", EscapeLine(deployment.rollback_of())},
      {"By:", EscapeLine(deployment.actor())},
      {"Reason:", EscapeLine(deployment.reason())},
      {"Created:", TimeText(deployment.has_create_time(), deployment.create_time())},
      {"Started:", TimeText(deployment.has_start_time(), deployment.start_time())},
      {"Ended:", TimeText(deployment.has_end_time(), deployment.end_time())},
      {"Wave:", WaveText(deployment)},
      {"Planner:", EscapeLine(deployment.planner())},
  });
  const std::string calls = CallsText(deployment.hook_calls(), "  ", style.wide);
  return absl::StrCat(facts, RevisionsText(deployment.revisions(), whole), "\nHosts:\n",
                      DeploymentHosts(deployment, whole), StepsText(deployment, style.wide, color),
                      calls.empty() ? "" : "\nSelect hooks:\n", calls, EventsText(deployment));
}

const Columns<v1::Hook>& HookColumns() {
  using H = const v1::Hook&;
  using T = const TableStyle&;
  static const auto& columns = *new Columns<v1::Hook>{
      {{"HOOK"}, [](H h, T) -> Cell { return EscapeLine(h.name()); }},
      {{"POINTS", Shown::kAlways, 24},
       [](H h, T) -> Cell { return EscapeLine(absl::StrJoin(h.points(), ",")); }},
      {{"MODE"}, [](H h, T) -> Cell { return ModeText(h.mode()); }},
      {{"ON ERROR", Shown::kWide}, [](H h, T) -> Cell { return OnErrorText(h.on_error()); }},
      {{"TIMEOUT"},
       [](H h, T) -> Cell {
         const absl::Duration timeout = FromDuration(h.timeout());
         return {DurationText(timeout), absl::ToDoubleSeconds(timeout)};
       }},
      {{"RETRIES", Shown::kWide}, [](H h, T) { return CountCell(h.retry_count()); }},
      {{"SIGNED", Shown::kWide}, [](H h, T) -> Cell { return h.is_signed() ? "yes" : "no"; }},
      {{"URL"}, [](H h, T) -> Cell { return EscapeLine(h.url()); }},
  };
  return columns;
}

std::string HookTestText(const v1::TestHooksResponse& response) {
  std::string text;
  for (const v1::HookCall& call : response.calls()) {
    absl::StrAppend(&text, HookCallText(call), "\n");
  }
  // After a failure the hosts are those of the last valid answer, not a result.
  if (response.has_failure()) return text;
  std::vector<Row> rows = {{"HOST", "ACTIONS"}};
  for (const v1::HostPayload& host : response.hosts()) {
    rows.push_back({EscapeLine(host.host()), ActionsText(host.actions())});
  }
  return text + FormatTable(rows);
}

}  // namespace gitops::ctl
