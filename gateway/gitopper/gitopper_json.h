#ifndef GITOPS_GATEWAY_GITOPPER_GITOPPER_JSON_H_
#define GITOPS_GATEWAY_GITOPPER_GITOPPER_JSON_H_

#include <string>
#include <vector>

#include "gitops/v1/types.pb.h"

namespace gitops {

// The JSON of gitopper's REST, byte for byte as its first releases (2022) wrote it: no spaces, no
// line break at the end, Go's escapes, and times as "Fri, 18 Nov 2022 09:14:52 UTC". A service that
// never changed has Go's zero time, "Mon, 01 Jan 0001 00:00:00 UTC".

// {"machines":[{"machine":"…","actual":"…"}]}
std::string GitopperMachines(const std::vector<v1::Machine>& machines);
// {"services":[…]}
std::string GitopperServices(const std::vector<v1::Service>& services);
// {"service":"…","hash":"…","state":"OK","stateinfo":"","change":"…"}
std::string GitopperService(const v1::Service& service);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_GITOPPER_GITOPPER_JSON_H_
