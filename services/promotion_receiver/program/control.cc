#include "services/promotion_receiver/program/control.h"

namespace gitops {
namespace {

// In a build without the engine: events are received and stored, and nothing is carried out.
class NoEngine final : public ReceiverControl {
 public:
  absl::StatusOr<record::v1::Promotion> Approve(const EnvironmentName&, const std::string&,
                                                const std::string&, const std::string&,
                                                bool) override {
    return Missing();
  }
  absl::StatusOr<record::v1::Promotion> Reject(const EnvironmentName&, const std::string&,
                                               const std::string&, const std::string&) override {
    return Missing();
  }
  absl::StatusOr<record::v1::Promotion> Replay(const EnvironmentName&, const std::string&,
                                               const std::string&, const std::string&) override {
    return Missing();
  }
  void Look(const EnvironmentName&) override {}
  void SetPipelines(const Pipelines&) override {}
  void SetConfig(const PromotionReceiverConfig&) override {}
  void Stop() override {}

 private:
  static absl::Status Missing() {
    return absl::UnimplementedError("this build carries no promotions out");
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<ReceiverControl>> NewReceiverControl(ReceiverControlOptions) {
  return std::make_unique<NoEngine>();
}

absl::Status CheckControlConfig(const PromotionReceiverConfig&) { return absl::OkStatus(); }

}  // namespace gitops
