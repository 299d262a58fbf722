#ifndef GITOPS_AGENT_PROGRAM_DRIVERS_H_
#define GITOPS_AGENT_PROGRAM_DRIVERS_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/activate/package_manager.h"
#include "agent/activate/systemd.h"
#include "agent/controller/host_agent.h"
#include "agent/git/git.h"
#include "agent/program/deferred_drivers.h"
#include "agent/publish/mount_exchange.h"
#include "agent/record/record.h"
#include "common/clock/clock.h"
#include "common/config/settings.h"

namespace gitops {

struct DriverOptions {
  // Not owned; must outlive the drivers.
  GitDriver* git = nullptr;
  Systemd* systemd = nullptr;
  PackageManager* packages = nullptr;
  RecordStore* records = nullptr;
  Clock* clock = nullptr;
};

// FAILED_PRECONDITION: this process may not publish as the settings say.
absl::Status CheckPrivilege(const Settings& settings);

// The real drivers: git, bind mounts or symlinks (--root, --mount-exchange), systemd units. The
// bootstrap service (see bootstrap.h) is always published by symlink.
std::unique_ptr<DriverFactory> NewDriverFactory(const Settings& settings, DriverOptions options);

// The revisions, source and publisher of one service. Errors are those of RevisionStore::Open.
absl::StatusOr<SourceAndPublisher> OpenGitService(const ServiceSpec& spec, GitDriver& git,
                                                  bool mounts, const std::string& last_published,
                                                  ExchangeWay exchange = ExchangeWay::kAuto);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_DRIVERS_H_
