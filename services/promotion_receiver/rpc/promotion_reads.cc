#include "services/promotion_receiver/rpc/promotion_reads.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/rpc/page.h"
#include "common/store/convert.h"
#include "services/promotion_receiver/intake/event_check.h"
#include "services/promotion_receiver/rpc/pipeline_view.h"
#include "services/promotion_receiver/rpc/promotion_filter.h"

namespace gitops {
namespace {

// Promotions that a call reads without a match.
constexpr int kMostMisses = 5000;

// Adds where the environments stand. A promotion is shown without the metadata of its event.
void AddStandings(const Pipeline& pipeline, const PromotionStore& store, v1::Pipeline& view) {
  for (v1::PipelineEnvironment& environment : *view.mutable_environments()) {
    const std::string& name = environment.name();
    if (auto hold = store.HoldOf(pipeline.namespace_, pipeline.name, name)) {
      *environment.mutable_hold() = Converted<v1::EnvironmentHold>(*hold);
    }
    const SharedPromotion current = store.Current(pipeline.namespace_, pipeline.name, name);
    if (current.has_value()) {
      *environment.mutable_current() = ToApi(*current);
      environment.mutable_current()->mutable_event()->clear_metadata();
    }
  }
  // The target is the environment after the source; the newest of those that have not ended counts.
  for (size_t i = 0; i + 1 < pipeline.environments.size(); ++i) {
    for (const SharedPromotion& promotion :
         store.UnfinishedOf(pipeline.namespace_, pipeline.name, pipeline.environments[i].name)) {
      for (v1::PipelineEnvironment& environment : *view.mutable_environments()) {
        if (environment.name() != promotion->environment()) continue;
        *environment.mutable_next() = ToApi(*promotion);
        environment.mutable_next()->mutable_event()->clear_metadata();
      }
    }
  }
}

v1::Pipeline FullView(const Pipelines::Entry& entry, const PromotionStore& store) {
  v1::Pipeline view = ViewOf(entry);
  AddStandings(entry.pipeline, store, view);
  return view;
}

// Ordered as Pipelines::entries: a space is less than what names consist of.
std::string KeyOf(const std::string& namespace_, const std::string& pipeline) {
  return absl::StrCat(namespace_, " ", pipeline);
}

std::string KeyOf(const v1::Pipeline& pipeline) {
  // A file that was never good has no pipeline; its path comes before all names.
  if (pipeline.pipeline().empty()) return absl::StrCat("/", pipeline.file());
  return KeyOf(pipeline.namespace_(), pipeline.pipeline());
}

// Files that cannot be used, and have no last good version.
std::vector<v1::Pipeline> BadFiles(const Pipelines& pipelines) {
  std::map<std::string, std::string> bad = pipelines.bad;
  for (const auto& [name, entry] : pipelines.entries) bad.erase(entry.pipeline.file);
  std::vector<v1::Pipeline> views;
  for (const auto& [file, error] : bad) {
    views.emplace_back().set_file(file);
    views.back().set_error(error);
  }
  return views;
}

absl::Status EnvironmentUnknown(const EnvironmentName& where) {
  const std::string pipeline = absl::StrCat(where.namespace_, "/", where.pipeline);
  const std::string name = absl::Utf8SafeCHexEscape(where.environment);
  return MakeError(Reason::kEnvironmentUnknown,
                   absl::StrCat("the pipeline ", pipeline, " has no environment ", name),
                   {{"pipeline", pipeline}, {"environment", name}});
}

}  // namespace

absl::StatusOr<v1::ListPipelinesResponse> ListPipelines(const Pipelines& pipelines,
                                                        const PromotionStore& store,
                                                        const v1::ListPipelinesRequest& request) {
  const absl::StatusOr<PageRequest> page = ReadPage(request);
  if (!page.ok()) return page.status();
  v1::ListPipelinesResponse response;
  PageRoom room(page->limit);
  // False: the page is full.
  const auto add = [&](v1::Pipeline view) {
    if (!page->after.empty() && KeyOf(view) <= page->after) return true;
    if (!room.Take(view.ByteSizeLong())) {
      response.set_next_page_token(PageToken(KeyOf(*response.pipelines().rbegin())));
      return false;
    }
    *response.add_pipelines() = std::move(view);
    return true;
  };
  if (!request.has_namespace_()) {
    for (v1::Pipeline& view : BadFiles(pipelines)) {
      if (!add(std::move(view))) return response;
    }
  }
  for (const auto& [name, entry] : pipelines.entries) {
    if (request.has_namespace_() && name.first != request.namespace_()) continue;
    // Before it is looked at whole.
    if (KeyOf(name.first, name.second) <= page->after) continue;
    if (!add(FullView(entry, store))) return response;
  }
  return response;
}

absl::StatusOr<v1::Pipeline> GetPipeline(const Pipelines& pipelines, const PromotionStore& store,
                                         const v1::GetPipelineRequest& request) {
  const auto entry = pipelines.entries.find({request.namespace_(), request.pipeline()});
  if (entry != pipelines.entries.end()) return FullView(entry->second, store);
  return FindPipeline(pipelines, request.namespace_(), request.pipeline()).status();
}

absl::StatusOr<v1::ListPromotionsResponse> ListPromotions(
    const PromotionStore& store, const v1::ListPromotionsRequest& request) {
  const absl::StatusOr<PageRequest> page = ReadPage(request);
  if (!page.ok()) return page.status();
  v1::ListPromotionsResponse response;
  std::string last;
  bool more = false;
  PageRoom room(page->limit);
  int misses = 0;
  const absl::Status read = store.ForEach(page->after, [&](const record::v1::Promotion& promotion) {
    more = misses == kMostMisses;
    if (more) return false;
    const bool matches = Matches(promotion, request.filter());
    if (matches) {
      v1::Promotion api = ToApi(promotion);
      more = !room.Take(api.ByteSizeLong());
      if (more) return false;
      *response.add_promotions() = std::move(api);
    } else {
      ++misses;
    }
    last = promotion.id();
    return true;
  });
  if (!read.ok()) return read;
  if (more) response.set_next_page_token(PageToken(last));
  return response;
}

absl::StatusOr<v1::Promotion> GetPromotion(const PromotionStore& store,
                                           const v1::GetPromotionRequest& request) {
  if (request.id().empty()) return InvalidField("id", "no promotion is named");
  const absl::StatusOr<record::v1::Promotion> promotion = store.Get(request.id());
  if (!promotion.ok()) return promotion.status();
  v1::Promotion api = ToApi(*promotion);
  if (!request.with_body()) return api;
  absl::StatusOr<std::string> body = store.Body(request.id());
  if (body.ok()) {
    api.mutable_event()->set_body(*std::move(body));
  } else if (!absl::IsNotFound(body.status())) {
    return body.status();
  }
  return api;
}

absl::Status CheckNames(const EnvironmentName& where) {
  for (const auto& [field, name] :
       {std::pair("namespace", &where.namespace_), std::pair("pipeline", &where.pipeline),
        std::pair("environment", &where.environment)}) {
    if (name->empty()) return InvalidField(field, absl::StrCat("no ", field, " is named"));
  }
  return absl::OkStatus();
}

absl::Status CheckEnvironment(const Pipelines& pipelines, const EnvironmentName& where) {
  if (absl::Status named = CheckNames(where); !named.ok()) return named;
  const auto pipeline = FindPipeline(pipelines, where.namespace_, where.pipeline);
  if (!pipeline.ok()) return pipeline.status();
  if ((*pipeline)->Find(where.environment) == nullptr) return EnvironmentUnknown(where);
  return absl::OkStatus();
}

}  // namespace gitops
