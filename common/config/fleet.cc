#include "common/config/fleet.h"

#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/config/fleet_reader.h"
#include "common/config/toml.h"

namespace gitops {
namespace {

std::string DirectoryOf(const std::string& file) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(file, error);
  if (error) path = file;
  return path.lexically_normal().parent_path().string();
}

}  // namespace

absl::StatusOr<FleetConfig> ParseFleetConfig(absl::string_view text, const std::string& file) {
  absl::StatusOr<TomlTable> root = ParseToml(text, file);
  if (!root.ok()) return root.status();
  FleetConfig config;
  KnowTopLevelTables(*root);
  const std::string directory = DirectoryOf(file);
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

absl::StatusOr<std::vector<ServiceSpec>> ServicesOf(const FleetConfig& config,
                                                    const std::vector<std::string>& names) {
  std::set<std::string> wanted;
  for (const std::string& name : names) wanted.insert(absl::AsciiStrToLower(name));
  std::vector<ServiceSpec> services;
  std::map<std::string, int> line_of_service;
  std::map<std::string, int> line_of_local;
  for (const ServiceSpec& spec : config.services) {
    if (wanted.count(absl::AsciiStrToLower(spec.machine)) == 0) continue;
    const auto [service, is_new] = line_of_service.emplace(spec.service, spec.line);
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat("the service \"", spec.service,
                                                     "\" is given twice for this host, in lines ",
                                                     service->second, " and ", spec.line));
    }
    for (const DirectorySpec& directory : spec.directories) {
      if (directory.local.empty()) continue;
      const auto [local, is_free] = line_of_local.emplace(directory.local, spec.line);
      if (!is_free) {
        return absl::InvalidArgumentError(absl::StrCat("two services of this host publish to ",
                                                       directory.local, ", in lines ",
                                                       local->second, " and ", spec.line));
      }
    }
    services.push_back(spec);
  }
  return services;
}

}  // namespace gitops
