#include "services/promotion_receiver/strategy/notification_promoter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/http/raw_server.h"
#include "common/rpc/error.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Code = absl::StatusCode;
using Request = RawConnection::Request;

// A sink over real HTTP: records requests, and answers as it is told.
class Endpoint {
 public:
  Endpoint() {
    server_ = RawServer::Start({.serve = [this](RawConnection& connection) { Serve(connection); }});
  }
  std::string url() const {
    return absl::StrCat("http://127.0.0.1:", server_->port(), "/in?t=hush");
  }
  std::vector<Request> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }
  void Answer(const std::string& answer) {
    MutexLock lock(mutex_);
    answer_ = answer;
  }

 private:
  void Serve(RawConnection& connection) {
    Request request;
    if (!connection.Read(request)) return;
    MutexLock lock(mutex_);
    requests_.push_back(request);
    connection.Send(answer_);
  }

  mutable Mutex mutex_;
  std::vector<Request> requests_ ABSL_GUARDED_BY(mutex_);
  std::string answer_ ABSL_GUARDED_BY(mutex_) = HttpAnswer(202, "");
  std::unique_ptr<RawServer> server_;
};

class NotificationPromoterTest : public ::testing::Test {
 protected:
  NotificationPromoterTest() {
    sinks_ = {{.name = "chat", .url = chat_.url(), .secret = Secret("hush-hush")},
              {.name = "flux", .type = SinkSpec::Type::kFlux, .url = flux_.url()}};
    StartAgain();
  }

  void StartAgain() {
    store_.Reopen();
    promoter_ = NewNotificationPromoter({.sinks = [this] { return sinks_; },
                                         .store = store_.store(),
                                         .http = http_.get(),
                                         .clock = &clock_});
  }

  PromotionOrder Order(std::vector<std::string> sinks = {}, const std::string& id = "id-1") {
    PromotionOrder order;
    order.promotion.set_id(id);
    order.promotion.set_namespace_("shopping");
    order.promotion.set_pipeline("search");
    order.promotion.set_environment("prod");
    order.promotion.set_version("1.1.0");
    order.pipeline.namespace_ = "shopping";
    order.pipeline.name = "search";
    Environment prod{.name = "prod"};
    prod.promotion.strategy = NotificationStrategy{.sinks = std::move(sinks)};
    order.pipeline.environments = {{.name = "dev"}, prod};
    return order;
  }
  Code Promote(const PromotionOrder& order) { return promoter_->Promote(order).status().code(); }
  // Keys in the store, without their prefix.
  std::vector<std::string> Stored() {
    std::vector<std::string> names;
    const auto values = store_.store()->List("promotion-receiver/v1/notification/");
    for (const StoredValue& value : *values) {
      names.push_back(value.key.substr(value.key.rfind('/') + 1));
    }
    return names;
  }

  FakeClock clock_;
  Endpoint chat_, flux_;
  std::vector<SinkSpec> sinks_;
  TempStore store_;
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  std::unique_ptr<Promoter> promoter_;
};

TEST_F(NotificationPromoterTest, EachSinkIsToldOnceInItsForm) {
  const auto result = promoter_->Promote(Order());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->message, "notified chat, flux");
  ASSERT_EQ(chat_.requests().size(), 1);
  ASSERT_EQ(flux_.requests().size(), 1);
  EXPECT_EQ(nlohmann::json::parse(chat_.requests()[0].body)["id"], "id-1");
  EXPECT_THAT(chat_.requests()[0].headers["x-signature"], HasSubstr("sha256="));
  EXPECT_EQ(nlohmann::json::parse(flux_.requests()[0].body)["involvedObject"]["name"], "search");
  EXPECT_FALSE(flux_.requests()[0].headers.contains("x-signature"));
  StartAgain();
  EXPECT_EQ(Promote(Order()), Code::kOk);
  EXPECT_EQ(chat_.requests().size() + flux_.requests().size(), 2) << "told already";
}

TEST_F(NotificationPromoterTest, ARetryTellsOnlyThoseThatHaveNotSucceeded) {
  chat_.Answer(HttpAnswer(503, "busy", "Retry-After: 8\r\n"));
  const auto failed = promoter_->Promote(Order());
  EXPECT_EQ(failed.status().code(), Code::kUnavailable);
  EXPECT_EQ(RetryDelayOf(failed.status()), absl::Seconds(8));
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("\"chat\""));
  EXPECT_EQ(flux_.requests().size(), 1) << "in spite of the other";
  StartAgain();
  chat_.Answer(HttpAnswer(200, ""));
  EXPECT_EQ(Promote(Order()), Code::kOk);
  EXPECT_EQ(chat_.requests().size(), 2);
  EXPECT_EQ(flux_.requests().size(), 1);
  EXPECT_EQ(nlohmann::json::parse(chat_.requests()[0].body)["id"],
            nlohmann::json::parse(chat_.requests()[1].body)["id"]);
}

