#ifndef GITOPS_COMMON_PLAN_HOOK_PAYLOAD_H_
#define GITOPS_COMMON_PLAN_HOOK_PAYLOAD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// One host with its remaining actions, the next one first.
struct HostActions {
  std::string host;
  std::vector<std::string> actions;

  bool operator==(const HostActions&) const = default;
};
using Payload = std::vector<HostActions>;

// The JSON that hooks receive and answer: `{"host": "…", "actions": […]}`, at select points a list
// of such objects.

// The JSON of `payload`, which has one element unless `point` is a select point. Invalid UTF-8 is
// replaced.
std::string EncodePayload(absl::string_view point, const Payload& payload);

// Reads an answer. Members other than host and actions are ignored. INVALID_ARGUMENT, naming the
// place: invalid JSON or UTF-8, nesting deeper than 32, a number that does not fit a double, a key
// twice in one object, or not the form of `point`.
absl::StatusOr<Payload> DecodePayload(absl::string_view point, absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_COMMON_PLAN_HOOK_PAYLOAD_H_
