#include "agent/program/config_in_force.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/timestamp.h"
#include "common/config/config_files.h"
#include "common/config/fleet_check.h"
#include "common/log/log.h"
#include "common/path/read_file.h"
#include "common/program_config/setting_rules.h"
#include "common/server/lifecycle.h"
#include "common/server/replace_file.h"
#include "common/server/upkeep.h"
#include "common/store/sqlite_lock.h"
#include "common/text/sha256.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;

// Of a fault in reports, which names every error of the file.
constexpr size_t kMaxFaultBytes = 4096;

// A path, and where it leads by links.
struct Place {
  explicit Place(const std::string& path) : given(path) {
    std::error_code error;
    const fs::path target = fs::weakly_canonical(path, error);
    resolved = error ? given : target.string();
  }
  bool IsIn(const Place& outer) const {
    return IsAtOrBeneath(given, outer.given) || IsAtOrBeneath(resolved, outer.resolved);
  }

  std::string given, resolved;
};

}  // namespace

ConfigInForce::ConfigInForce(Source source, std::function<void(const std::string& fault)> on_fault)
    : source_(std::move(source)), on_fault_(std::move(on_fault)) {}

absl::StatusOr<AgentConfig> ConfigInForce::Read() const {
  return Check(ReadConfigFiles(source_.file).files);
}

absl::StatusOr<AgentConfig> ConfigInForce::Check(const absl::StatusOr<ConfigFiles>& files) const {
  if (!files.ok()) return files.status();
  return CheckText(files->Packed());
}

absl::StatusOr<AgentConfig> ConfigInForce::CheckText(const std::string& text) const {
  absl::StatusOr<AgentConfig> config =
      ParseAgentConfig(source_.flags, text, source_.file, source_.host_name);
  if (!config.ok()) return config;
  if (source_.bootstrap.has_value()) {
    for (const ServiceSpec& service : config->services) {
      if (service.service != source_.bootstrap->service) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(service.place.ToString(), ": service \"", service.service,
                       "\": the bootstrap service has this name; use another name"));
    }
    config->services.push_back(*source_.bootstrap);
    config->services.back().machine = config->host.name;
  }
  if (absl::Status report = CheckAgentRules(config->settings); !report.ok()) return report;
  // Last, since it configures the log.
  if (absl::Status server = CheckServerSettings(config->settings); !server.ok()) return server;
  return config;
}

absl::Status ConfigInForce::Begin() {
  if (Accept()) return absl::OkStatus();
  const absl::StatusOr<std::string> kept = Kept();
  if (!kept.ok()) return read_;
  absl::StatusOr<AgentConfig> last = CheckText(*kept);
  // Other flags than then may make it a config that the agent does not follow.
  if (!last.ok() || !IsFollowedBy(*last)) return read_;
  Put(*std::move(last));
  return absl::OkStatus();
}

bool ConfigInForce::Renew() {
  if (!Accept()) return false;
  Keep();
  return true;
}

bool ConfigInForce::Accept() {
  ConfigReading reading = ReadConfigFiles(source_.file);
  watched_ = std::move(reading.watched);
  absl::StatusOr<AgentConfig> config = Check(reading.files);
  read_ = config.status();
  if (!config.ok()) return false;
  const std::shared_ptr<const AgentConfig> former = Get();
  if (former == nullptr || former->text != config->text) {
    for (const std::string& warning : config->warnings) LogWarning(warning);
  }
  Put(*std::move(config));
  return true;
}

void ConfigInForce::Put(AgentConfig config) {
  auto put = std::make_shared<const AgentConfig>(std::move(config));
  MutexLock lock(mutex_);
  if (config_ == nullptr || config_->text != put->text) {
    hash_ = Sha256Hex(put->text);
    accept_time_ = source_.clock->Now();
  }
  config_ = std::move(put);
}

bool ConfigInForce::SetOutcome(const absl::Status& configured) {
  std::vector<std::string> faults;
  if (!read_.ok()) {
    faults.push_back(
        absl::StrCat("the config has a fault; the one that was accepted last stays in "
                     "use: ",
                     read_.message()));
  }
  if (!configured.ok()) {
    faults.push_back(absl::StrCat("a part of the config is not in force, and is tried again: ",
                                  configured.message()));
  }
  const std::string fault = absl::StrJoin(faults, "\n");
  {
    MutexLock lock(mutex_);
    if (fault != fault_ && !fault.empty()) LogError(fault, {{"config", source_.file}});
    fault_ = fault;
  }
  on_fault_(fault);
  // A fault ends when the file changes, other errors by themselves.
  return configured.ok() && ExitStatus(read_) != 1;
}

