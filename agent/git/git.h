#ifndef GITOPS_AGENT_GIT_GIT_H_
#define GITOPS_AGENT_GIT_GIT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/revision/revision.h"
#include "agent/source/source.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/git/upstream.h"
#include "common/process/process.h"

namespace gitops {

struct GitOptions {
  // Mirrors lie in <state_dir>/mirrors. Accounts that git runs as must be able to pass through it
  // (0711 is enough).
  std::string state_dir;
  ProcessRunner* runner = nullptr;  // outlives the driver and what it made
  Clock* clock = Clock::System();
  // Told of every git process: its subcommand, whether it succeeded, how long it took. From any
  // thread; may be empty.
  std::function<void(absl::string_view operation, bool ok, absl::Duration duration)> on_operation;
  absl::Duration poll_timeout = absl::Seconds(30);  // of asking for the newest
  absl::Duration fetch_timeout = absl::Minutes(10);
  absl::Duration local_timeout = absl::Minutes(2);
};

// The git driver: revisions are full commit hashes, refs are branches. Any thread.
class GitDriver {
 public:
  static std::unique_ptr<GitDriver> New(GitOptions options);
  virtual ~GitDriver() = default;

  // The same object for the same arguments while anybody holds it. `user` as in ServiceSpec. Does
  // nothing yet: what is wrong with URL, user or disk is said by the first call of a method.
  virtual std::shared_ptr<Upstream> UpstreamFor(const UpstreamSpec& spec,
                                                const std::string& user) = 0;

  // A source for `service` that keeps its revisions in `store`, which the publisher reads too: both
  // are to be called by that service's thread. RevisionRoot says where the store belongs.
  virtual std::unique_ptr<Source> SourceFor(const ServiceSpec& service,
                                            std::shared_ptr<RevisionStore> store) = 0;

  // Removes mirrors on disk that no upstream or source uses now. To be called when everything in
  // the config has been asked for.
  virtual absl::Status RemoveUnusedMirrors() = 0;
};

// <mount>/<service>
std::string RevisionRoot(const ServiceSpec& service);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_GIT_H_
