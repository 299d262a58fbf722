#ifndef GITOPS_COMMON_CONFIG_SERVICE_PLACEMENT_H_
#define GITOPS_COMMON_CONFIG_SERVICE_PLACEMENT_H_

#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/config/config_place.h"
#include "common/config/fleet.h"
#include "common/config/host_selector.h"

namespace gitops {

// The entries of [[services]] that make one service of a host: one for many hosts, or one for its
// machine, or both: then the latter overrides the keys that it has. Points into a FleetConfig.
struct Placement {
  const ServiceEntry* wide = nullptr;
  const ServiceEntry* exact = nullptr;

  const std::string& service() const { return (wide == nullptr ? exact : wide)->service; }
  // The entry as messages name it.
  const ServiceEntry& main() const { return exact == nullptr ? *wide : *exact; }
  // The entry whose value of `key` counts.
  const ServiceEntry& Giver(absl::string_view key) const;
  // Whether it is one entry, which is the same on every host.
  bool IsPlain() const { return (wide == nullptr || exact == nullptr) && !main().varies; }
};

// Two entries of one kind for the same service of a host.
struct PlacementConflict {
  const ServiceEntry* first = nullptr;
  const ServiceEntry* second = nullptr;

  // `host` is in the message.
  ConfigFault Fault(absl::string_view host) const;
};

// Finds the services of a host among all [[services]], without looking at all of them.
class ServiceIndex {
 public:
  // Points into `services`.
  explicit ServiceIndex(const std::vector<ServiceEntry>& services);

  // In the order of the file. `aliases` are more names that select entries for one host. Of entries
  // that conflict, the first counts.
  std::vector<Placement> On(absl::string_view host, absl::Span<const std::string> tags,
                            absl::Span<const std::string> aliases = {},
                            std::vector<PlacementConflict>* conflicts = nullptr) const;

 private:
  const std::vector<ServiceEntry>& services_;
  std::unordered_map<std::string, std::vector<int>> exact_;  // by machine, in lower case
  HostSelectorIndex wide_;
};

// `value`, of an entry, with the host's name for ${machine}.
std::string OnHost(std::string value, absl::string_view host);

// The service as `host` gets it; errors are appended to `faults`.
ServiceSpec Resolve(const Placement& placement, absl::string_view host,
                    std::vector<ConfigFault>& faults);

// Appends an error for each place to which two services of a host publish.
void CheckSharedLocals(const std::vector<ServiceSpec>& services, std::vector<ConfigFault>& faults);

// What is wrong with the services of the [[hosts]]: conflicts, and values that are wrong with the
// host's name in them. Each entry is named once.
std::vector<ConfigFault> CheckPlacements(const FleetConfig& config);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_SERVICE_PLACEMENT_H_
