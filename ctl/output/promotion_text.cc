#include "ctl/output/promotion_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "ctl/output/escape.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

const char* ColorOf(v1::PromotionState state) {
  switch (state) {
    case v1::PROMOTION_STATE_SUCCEEDED:
      return "\x1b[32m";
    case v1::PROMOTION_STATE_FAILED:
    case v1::PROMOTION_STATE_REJECTED:
      return "\x1b[31m";
    case v1::PROMOTION_STATE_WAITING_APPROVAL:
    case v1::PROMOTION_STATE_HELD:
      return "\x1b[33m";
    case v1::PROMOTION_STATE_RUNNING:
      return "\x1b[36m";
    default:
      return "";
  }
}

std::string PipelineName(absl::string_view space, absl::string_view name) {
  return EscapeLine(absl::StrCat(space, "/", name));
}

std::string EnvironmentText(const v1::PipelineEnvironment& environment) {
  std::string text = EscapeLine(environment.name());
  if (environment.has_current()) {
    absl::StrAppend(&text, " ", EscapeLine(environment.current().version()));
  }
  if (environment.has_next()) {
    absl::StrAppend(&text, " (next ", EscapeLine(environment.next().version()), ")");
  }
  if (environment.has_hold()) absl::StrAppend(&text, " (held)");
  return text;
}

std::string NextText(const v1::PipelineEnvironment& environment, bool color) {
  if (!environment.has_next()) return "";
  return absl::StrCat(EscapeLine(environment.next().version()), " ",
                      PromotionStateText(environment.next().state(), color));
}

std::string HoldText(const v1::PipelineEnvironment& environment) {
  if (!environment.has_hold()) return "";
  const v1::EnvironmentHold& hold = environment.hold();
  std::string text = absl::StrCat("by ", EscapeLine(hold.actor()));
  if (hold.has_time()) absl::StrAppend(&text, ", ", TimeText(true, hold.time()));
  if (!hold.reason().empty()) absl::StrAppend(&text, ": ", EscapeLine(hold.reason()));
  return text;
}

std::string JoinedTexts(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  return EscapeLine(absl::StrJoin(texts, "; "));
}

Row EnvironmentRow(const v1::PipelineEnvironment& environment, bool color) {
  const absl::Duration soak = FromDuration(environment.soak());
  return {"  " + EscapeLine(environment.name()),
          environment.has_current() ? EscapeLine(environment.current().version()) : "",
          NextText(environment, color),
          JoinedTexts(environment.targets()),
          EscapeLine(environment.strategy()),
          environment.manual() ? "manual" : "",
          soak == absl::ZeroDuration() ? "" : DurationText(soak),
          JoinedTexts(environment.windows()),
          HoldText(environment)};
}

std::string ApprovalText(const v1::Promotion& promotion) {
  if (!promotion.has_approval()) return "";
  const v1::Approval& approval = promotion.approval();
  return absl::StrCat("by ", EscapeLine(approval.actor()), ", ",
                      TimeText(approval.has_time(), approval.time()),
                      approval.force() ? ", before the end of the soak" : "",
                      approval.reason().empty() ? "" : ": ", EscapeLine(approval.reason()));
}

std::string EventDetails(const v1::Promotion& promotion) {
  if (!promotion.has_event()) return "";
  const v1::PromotionEvent& event = promotion.event();
  std::vector<Row> rows = {
      {"  object:", EscapeLine(absl::StrCat(event.kind(), " ", event.namespace_(), "/",
                                            event.name(), " (", event.api_version(), ")"))},
      {"  reason:", EscapeLine(event.reason())},
      {"  severity:", EscapeLine(event.severity())},
      {"  message:", EscapeLine(event.message())},
      {"  time:", TimeText(event.has_timestamp(), event.timestamp())},
      {"  controller:", EscapeLine(event.reporting_controller())},
      {"  address:", EscapeLine(event.address())},
      {"  received:",
       absl::StrCat(promotion.event_count(), "x, last ",
                    TimeText(promotion.has_last_seen_time(), promotion.last_seen_time()))},
  };
  for (const auto& [key, value] : event.metadata()) {
    rows.push_back({EscapeLine(absl::StrCat("  ", key, ":")), EscapeLine(value)});
  }
  return "\nEvent:\n" + FactsText(rows);
}

}  // namespace

std::string PromotionStateText(v1::PromotionState state, bool color) {
  const std::string name =
      v1::PromotionState_IsValid(state)
          ? std::string(absl::StripPrefix(v1::PromotionState_Name(state), "PROMOTION_STATE_"))
          : absl::StrCat("state ", static_cast<int>(state));
  const std::string begin = color ? ColorOf(state) : "";
  return begin.empty() ? name : absl::StrCat(begin, name, "\x1b[0m");
}

const Columns<v1::Pipeline>& PipelineColumns() {
  using P = const v1::Pipeline&;
  using T = const TableStyle&;
  static const auto& columns = *new Columns<v1::Pipeline>{
      {{"PIPELINE"}, [](P p, T) -> Cell { return PipelineName(p.namespace_(), p.pipeline()); }},
      {{"APPLICATION", Shown::kWide},
       [](P p, T) -> Cell {
         return EscapeLine(absl::StrCat(p.app_ref().kind(), " ", p.app_ref().name()));
       }},
      {{"PROBLEM", Shown::kAlways, 30}, [](P p, T) -> Cell { return EscapeLine(p.error()); }},
      {{"FILE", Shown::kWide}, [](P p, T) -> Cell { return EscapeLine(p.file()); }},
      {{"ENVIRONMENTS"},
       [](P p, T) -> Cell {
         std::vector<std::string> texts;
         for (const auto& environment : p.environments()) {
           texts.push_back(EnvironmentText(environment));
         }
         return absl::StrJoin(texts, " > ");
       }},
  };
  return columns;
}

