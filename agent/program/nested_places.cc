#include "agent/program/nested_places.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/path/split_path.h"

namespace gitops {

absl::Status CheckNestedPlaces(const std::vector<ServiceSpec>& services) {
  std::map<absl::string_view, const ServiceSpec*> owners;
  for (const ServiceSpec& service : services) {
    for (const DirectorySpec& directory : service.directories) {
      if (!directory.local.empty()) owners.emplace(directory.local, &service);
    }
  }
  for (const ServiceSpec& service : services) {
    for (const DirectorySpec& directory : service.directories) {
      absl::string_view above = directory.local;
      while (above.size() > 1) {
        above = SplitPath(above).first;
        const auto outer = owners.find(above);
        if (outer == owners.end() || outer->second->service == service.service) continue;
        return absl::InvalidArgumentError(absl::StrCat(
            directory.place.ToString(), ": service \"", service.service, "\": local \"",
            directory.local, "\" is inside \"", above, "\" of service \"", outer->second->service,
            "\"; by symlinks (--root=false) only places of one service may be nested: move it to "
            "that service, or elsewhere"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace gitops
