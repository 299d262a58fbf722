#ifndef GITOPS_AGENT_CONTROLLER_HOST_AGENT_H_
#define GITOPS_AGENT_CONTROLLER_HOST_AGENT_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/controller/service_controller.h"
#include "agent/controller/upstream_poller.h"
#include "agent/controller/watch_hub.h"
#include "agent/record/record.h"
#include "agent/source/source.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"

namespace gitops {

// Creates the drivers of a service from its configuration. Thread-safe.
class DriverFactory {
 public:
  virtual ~DriverFactory() = default;
  // The service's upstream, for polls; the same object for all services that share it.
  virtual std::shared_ptr<Upstream> UpstreamFor(const ServiceSpec& spec) = 0;
  // UNIMPLEMENTED: this version has no driver for such a service.
  virtual absl::StatusOr<ServiceDrivers> DriversFor(const ServiceSpec& spec) = 0;
};

// A new tip of a branch. Of the services that show this branch, nothing but the tip has changed
// (the target, and the hash with it unless the service is coordinated) for those in `moved`; that
// is not so, or not known, for those in `others`.
struct TipMove {
  BranchName branch;
  std::string hash;
  CommitInfo commit;  // of hash, if that is known
  std::vector<std::string> moved;
  std::vector<std::string> others;
};

struct HostAgentOptions {
  absl::Duration default_poll = absl::Seconds(60);
  int max_watchers = 16;
  // Not owned.
  Clock* clock = nullptr;
  Scheduler* scheduler = nullptr;
  Pools pools = {};  // for the work of services; null: `scheduler`
  // For polls; separate, so that an upstream that does not answer delays no service. Null: the
  // same.
  Scheduler* poll_scheduler = nullptr;
  RecordStore* records = nullptr;
  DriverFactory* drivers = nullptr;
  TextDiffer diff_texts = {};  // see ServiceOptions
  // Called at every change of a service, and at its removal, without locks held. May be empty.
  // `noted`: the change is in the TipMoves that follow.
  std::function<void(const std::string& service, const ServiceView& view, bool noted)> on_change;
  std::function<void(const std::string& service)> on_removed;
  // Called around the time in which services are told of new tips; of several upstreams at the same
  // time. `moves` are of that time, so what on_change told since on_tips_begin may be newer.
  std::function<void()> on_tips_begin;
  std::function<void(std::vector<TipMove> moves)> on_tips_end;
  std::function<void(const std::string& upstream)> on_polled;
  std::function<void(const std::string& upstream)> on_upstream_unused;
};

// All services of this host. The set follows the configuration; their state survives changes of it.
// Thread-safe.
class HostAgent {
 public:
  explicit HostAgent(HostAgentOptions options);
  ~HostAgent();

  // Starts new services, stops removed ones (their published files and stored records stay), and
  // restarts those whose configuration changed. UNIMPLEMENTED: see DriverFactory; nothing was
  // changed. Other errors are those of RecordStore::Load, and name each service that could not be
  // started; the other services run, and the same call again tries the failed ones again.
  // UNAVAILABLE: the agent is stopping.
  absl::Status Configure(const std::vector<ServiceSpec>& specs);

  // The message of NOT_FOUND lists the existing services.
  absl::StatusOr<std::shared_ptr<ServiceController>> Find(const std::string& service) const;
  // Ordered by name.
  std::vector<std::shared_ptr<ServiceController>> All() const;

  // Waits until the service of `former`, which is being restarted, has a new controller, and
  // returns it. NOT_FOUND: the service was removed; DEADLINE_EXCEEDED: it has none `within` that
  // time.
  absl::StatusOr<std::shared_ptr<ServiceController>> AwaitSuccessor(const ServiceController& former,
                                                                    absl::Duration within) const;

  // Polls the service's upstream and waits until the service has made its attempt with the result.
  absl::StatusOr<ServiceRecord> Pull(const std::string& service, const Patience& patience);

  // Fetches the newest commit of the service's branch from the upstream now, whether the service
  // follows it or not. Errors are those of Upstream::Newest and Find.
  absl::StatusOr<std::string> Tip(const std::string& service) const;

  // The services that show the upstream and branch of `service` and of whose files `revision`
  // changes some, compared with what they publish now; ordered. May need the network. Errors are
  // those of Upstream::Touched and Find.
  absl::StatusOr<std::vector<std::string>> TouchedBy(const std::string& service,
                                                     const std::string& revision,
                                                     std::stop_token stop) const;

  // What people see of a revision of the upstream of `service`, whether the service was ever at it
  // or not. May need the network. Errors are those of Upstream::Describe and Find.
  absl::StatusOr<CommitInfo> Describe(const std::string& service, const std::string& revision,
                                      std::stop_token stop) const;

  WatchHub& watch_hub() { return hub_; }

  // Stops all services and watchers. Configure is refused from then on. RequestStop begins with it
  // and does not wait: no service begins anything new.
  void RequestStop();
  void Stop();

 private:
  // The objects of one service.
  struct Managed {
    std::shared_ptr<ServiceController> controller;
    std::shared_ptr<UpstreamPoller> poller;
  };

  Scheduler* PoolFor(Pool pool) const;
  absl::StatusOr<Managed> Begin(const ServiceSpec& spec, ServiceDrivers drivers);
  std::shared_ptr<UpstreamPoller> PollerFor(const ServiceSpec& spec);
  void Halt(const std::string& service, const Managed& managed);
  void Forget(const std::string& service);
  void Remove(const std::string& service);
  void Report(const std::string& service, bool noted);
  std::vector<TipMove> ToTipMoves(const std::vector<UpstreamPoller::TipRounds::Moved>& moved) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  const HostAgentOptions options_;
  RecordSaver saver_;
  WatchHub hub_;
  // Held by Configure and Stop, so that they do not overlap.
  Mutex configure_mutex_;
  mutable Mutex mutex_;
  mutable CondVar replaced_;  // a controller was replaced or removed
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Managed> services_ ABSL_GUARDED_BY(mutex_);
  // That were stopped or have begun, until on_change or on_removed has told what they are now.
  std::set<std::string> unsettled_ ABSL_GUARDED_BY(mutex_);
  // By Upstream; an entry lives as long as a service uses it.
  std::map<Upstream*, std::weak_ptr<UpstreamPoller>> pollers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_HOST_AGENT_H_
