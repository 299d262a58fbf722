#include "services/promotion_receiver/rpc/pipeline_view.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/clock/timestamp.h"

namespace gitops {
namespace {

std::string TimeText(absl::Duration since_midnight) {
  const int64_t minutes = absl::ToInt64Minutes(since_midnight);
  return absl::StrFormat("%02d:%02d", minutes / 60, minutes % 60);
}

// Days that follow each other are "Mon-Fri"; the week begins on Monday.
std::string DaysText(const std::vector<int>& days) {
  static constexpr const char* kNames[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  std::vector<int> sorted;
  for (const int day : days) sorted.push_back((day + 6) % 7);
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<std::string> ranges;
  for (size_t first = 0; first < sorted.size();) {
    size_t last = first;
    while (last + 1 < sorted.size() && sorted[last + 1] == sorted[last] + 1) ++last;
    if (last - first >= 2) {
      ranges.push_back(absl::StrCat(kNames[sorted[first]], "-", kNames[sorted[last]]));
    } else {
      for (size_t day = first; day <= last; ++day) ranges.emplace_back(kNames[sorted[day]]);
    }
    first = last + 1;
  }
  return absl::StrJoin(ranges, ",");
}

v1::PipelineEnvironment EnvironmentView(const Environment& environment, bool is_first) {
  v1::PipelineEnvironment view;
  view.set_name(environment.name);
  std::set<std::string> namespaces;
  for (const Target& target : environment.targets) {
    view.add_targets(TargetText(target));
    if (target.hosts.has_value() || !namespaces.insert(target.namespace_).second) continue;
    view.add_namespaces(target.namespace_);
  }
  if (is_first) return view;
  const PromotionRules& rules = environment.promotion;
  view.set_strategy(StrategyText(rules));
  view.set_manual(rules.manual);
  *view.mutable_soak() =
      google::protobuf::util::TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(rules.soak));
  for (const Window& window : rules.windows) view.add_windows(WindowText(window));
  return view;
}

}  // namespace

std::string TargetText(const Target& target) {
  if (target.hosts.has_value()) {
    std::string text = "hosts";
    if (target.hosts->on().empty() && target.hosts->tagged().empty()) return "all hosts";
    if (!target.hosts->on().empty()) {
      absl::StrAppend(&text, " ", absl::StrJoin(target.hosts->on(), ","));
    }
    if (!target.hosts->tagged().empty()) {
      absl::StrAppend(&text, " tagged ", absl::StrJoin(target.hosts->tagged(), ","));
    }
    return text;
  }
  std::string text = absl::StrCat("namespace ", target.namespace_);
  if (!target.cluster.has_value()) return text;
  absl::StrAppend(&text, " in cluster ");
  if (!target.cluster->namespace_.empty()) absl::StrAppend(&text, target.cluster->namespace_, "/");
  absl::StrAppend(&text, target.cluster->name);
  return text;
}

std::string WindowText(const Window& window) {
  std::string text = DaysText(window.days);
  if (!text.empty()) text += " ";
  return absl::StrCat(text, TimeText(window.from), "-", TimeText(window.to), " ", window.zone_name);
}

std::string StrategyText(const PromotionRules& rules) {
  if (!rules.strategy.has_value()) return "";
  if (std::holds_alternative<PullRequestStrategy>(*rules.strategy)) return "pull-request";
  if (std::holds_alternative<NotificationStrategy>(*rules.strategy)) return "notification";
  return "rollout";
}

v1::Pipeline ViewOf(const Pipelines::Entry& entry) {
  const Pipeline& pipeline = entry.pipeline;
  v1::Pipeline view;
  view.set_namespace_(pipeline.namespace_);
  view.set_pipeline(pipeline.name);
  view.set_file(pipeline.file);
  *view.mutable_load_time() = ToTimestamp(entry.load_time);
  view.set_error(entry.error);
  view.mutable_app_ref()->set_api_version(pipeline.app.api_version);
  view.mutable_app_ref()->set_kind(pipeline.app.kind);
  view.mutable_app_ref()->set_name(pipeline.app.name);
  for (const Environment& environment : pipeline.environments) {
    *view.add_environments() = EnvironmentView(environment, view.environments().empty());
  }
  return view;
}

}  // namespace gitops
