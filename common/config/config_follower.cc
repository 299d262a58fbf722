#include "common/config/config_follower.h"

#include <sys/stat.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/config/config_files.h"
#include "common/config/toml.h"

namespace gitops {
namespace {

constexpr absl::Duration kLook = absl::Seconds(2);

}  // namespace

ConfigFollower::ConfigFollower(std::string path, std::string known, Clock* clock,
                               Scheduler* scheduler, std::function<bool()> on_change,
                               Followed followed)
    : path_(std::move(path)),
      followed_(followed),
      clock_(clock),
      on_change_(std::move(on_change)),
      content_(std::move(known)) {
  job_ = scheduler->Add(clock->Now() + kLook, [this] { return Run(); });
}

void ConfigFollower::Reload() {
  asked_ = true;
  job_->Wake();
}

std::optional<ConfigFollower::Stamp> ConfigFollower::StampOf(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return std::nullopt;
  return Stamp{info.st_dev,          info.st_ino,         info.st_size,        info.st_mtim.tv_sec,
               info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
}

std::vector<std::optional<ConfigFollower::Stamp>> ConfigFollower::Look() const {
  std::vector<std::optional<Stamp>> stamps = {StampOf(path_)};
  for (const std::string& path : watched_) stamps.push_back(StampOf(path));
  return stamps;
}

std::optional<std::string> ConfigFollower::Read() {
  if (followed_ == Followed::kFile) {
    absl::StatusOr<std::string> text = ReadConfigText(path_);
    return text.ok() ? std::optional(*std::move(text)) : std::nullopt;
  }
  ConfigReading reading = ReadConfigFiles(path_);
  if (!reading.has_main) return std::nullopt;
  if (reading.watched != watched_) {
    watched_ = std::move(reading.watched);
    // What they were when they were read is not known.
    stamps_.clear();
  }
  if (reading.files.ok()) return reading.files->Packed();
  return absl::StrCat("error: ", reading.files.status().message());
}

absl::Time ConfigFollower::Run() {
  const bool asked = asked_.exchange(false);
  std::vector<std::optional<Stamp>> stamps = Look();
  const bool is_there = stamps.front().has_value();
  if (asked || (is_there && stamps != stamps_)) {
    stamps_ = std::move(stamps);
    std::optional<std::string> content = Read();
    const bool changed = is_there && content.has_value() && *content != content_;
    if (changed) content_ = *std::move(content);
    if ((changed || asked) && !on_change_()) asked_ = true;
  }
  return clock_->Now() + kLook;
}

}  // namespace gitops
