#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ctl/commands/confirm.h"
#include "ctl/commands/patience.h"
#include "ctl/commands/promotion_commands.h"
#include "ctl/failure.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

struct PipelineName {
  std::string space, name;
};

// The namespace is empty if `text` is a name alone.
PipelineName ParsePipeline(const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  if (text.find('/') == std::string::npos) return {"", text};
  return {parts.first, parts.second};
}

// The pipeline, environment and, if there is one, revision of the command line, and the reason.
template <typename Request>
Request RequestOf(const PromotionContext& context) {
  Request request;
  const PipelineName pipeline = ParsePipeline(context.argument(0));
  request.set_namespace_(pipeline.space);
  request.set_pipeline(pipeline.name);
  request.set_environment(context.argument(1));
  if constexpr (requires { request.set_revision(""); }) request.set_revision(context.argument(2));
  request.set_reason(context.invocation.flags.reason);
  return request;
}

absl::StatusOr<ExitCode> ShowNow(PromotionContext& context,
                                 const absl::StatusOr<v1::Promotion>& promotion) {
  if (!promotion.ok()) return promotion.status();
  if (absl::Status s = context.renderer.PromotionNow(*promotion); !s.ok()) return s;
  return kDone;
}

// By its name alone, if one namespace has it.
absl::StatusOr<v1::Pipeline> FindPipeline(PromotionContext& context) {
  const PipelineName wanted = ParsePipeline(context.argument(0));
  if (!wanted.space.empty()) return context.receiver.GetPipeline(wanted.space, wanted.name);
  const absl::StatusOr<std::vector<v1::Pipeline>> all = context.receiver.ListPipelines();
  if (!all.ok()) return all.status();
  const v1::Pipeline* found = nullptr;
  for (const v1::Pipeline& pipeline : *all) {
    if (pipeline.pipeline() != wanted.name) continue;
    if (found != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "several namespaces have a pipeline ", wanted.name, ": write ", found->namespace_(), "/",
          wanted.name, " or ", pipeline.namespace_(), "/", wanted.name));
    }
    found = &pipeline;
  }
  if (found != nullptr) return *found;
  return WithHint(absl::NotFoundError(absl::StrCat("there is no pipeline ", wanted.name)),
                  "gitopsctl list pipelines shows the existing pipelines");
}

v1::PromotionFilter FilterOf(const PromotionContext& context) {
  v1::PromotionFilter filter = context.invocation.flags.promotions;
  const std::vector<std::string>& arguments = context.invocation.arguments;
  if (!arguments.empty()) {
    const PipelineName pipeline = ParsePipeline(arguments[0]);
    filter.set_namespace_(pipeline.space);
    filter.set_pipeline(pipeline.name);
  }
  if (arguments.size() > 1) filter.set_environment(arguments[1]);
  return filter;
}

absl::StatusOr<ExitCode> WatchPromotions(PromotionContext& context) {
  v1::WatchPromotionsRequest request;
  *request.mutable_filter() = FilterOf(context);
  absl::Status printed;
  const auto show = [&](const v1::WatchPromotionsResponse& update) {
    printed = context.renderer.PromotionUpdate(update);
    // A reader that has gone (`| head`) ends the watch.
    return printed.ok() && context.console.out.good();
  };
  const absl::Status watched =
      WatchPatiently({.server = "promotion receiver",
                      .err = context.console.err,
                      .watch =
                          [&](bool& answered) {
                            return context.receiver.WatchPromotions(
                                request, [&](const v1::WatchPromotionsResponse& update) {
                                  answered = true;
                                  return show(update);
                                });
                          },
                      .restart = [&] { context.renderer.RestartWatch(); }});
  return EndOfWatch(printed, watched);
}

}  // namespace

absl::StatusOr<ExitCode> ListPipelines(PromotionContext& context) {
  const absl::StatusOr<std::vector<v1::Pipeline>> pipelines = context.receiver.ListPipelines();
  if (!pipelines.ok()) return pipelines.status();
  if (absl::Status s = context.renderer.Pipelines(*pipelines); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> GetPipeline(PromotionContext& context) {
  const absl::StatusOr<v1::Pipeline> pipeline = FindPipeline(context);
  if (!pipeline.ok()) return pipeline.status();
  const Flags& flags = context.invocation.flags;
  if (!flags.flux_manifests) {
    if (absl::Status s = context.renderer.Pipeline(*pipeline); !s.ok()) return s;
    return kDone;
  }
  const absl::StatusOr<std::string> manifests =
      FluxManifests(*pipeline, flags.flux_address, flags.flux_api);
  if (!manifests.ok()) return manifests.status();
  context.console.out << *manifests << std::flush;
  return kDone;
}

absl::StatusOr<ExitCode> ListPromotions(PromotionContext& context) {
  if (context.invocation.flags.watch) return WatchPromotions(context);
  const absl::StatusOr<std::vector<v1::Promotion>> promotions =
      context.receiver.ListPromotions(FilterOf(context));
  if (!promotions.ok()) return promotions.status();
  if (absl::Status s = context.renderer.Promotions(*promotions); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> GetPromotion(PromotionContext& context) {
  const absl::StatusOr<v1::Promotion> promotion =
      context.receiver.GetPromotion(context.argument(0), /*with_body=*/true);
  if (!promotion.ok()) return promotion.status();
  if (absl::Status s = context.renderer.Promotion(*promotion); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> ApprovePromotion(PromotionContext& context) {
  auto request = RequestOf<v1::ApprovePromotionRequest>(context);
  request.set_force(context.invocation.flags.force);
  return ShowNow(context, context.receiver.Approve(request));
}

absl::StatusOr<ExitCode> RejectPromotion(PromotionContext& context) {
  return ShowNow(context, context.receiver.Reject(RequestOf<v1::RejectPromotionRequest>(context)));
}

absl::StatusOr<ExitCode> ReplayPromotion(PromotionContext& context) {
  return ShowNow(context, context.receiver.Replay(RequestOf<v1::ReplayPromotionRequest>(context)));
}

absl::StatusOr<ExitCode> HoldEnvironment(PromotionContext& context) {
  const auto hold = context.receiver.Hold(RequestOf<v1::HoldEnvironmentRequest>(context));
  if (!hold.ok()) return hold.status();
  const std::string name = absl::StrCat(context.argument(0), " ", context.argument(1));
  const std::string sentence = absl::StrCat(name, " is held by ", hold->actor());
  if (absl::Status s = context.renderer.Hold(*hold, name, sentence); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> ReleaseEnvironment(PromotionContext& context) {
  const auto released = context.receiver.Release(RequestOf<v1::ReleaseEnvironmentRequest>(context));
  if (!released.ok()) return released.status();
  const std::string name = absl::StrCat(context.argument(0), " ", context.argument(1));
  const std::string sentence =
      released->has_hold()
          ? absl::StrCat(name, " is released; it was held by ", released->hold().actor())
          : absl::StrCat(name, " was not held");
  if (absl::Status s = context.renderer.Hold(released->hold(), name, sentence); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> RemovePromotionRecord(PromotionContext& context) {
  const std::string& key = context.argument(0);
  const absl::Status confirmed = Confirm(
      context.invocation, context.console,
      absl::StrCat("Remove the damaged record ", EscapeLine(key), " of the promotion receiver?"));
  if (!confirmed.ok()) return confirmed;
  if (absl::Status s = context.receiver.RemoveDamagedRecord(key); !s.ok()) return s;
  context.console.err << "gitopsctl: the record " << EscapeLine(key) << " is removed\n";
  return kDone;
}

}  // namespace gitops::ctl
