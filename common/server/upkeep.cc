#include "common/server/upkeep.h"

#include <utility>

#include "absl/strings/match.h"
#include "common/log/log.h"
#include "common/memory/memory.h"
#include "common/server/lifecycle.h"

namespace gitops {
namespace {

// After the start, and regularly, since a burst of work may leave unused memory.
constexpr absl::Duration kFirstReturn = absl::Seconds(10), kNextReturns = absl::Minutes(5);

}  // namespace

Upkeep::Upkeep(Options options) : options_(std::move(options)) {
  if (const std::string& file = options_.settings.Get("config"); !file.empty()) {
    follower_ = FollowConfig(
        file, std::move(options_.text), options_.clock, options_.scheduler,
        [this] {
          Apply();
          return true;
        },
        options_.followed);
  }
  memory_ = options_.scheduler->Add(options_.clock->Now() + kFirstReturn, [this] {
    ReturnUnusedMemory();
    return options_.clock->Now() + kNextReturns;
  });
}

void Upkeep::Reload() {
  if (follower_ != nullptr) return follower_->Reload();
  LogInfo("there is no config to reload");
}

void Upkeep::Apply() {
  const std::string file = options_.settings.Get("config");
  absl::StatusOr<Settings> settings = options_.reload();
  if (!settings.ok()) {
    LogError("the new config is invalid; the previous one stays in use",
             {{"config", file}, {"error", std::string(settings.status().message())}});
    return;
  }
  const absl::Status log = CheckServerSettings(*settings);
  if (!log.ok()) LogWarning(std::string(log.message()));
  LogInfo("config reloaded", {{"config", file}});
  for (const auto& [setting, value] : settings->values) {
    if (absl::StartsWith(setting, "log-")) continue;
    if (value.value == options_.settings.Get(setting)) continue;
    LogWarning("this setting takes effect at the next start", {{"setting", setting}});
  }
  options_.settings = *std::move(settings);
}

}  // namespace gitops