bool ConfigInForce::Reload(
    const std::function<absl::Status(const std::vector<ServiceSpec>&)>& configure) {
  const std::shared_ptr<const AgentConfig> former = Get();
  // First, so that what may run as root follows the new config from now on.
  const bool good = Renew();
  const std::shared_ptr<const AgentConfig> config = Get();
  const bool done = SetOutcome(configure(config->services));
  const bool changed = config->text != former->text;
  if (good && (done || changed)) {
    LogInfo("config reloaded",
            {{"config", file()}, {"services", absl::StrCat(config->services.size())}});
  }
  if (changed) {
    TellLateSettings(
        former->settings, config->settings,
        {"listen", "metrics-listen", "state-dir", "root", "poll", "mount-exchange", "boot-id-file",
         "planner", "advertise", "audit-to", "audit-keep", "audit-size"});
  }
  return done;
}

std::shared_ptr<const AgentConfig> ConfigInForce::Get() const {
  MutexLock lock(mutex_);
  return config_;
}

std::string ConfigInForce::fault() const {
  MutexLock lock(mutex_);
  return fault_;
}

v1::ConfigStatus ConfigInForce::Status() const {
  MutexLock lock(mutex_);
  v1::ConfigStatus status;
  status.set_hash(hash_);
  *status.mutable_accept_time() = ToTimestamp(accept_time_);
  status.set_fault(ValidUtf8(fault_, kMaxFaultBytes));
  status.set_services_hash(config_->digest.services);
  status.set_host_hash(config_->digest.host);
  return status;
}

bool ConfigInForce::IsFollowedBy(const AgentConfig& config) const {
  if (source_.bootstrap.has_value()) return true;
  std::vector<Place> places = {Place(source_.file)};
  for (const std::string& path : watched_) places.emplace_back(path);
  // Of a kept config, which the last reading may not have reached.
  for (const auto& file : ConfigFiles::Unpack(source_.file, config.text).included) {
    places.emplace_back(file.path);
  }
  for (const ServiceSpec& service : config.services) {
    for (const DirectorySpec& directory : service.directories) {
      if (directory.local.empty()) continue;
      const Place published(directory.local);
      for (const Place& place : places) {
        if (place.IsIn(published)) return true;
      }
    }
  }
  return false;
}

void ConfigInForce::Keep() const {
  if (!read_.ok()) return;  // what is in force is what is kept
  const absl::Status kept = WriteKeptFile(*Get());
  if (kept.ok()) return;
  LogWarning("a start with a fault in the config would fail", {{"error", kept.ToString()}});
}

absl::Status ConfigInForce::WriteKeptFile(const AgentConfig& config) const {
  const bool followed = IsFollowedBy(config);
  std::error_code error;
  if (followed ? Kept().value_or("") == config.text : !fs::exists(KeptFile(), error)) {
    return absl::OkStatus();
  }
  // Where the file names another directory, this agent's store is there, and one of another agent
  // may be here.
  const std::string& directory = source_.flags.Get("state-dir");
  absl::StatusOr<Fd> lock;
  if (config.settings.Get("state-dir") != directory) {
    // As OpenStateStore: accounts that run git pass through it.
    if (fs::create_directories(directory, error)) chmod(directory.c_str(), 0711);
    lock = LockStoreFile(absl::StrCat(directory, "/", kAgentStore), /*exclusive=*/true);
    if (!lock.ok()) return lock.status();
  }
  if (followed) return ReplaceFile(KeptFile(), absl::StrCat(Heading(), config.text), 0600);
  if (unlink(KeptFile().c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", KeptFile()));
}

absl::StatusOr<std::string> ConfigInForce::Kept() const {
  // It may be larger than one config file: it has the included ones.
  const absl::StatusOr<std::string> text = ReadWholeFile(KeptFile());
  if (!text.ok()) return text;
  const std::string heading = Heading();
  if (absl::StartsWith(*text, heading)) return text->substr(heading.size());
  return absl::NotFoundError(absl::StrCat(KeptFile(), " is of another config"));
}

std::string ConfigInForce::KeptFile() const {
  return absl::StrCat(source_.flags.Get("state-dir"), "/", kAcceptedConfig);
}

std::string ConfigInForce::Heading() const {
  std::error_code ignored;  // then it stays relative, as it was given
  const fs::path file = fs::absolute(source_.file, ignored);
  return absl::StrCat("# gitops-agent: accepted from ", file.empty() ? source_.file : file.string(),
                      "\n");
}

}  // namespace gitops
