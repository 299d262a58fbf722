#include "common/server/upkeep.h"

#include <utility>

#include "absl/strings/match.h"
#include "common/log/log.h"
#include "common/memory/memory.h"
#include "common/server/lifecycle.h"

namespace gitops {
namespace {

constexpr absl::Duration kFirstReturn = absl::Seconds(10), kNextReturns = absl::Minutes(5);

}  // namespace

std::unique_ptr<Scheduler::Job> ReturnMemoryRegularly(Clock* clock, Scheduler* scheduler) {
  return scheduler->Add(clock->Now() + kFirstReturn, [clock] {
    ReturnUnusedMemory();
    return clock->Now() + kNextReturns;
  });
}

void TellLateSettings(const Settings& former, const Settings& now,
                      const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (now.Get(name) == former.Get(name)) continue;
    LogWarning("this setting takes effect at the next start", {{"setting", name}});
  }
}

Upkeep::Upkeep(Options options) : options_(std::move(options)) {
  if (const std::string& file = options_.settings.Get("config"); !file.empty()) {
    follower_ = std::make_unique<ConfigFollower>(
        file, std::move(options_.text), options_.clock, options_.scheduler,
        [this] { return Apply(); }, options_.followed);
  }
  memory_ = ReturnMemoryRegularly(options_.clock, options_.scheduler);
}

void Upkeep::Reload() {
  if (follower_ != nullptr) return follower_->Reload();
  LogInfo("there is no config to reload");
}

bool Upkeep::Apply() {
  const std::string file = options_.settings.Get("config");
  absl::StatusOr<Settings> settings = options_.reload();
  if (!settings.ok()) {
    // A fault ends when the file changes, other errors by themselves.
    const bool passes = ExitStatus(settings.status()) == 1;
    const std::string error(settings.status().message());
    if (!passes || std::exchange(told_, error) != error) {
      LogError(passes ? "the new config cannot be read now, and is tried again; the previous one "
                        "stays in use"
                      : "the new config is invalid; the previous one stays in use",
               {{"config", file}, {"error", error}});
    }
    return !passes;
  }
  told_.clear();
  const absl::Status log = CheckServerSettings(*settings);
  if (!log.ok()) LogWarning(std::string(log.message()));
  LogInfo("config reloaded", {{"config", file}});
  std::vector<std::string> late;
  for (const auto& [setting, value] : settings->values) {
    if (!absl::StartsWith(setting, "log-")) late.push_back(setting);
  }
  TellLateSettings(options_.settings, *settings, late);
  options_.settings = *std::move(settings);
  return true;
}

}  // namespace gitops
