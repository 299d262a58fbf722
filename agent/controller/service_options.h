#ifndef GITOPS_AGENT_CONTROLLER_SERVICE_OPTIONS_H_
#define GITOPS_AGENT_CONTROLLER_SERVICE_OPTIONS_H_

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "agent/activate/activator.h"
#include "agent/controller/service_diff.h"
#include "agent/publish/publisher.h"
#include "agent/record/record.h"
#include "agent/record/record_saver.h"
#include "agent/source/source.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/schedule/scheduler.h"

namespace gitops {

// The drivers of one service: git with bind mounts or symlinks and a unit; Nix later.
struct ServiceDrivers {
  std::unique_ptr<Source> source;
  std::unique_ptr<Publisher> publisher;
  std::unique_ptr<Activator> activator;
};

// Where the work of services runs. Work that waits for its turn has no thread.
enum class Pool {
  kGit,       // waits for the upstream
  kDisk,      // reads, compares and publishes what is on this host
  kPackages,  // waits for package managers
  kChecks,    // asks systemd
  kUnits,     // waits for units
  kUpkeep,    // removes what is old
};
inline constexpr size_t kPools = 6;
using Pools = std::array<Scheduler*, kPools>;

struct ServiceOptions {
  ServiceSpec spec;
  absl::Duration poll;   // the poll interval of this service
  std::string upstream;  // Upstream::name()
  // Not owned; must outlive the controller.
  RecordStore* records = nullptr;
  RecordSaver* saver = nullptr;
  Clock* clock = nullptr;
  Scheduler* scheduler = nullptr;  // only tells the time
  Pools pools = {};
  // Called after every change that View() shows, without locks held, on any thread, never twice at
  // a time: what View() gives then is the newest. `noted`: a TipNote was taken for it.
  std::function<void(bool noted)> on_change;
  TextDiffer diff_texts;  // thread-safe; null: no diffs
  // Requests a poll of the upstream now. Thread-safe.
  std::function<void()> poll_now;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_SERVICE_OPTIONS_H_
