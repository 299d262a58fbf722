#include "common/config/config_follower.h"

#include <sys/stat.h>

#include <utility>

#include "absl/status/statusor.h"
#include "common/config/toml.h"

namespace gitops {
namespace {

constexpr absl::Duration kLook = absl::Seconds(2);

}  // namespace

ConfigFollower::ConfigFollower(std::string path, std::string known, Clock* clock,
                               Scheduler* scheduler, std::function<bool()> on_change)
    : path_(std::move(path)),
      clock_(clock),
      on_change_(std::move(on_change)),
      content_(std::move(known)) {
  job_ = scheduler->Add(clock->Now() + kLook, [this] { return Run(); });
}

void ConfigFollower::Reload() {
  asked_ = true;
  job_->Wake();
}

std::optional<ConfigFollower::Stamp> ConfigFollower::Look() const {
  struct stat info;
  if (stat(path_.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return Stamp{info.st_dev,          info.st_ino,         info.st_size,        info.st_mtim.tv_sec,
               info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
}

absl::Time ConfigFollower::Run() {
  const bool asked = asked_.exchange(false);
  const std::optional<Stamp> stamp = Look();
  if (asked || (stamp.has_value() && stamp != stat_)) {
    stat_ = stamp;
    absl::StatusOr<std::string> content = ReadConfigText(path_);
    const bool changed = stamp.has_value() && content.ok() && *content != content_;
    if (changed) content_ = *std::move(content);
    if ((changed || asked) && !on_change_()) asked_ = true;
  }
  return clock_->Now() + kLook;
}

}  // namespace gitops
