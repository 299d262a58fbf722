#ifndef GITOPS_AGENT_GIT_GIT_H_
#define GITOPS_AGENT_GIT_GIT_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/revision/revision.h"
#include "agent/source/source.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/git/upstream.h"
#include "common/process/process.h"
#include "common/sync/mutex.h"

namespace gitops {

class GitMirror;

struct GitOptions {
  // Mirrors are in <state_dir>/mirrors. The accounts that run git need search permission on it
  // (0711 is enough).
  std::string state_dir;
  ProcessRunner* runner = nullptr;  // must outlive the driver and the objects that it created
  Clock* clock = Clock::System();
  // Called after every git process, with its subcommand, result and duration. Called on any thread;
  // may be empty.
  std::function<void(absl::string_view operation, bool ok, absl::Duration duration)> on_operation;
  absl::Duration poll_timeout = absl::Seconds(30);  // of a poll
  absl::Duration fetch_timeout = absl::Minutes(10);
  absl::Duration local_timeout = absl::Minutes(2);
  absl::Duration idle_timeout = absl::Seconds(30);  // until a git that answers requests ends
};

// The git driver: revisions are full commit hashes, refs are branches. Thread-safe.
class GitDriver {
 public:
  explicit GitDriver(GitOptions options);

  // The same object for the same arguments while it is in use. `user` as in ServiceSpec. Does
  // nothing yet: the first call of a method reports problems of URL, user or disk.
  std::shared_ptr<Upstream> UpstreamFor(const UpstreamSpec& spec, const std::string& user);

  // A source for `service` that keeps its revisions in `store`, which the publisher reads too: both
  // must be called on the service's thread. RevisionRoot is the directory for the store.
  // `left_out`: paths of the repository that the revisions do not have, because the publisher puts
  // something else there (SymlinkedPlaces).
  std::unique_ptr<Source> SourceFor(const ServiceSpec& service,
                                    std::shared_ptr<RevisionStore> store,
                                    std::vector<std::string> left_out = {});

  // Removes mirrors on disk that no upstream or source uses. Call it after the upstreams of the
  // whole config were created.
  absl::Status RemoveUnusedMirrors();

 private:
  std::shared_ptr<GitMirror> MirrorFor(const UpstreamSpec& spec, const std::string& user);

  const GitOptions options_;
  const std::string mirrors_dir_;
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<GitMirror>> mirrors_ ABSL_GUARDED_BY(mutex_);
};

// <mount>/<service>
std::string RevisionRoot(const ServiceSpec& service);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_GIT_H_
