#ifndef GITOPS_SERVICES_PLANNER_RECORD_RECORD_KEYS_H_
#define GITOPS_SERVICES_PLANNER_RECORD_RECORD_KEYS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// The ids and keys of deployment_store.h.
namespace gitops {

inline constexpr char kEntryPrefix[] = "planner/v1/deployment/";
inline constexpr char kHostPrefix[] = "planner/v1/host/";
inline constexpr char kStepPrefix[] = "planner/v1/step/";
inline constexpr char kCallPrefix[] = "planner/v1/call/";
inline constexpr char kPlanPrefix[] = "planner/v1/plan/";

// The largest numbers that fit the width in a key, so that keys sort as their numbers do.
inline constexpr int kMostHosts = 1'000'000;
inline constexpr int kMostCalls = 10'000;

// Names of rows: what follows the prefixes above.
std::string HostName(absl::string_view id, int index);
std::string StepNames(absl::string_view id, int index);  // the beginning of all
std::string StepName(absl::string_view id, int index, int number);
std::string CallName(absl::string_view id, int number);

// The number after `prefix` in `key`, up to the end or the next '/'.
std::optional<int> NumberAfter(absl::string_view prefix, absl::string_view key);

// "20261122-221530-k7q2mx": the second in UTC, its millisecond (two base-32 digits), and a counter
// (four digits) with a random start. The ids of one process sort by time, and two planners hardly
// ever make the same id.
std::string MakeDeploymentId(absl::Time now);

// The prefix of ids made at that time. Compares with ids as the times do.
std::string DeploymentIdTime(absl::Time time);

// The longest time between making an id and storing its deployment. Until then, parts without an
// entry may belong to a deployment that is being created.
inline constexpr absl::Duration kLongestCreation = absl::Hours(1);

// INVALID_ARGUMENT: it cannot be part of a key.
absl::Status CheckId(absl::string_view id);
absl::Status CheckIndex(absl::string_view id, int index);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_RECORD_KEYS_H_
