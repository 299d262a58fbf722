#ifndef GITOPS_CTL_COMMANDS_PROMOTION_COMMANDS_H_
#define GITOPS_CTL_COMMANDS_PROMOTION_COMMANDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/client/promotion_client.h"
#include "ctl/cli/invocation.h"
#include "ctl/console.h"
#include "ctl/exit_code.h"
#include "ctl/output/promotion_renderer.h"

namespace gitops::ctl {

// The context of a command that calls the promotion receiver. It owns nothing.
struct PromotionContext {
  const Invocation& invocation;
  PromotionClient& receiver;
  PromotionRenderer& renderer;
  Console& console;

  const std::string& argument(size_t i) const { return invocation.arguments[i]; }
};

// Each command prints its result and returns the exit status, or an error.
using PromotionCommand = absl::StatusOr<ExitCode> (*)(PromotionContext& context);

absl::StatusOr<ExitCode> ListPipelines(PromotionContext& context);
absl::StatusOr<ExitCode> GetPipeline(PromotionContext& context);
absl::StatusOr<ExitCode> ListPromotions(PromotionContext& context);
absl::StatusOr<ExitCode> GetPromotion(PromotionContext& context);
absl::StatusOr<ExitCode> ApprovePromotion(PromotionContext& context);
absl::StatusOr<ExitCode> RejectPromotion(PromotionContext& context);
absl::StatusOr<ExitCode> ReplayPromotion(PromotionContext& context);
absl::StatusOr<ExitCode> HoldEnvironment(PromotionContext& context);
absl::StatusOr<ExitCode> ReleaseEnvironment(PromotionContext& context);
absl::StatusOr<ExitCode> RemovePromotionRecord(PromotionContext& context);

// Flux's Provider and Alert for each environment of `pipeline` but the last, as YAML documents that
// can be committed; `address` is the gateway's URL, `api` the version of
// notification.toolkit.fluxcd.io. FAILED_PRECONDITION: Flux does not deploy the application.
absl::StatusOr<std::string> FluxManifests(const v1::Pipeline& pipeline, const std::string& address,
                                          const std::string& api);

// Creates a token without calling a server.
absl::StatusOr<ExitCode> CreateToken(const Invocation& invocation, Console& console);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_PROMOTION_COMMANDS_H_
