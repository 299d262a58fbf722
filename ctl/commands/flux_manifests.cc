#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ctl/commands/promotion_commands.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

// One environment of a pipeline, in one namespace of its cluster.
struct Place {
  const v1::Pipeline& pipeline;
  const v1::PipelineEnvironment& environment;
  std::string space;

  // Of the Provider, the Alert and the Secret.
  std::string Name() const {
    return absl::AsciiStrToLower(
        absl::StrCat("gitops-", pipeline.pipeline(), "-", environment.name()));
  }
};

Json Object(const Place& place, const std::string& api, const char* kind, Json spec) {
  return {{"apiVersion", absl::StrCat("notification.toolkit.fluxcd.io/", api)},
          {"kind", kind},
          {"metadata", {{"name", place.Name()}, {"namespace", place.space}}},
          {"spec", std::move(spec)}};
}

Json Provider(const Place& place, absl::string_view address, const std::string& api) {
  absl::ConsumeSuffix(&address, "/");
  return Object(
      place, api, "Provider",
      {{"type", "generic-hmac"},
       {"address", absl::StrCat(address, "/pipelines/promotions/", place.pipeline.namespace_(), "/",
                                place.pipeline.pipeline(), "/", place.environment.name())},
       {"secretRef", {{"name", place.Name()}}}});
}

Json Alert(const Place& place, const std::string& api) {
  const v1::AppRef& app = place.pipeline.app_ref();
  return Object(
      place, api, "Alert",
      {{"providerRef", {{"name", place.Name()}}},
       {"eventSeverity", "info"},
       {"eventSources", Json::array({Json{{"kind", app.kind()}, {"name", app.name()}}})}});
}

std::string Manifests(const Place& place, const std::string& address, const std::string& api) {
  const std::string environment = EscapeLine(place.environment.name());
  return absl::StrCat(
      "# Environment ", environment, ", namespace ", EscapeLine(place.space),
      ". The Secret is not part of this: its token is the hmac-key of the pipeline's secret.\n"
      "#   kubectl -n ",
      EscapeLine(place.space), " create secret generic ", EscapeLine(place.Name()),
      " --from-file=token=hmac-key\n", YamlText(Provider(place, address, api)), "---\n",
      YamlText(Alert(place, api)));
}

}  // namespace

absl::StatusOr<std::string> FluxManifests(const v1::Pipeline& pipeline, const std::string& address,
                                          const std::string& api) {
  if (!absl::StrContains(pipeline.app_ref().api_version(), ".fluxcd.io/")) {
    return absl::FailedPreconditionError(
        absl::StrCat("the application is a ", pipeline.app_ref().kind(), " of ",
                     pipeline.app_ref().api_version(),
                     ", which Flux does not deploy; the promotion receiver watches it itself"));
  }
  std::string text;
  for (int i = 0; i + 1 < pipeline.environments_size(); ++i) {
    const v1::PipelineEnvironment& environment = pipeline.environments(i);
    for (const std::string& space : environment.namespaces()) {
      absl::StrAppend(&text, text.empty() ? "" : "---\n",
                      Manifests({pipeline, environment, space}, address, api));
    }
  }
  if (!text.empty()) return text;
  return absl::FailedPreconditionError(
      "no environment before the last one has a target in a cluster, so Flux has nothing to tell");
}

}  // namespace gitops::ctl
