// What ParsePipelines promises for any text.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/match.h"
#include "services/promotion_receiver/pipeline/pipeline_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto pipelines = gitops::ParsePipelines(text, "f.yaml");
  if (!pipelines.ok()) {
    const bool told = absl::IsInvalidArgument(pipelines.status()) &&
                      absl::StartsWith(pipelines.status().message(), "f.yaml:");
    if (!told) std::abort();
    return 0;
  }
  for (const gitops::Pipeline& pipeline : *pipelines) {
    if (pipeline.name.empty() || pipeline.environments.empty()) std::abort();
    for (const gitops::Environment& environment : pipeline.environments) {
      // A part of URLs, branches and paths.
      if (absl::StrContains(environment.name, "/") || environment.name.empty()) std::abort();
      if (absl::StrContains(environment.key_secret, "/")) std::abort();
    }
  }
  return 0;
}
