#include "agent/program/bootstrap.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/program/drivers.h"
#include "common/config/fleet_check.h"
#include "common/git/url.h"
#include "common/log/log.h"

namespace gitops {
namespace {

// gitopper's name for it.
constexpr char kService[] = "gitopper";

// Cleaned, as gitopper does and as `link` is in the config.
absl::StatusOr<std::string> PathBelow(const std::string& path) {
  absl::StatusOr<std::string> clean = NormalizeLink(path);
  if (!clean.ok() || *clean != ".") return clean;
  return absl::InvalidArgumentError(absl::StrCat("\"", path, "\" names nothing"));
}

absl::Status PublishTip(const ServiceSpec& spec, GitDriver& git) {
  auto tips = git.UpstreamFor(spec.upstream, spec.user)->Newest({spec.branch});
  if (!tips.ok()) return tips.status();
  const absl::StatusOr<std::string>& tip = tips->at(spec.branch);
  if (!tip.ok()) return tip.status();
  auto opened = OpenGitService(spec, git, /*mounts=*/false, "");
  if (!opened.ok()) return opened.status();
  if (absl::Status ready = opened->source->Prepare(*tip, /*afresh=*/false); !ready.ok()) {
    return ready;
  }
  return opened->publisher->Publish(*tip);
}

}  // namespace

absl::StatusOr<std::optional<ServiceSpec>> BootstrapService(const Settings& settings,
                                                            const std::string& host_name) {
  if (settings.Get("upstream").empty()) return std::nullopt;
  const std::string& mount = settings.Get("mount");
  if (!absl::StartsWith(mount, "/")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "bootstrap from --upstream needs --mount, an absolute path, not \"", mount, "\""));
  }
  const absl::StatusOr<std::string> directory = PathBelow(settings.Get("directory"));
  if (!directory.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--directory: a directory in the repository: ", directory.status().message()));
  }
  const absl::StatusOr<std::string> config = PathBelow(settings.Get("config"));
  if (!config.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config: a path below --directory: ", config.status().message()));
  }
  ServiceSpec spec;
  spec.machine = host_name;
  spec.service = kService;
  spec.upstream.url = settings.Get("upstream");
  spec.branch = settings.Get("branch");
  spec.mount = mount;
  spec.directories = {
      {.local = absl::StrCat(mount, "/", kService, "/", *directory), .link = *directory}};
  return spec;
}

bool IsBootstrapService(const ServiceSpec& spec) {
  return spec.service == kService && spec.directories.size() == 1 &&
         spec.directories[0].local ==
             absl::StrCat(spec.mount, "/", kService, "/", spec.directories[0].link);
}

std::string BootstrapConfigFile(const ServiceSpec& spec, const std::string& config) {
  return absl::StrCat(spec.directories[0].local, "/", NormalizeLink(config).value_or(config));
}

absl::Status FetchBootstrapConfig(const ServiceSpec& spec, const std::string& config_file,
                                  bool pull, GitDriver& git) {
  const bool there = access(config_file.c_str(), R_OK) == 0;
  if (there && !pull) return absl::OkStatus();
  absl::Status status = PublishTip(spec, git);
  if (status.ok()) return status;
  if (there) {
    LogWarning("cannot pull the config; continuing with the existing one",
               {{"config", config_file}, {"error", std::string(status.message())}});
    return absl::OkStatus();
  }
  return absl::Status(status.code(),
                      absl::StrCat("fetching the config from ", RedactUrl(spec.upstream.url), ": ",
                                   status.message()));
}

absl::Status BeginConfig(ConfigInForce& config, bool pull, GitDriver& git) {
  const std::optional<ServiceSpec>& bootstrap = config.bootstrap();
  if (!bootstrap.has_value()) return config.Begin();
  const absl::Status fetched = FetchBootstrapConfig(*bootstrap, config.file(), pull, git);
  absl::Status begun = config.Begin();
  if (begun.ok() || !fetched.ok()) return begun.ok() ? begun : fetched;
  if (pull || !FetchBootstrapConfig(*bootstrap, config.file(), /*pull=*/true, git).ok()) {
    return begun;
  }
  return config.Begin();
}

}  // namespace gitops
