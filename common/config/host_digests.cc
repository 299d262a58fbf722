#include "common/config/host_digests.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/config/fleet_render.h"
#include "common/config/toml.h"
#include "common/text/sha256.h"

namespace gitops {

std::string HostDigests::OfServices(const std::vector<Placement>& placements,
                                    absl::string_view host) {
  std::vector<std::string> digests;
  digests.reserve(placements.size());
  for (const Placement& placement : placements) {
    std::vector<ConfigFault> faults;  // told when the config is read
    if (!placement.IsPlain()) {
      digests.push_back(OfService(Resolve(placement, host, faults)));
      continue;
    }
    std::string& digest = plain_[&placement.main()];
    if (digest.empty()) digest = OfService(Resolve(placement, host, faults));
    digests.push_back(digest);
  }
  std::sort(digests.begin(), digests.end());
  return Sha256Hex(absl::StrJoin(digests, "\n"));
}

std::string HostDigests::OfHost(const HostSpec& host) const {
  HostSpec own;
  own.tags = host.tags;
  own.health_checks.cmd = host.health_checks.cmd;
  own.pre_deploy_checks.cmd = host.pre_deploy_checks.cmd;
  own.secrets = host.secrets;
  std::sort(own.tags.begin(), own.tags.end());
  for (auto& [name, secret] : own.secrets) secret.source.clear();
  return Sha256Hex(RenderHostEntry(own));
}

std::string HostDigests::OfService(ServiceSpec spec) const {
  spec.machine.clear();
  UpstreamSpec& upstream = spec.upstream;
  for (std::string* path :
       {&upstream.ssh_key, &upstream.known_hosts, &upstream.netrc_file, &upstream.ca_file}) {
    *path = Relative(*path);
  }
  if (spec.nix.has_value()) spec.nix->netrc_file = Relative(spec.nix->netrc_file);
  return Sha256Hex(RenderService(spec));
}

std::string HostDigests::Relative(const std::string& path) const {
  return std::string(absl::StripPrefix(path, absl::StrCat(directory_, "/")));
}

HostDigest DigestOf(const FleetConfig& config, const std::string& name) {
  const auto found =
      std::find_if(config.hosts.begin(), config.hosts.end(),
                   [&](const HostSpec& host) { return absl::EqualsIgnoreCase(host.name, name); });
  const bool listed = found != config.hosts.end();
  HostDigests digests(ConfigDirectory(config.file));
  const std::string host = listed ? found->name : name;
  const std::vector<Placement> placements =
      ServiceIndex(config.services).On(host, listed ? found->tags : std::vector<std::string>());
  return {digests.OfServices(placements, host), listed ? digests.OfHost(*found) : ""};
}

}  // namespace gitops
