#ifndef GITOPS_SERVICES_PLANNER_FLEET_REPORTED_H_
#define GITOPS_SERVICES_PLANNER_FLEET_REPORTED_H_

#include <google/protobuf/repeated_field.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gitops/v1/report.pb.h"
#include "gitops/v1/types.pb.h"

namespace gitops {

// What an agent says of itself comes from a host that is trusted less than the planner: here it is
// made fit to be kept and shown. Plain functions. (That text is UTF-8 is seen to when a message is
// parsed.)

// INVALID_ARGUMENT: no name, more than 64, or one that is no host name.
absl::Status CheckNames(const v1::Hello& hello);

// Without control characters other than the line's end and the tab, and cut to `most` bytes.
std::string CleanText(absl::string_view text, size_t most);

// Without what only GetService fills, with clean texts. None: its name is none.
std::optional<v1::Service> CleanService(const v1::Service& service);

// The clean ones of `services`, by the host they are on (in lower case).
using ServicesByHost = std::map<std::string, std::vector<v1::Service>>;
ServicesByHost CleanServices(const google::protobuf::RepeatedPtrField<v1::Service>& services);

// Where to dial an agent that said it serves at `reported` and whose stream comes from `peer`
// ("ipv4:10.0.0.7:41234", "ipv6:%5B::1%5D:41234", "unix:"). What is only reachable on the agent's
// own machine counts only where it speaks from there: else the planner would reach another agent,
// that of its own machine. Empty: cannot be dialled.
std::string DialAddress(absl::string_view reported, absl::string_view peer);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_REPORTED_H_
