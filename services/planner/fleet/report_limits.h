#ifndef GITOPS_SERVICES_PLANNER_FLEET_REPORT_LIMITS_H_
#define GITOPS_SERVICES_PLANNER_FLEET_REPORT_LIMITS_H_

#include <cstddef>

namespace gitops {

// What the planner takes and keeps of reports. Bytes count services as they are kept, about 250 for
// a usual one, and 1 KiB for each host. What is stored of a host has the same limits.
struct ReportLimits {
  // Streams at a time: twice the fleet of 10,000 hosts that this planner is made for.
  int agents = 20'000;
  // Of one agent, in one message and in all that is kept of it: 500 services of 4 KiB.
  size_t agent_bytes = 2 << 20;
  // Hosts that the configuration does not have, since anyone can make up names. It is enough for as
  // many as there may be agents, with 8 services each.
  size_t unknown_hosts = 20'000;
  size_t unknown_bytes = 64 << 20;
  // Of all hosts: 10,000 with 200 services each. The planner's unit allows it 2 GiB in all.
  size_t total_bytes = 512 << 20;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_REPORT_LIMITS_H_
