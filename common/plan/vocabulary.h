#ifndef GITOPS_COMMON_PLAN_VOCABULARY_H_
#define GITOPS_COMMON_PLAN_VOCABULARY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// The words of plans and hooks. Case-sensitive.

// The maximum number of actions for one host, from users and hooks.
inline constexpr int kMaxActions = 1000;

// "skip", "push", "reboot"… in the order of the documentation.
const std::vector<std::string>& AllActions();
bool IsAction(absl::string_view word);
// INVALID_ARGUMENT: an unknown action (the message has the nearest one), or more than kMaxActions.
absl::Status CheckActions(const std::vector<std::string>& actions,
                          absl::string_view field = "actions");

// "pre-select", "post-select", "pre-deploy"… in the order in which a deployment reaches them.
const std::vector<std::string>& AllHookPoints();
bool IsHookPoint(absl::string_view word);
// Whether `point` takes a list of hosts; the others take exactly one.
bool IsSelectPoint(absl::string_view point);
// Whether hooks of the point receive the result of the step before it.
bool IsPostPoint(absl::string_view point);
// INVALID_ARGUMENT: unknown; the message has the nearest one.
absl::Status CheckHookPoint(absl::string_view word);

}  // namespace gitops

#endif  // GITOPS_COMMON_PLAN_VOCABULARY_H_
