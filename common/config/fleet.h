#ifndef GITOPS_COMMON_CONFIG_FLEET_H_
#define GITOPS_COMMON_CONFIG_FLEET_H_

#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/config/config_files.h"
#include "common/config/config_place.h"
#include "common/config/host_selector.h"
#include "common/git/upstream.h"

namespace gitops {

// The fleet config: the file that agents and the planner share. A gitopper config.toml is a valid
// one. docs/reference/fleet-config.md lists every key. Values here are resolved: a key that a
// service does not have comes from [global], or else from the built-in default.

// The minimum of `poll`, in the file and of the agent's --poll: less would be no pause at all.
inline constexpr absl::Duration kLeastPoll = absl::Milliseconds(10);

enum class Tracking { kAuto, kCoordinated };
enum class DriftPolicy { kReport, kCorrect };

// One `dirs` entry.
struct DirectorySpec {
  // Absolute, normalized. Empty: followed but not published, as in gitopper.
  std::string local;
  // Relative, plain (CheckPlainRelativePath), no trailing slash. ".": the whole repository.
  std::string link;
  bool file = false;
  ConfigPlace place = {};

  bool operator==(const DirectorySpec&) const = default;
};

// The hail kind of service. Parsed and checked; a later version has the driver.
struct NixSpec {
  std::string profile;
  std::string job_uri;
  std::string netrc_file;       // empty: /etc/netrc, if it exists
  std::string require = "job";  // "job", "jobset" or "aggregate:NAME"

  bool operator==(const NixSpec&) const = default;
};

struct ServiceSpec {
  std::string machine;
  std::string service;
  UpstreamSpec upstream;
  std::string branch = "main";
  std::string mount;   // absolute; revisions live in <mount>/<service>
  std::string user;    // empty: the agent's own
  std::string action;  // one of kUnitVerbs; empty: none
  std::string package;
  std::vector<DirectorySpec> directories;
  std::optional<absl::Duration> poll;  // none: the agent's --poll
  Tracking tracking = Tracking::kAuto;
  bool writable = true;
  DriftPolicy drift = DriftPolicy::kReport;
  absl::Duration healthy_within = absl::Seconds(30);
  bool rollback_on_failure = true;
  int keep_revisions = 5;
  // Limits of one revision of this service; a larger one is refused.
  int64_t max_files = 100'000;
  int64_t max_bytes = int64_t{512} << 20;
  // Limits of the files that the service made itself in its directories and that are carried over
  // from revision to revision: their number, and the bytes of those that must be copied.
  int64_t max_untracked_files = 100'000;
  int64_t max_untracked_bytes = int64_t{1} << 30;
  std::optional<NixSpec> nix;
  ConfigPlace place = {};  // of its [[services]]

  bool operator==(const ServiceSpec&) const = default;
};

// A [[services]] entry as it stands in the file, with the values of [global] for keys that it does
// not have: for one host (`machine`, its name or an alias), or for many. Values may contain
// ${machine}; service_placement.h makes the services of a host of it.
struct ServiceEntry : ServiceSpec {
  ServiceEntry() = default;
  // An entry for one host.
  ServiceEntry(ServiceSpec spec) : ServiceSpec(std::move(spec)) {}  // NOLINT: tests list services

  std::shared_ptr<const HostSelector> hosts;  // null: for one host
  std::bitset<64> named;                      // keys that the entry itself has, by ServiceKeys()
  NixSpec nix_keys;
  bool varies = false;  // some value has ${machine}
};

// morph's check fields. Durations are written as seconds or as "90s".
struct HttpCheckSpec {
  std::string description, host, scheme = "http", path = "/";
  int port = 80;
  std::map<std::string, std::string> headers;
  absl::Duration period = absl::Seconds(2), timeout = absl::Seconds(5);
  bool insecure_ssl = false;
  bool follow_redirects = true;  // within the same scheme and host

  bool operator==(const HttpCheckSpec&) const = default;
};
struct CmdCheckSpec {
  std::string description;
  std::vector<std::string> cmd;
  absl::Duration period = absl::Seconds(2), timeout = absl::Seconds(5);

  bool operator==(const CmdCheckSpec&) const = default;
};
struct ChecksSpec {
  std::vector<HttpCheckSpec> http;
  std::vector<CmdCheckSpec> cmd;

  bool operator==(const ChecksSpec&) const = default;
};

// morph's secret fields.
struct SecretSpec {
  std::string source;  // absolute after parsing (relative to the config file's directory)
  std::string destination;
  std::string owner_user = "root", owner_group = "root";  // names, or numbers
  std::string permissions = "0400";
  std::vector<std::string> action;
  bool mk_dirs = false;
  std::string upload_at = "pre-activation";  // or "post-activation"
  ConfigPlace place = {};

  bool operator==(const SecretSpec&) const = default;
};

struct HostSpec {
  std::string name;
  std::string address;  // HOST:PORT; NAME:8004 if the file names none
  bool names_address = false;
  std::vector<std::string> tags;
  ChecksSpec health_checks;
  ChecksSpec pre_deploy_checks;
  std::map<std::string, SecretSpec> secrets;
  ConfigPlace place = {};

  bool operator==(const HostSpec&) const = default;
};

struct FleetConfig {
  std::string file;  // as given; for messages
  std::vector<ServiceEntry> services;
  std::vector<HostSpec> hosts;  // each one that a name with braces stands for
  std::vector<std::string> order_by_tags;
  // The paths in gitopper's `[global.keys]`/`keys` table, for a warning. The table has no effect.
  std::vector<std::string> gitopper_keys;
  // Keys that are accepted for compatibility with gitopper and have no effect: one sentence each,
  // with file and line.
  std::vector<std::string> warnings;
  // [[checks]] and [[secrets]] that no host has: no error, since hosts may be added later.
  std::vector<ConfigFault> unused;
};

// Parses a fleet config with the files that it includes. The paths of files are used in messages
// and as the base of relative paths. Tables named after programs ([agent], [planner], …) are
// skipped here: see settings.h. INVALID_ARGUMENT: all errors, one per line, as `FILE:LINE:
// [[services]] "nginx": unknown key "brnch" (did you mean "branch"?)`.
absl::StatusOr<FleetConfig> ParseFleetConfig(const ConfigFiles& files);
// The same for a text alone: nothing is read, and `include` has no effect.
absl::StatusOr<FleetConfig> ParseFleetConfig(absl::string_view text, const std::string& file);
// Reads and parses. Errors of reading are those of ReadConfigFiles.
absl::StatusOr<FleetConfig> LoadFleetConfig(const std::string& file);

// The services of the host with this name: those for many hosts that select it, by the tags of its
// own [[hosts]] entry, and those whose machine is its name or one of `aliases` (case-insensitive; a
// name and its first label are different). INVALID_ARGUMENT: two of them have the same service
// name, or publish to the same local path. All errors, one per line, in the format of
// ParseFleetConfig.
absl::StatusOr<std::vector<ServiceSpec>> ServicesOf(const FleetConfig& config,
                                                    const std::string& host,
                                                    const std::vector<std::string>& aliases = {});

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_FLEET_H_
