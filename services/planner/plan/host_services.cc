#include "services/planner/plan/host_services.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

HostServices ServicesOfOne(const Fleet& fleet, const v1::Host& host, const std::string& service) {
  HostServices services;
  services.reported = host.state() != v1::HOST_STATE_NEVER_SEEN;
  std::vector<v1::Service> all = fleet.Services(host.host());
  services.known = services.reported || !all.empty();
  for (v1::Service& one : all) {
    if (!service.empty() && one.service() != service) continue;
    services.has_service = true;
    if (one.tracking() != v1::TRACKING_COORDINATED) continue;
    services.coordinated.push_back({.service = std::move(*one.mutable_service()),
                                    .upstream = std::move(*one.mutable_upstream()),
                                    .branch = std::move(*one.mutable_branch()),
                                    .hash = std::move(*one.mutable_hash()),
                                    .frozen = !one.frozen_by().empty()});
  }
  return services;
}

}  // namespace

std::vector<HostServices> ServicesOfHosts(const Fleet& fleet, const std::vector<ChosenHost>& hosts,
                                          const std::string& service) {
  std::vector<HostServices> services;
  services.reserve(hosts.size());
  for (const ChosenHost& host : hosts) {
    services.push_back(ServicesOfOne(fleet, host.host->host, service));
  }
  return services;
}

absl::Status CheckServiceThere(const std::vector<HostServices>& hosts, const std::string& service) {
  if (service.empty()) return absl::OkStatus();
  const bool there = std::any_of(hosts.begin(), hosts.end(),
                                 [](const HostServices& host) { return host.has_service; });
  const auto known = std::count_if(hosts.begin(), hosts.end(),
                                   [](const HostServices& host) { return host.known; });
  if (there || known == 0) return absl::OkStatus();
  return MakeError(Reason::kServiceUnknown,
                   absl::StrCat("none of the selected hosts has a service \"", service, "\" (",
                                known, " asked); gitopsctl list services shows which there are"),
                   {{"service", service}});
}

}  // namespace gitops
