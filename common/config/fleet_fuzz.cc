// What ParseFleetConfig promises for any text.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/config/fleet.h"

namespace {

void Expect(bool holds) {
  if (!holds) std::abort();
}

// Absolute, without "." and "..", and nothing that a C string would end at.
void CheckAbsolute(absl::string_view path) {
  Expect(absl::StartsWith(path, "/") && !absl::StrContains(path, absl::string_view("\0", 1)));
  for (const absl::string_view part : absl::StrSplit(path, '/'))
    Expect(part != ".." && part != ".");
}

void CheckService(const gitops::ServiceSpec& service) {
  Expect(!service.service.empty());
  Expect(!absl::StrContains(service.service, "/") && service.service != "..");
  Expect(!absl::StartsWith(service.branch, "-"));
  if (!service.nix.has_value()) CheckAbsolute(service.mount);
  for (const gitops::DirectorySpec& directory : service.directories) {
    if (!directory.local.empty()) CheckAbsolute(directory.local);
    CheckAbsolute("/" + (directory.link == "." ? "" : directory.link));
    Expect(!absl::StartsWith(directory.link, "/"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = gitops::ParseFleetConfig(text, "/f/f.toml");
  if (!config.ok()) {
    Expect(absl::IsInvalidArgument(config.status()));
    // Errors name the file, and the line where there is one.
    Expect(absl::StartsWith(config.status().message(), "/f/f.toml:"));
    Expect(config.status().message().size() < (1 << 16) + 20 * text.size());
    return 0;
  }
  std::set<std::string> names;
  for (const gitops::HostSpec& host : config->hosts) {
    Expect(!host.name.empty() && !host.address.empty());
    Expect(names.insert(host.name).second);
  }
  // The services of some hosts: of the first, and of one that is not in the file.
  std::string first = "elsewhere";
  if (!names.empty()) first = *names.begin();
  for (const std::string& host : {first, std::string("elsewhere")}) {
    const auto services = gitops::ServicesOf(*config, host, {"web1", "m"});
    Expect(services.ok() || absl::IsInvalidArgument(services.status()));
    if (!services.ok()) continue;
    for (const gitops::ServiceSpec& service : *services) {
      Expect(!service.machine.empty());
      CheckService(service);
    }
  }
  return 0;
}