std::string PipelineDetails(const v1::Pipeline& pipeline, bool color) {
  const v1::AppRef& app = pipeline.app_ref();
  std::vector<Row> rows = {
      {"  NAME", "VERSION", "NEXT", "TARGETS", "STRATEGY", "APPROVAL", "SOAK", "WINDOWS", "HELD"}};
  for (const auto& environment : pipeline.environments()) {
    rows.push_back(EnvironmentRow(environment, color));
  }
  return absl::StrCat(
      FactsText({{"Pipeline:", PipelineName(pipeline.namespace_(), pipeline.pipeline())},
                 {"Application:", EscapeLine(absl::StrCat(app.kind(), " ", app.name(), " (",
                                                          app.api_version(), ")"))},
                 {"File:", EscapeLine(pipeline.file())},
                 {"Loaded:", TimeText(pipeline.has_load_time(), pipeline.load_time())},
                 {"Problem:", EscapeLine(pipeline.error())}}),
      "\nEnvironments:\n", FormatTable(rows));
}

bool IsDegraded(const v1::Promotion& promotion) {
  return promotion.state() == v1::PROMOTION_STATE_FAILED;
}

const Columns<v1::Promotion>& PromotionColumns() {
  using P = const v1::Promotion&;
  using T = const TableStyle&;
  static const auto& columns = *new Columns<v1::Promotion>{
      {{"ID", Shown::kWide}, [](P p, T) -> Cell { return EscapeLine(p.id()); }},
      {{"PIPELINE"}, [](P p, T) -> Cell { return PipelineName(p.namespace_(), p.pipeline()); }},
      {{"INTO"}, [](P p, T) -> Cell { return EscapeLine(p.environment()); }},
      {{"VERSION", Shown::kAlways, 12}, [](P p, T) -> Cell { return EscapeLine(p.version()); }},
      {{"STATE"}, [](P p, T t) -> Cell { return PromotionStateText(p.state(), t.color); }},
      {{"AGE"},
       [](P p, T t) -> Cell { return AgeCell(p.has_create_time(), p.create_time(), t.now); }},
      {{"CREATED", Shown::kWide},
       [](P p, T) -> Cell {
         return {TimeText(p.has_create_time(), p.create_time()),
                 static_cast<double>(p.create_time().seconds())};
       }},
      {{"FROM", Shown::kWide}, [](P p, T) -> Cell { return EscapeLine(p.source_environment()); }},
      {{"STRATEGY", Shown::kWide}, [](P p, T) -> Cell { return EscapeLine(p.strategy()); }},
      {{"ATTEMPTS", Shown::kWide}, [](P p, T) { return CountCell(p.attempt_count()); }},
      {{"EVENTS", Shown::kWide}, [](P p, T) { return CountCell(p.event_count()); }},
      {{"RESULT", Shown::kWide}, [](P p, T) -> Cell { return EscapeLine(p.result()); }},
      {{"MESSAGE"}, [](P p, T) -> Cell { return EscapeLine(p.message()); }},
  };
  return columns;
}

std::string PromotionDetails(const v1::Promotion& promotion, bool color) {
  const auto time = [](bool is_set, const google::protobuf::Timestamp& at) {
    return TimeText(is_set, at);
  };
  return absl::StrCat(
      FactsText({{"Promotion:", EscapeLine(promotion.id())},
                 {"Pipeline:", PipelineName(promotion.namespace_(), promotion.pipeline())},
                 {"From:", EscapeLine(promotion.source_environment())},
                 {"Into:", EscapeLine(promotion.environment())},
                 {"Version:", EscapeLine(promotion.version())},
                 {"Revision:", EscapeLine(promotion.revision())},
                 {"State:", PromotionStateText(promotion.state(), color)},
                 {"Message:", EscapeLine(promotion.message())},
                 {"Strategy:", EscapeLine(promotion.strategy())},
                 {"Result:", EscapeLine(promotion.result())},
                 {"Created:", time(promotion.has_create_time(), promotion.create_time())},
                 {"In this state since:", time(promotion.has_state_time(), promotion.state_time())},
                 {"Soaks until:", time(promotion.has_soak_end_time(), promotion.soak_end_time())},
                 {"Begun:", time(promotion.has_start_time(), promotion.start_time())},
                 {"Ended:", time(promotion.has_end_time(), promotion.end_time())},
                 {"Approved:", ApprovalText(promotion)},
                 {"Actor:", EscapeLine(promotion.actor())},
                 {"Attempts:", absl::StrCat(promotion.attempt_count())},
                 {"Next attempt:",
                  time(promotion.has_next_attempt_time(), promotion.next_attempt_time())},
                 {"Last error:", EscapeLine(promotion.last_error())}}),
      EventDetails(promotion));
}

std::string PromotionSentence(const v1::Promotion& promotion, bool color) {
  return absl::StrCat("promotion ", EscapeLine(promotion.id()), " of ",
                      PipelineName(promotion.namespace_(), promotion.pipeline()), " into ",
                      EscapeLine(promotion.environment()), " to ", EscapeLine(promotion.version()),
                      ": ", PromotionStateText(promotion.state(), color),
                      promotion.message().empty() ? "" : ": ", EscapeLine(promotion.message()),
                      "\n");
}

}  // namespace gitops::ctl
