#include "ctl/output/promotion_renderer.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"
#include "ctl/output/promotion_text.h"

namespace gitops::ctl {
namespace {

std::string NameOf(const v1::Pipeline& pipeline) {
  return EscapeLine(absl::StrCat(pipeline.namespace_(), "/", pipeline.pipeline()));
}
std::string NameOf(const v1::Promotion& promotion) { return EscapeLine(promotion.id()); }

template <typename Element>
std::string NamesOf(const std::vector<Element>& elements) {
  std::string names;
  for (const Element& element : elements) absl::StrAppend(&names, NameOf(element), "\n");
  return names;
}

}  // namespace

PromotionRenderer::PromotionRenderer(const RenderOptions& options, std::ostream& out)
    : options_(options), out_(out), promotions_(options, SpecsOf(PromotionColumns()), out) {}

bool PromotionRenderer::IsTree() const {
  return options_.form == OutputForm::kJson || options_.form == OutputForm::kYaml;
}

absl::Status PromotionRenderer::Print(const std::string& text) {
  out_ << text << std::flush;
  return absl::OkStatus();
}

template <typename Element>
absl::Status PromotionRenderer::Table(const Columns<Element>& columns,
                                      const std::vector<Element>& elements) {
  const absl::StatusOr<std::string> text = ListText(columns, elements, StyleOf(options_));
  return text.ok() ? Print(*text) : text.status();
}

absl::Status PromotionRenderer::Tree(const google::protobuf::Message& message) {
  const absl::StatusOr<Json> tree = ToJson(message);
  if (!tree.ok()) return tree.status();
  return Print(options_.form == OutputForm::kYaml ? YamlText(*tree) : JsonText(*tree));
}

template <typename Element>
absl::Status PromotionRenderer::List(const char* name, const std::vector<Element>& elements) {
  Json list = Json::array();
  for (const Element& element : elements) {
    absl::StatusOr<Json> tree = ToJson(element);
    if (!tree.ok()) return tree.status();
    list.push_back(*std::move(tree));
  }
  Json tree = Json::object();
  tree[name] = std::move(list);
  return Print(options_.form == OutputForm::kYaml ? YamlText(tree) : JsonText(tree));
}

absl::Status PromotionRenderer::Pipelines(const std::vector<v1::Pipeline>& pipelines) {
  if (IsTree()) return List("pipelines", pipelines);
  if (options_.form == OutputForm::kName) return Print(NamesOf(pipelines));
  return Table(PipelineColumns(), pipelines);
}

absl::Status PromotionRenderer::Pipeline(const v1::Pipeline& pipeline) {
  if (IsTree()) return Tree(pipeline);
  if (options_.form == OutputForm::kName) return Print(NameOf(pipeline) + "\n");
  return Print(PipelineDetails(pipeline, options_.color));
}

absl::Status PromotionRenderer::Promotions(const std::vector<v1::Promotion>& promotions) {
  if (IsTree()) return List("promotions", promotions);
  if (options_.form == OutputForm::kName) return Print(NamesOf(promotions));
  return Table(PromotionColumns(), promotions);
}

absl::Status PromotionRenderer::Promotion(const v1::Promotion& promotion) {
  if (IsTree()) return Tree(promotion);
  if (options_.form == OutputForm::kName) return Print(NameOf(promotion) + "\n");
  return Print(PromotionDetails(promotion, options_.color));
}

absl::Status PromotionRenderer::PromotionNow(const v1::Promotion& promotion) {
  if (IsTree()) return Tree(promotion);
  if (options_.form == OutputForm::kName) return Print(NameOf(promotion) + "\n");
  return Print(PromotionSentence(promotion, options_.color));
}

absl::Status PromotionRenderer::PromotionUpdate(const v1::WatchPromotionsResponse& update) {
  if (IsTree()) {
    if (!update.has_promotion()) return absl::OkStatus();
    absl::StatusOr<Json> tree = ToJson(update.promotion());
    if (!tree.ok()) return tree.status();
    (*tree)["removed"] = update.removed();
    return Print(options_.form == OutputForm::kYaml ? "---\n" + YamlText(*tree) : JsonLine(*tree));
  }
  if (options_.form == OutputForm::kName) {
    return update.has_promotion() ? Print(NameOf(update.promotion()) + "\n") : absl::OkStatus();
  }
  std::optional<LiveTable::Change> change;
  if (update.has_promotion()) {
    // The list is newest first, so that what is new later stands at its top.
    const v1::Promotion& promotion = update.promotion();
    change = {.key = promotion.id(),
              .cells = LiveCells(PromotionColumns(), promotion),
              .degraded = IsDegraded(promotion),
              .removed = update.removed(),
              .place = LiveTable::Place::kFirst};
  }
  return promotions_.Update(change, update.initial_done());
}

absl::Status PromotionRenderer::Hold(const v1::EnvironmentHold& hold, absl::string_view name,
                                     absl::string_view sentence) {
  if (IsTree()) return Tree(hold);
  return Print(
      absl::StrCat(EscapeLine(options_.form == OutputForm::kName ? name : sentence), "\n"));
}

}  // namespace gitops::ctl
