#include "common/store/stored_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "common/clock/fake_clock.h"
#include "common/rpc/actor.h"
#include "gitops/record/v1/notification.pb.h"
#include "gitops/record/v1/promotion.pb.h"
#include "gitops/record/v1/request.pb.h"
#include "services/promotion_receiver/record/promotion_store.h"

// What the promotion receiver of commit 2d7ba7d stored is read by this one.
namespace gitops {
namespace {

using ::testing::HasSubstr;
using namespace record::v1;  // NOLINT: the names of states

constexpr char kFile[] = "integration_tests/stored_state/2d7ba7d/promotions.db";

class StoredReceiverState : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = PromotionStore::Open(state_.store());
    ASSERT_TRUE(opened.ok()) << opened.status();
    promotions_ = *std::move(opened);
    const auto add = [this](const record::v1::Promotion& promotion) {
      by_state_[promotion.state()] = promotion;
      return true;
    };
    ASSERT_TRUE(promotions_->ForEach("", add).ok());
  }

  FakeClock clock_;
  StoredState state_{kFile, &clock_};
  std::unique_ptr<PromotionStore> promotions_;
  std::map<PromotionState, record::v1::Promotion> by_state_;
};

TEST_F(StoredReceiverState, EveryRecordIsReadWholeAndWrittenAsItWas) {
  const record::v1::Promotion promotion;
  const PromotionRepeats repeats;
  const record::v1::EnvironmentHold hold;
  const UsedSignature signature;
  const RequestEntry request;
  const NotificationDelivery notification;
  EXPECT_EQ(
      state_.Faults("promotion-receiver/", {{"promotion-receiver/v1/promotion/", &promotion},
                                            {"promotion-receiver/v1/promotion-repeats/", &repeats},
                                            {"promotion-receiver/v1/hold/", &hold},
                                            {"promotion-receiver/v1/signature/", &signature},
                                            {"promotion-receiver/v1/request/", &request},
                                            {"promotion-receiver/v1/notification/", &notification},
                                            {"promotion-receiver/v1/body/", nullptr}}),
      "");
}

TEST_F(StoredReceiverState, PromotionsOfEveryStateAreTakenUp) {
  EXPECT_EQ(by_state_.size(), 8u);
  EXPECT_THAT(by_state_[PROMOTION_STATE_IGNORED].message(), HasSubstr("error"));
  EXPECT_EQ(by_state_[PROMOTION_STATE_SUPERSEDED].revision(), "1.0");
  EXPECT_EQ(by_state_[PROMOTION_STATE_REJECTED].revision(), "1.2");
  EXPECT_TRUE(by_state_[PROMOTION_STATE_FAILED].replayed());
  EXPECT_FALSE(by_state_[PROMOTION_STATE_RUNNING].effect_key().empty());
  const record::v1::Promotion& waits = by_state_[PROMOTION_STATE_WAITING_APPROVAL];
  EXPECT_EQ(waits.event_count(), 2) << "its repeat is stored apart";
  EXPECT_EQ(promotions_->Newest("shopping", "search", "dev")->id(), waits.id());
  EXPECT_EQ(promotions_->OfRevision("shopping", "search", "dev", "1.3"), waits.id());
  EXPECT_EQ(promotions_->Current("shopping", "search", "prod")->revision(), "1.1");
  EXPECT_EQ(promotions_->Unfinished().size(), 3u);
  EXPECT_THAT(*promotions_->Body(waits.id()), HasSubstr("helm-controller"));
}

TEST_F(StoredReceiverState, WhoDidItIsKnownByTextAlone) {
  EXPECT_EQ(ReadActor(by_state_[PROMOTION_STATE_SUCCEEDED].approval()),
            Actor("approval key of shopping/search"));
  const Actor rejected = ReadActor(by_state_[PROMOTION_STATE_REJECTED]);
  EXPECT_THAT(rejected.text(), HasSubstr("not authenticated"));
  EXPECT_FALSE(rejected.principal().has_value());
  const auto hold = promotions_->HoldOf("shopping", "held", "prod");
  ASSERT_TRUE(hold.has_value());
  EXPECT_EQ(hold->reason(), "incident 7");
}

}  // namespace
}  // namespace gitops
