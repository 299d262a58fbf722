#ifndef GITOPS_BENCH_SWARM_H_
#define GITOPS_BENCH_SWARM_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace gitops {

struct SwarmOptions {
  int hosts = 1;
  // Of each host; the first is coordinated, as the fleet file says.
  int services = 1;
  // Holds the hosts' sockets, certificates and the fleet file; short, since paths of sockets are.
  std::string directory;
  // Serve and report over TLS, each host at a loopback address of its own, with what
  // MakeSwarmCertificates() wrote. False: plain text over unix sockets.
  bool tls = false;
  // Whether the hosts serve what a deployment asks of agents.
  bool serve = true;
  // Where they report; empty: they do not.
  std::string planner;
  // Told how many the planner has answered, whenever that has become none or all.
  std::function<void(int connected)> on_connected;
};

// Many agents in one process, as a planner sees them: one unix socket for each, and one reporter
// for each, which is the agent's own. What they are asked to do they have done already.
class Swarm {
 public:
  virtual ~Swarm() = default;

  // Serves when it returns; reports from then on.
  static absl::StatusOr<std::unique_ptr<Swarm>> Start(SwarmOptions options);

  virtual int connected() const = 0;
  // So many PerformAction calls were answered.
  virtual int performed() const = 0;
};

// Makes an authority, and certificates of the hosts and of a planner: DIRECTORY/tls/HOST and
// DIRECTORY/tls/planner are as --tls-dir takes them.
absl::Status MakeSwarmCertificates(const SwarmOptions& options);

// The fleet file that names these hosts and their coordinated service.
std::string SwarmFleetFile(const SwarmOptions& options);

}  // namespace gitops

#endif  // GITOPS_BENCH_SWARM_H_
