#ifndef GITOPS_AGENT_NIX_PROFILE_DRIVERS_H_
#define GITOPS_AGENT_NIX_PROFILE_DRIVERS_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "agent/activate/activator.h"
#include "agent/nix/hydra_upstream.h"
#include "agent/nix/nix.h"
#include "agent/publish/publisher.h"
#include "agent/source/source.h"
#include "common/process/process.h"

namespace gitops {

// A service that is a Nix profile. A revision is a path of the store, named as by RevisionOf:
// prepared, it is in the store with a root of the service; published, it is what the profile shows;
// activated, its bin/activate has run.
struct ProfileOptions {
  std::string service;
  std::string profile;  // see Nix::ProfilePath
  absl::Duration activate_timeout = absl::Minutes(10);
  // The service's own, in the agent's state directory: roots/REVISION, and the output of
  // activations.
  std::string state_directory;
  // Not owned; must outlive the drivers.
  const Nix* nix = nullptr;
  ProcessRunner* runner = nullptr;
  std::shared_ptr<HydraUpstream> upstream;
  std::string ref;  // of FollowedJob, on `upstream`
};

struct ProfileDrivers {
  std::unique_ptr<Source> source;
  // Says that nothing is published until it has published something itself: so what the profile
  // holds is activated whenever the agent starts, as hail does.
  std::unique_ptr<Publisher> publisher;
  std::unique_ptr<Activator> activator;
};

ProfileDrivers NewProfileDrivers(ProfileOptions options);

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_PROFILE_DRIVERS_H_
