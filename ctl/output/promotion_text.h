#ifndef GITOPS_CTL_OUTPUT_PROMOTION_TEXT_H_
#define GITOPS_CTL_OUTPUT_PROMOTION_TEXT_H_

#include <string>

#include "ctl/output/columns.h"
#include "gitops/v1/promotion.pb.h"

namespace gitops::ctl {

// Pipelines and promotions as text for people, escaped.

// "WAITING_APPROVAL", "SUCCEEDED"…; in color if requested.
std::string PromotionStateText(v1::PromotionState state, bool color);

// PIPELINE, PROBLEM, ENVIRONMENTS ("dev 1.3.0 > prod 1.2.0 (held)"); wide: also APPLICATION, FILE.
const Columns<v1::Pipeline>& PipelineColumns();
// All details of a pipeline, in several lines.
std::string PipelineDetails(const v1::Pipeline& pipeline, bool color);

// PIPELINE, INTO, VERSION, STATE, AGE, MESSAGE; wide: also ID, CREATED, FROM, STRATEGY, ATTEMPTS,
// EVENTS, RESULT.
const Columns<v1::Promotion>& PromotionColumns();
// Whether it needs somebody's attention.
bool IsDegraded(const v1::Promotion& promotion);
// All details of a promotion, in several lines.
std::string PromotionDetails(const v1::Promotion& promotion, bool color);
// "promotion ID of shopping/search into prod to 1.2.3: RUNNING: message".
std::string PromotionSentence(const v1::Promotion& promotion, bool color);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_PROMOTION_TEXT_H_
