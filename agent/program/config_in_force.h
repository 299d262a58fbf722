#ifndef GITOPS_AGENT_PROGRAM_CONFIG_IN_FORCE_H_
#define GITOPS_AGENT_PROGRAM_CONFIG_IN_FORCE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/program/settings.h"
#include "common/clock/clock.h"
#include "common/config/config_files.h"
#include "common/config/fleet.h"
#include "common/config/settings.h"
#include "common/sync/mutex.h"
#include "gitops/v1/types.pb.h"

namespace gitops {

// The file `config.accepted` of the state directory.
inline constexpr char kAcceptedConfig[] = "config.accepted";
// The agent's store there.
inline constexpr char kAgentStore[] = "agent.db";

// Which configuration is in force, and what is wrong with the file, if anything. Where the agent
// follows the file itself (bootstrap, or one of its services publishes it or what it includes), a
// fault in it must not end the agent, which could not take up the correction then: the text that
// was accepted last is kept in the state directory, and the next start uses it. Thread-safe.
class ConfigInForce {
 public:
  struct Source {
    Settings flags;  // which name the state directory
    std::string file;
    std::string host_name;
    std::optional<ServiceSpec> bootstrap;  // becomes one of the services
    Clock* clock = Clock::System();
  };
  // `on_fault` is called after each change of fault(), and at the start.
  ConfigInForce(Source source, std::function<void(const std::string& fault)> on_fault);

  // Reads and checks the file. INVALID_ARGUMENT, FAILED_PRECONDITION, UNIMPLEMENTED: it has a
  // fault; the message has file and line. Others: it cannot be read.
  absl::StatusOr<AgentConfig> Read() const;

  // Puts the file in force, or, if it has a fault, the kept text, by which the agent must follow
  // the file. Errors of Read() if there is none. Changes nothing on disk, since another agent may
  // have the state directory.
  absl::Status Begin();
  // Once the store of the state directory is open, and so locked: keeps what is in force, if it is
  // the file's.
  void Keep() const;
  // Reads the file again, puts it in force, which replaces what may run as root, and keeps it,
  // unless it has a fault. Returns false if it has one.
  bool Renew();

  // What came of putting the services in force. Returns false if that, or reading the file, should
  // be tried again.
  bool SetOutcome(const absl::Status& configured);

  // Renew(), then `configure` puts the services in force, and its outcome is set. Logs which
  // settings take effect only at the next start. Returns as SetOutcome().
  bool Reload(const std::function<absl::Status(const std::vector<ServiceSpec>&)>& configure);

  // Only after Begin().
  std::shared_ptr<const AgentConfig> Get() const;
  // Why the file is not, or not wholly, in force; empty: it is.
  std::string fault() const;
  // Only after Begin(). The time of acceptance is the start's, if the file did not change since.
  v1::ConfigStatus Status() const;

  const std::string& file() const { return source_.file; }
  const std::optional<ServiceSpec>& bootstrap() const { return source_.bootstrap; }

 private:
  absl::StatusOr<AgentConfig> Check(const absl::StatusOr<ConfigFiles>& files) const;
  absl::StatusOr<AgentConfig> CheckText(const std::string& text) const;
  // Whether the agent publishes the file, or a file or directory that it includes.
  bool IsFollowedBy(const AgentConfig& config) const;
  // Puts the file in force, unless it has a fault.
  bool Accept();
  void Put(AgentConfig config);
  absl::Status WriteKeptFile(const AgentConfig& config) const;
  absl::StatusOr<std::string> Kept() const;
  std::string KeptFile() const;
  // The first line of the kept file, a comment that says whose text it is.
  std::string Heading() const;

  const Source source_;
  const std::function<void(const std::string& fault)> on_fault_;
  // Of the last reading; only one thread reads.
  absl::Status read_;
  std::vector<std::string> watched_;  // ConfigReading::watched
  mutable Mutex mutex_;
  std::shared_ptr<const AgentConfig> config_ ABSL_GUARDED_BY(mutex_);
  std::string hash_ ABSL_GUARDED_BY(mutex_);
  absl::Time accept_time_ ABSL_GUARDED_BY(mutex_);
  std::string fault_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_CONFIG_IN_FORCE_H_
