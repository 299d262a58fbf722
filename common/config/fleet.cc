#include "common/config/fleet.h"

#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/fleet_reader.h"
#include "common/config/toml.h"

namespace gitops {
namespace {

// Conflicts between services of one host.
class HostFaults {
 public:
  explicit HostFaults(const std::string& file) : file_(file) {}

  void Look(const ServiceSpec& spec) {
    const auto [service, is_new] = services_.emplace(spec.service, &spec);
    if (!is_new) {
      Add(spec, spec.line, "service",
          absl::StrCat("is given twice for this host, first in line ", service->second->line));
    }
    for (size_t i = 0; i < spec.directories.size(); ++i) {
      const DirectorySpec& directory = spec.directories[i];
      if (directory.local.empty()) continue;
      const auto [local, is_free] = locals_.emplace(directory.local, Place{&spec, directory.line});
      if (is_free) continue;
      Add(spec, directory.line, absl::StrCat("dirs[", i + 1, "]: local"),
          absl::StrCat("\"", directory.local, "\" is also a local path of \"",
                       local->second.service->service, "\", in line ", local->second.line,
                       ": only one service of a host may publish there"));
    }
  }

  absl::Status ToStatus() const {
    if (faults_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(faults_, "\n"));
  }

 private:
  struct Place {
    const ServiceSpec* service;
    int line;
  };

  void Add(const ServiceSpec& spec, int line, absl::string_view key, absl::string_view what) {
    faults_.push_back(
        absl::StrCat(file_, ":", line, ": [[services]] \"", spec.service, "\": ", key, ": ", what));
  }

  const std::string& file_;
  std::map<std::string, const ServiceSpec*> services_;
  std::map<std::string, Place> locals_;
  std::vector<std::string> faults_;
};

}  // namespace

absl::StatusOr<FleetConfig> ParseFleetConfig(absl::string_view text, const std::string& file) {
  absl::StatusOr<TomlTable> root = ParseToml(text, file);
  if (!root.ok()) return root.status();
  FleetConfig config;
  config.file = file;
  KnowTopLevelTables(*root);
  const std::string directory = ConfigDirectory(file);
  ReadServices(*root, directory, config);
  ReadHosts(*root, directory, config);
  const absl::Status status = root->Finish();
  if (!status.ok()) return status;
  return config;
}

absl::StatusOr<FleetConfig> LoadFleetConfig(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadConfigText(file);
  if (!text.ok()) return text.status();
  return ParseFleetConfig(*text, file);
}

bool ServiceSpec::operator==(const ServiceSpec& other) const {
  // A new field does not compile until it is listed here.
  const auto keys = [](const ServiceSpec& spec) {
    const auto& [machine, service, upstream, branch, mount, user, action, package, directories,
                 poll, tracking, writable, drift, healthy_within, rollback_on_failure,
                 keep_revisions, max_files, max_bytes, max_untracked_files, max_untracked_bytes,
                 nix, line] = spec;
    return std::tie(machine, service, upstream, branch, mount, user, action, package, directories,
                    poll, tracking, writable, drift, healthy_within, rollback_on_failure,
                    keep_revisions, max_files, max_bytes, max_untracked_files, max_untracked_bytes,
                    nix);
  };
  return keys(*this) == keys(other);
}

absl::StatusOr<std::vector<ServiceSpec>> ServicesOf(const FleetConfig& config,
                                                    const std::vector<std::string>& names) {
  std::set<std::string> wanted;
  for (const std::string& name : names) wanted.insert(absl::AsciiStrToLower(name));
  std::vector<ServiceSpec> services;
  HostFaults faults(config.file);
  for (const ServiceSpec& spec : config.services) {
    if (wanted.count(absl::AsciiStrToLower(spec.machine)) == 0) continue;
    faults.Look(spec);
    services.push_back(spec);
  }
  if (absl::Status status = faults.ToStatus(); !status.ok()) return status;
  return services;
}

}  // namespace gitops
