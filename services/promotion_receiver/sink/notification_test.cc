#include "services/promotion_receiver/sink/notification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "common/http/hmac.h"

namespace gitops {
namespace {

using ::testing::Contains;
using ::testing::Pair;

record::v1::Promotion TestPromotion() {
  record::v1::Promotion promotion;
  promotion.set_id("id-1");
  promotion.set_namespace_("shopping");
  promotion.set_pipeline("search");
  promotion.set_environment("prod");
  promotion.set_source_environment("dev");
  promotion.set_revision("1.1.0+0cc9a8446c95");
  promotion.set_version("1.1.0");
  promotion.set_state(record::v1::PROMOTION_STATE_RUNNING);
  promotion.mutable_create_time()->set_seconds(1'700'000'000);
  promotion.mutable_start_time()->set_seconds(1'700'000'100);
  (*promotion.mutable_event()->mutable_metadata())["summary"] = "foobar";
  return promotion;
}

std::string HeaderOf(const HttpRequest& request, const std::string& name) {
  const auto found = std::find_if(request.headers.begin(), request.headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  return found == request.headers.end() ? "" : found->second;
}

TEST(NotificationTest, ACloudEventIsStructuredJsonWithThePromotionAsItsData) {
  const auto request =
      NotificationTo({.name = "chat", .url = "http://h/"}, TestPromotion(), "key-1");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(HeaderOf(*request, "Content-Type"), "application/cloudevents+json; charset=UTF-8");
  const auto event = nlohmann::json::parse(request->body);
  EXPECT_EQ(event["specversion"], "1.0");
  EXPECT_EQ(event["id"], "id-1");
  EXPECT_EQ(event["type"], "io.gitops.promotion.v1");
  EXPECT_EQ(event["source"], "/v1/pipelines/shopping/search");
  EXPECT_EQ(event["subject"], "prod");
  EXPECT_EQ(event["time"], "2023-11-14T22:15:00Z");
  EXPECT_EQ(event["datacontenttype"], "application/json");
  EXPECT_EQ(event["data"]["sourceEnvironment"], "dev");
  EXPECT_EQ(event["data"]["version"], "1.1.0");
  EXPECT_EQ(event["data"]["revision"], "1.1.0+0cc9a8446c95");
  EXPECT_EQ(event["data"]["state"], "RUNNING");
  EXPECT_EQ(event["data"]["event"]["metadata"]["summary"], "foobar");
}

TEST(NotificationTest, AFluxEventHasThePipelineAsItsObjectAndItsGroupBeforeEachKey) {
  const auto request =
      NotificationTo({.name = "alerts", .type = SinkSpec::Type::kFlux, .url = "http://h/"},
                     TestPromotion(), "key-1");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(HeaderOf(*request, "Content-Type"), "application/json");
  const auto event = nlohmann::json::parse(request->body);
  EXPECT_EQ(event["involvedObject"],
            nlohmann::json::parse(R"({"kind": "Pipeline", "namespace": "shopping", "name": "search",
                                      "apiVersion": "pipelines.weave.works/v1alpha1"})"));
  EXPECT_EQ(event["severity"], "info");
  EXPECT_EQ(event["reason"], "Promote");
  EXPECT_EQ(event["message"], "Promote pipeline shopping/search to prod with version 1.1.0");
  EXPECT_EQ(event["timestamp"], "2023-11-14T22:15:00Z");
  EXPECT_EQ(event["metadata"]["pipelines.weave.works/revision"], "1.1.0+0cc9a8446c95");
  EXPECT_EQ(event["metadata"]["pipelines.weave.works/summary"], "foobar");
  EXPECT_EQ(event["metadata"]["pipelines.weave.works/promotion"], "id-1");
}

TEST(NotificationTest, TheSignatureIsOverTheBodyAndOnlyWithASecret) {
  const Secret key("hush");
  const auto request =
      NotificationTo({.name = "chat", .url = "http://h/", .secret = key}, TestPromotion(), "key-1");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_TRUE(VerifySignature(HeaderOf(*request, kSignatureHeader), key, request->body).ok());
  const auto open = NotificationTo({.name = "chat", .url = "http://h/"}, TestPromotion(), "key-1");
  EXPECT_EQ(HeaderOf(*open, kSignatureHeader), "");
  EXPECT_THAT(open->headers, Contains(Pair("Idempotency-Key", "key-1")));
}

TEST(NotificationTest, TextThatIsNoUtf8DoesNotEndTheProgram) {
  record::v1::Promotion promotion = TestPromotion();
  promotion.set_version("1\xff");
  EXPECT_TRUE(FluxEventOf(promotion).ok());
}

}  // namespace
}  // namespace gitops
