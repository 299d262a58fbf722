#include "agent/program/work_pools.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "common/schedule/lane.h"

namespace gitops {
namespace {

// For fetches and for polls each: upstreams that do not answer use a thread.
constexpr int kMaxThreads = 32;
// Each unit that does not become healthy holds a thread, of about 30 KB, until
// its deadline, so as many as a host has may hang without holding up one that
// answers. Beyond it, they wait their turn. What systemd is asked without
// waiting for a unit has a share of its own, so that a burst of checks makes no
// burst of threads; so have packages, since one is installed at a time.
constexpr int kMaxUnits = 1024, kMaxChecks = 8, kMaxPackages = 1;
// For what is short, and for reading the config.
constexpr int kMaxShortThreads = 4;

}  // namespace

WorkPools::WorkPools(Clock *clock) : scheduler_(NewScheduler(clock, kMaxShortThreads)) {
  auto units = NewScheduler(clock, kMaxUnits);
  auto packages = NewLane(units.get(), kMaxPackages), checks = NewLane(units.get(), kMaxChecks);
  services_ = {
      NewScheduler(clock, kMaxThreads),
      NewScheduler(clock, static_cast<int>(std::max(2u, std::thread::hardware_concurrency()))),
      std::move(packages),
      std::move(checks),
      std::move(units),
      NewScheduler(clock, 1)};
  polls_ = NewScheduler(clock, kMaxThreads);
}

WorkPools::~WorkPools() {
  polls_.reset();
  for (auto &pool : services_) pool.reset();  // the lanes before what they run in
}

Pools WorkPools::services() const {
  Pools pools = {};
  for (size_t i = 0; i < kPools; ++i) pools[i] = services_[i].get();
  return pools;
}

}  // namespace gitops
