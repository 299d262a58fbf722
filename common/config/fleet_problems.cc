#include "common/config/fleet_problems.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/config/service_placement.h"
#include "common/config/toml.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

// Each suggestion compares a name with all hosts, and only so many errors are shown.
constexpr size_t kMaxSuggestions = 100;

class Problems {
 public:
  Problems(const FleetConfig& config, const std::vector<std::string>& aliases)
      : config_(config), index_(config.services) {
    for (const std::string& alias : aliases) aliases_.insert(absl::AsciiStrToLower(alias));
  }

  std::vector<ConfigFault> Find() {
    for (const ConfigFault& unused : config_.unused) found_.push_back(unused);
    for (const HostSpec& host : config_.hosts) CheckHost(host);
    if (!config_.hosts.empty()) CheckMachines();
    return std::move(found_);
  }

 private:
  // Once, however many hosts have it.
  void Add(const ConfigPlace& place, const std::string& message) {
    if (seen_.insert(absl::StrCat(place.ToString(), " ", message)).second) {
      found_.push_back({place, message});
    }
  }

  void CheckHost(const HostSpec& host) {
    if (!host.names_address) {
      Add(host.place,
          "[[hosts]]: address: is missing: the planner would call the host by its name");
    }
    for (const auto& [name, secret] : host.secrets) CheckSource(host, name, secret);
    const std::vector<Placement> placements = index_.On(host.name, host.tags);
    for (const Placement& placement : placements) {
      used_.insert(placement.wide);
      used_.insert(placement.exact);
    }
    // What the agent of the host would refuse.
    std::vector<ConfigFault> faults;
    std::vector<ServiceSpec> services;
    for (const Placement& placement : placements) {
      services.push_back(Resolve(placement, host.name, faults));
    }
    CheckSharedLocals(services, faults);
    for (const ConfigFault& fault : faults) Add(fault.place, fault.message);
  }

  void CheckSource(const HostSpec& host, const std::string& name, const SecretSpec& secret) {
    if (!sources_.insert(secret.source).second) return;
    struct stat info;
    std::string problem;
    if (stat(secret.source.c_str(), &info) != 0 || access(secret.source.c_str(), R_OK) != 0) {
      problem = absl::StrCat("cannot be read: ", std::strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
      problem = "is not a regular file";
    }
    if (problem.empty()) return;
    Add(secret.place, absl::StrCat("secret \"", name, "\" of ", host.name, ": source: \"",
                                   secret.source, "\" ", problem));
  }

  void CheckMachines() {
    std::unordered_set<std::string> names;
    std::vector<std::string> known;
    for (const HostSpec& host : config_.hosts) {
      names.insert(absl::AsciiStrToLower(host.name));
      known.push_back(host.name);
    }
    for (const ServiceEntry& entry : config_.services) {
      if (entry.hosts != nullptr) {
        if (used_.contains(&entry)) continue;
        Add(entry.place, absl::StrCat("[[services]] \"", entry.service,
                                      "\": machines, tagged: select no host of [[hosts]]"));
      } else if (!names.contains(absl::AsciiStrToLower(entry.machine)) &&
                 !aliases_.contains(absl::AsciiStrToLower(entry.machine))) {
        if (found_.size() >= kMaxSuggestions) known.clear();
        Add(entry.place, absl::StrCat("[[services]] \"", entry.service,
                                      "\": machine: no host of [[hosts]] is \"", entry.machine,
                                      "\"", Suggestion(entry.machine, known, false)));
      }
    }
  }

  const FleetConfig& config_;
  const ServiceIndex index_;
  std::vector<ConfigFault> found_;
  std::set<std::string> seen_, sources_, aliases_;
  std::unordered_set<const ServiceEntry*> used_;
};

}  // namespace

std::vector<ConfigFault> FindProblems(const FleetConfig& config,
                                      const std::vector<std::string>& aliases) {
  return Problems(config, aliases).Find();
}

std::vector<std::string> AliasesIn(const ConfigFiles& files) {
  const absl::StatusOr<TomlTable> root = ParseToml(files.main.text, files.main.path);
  if (!root.ok() || !root->IsTable("agent")) return {};
  const std::optional<std::string> hosts = root->Table("agent")->Scalar("hosts");
  return absl::StrSplit(hosts.value_or(""), ',', absl::SkipEmpty());
}

}  // namespace gitops
