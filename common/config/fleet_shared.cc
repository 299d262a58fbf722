// [[checks]] and [[secrets]], which many hosts share.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/fleet_reader.h"
#include "common/config/host_selector.h"
#include "common/config/host_values.h"

namespace gitops {
namespace {

std::shared_ptr<const HostSelector> RequireSelector(const TomlTable& table, size_t& left) {
  std::shared_ptr<const HostSelector> hosts = ReadSelector(table, left);
  if (hosts != nullptr) return hosts;
  table.Fault("tagged", "is missing: give tagged or machines; machines = [\"*\"] is every host");
  return std::make_shared<HostSelector>();
}

struct SharedChecks {
  ConfigPlace place;
  std::shared_ptr<const HostSelector> hosts;
  ChecksSpec checks;
};

struct SharedSecret {
  TomlTable table;
  std::shared_ptr<const HostSelector> hosts;
  std::string name;
  SecretSpec secret;
};

SharedChecks ReadSharedChecks(const TomlTable& table, size_t& left) {
  SharedChecks shared{table.place(), RequireSelector(table, left), ReadChecks(table)};
  if (!table.Has("http") && !table.Has("cmd")) {
    table.Fault("http", "is missing: give http or cmd, for example http = { port = 80 }");
  }
  return shared;
}

SharedSecret ReadSharedSecret(const TomlTable& table, const std::string& directory, size_t& left) {
  SharedSecret shared{.table = table, .hosts = nullptr, .name = "", .secret = {}};
  if (const auto name = table.Text("name")) {
    shared.name = *name;
    table.SetName(*name);
  } else if (!table.Has("name")) {
    table.Fault("name", "is missing: give the secret's name");
  }
  shared.hosts = RequireSelector(table, left);
  shared.secret = ReadSecret(table, directory);
  return shared;
}

// Gives shared secrets to hosts.
class SecretGiver {
 public:
  explicit SecretGiver(const std::vector<SharedSecret>& secrets)
      : secrets_(secrets), used_(secrets.size()) {
    for (size_t i = 0; i < secrets.size(); ++i) {
      index_.Add(*secrets[i].hosts, static_cast<int>(i));
    }
  }

  void Give(HostSpec& host) {
    for (const int number : index_.Find(host.name, host.tags)) {
      const SharedSecret& shared = secrets_[number];
      used_[number] = true;
      // Has an error already; what follows from it would only repeat that.
      if (shared.name.empty() || shared.secret.destination.empty()) continue;
      SecretSpec secret = shared.secret;
      SetMachine(host.name, secret);
      for (const auto& [name, other] : host.secrets) {
        if (other.destination != secret.destination || name == shared.name) continue;
        Report(shared, other, "destination",
               absl::StrCat("\"", secret.destination, "\" is also the destination of secret \"",
                            name, "\" on ", host.name));
      }
      const auto [same, is_new] = host.secrets.emplace(shared.name, std::move(secret));
      if (is_new) continue;
      Report(shared, same->second, "name",
             absl::StrCat("\"", shared.name, "\" is given twice for ", host.name));
    }
  }

  std::vector<SharedSecret> Unused() const {
    std::vector<SharedSecret> unused;
    for (size_t i = 0; i < secrets_.size(); ++i) {
      if (!used_[i]) unused.push_back(secrets_[i]);
    }
    return unused;
  }

 private:
  // Once for each pair, however many hosts have it.
  void Report(const SharedSecret& shared, const SecretSpec& other, absl::string_view key,
              absl::string_view message) {
    const std::string first = other.place.SeenFrom(shared.secret.place);
    if (!reported_.emplace(shared.secret.place.ToString(), first).second) return;
    shared.table.Fault(key, absl::StrCat(message, ", first in ", first));
  }

  const std::vector<SharedSecret>& secrets_;
  HostSelectorIndex index_;
  std::vector<bool> used_;
  std::set<std::pair<std::string, std::string>> reported_;
};

}  // namespace

void ReadSharedParts(const std::vector<FleetSource>& sources, FleetConfig& config) {
  size_t left = kMaxMachines;
  std::vector<SharedChecks> checks;
  std::vector<SharedSecret> secrets;
  for (const FleetSource& source : sources) {
    for (const TomlTable& table : source.root.Tables("checks")) {
      checks.push_back(ReadSharedChecks(table, left));
    }
    for (const TomlTable& table : source.root.Tables("secrets")) {
      secrets.push_back(ReadSharedSecret(table, source.directory, left));
    }
  }
  std::vector<bool> used_checks(checks.size());
  HostSelectorIndex index;
  for (size_t i = 0; i < checks.size(); ++i) index.Add(*checks[i].hosts, static_cast<int>(i));
  SecretGiver giver(secrets);
  for (HostSpec& host : config.hosts) {
    for (const int number : index.Find(host.name, host.tags)) {
      used_checks[number] = true;
      ChecksSpec own = checks[number].checks;
      SetMachine(host.name, own);
      ChecksSpec& all = host.health_checks;
      all.http.insert(all.http.end(), own.http.begin(), own.http.end());
      all.cmd.insert(all.cmd.end(), own.cmd.begin(), own.cmd.end());
    }
    giver.Give(host);
  }
  for (size_t i = 0; i < checks.size(); ++i) {
    if (used_checks[i]) continue;
    config.unused.push_back({checks[i].place, "[[checks]]: machines, tagged: select no host"});
  }
  for (const SharedSecret& secret : giver.Unused()) {
    config.unused.push_back({secret.secret.place, absl::StrCat("[[secrets]] \"", secret.name,
                                                               "\": machines, tagged: select no "
                                                               "host")});
  }
}

}  // namespace gitops
