#ifndef GITOPS_SERVICES_PLANNER_RECORD_RECORD_KEYS_H_
#define GITOPS_SERVICES_PLANNER_RECORD_RECORD_KEYS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// The keys of deployment_store.h.
namespace gitops {

inline constexpr char kEntryPrefix[] = "planner/v1/deployment/";
inline constexpr char kHostPrefix[] = "planner/v1/host/";
inline constexpr char kStepPrefix[] = "planner/v1/step/";
inline constexpr char kCallPrefix[] = "planner/v1/call/";
inline constexpr char kPlanPrefix[] = "planner/v1/plan/";

// What the width of a number in a key allows, so that keys sort as their numbers do.
inline constexpr int kMostHosts = 1'000'000;
inline constexpr int kMostCalls = 10'000;

// Names of rows: what follows the prefixes above.
std::string HostName(absl::string_view id, int index);
std::string StepNames(absl::string_view id, int index);  // the beginning of all
std::string StepName(absl::string_view id, int index, int number);
std::string CallName(absl::string_view id, int number);

// The number that follows `prefix` in `key`, up to its end or the next '/'.
std::optional<int> NumberAfter(absl::string_view prefix, absl::string_view key);

// INVALID_ARGUMENT: it could not be a part of a key.
absl::Status CheckId(absl::string_view id);
absl::Status CheckIndex(absl::string_view id, int index);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_RECORD_KEYS_H_