TEST_F(NotificationPromoterTest, OnlyTheNamedSinksAreTold) {
  EXPECT_EQ(Promote(Order({"flux"})), Code::kOk);
  EXPECT_THAT(chat_.requests(), IsEmpty());
  EXPECT_EQ(flux_.requests().size(), 1);
}

TEST_F(NotificationPromoterTest, AReplayTellsAllOfThemAgain) {
  EXPECT_EQ(Promote(Order()), Code::kOk);
  PromotionOrder replay = Order();
  replay.promotion.set_effect_key("id-1-replay-1");
  EXPECT_EQ(Promote(replay), Code::kOk);
  ASSERT_EQ(chat_.requests().size(), 2);
  EXPECT_EQ(flux_.requests().size(), 2);
  EXPECT_EQ(nlohmann::json::parse(chat_.requests()[1].body)["id"], "id-1");
  EXPECT_EQ(chat_.requests()[1].headers["idempotency-key"], "id-1-replay-1");
}

TEST_F(NotificationPromoterTest, ASinkThatRefusesFailsThePromotionWithoutPrintingItsQuery) {
  chat_.Answer(HttpAnswer(400, "{\"message\": \"unknown key\"}"));
  const auto failed = promoter_->Promote(Order());
  EXPECT_EQ(failed.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("unknown key"));
  EXPECT_THAT(std::string(failed.status().message()), Not(HasSubstr("hush")));
}

TEST_F(NotificationPromoterTest, OneThatRefusesDoesNotEndTheRetriesForTheOther) {
  chat_.Answer(HttpAnswer(400, "no"));
  flux_.Answer(HttpAnswer(429, "", "Retry-After: 3\r\n"));
  EXPECT_EQ(Promote(Order()), Code::kResourceExhausted);
  flux_.Answer(HttpAnswer(202, ""));
  EXPECT_EQ(Promote(Order()), Code::kFailedPrecondition);
}

TEST_F(NotificationPromoterTest, ASinkThatIsDownOrSpeaksNoHttpIsTriedAgain) {
  sinks_[1].url = absl::StrCat("http://127.0.0.1:", ClosedPort(), "/");
  EXPECT_EQ(Promote(Order({"flux"})), Code::kUnavailable);
  chat_.Answer("SSH-2.0-x\r\n");
  EXPECT_EQ(Promote(Order({"chat"})), Code::kUnavailable);
  chat_.Answer(HttpAnswer(301, "", "Location: http://127.0.0.1/\r\n"));
  EXPECT_EQ(Promote(Order({"chat"})), Code::kFailedPrecondition) << "redirects are not followed";
}

TEST_F(NotificationPromoterTest, ALargeAnswerIsNotRead) {
  chat_.Answer(HttpAnswer(200, std::string(1 << 20, 'x')));
  EXPECT_EQ(Promote(Order({"chat"})), Code::kOk);
}

TEST_F(NotificationPromoterTest, AnUnknownSinkIsNamedWithTheNearestOne) {
  const auto failed = promoter_->Promote(Order({"chta"}));
  EXPECT_EQ(failed.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("did you mean \"chat\"?"));
  sinks_.clear();
  EXPECT_EQ(Promote(Order()), Code::kFailedPrecondition);
}

TEST_F(NotificationPromoterTest, GivingUpEndsIt) {
  PromotionOrder order = Order();
  order.give_up = [] { return true; };
  EXPECT_EQ(Promote(order), Code::kCancelled);
}

TEST_F(NotificationPromoterTest, RecordsAreRemovedAfterNinetyDays) {
  EXPECT_EQ(Promote(Order({}, "id-1")), Code::kOk);
  clock_.Advance(absl::Hours(24 * 89));
  EXPECT_EQ(Promote(Order({}, "id-2")), Code::kOk);
  EXPECT_THAT(Stored(), ElementsAre("id-1", "id-2"));
  clock_.Advance(absl::Hours(24 * 2));
  EXPECT_EQ(Promote(Order({}, "id-3")), Code::kOk);
  EXPECT_THAT(Stored(), ElementsAre("id-2", "id-3"));
}

TEST_F(NotificationPromoterTest, ADamagedRecordTellsTheSinksAgain) {
  EXPECT_EQ(Promote(Order()), Code::kOk);
  store_.Damage("promotion-receiver/v1/notification/id-1");
  EXPECT_EQ(Promote(Order()), Code::kOk);
  EXPECT_EQ(chat_.requests().size(), 2);
}

}  // namespace
}  // namespace gitops
