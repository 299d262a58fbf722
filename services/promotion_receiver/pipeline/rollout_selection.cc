#include "services/promotion_receiver/pipeline/rollout_selection.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace gitops {
namespace {

absl::Status Refuse(const Environment& environment, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("environment ", environment.name, ": a rollout cannot be done: ", why));
}

v1::Selection WithoutNames(v1::Selection selection) {
  selection.clear_on();
  return selection;
}

bool Counts(const v1::Selection& selection) {
  return selection.skip() != 0 || selection.every() > 1 || selection.limit() != 0;
}

// Adds the hosts of `more`. No names: all hosts.
void Merge(const v1::Selection& more, v1::Selection& selection) {
  if (selection.on().empty() || more.on().empty()) {
    selection.clear_on();
  } else {
    selection.mutable_on()->MergeFrom(more.on());
  }
}

}  // namespace

absl::StatusOr<v1::Selection> RolloutSelection(const Environment& environment) {
  if (environment.targets.empty()) return Refuse(environment, "it has no targets");
  v1::Selection selection;
  for (size_t i = 0; i < environment.targets.size(); ++i) {
    const Target& target = environment.targets[i];
    if (!target.hosts.has_value()) {
      return Refuse(environment, absl::StrCat("target ", i + 1, " has no hosts"));
    }
    if (i == 0) {
      selection = *target.hosts;
      continue;
    }
    if (WithoutNames(selection).SerializeAsString() !=
        WithoutNames(*target.hosts).SerializeAsString()) {
      return Refuse(environment,
                    absl::StrCat("targets 1 and ", i + 1,
                                 " differ in more than the names of their hosts; write "
                                 "one target"));
    }
    if (Counts(selection)) {
      return Refuse(environment, "skip, every and limit are for a single target");
    }
    Merge(*target.hosts, selection);
  }
  return selection;
}

bool IsFleetService(const AppRef& app) {
  return app.kind == "Service" && app.api_version.substr(0, app.api_version.find('/')) == "gitops";
}

}  // namespace gitops
