#ifndef GITOPS_CTL_OUTPUT_PROMOTION_RENDERER_H_
#define GITOPS_CTL_OUTPUT_PROMOTION_RENDERER_H_

#include <google/protobuf/message.h>

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/json/json.h"
#include "ctl/output/live_table.h"
#include "ctl/output/renderer.h"
#include "gitops/v1/promotion.pb.h"

namespace gitops::ctl {

// Prints answers of the promotion receiver in one of the output forms. Otherwise the same as
// Renderer.
class PromotionRenderer {
 public:
  // `out` must outlive this.
  PromotionRenderer(const RenderOptions& options, std::ostream& out);

  absl::Status Pipelines(const std::vector<v1::Pipeline>& pipelines);
  absl::Status Pipeline(const v1::Pipeline& pipeline);
  absl::Status Promotions(const std::vector<v1::Promotion>& promotions);
  absl::Status Promotion(const v1::Promotion& promotion);
  // The state after a command, as a sentence.
  absl::Status PromotionNow(const v1::Promotion& promotion);
  // One update of a watched list.
  absl::Status PromotionUpdate(const v1::WatchPromotionsResponse& update);
  // The watch was lost, and begins anew.
  void RestartWatch() { promotions_.Restart(); }
  // A hold that began or ended; `name` is that of the environment, `sentence` says what happened.
  absl::Status Hold(const v1::EnvironmentHold& hold, absl::string_view name,
                    absl::string_view sentence);

 private:
  bool IsTree() const;
  absl::Status Print(const std::string& text);
  absl::Status Tree(const google::protobuf::Message& message);
  template <typename Element>
  absl::Status Table(const Columns<Element>& columns, const std::vector<Element>& elements);
  template <typename Element>
  absl::Status List(const char* name, const std::vector<Element>& elements);

  const RenderOptions options_;
  std::ostream& out_;
  LiveTable promotions_;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_PROMOTION_RENDERER_H_
