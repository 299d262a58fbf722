#ifndef GITOPS_COMMON_CONFIG_FLEET_RENDER_H_
#define GITOPS_COMMON_CONFIG_FLEET_RENDER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/fleet.h"

namespace gitops {

// What one host gets, as a fleet config without [global] and without keys for many hosts: it parses
// to the same. Keys that are empty or have the built-in default are left out, and so are passwords
// in URLs. NOT_FOUND: the config has neither the host nor a service for it. Other errors are those
// of ServicesOf.
absl::StatusOr<std::string> RenderHost(const FleetConfig& config, const std::string& host,
                                       const std::vector<std::string>& aliases = {});

// One service, or one host, in that form.
std::string RenderService(const ServiceSpec& spec);
std::string RenderHostEntry(const HostSpec& host);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_FLEET_RENDER_H_
