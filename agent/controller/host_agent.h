#ifndef GITOPS_AGENT_CONTROLLER_HOST_AGENT_H_
#define GITOPS_AGENT_CONTROLLER_HOST_AGENT_H_

#include <functional>
#include <map>
#include <memory>
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

// Makes the drivers of a service from its configuration. Any thread.
class DriverFactory {
 public:
  virtual ~DriverFactory() = default;
  // What the service's upstream is polled through; the same for all services that share one.
  virtual std::shared_ptr<Upstream> UpstreamFor(const ServiceSpec& spec) = 0;
  // UNIMPLEMENTED: this version has no driver for such a service.
  virtual absl::StatusOr<ServiceDrivers> DriversFor(const ServiceSpec& spec) = 0;
};

struct HostAgentOptions {
  absl::Duration default_poll = absl::Seconds(60);
  int max_watchers = 16;
  // Not owned.
  Clock* clock = nullptr;
  Scheduler* scheduler = nullptr;  // of the services
  // Of the polls; apart, so that upstreams that do not answer hold up no service. Null: the same.
  Scheduler* poll_scheduler = nullptr;
  RecordStore* records = nullptr;
  DriverFactory* drivers = nullptr;
  // Told of every change of a service, and of its removal; without locks held. May be empty.
  std::function<void(const std::string& service, const ServiceView& view)> on_change;
  std::function<void(const std::string& service)> on_removed;
  std::function<void(const std::string& upstream)> on_polled;
  std::function<void(const std::string& upstream)> on_upstream_unused;
};

// All services of this host: the set follows the configuration, their state outlives changes of
// it. Any thread.
class HostAgent {
 public:
  explicit HostAgent(HostAgentOptions options);
  ~HostAgent();

  // Begins the services that are new, stops those that are gone (what they published stays, and so
  // does what is stored of them), restarts those whose configuration changed. UNIMPLEMENTED: see
  // DriverFactory; nothing changed. Others as RecordStore::Load, for one service; the rest run.
  absl::Status Configure(const std::vector<ServiceSpec>& specs);

  // NOT_FOUND lists the services there are.
  absl::StatusOr<std::shared_ptr<ServiceController>> Find(const std::string& service) const;
  // Ordered by name.
  std::vector<std::shared_ptr<ServiceController>> All() const;

  // Waits until the service of `former`, which is being begun anew, has another controller, and
  // answers that. NOT_FOUND: the service has left; DEADLINE_EXCEEDED: it has none `within` that
  // time.
  absl::StatusOr<std::shared_ptr<ServiceController>> AwaitSuccessor(const ServiceController& former,
                                                                    absl::Duration within) const;

  // Polls the service's upstream and waits until it has taken up what was there.
  absl::StatusOr<ServiceRecord> Pull(const std::string& service, const Patience& patience);

  // The newest commit of the service's branch, asked of the upstream now, whether the service
  // follows it or not. Errors as Upstream::Newest; NOT_FOUND also as Find.
  absl::StatusOr<std::string> Tip(const std::string& service) const;

  WatchHub& watch_hub() { return hub_; }

  // Stops all services and watchers.
  void Stop();

 private:
  // What belongs to one service here.
  struct Managed {
    std::shared_ptr<ServiceController> controller;
    std::shared_ptr<UpstreamPoller> poller;
  };

  absl::StatusOr<Managed> Begin(const ServiceSpec& spec, ServiceDrivers drivers);
  std::shared_ptr<UpstreamPoller> PollerFor(const ServiceSpec& spec);
  void Halt(const std::string& service, const Managed& managed);
  void Forget(const std::string& service);
  void Report(const std::string& service);

  const HostAgentOptions options_;
  WatchHub hub_;
  // Held by Configure and Stop, so that they do not mix.
  Mutex configure_mutex_;
  // Held while a change is reported, so that the last report is of the newest state.
  Mutex report_mutex_;
  mutable Mutex mutex_;
  mutable CondVar replaced_;  // a controller was, or was removed
  std::map<std::string, Managed> services_ ABSL_GUARDED_BY(mutex_);
  // By Upstream; an entry lives as long as a service uses it.
  std::map<Upstream*, std::weak_ptr<UpstreamPoller>> pollers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_HOST_AGENT_H_
