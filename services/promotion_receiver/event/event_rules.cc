#include "services/promotion_receiver/event/event_rules.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/duration.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr absl::Duration kMostFuture = absl::Minutes(5);
// The reason of every event of a HelmRelease in 2022, when it was the severity.
constexpr char kInfo[] = "info";

const std::vector<std::string>& DefaultReasons() {
  static const auto& reasons = *new std::vector<std::string>{
      "ReconciliationSucceeded", "InstallSucceeded", "UpgradeSucceeded", "TestSucceeded", kInfo};
  return reasons;
}

std::string Shown(absl::string_view text) {
  constexpr size_t kShown = 100;
  return absl::Utf8SafeCHexEscape(text.substr(0, kShown));
}

// Only the message of such an event tells what happened: "Helm upgrade succeeded".
bool SaysSuccess(absl::string_view message) {
  const std::string text = absl::AsciiStrToLower(message);
  return absl::StrContains(text, "succeeded") && !absl::StrContains(text, "rollback") &&
         !absl::StrContains(text, "uninstall") && !absl::StrContains(text, "not succeeded");
}

bool IsTargetNamespace(const std::string& name, const Pipeline& pipeline,
                       const Environment& environment) {
  return std::any_of(environment.targets.begin(), environment.targets.end(),
                     [&](const Target& target) {
                       if (!target.hosts.has_value()) return target.namespace_ == name;
                       // Hosts are in no namespace, so it can only be the pipeline's own.
                       return name.empty() || name == pipeline.namespace_;
                     });
}

}  // namespace

std::string WhyIgnored(const FluxEvent& event, const std::vector<std::string>& reasons) {
  if (!event.severity.empty() && event.severity != "info") {
    return absl::StrCat("its severity is ", Shown(event.severity));
  }
  const std::vector<std::string>& list = reasons.empty() ? DefaultReasons() : reasons;
  if (std::find(list.begin(), list.end(), event.reason) == list.end()) {
    return absl::StrCat("the reason \"", Shown(event.reason), "\" does not report a success");
  }
  if (event.reason == kInfo && !SaysSuccess(event.message)) {
    return absl::StrCat("the message \"", Shown(event.message), "\" does not report a success");
  }
  return "";
}

absl::Status CheckObject(const FluxEvent& event, const Pipeline& pipeline,
                         const Environment& environment) {
  const AppRef& app = pipeline.app;
  const bool same_group =
      app.api_version.empty() || GroupOf(event.api_version) == GroupOf(app.api_version);
  if (same_group && event.kind == app.kind && event.name == app.name &&
      IsTargetNamespace(event.namespace_, pipeline, environment)) {
    return absl::OkStatus();
  }
  return MakeError(
      Reason::kObjectMismatch,
      absl::StrCat("involved object does not match Pipeline definition: the event is of ",
                   Shown(event.kind), " ", Shown(event.namespace_), "/", Shown(event.name), " (",
                   Shown(event.api_version), "); the pipeline ", pipeline.Id(), " is of ", app.kind,
                   " ", app.name, " (", app.api_version, ") in the targets of its environment ",
                   environment.name),
      {{"pipeline", pipeline.Id()}, {"environment", environment.name}});
}

absl::Status CheckAge(const FluxEvent& event, absl::Time now, absl::Duration max_age) {
  const absl::Duration age = now - event.timestamp;
  if (age > max_age) {
    return MakeError(Reason::kEventStale,
                     absl::StrCat("the event is older than ", FormatDurationText(max_age),
                                  "; is it a replay, or is a clock wrong?"));
  }
  if (age < -kMostFuture) {
    return MakeError(Reason::kEventStale,
                     absl::StrCat("the event is more than ", FormatDurationText(kMostFuture),
                                  " in the future; is a clock wrong?"));
  }
  return absl::OkStatus();
}

}  // namespace gitops
