#include "services/promotion_receiver/program/program.h"

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/clock.h"
#include "common/server/lifecycle.h"
#include "common/server/program.h"
#include "common/text/plural.h"
#include "services/promotion_receiver/pipeline/pipeline_set.h"
#include "services/promotion_receiver/program/control.h"
#include "services/promotion_receiver/program/receiver.h"
#include "services/promotion_receiver/program/settings.h"

namespace gitops {
namespace {

constexpr char kProgram[] = "gitops-promotion-receiver";
constexpr char kUsage[] = "gitops-promotion-receiver --pipelines DIR [FLAGS]";

// The pipelines too: here, unlike at the start, a bad file is an error.
int CheckConfig(const PromotionReceiverConfig& config) {
  const std::string& directory = config.settings.Get("pipelines");
  const absl::StatusOr<Pipelines> pipelines = PipelineSet::ReadOnce(directory, Clock::System());
  if (!pipelines.ok()) {
    return ReportFailure(kProgram, absl::FailedPreconditionError(absl::StrCat(
                                       "--pipelines: ", pipelines.status().message())));
  }
  if (!pipelines->bad.empty()) {
    const std::string errors = absl::StrJoin(
        pipelines->bad, "\n", [](std::string* out, const auto& bad) { out->append(bad.second); });
    return ReportFailure(kProgram, absl::InvalidArgumentError(errors));
  }
  std::cout << directory << ": good; " << Counted(pipelines->entries.size(), "pipeline") << "\n";
  return 0;
}

int Run(const Settings& flags) {
  auto config = LoadPromotionReceiverConfig(flags);
  absl::Status checked = config.status();
  if (checked.ok()) checked = CheckServerSettings(config->settings);
  if (checked.ok()) checked = CheckControlConfig(*config);
  if (!checked.ok()) return ReportFailure(kProgram, checked);
  if (flags.GetBool("check-config")) return CheckConfig(*config);
  return ServePromotionReceiver(flags, *std::move(config));
}

}  // namespace

int RunPromotionReceiver(const std::vector<std::string>& arguments) {
  return RunServerProgram({kProgram, kUsage, PromotionReceiverSettings()}, arguments, Run);
}

}  // namespace gitops
