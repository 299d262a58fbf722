#ifndef GITOPS_CTL_OUTPUT_PROMOTION_TEXT_H_
#define GITOPS_CTL_OUTPUT_PROMOTION_TEXT_H_

#include <string>

#include "ctl/output/table.h"
#include "gitops/v1/promotion.pb.h"

namespace gitops::ctl {

// Pipelines and promotions as text for people, escaped.

// "WAITING_APPROVAL", "SUCCEEDED"…; in color if requested.
std::string PromotionStateText(v1::PromotionState state, bool color);

// #, PIPELINE, APPLICATION, ENVIRONMENTS ("dev 1.3.0 > prod 1.2.0 (held)"), PROBLEM; wide: FILE.
Row PipelineHeader(bool wide);
Row PipelineRow(size_t number, const v1::Pipeline& pipeline, bool wide, bool color);
// All details of a pipeline, in several lines.
std::string PipelineDetails(const v1::Pipeline& pipeline, bool color);

// #, ID, PIPELINE, INTO, VERSION, STATE, CREATED, MESSAGE; wide: FROM, STRATEGY, ATTEMPTS, EVENTS,
// RESULT.
Row PromotionHeader(bool wide);
inline constexpr size_t kPromotionStateColumn = 5;
Row PromotionRow(size_t number, const v1::Promotion& promotion, bool wide, bool color);
// All details of a promotion, in several lines.
std::string PromotionDetails(const v1::Promotion& promotion, bool color);
// "promotion ID of shopping/search into prod to 1.2.3: RUNNING: message".
std::string PromotionSentence(const v1::Promotion& promotion, bool color);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_PROMOTION_TEXT_H_
