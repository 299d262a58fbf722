#include "agent/program/bootstrap.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/program/drivers.h"
#include "common/git/url.h"
#include "common/log/log.h"
#include "common/path/beneath.h"

namespace gitops {
namespace {

// gitopper's name for it.
constexpr char kService[] = "gitopper";

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
  const std::string& directory = settings.Get("directory");
  if (absl::Status plain = CheckPlainRelativePath(directory); !plain.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--directory \"", directory, "\": ", plain.message()));
  }
  const std::string& config = settings.Get("config");
  if (absl::Status plain = CheckPlainRelativePath(config); !plain.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--config \"", config, "\" must be a path below --directory: ", plain.message()));
  }
  ServiceSpec spec;
  spec.machine = host_name;
  spec.service = kService;
  spec.upstream.url = settings.Get("upstream");
  spec.branch = settings.Get("branch");
  spec.mount = mount;
  spec.directories = {
      {.local = absl::StrCat(mount, "/", kService, "/", directory), .link = directory}};
  return spec;
}

bool IsBootstrapService(const ServiceSpec& spec) {
  return spec.service == kService && spec.directories.size() == 1 &&
         spec.directories[0].local ==
             absl::StrCat(spec.mount, "/", kService, "/", spec.directories[0].link);
}

std::string BootstrapConfigFile(const ServiceSpec& spec, const std::string& config) {
  return absl::StrCat(spec.directories[0].local, "/", config);
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

}  // namespace gitops
