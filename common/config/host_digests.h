#ifndef GITOPS_COMMON_CONFIG_HOST_DIGESTS_H_
#define GITOPS_COMMON_CONFIG_HOST_DIGESTS_H_

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/config/fleet.h"
#include "common/config/service_placement.h"

namespace gitops {

// Hashes by which two programs find out whether their configs give a host the same. The files may
// be in different places: paths beneath the config's directory count relative to it. Passwords in
// URLs do not count. One thread at a time.
class HostDigests {
 public:
  // `directory` is that of the config file; see ConfigDirectory().
  explicit HostDigests(std::string directory) : directory_(std::move(directory)) {}

  // Of services. Those that are the same on every host are hashed once: `placements` must point
  // into one config for the life of this.
  std::string OfServices(const std::vector<Placement>& placements, absl::string_view host);
  // Of what a host lets deployments run and write: commands of checks, and secrets without their
  // sources; and of its tags. The name and the address do not count.
  std::string OfHost(const HostSpec& host) const;

 private:
  std::string OfService(ServiceSpec spec) const;
  std::string Relative(const std::string& path) const;

  const std::string directory_;
  std::unordered_map<const ServiceEntry*, std::string> plain_;
};

// Those of the host `name`, by its name alone; `host` is empty if the config has no [[hosts]] entry
// for it.
struct HostDigest {
  std::string services, host;
};
HostDigest DigestOf(const FleetConfig& config, const std::string& name);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_HOST_DIGESTS_H_
