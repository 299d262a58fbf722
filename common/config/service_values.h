#ifndef GITOPS_COMMON_CONFIG_SERVICE_VALUES_H_
#define GITOPS_COMMON_CONFIG_SERVICE_VALUES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/config/fleet.h"

namespace gitops {

// The values of [[services]] that may contain variables: mount, local, link, branch, upstream,
// user.

// An error of a value.
struct ValueFault {
  std::string key;    // "dirs[1]: local"
  ConfigPlace place;  // of the dirs entry; none: the key's
  std::string message;
};

// Sets ${service} in all values, and checks and normalizes those without ${machine}. Faulty entries
// of dirs are removed.
std::vector<ValueFault> SetService(ServiceEntry& entry);

// Sets ${machine}, then checks and normalizes the values that had it, and dirs as a whole. `shown`
// is the host in messages; empty: none.
std::vector<ValueFault> SetMachine(absl::string_view machine, absl::string_view shown,
                                   ServiceEntry& entry);

// Conflicts between two entries of dirs, or between an entry and the directory of the revisions.
std::vector<ValueFault> CheckDirectories(const ServiceSpec& spec);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_SERVICE_VALUES_H_
