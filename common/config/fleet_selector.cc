#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/fleet_reader.h"
#include "common/config/host_selector.h"

namespace gitops {

std::vector<std::string> ReadTags(const TomlTable& table, absl::string_view key) {
  std::vector<std::string> tags = table.Strings(key).value_or(std::vector<std::string>());
  for (const std::string& tag : tags) {
    // --tagged A,B separates with commas.
    if (tag.empty() || tag.find_first_of(", \t\r\n") != std::string::npos) {
      table.Fault(key, absl::StrCat("\"", tag,
                                    "\" is not a tag: it must not be empty or contain a comma "
                                    "or a space"));
    }
  }
  return tags;
}

std::shared_ptr<const HostSelector> ReadSelector(const TomlTable& table) {
  auto selector = std::make_shared<HostSelector>();
  if (table.Has("tagged")) {
    const std::vector<std::string> tags = ReadTags(table, "tagged");
    if (table.IsEmptyArray("tagged")) table.Fault("tagged", "names no tag");
    for (const std::string& tag : tags) selector->AddTag(tag);
  }
  if (table.Has("machines")) {
    const auto machines = table.Strings("machines").value_or(std::vector<std::string>());
    if (table.IsEmptyArray("machines")) {
      table.Fault("machines", "names no host: \"*\" is every host");
    }
    for (const std::string& machine : machines) {
      const absl::Status status = selector->AddMachine(machine);
      if (!status.ok()) table.Fault("machines", status.message());
    }
  }
  return table.Has("tagged") || table.Has("machines") ? selector : nullptr;
}

}  // namespace gitops
