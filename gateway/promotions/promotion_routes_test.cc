// The webhooks over real HTTP, with a receiver behind real gRPC.
#include "gateway/promotions/promotion_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/http/testing_server.h"
#include "common/rpc/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/sync/mutex.h"
#include "gateway/testing/fake_front.h"
#include "gitops/v1/promotion.grpc.pb.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class FakeReceiver final : public v1::PromotionService::Service {
 public:
  FakeReceiver() {
    RpcServerOptions options;
    options.listen = "127.0.0.1:0";
    options.services = {this};
    server_ = *RpcServer::Start(options);
  }
  const std::string& address() const { return server_->address(); }
  void Stop() { server_.reset(); }

  // The outcome of events, and the answer of approvals.
  void Refuse(absl::Status error) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
  }
  std::vector<v1::ReceivedEvent> events() const {
    MutexLock lock(mutex_);
    return events_;
  }
  v1::ReceiveApprovalRequest signed_approval() const {
    MutexLock lock(mutex_);
    return signed_approval_;
  }
  v1::ApprovePromotionRequest approval() const {
    MutexLock lock(mutex_);
    return approval_;
  }

  grpc::Status ReceiveEvents(grpc::ServerContext*, const v1::ReceiveEventsRequest* request,
                             v1::ReceiveEventsResponse* response) override {
    MutexLock lock(mutex_);
    for (const v1::ReceivedEvent& event : request->events()) {
      events_.push_back(event);
      v1::ReceivedEventOutcome& outcome = *response->add_outcomes();
      if (error_.ok()) outcome.set_promotion("p1");
      if (!error_.ok()) *outcome.mutable_error() = ToStatusProto(error_);
    }
    return grpc::Status::OK;
  }
  grpc::Status ReceiveApproval(grpc::ServerContext*, const v1::ReceiveApprovalRequest* request,
                               v1::ReceiveApprovalResponse* response) override {
    MutexLock lock(mutex_);
    signed_approval_ = *request;
    response->mutable_promotion()->set_id("p2");
    return ToGrpcStatus(error_);
  }
  grpc::Status ApprovePromotion(grpc::ServerContext*, const v1::ApprovePromotionRequest* request,
                                v1::ApprovePromotionResponse* response) override {
    MutexLock lock(mutex_);
    approval_ = *request;
    response->mutable_promotion()->set_id("p3");
    return ToGrpcStatus(error_);
  }

 private:
  mutable Mutex mutex_;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ReceivedEvent> events_ ABSL_GUARDED_BY(mutex_);
  v1::ReceiveApprovalRequest signed_approval_ ABSL_GUARDED_BY(mutex_);
  v1::ApprovePromotionRequest approval_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RpcServer> server_;
};

class PromotionRoutesTest : public TestingServer {
 protected:
  PromotionRoutesTest() {
    const auto client = PromotionClient::New({.address = receiver_.address()});
    EXPECT_TRUE(client.ok()) << client.status();
    options_.routes = PromotionRoutes(&front_, *client, {.max_body = 1000});
    options_.pool_threads = 2;
    Start();
  }

  std::string Post(const std::string& path, const std::string& body,
                   const std::string& headers = "") {
    return Ask(absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", headers,
                            "Content-Length: ", body.size(), "\r\n\r\n", body));
  }
  std::string PostEvent() { return Post("/pipelines/promotions/ns/search/dev", "{}"); }

  FakeReceiver receiver_;
  FakeFront front_;
};

TEST_F(PromotionRoutesTest, AStoredEventIsAnsweredWithItsPromotion) {
  for (const char* prefix : {"/pipelines/promotions", "/promotion"}) {
    EXPECT_THAT(
        Post(absl::StrCat(prefix, "/ns/search/dev"), R"({"a": 1})", "X-Signature: sha256=ab\r\n"),
        AllOf(StartsWith("HTTP/1.1 202"), HasSubstr("\r\nLocation: /v1/promotions/p1\r\n"),
              HasSubstr(R"({"id":"p1"})")))
        << prefix;
  }
  ASSERT_THAT(receiver_.events(), SizeIs(2));
  const v1::ReceivedEvent event = receiver_.events()[0];
  EXPECT_EQ(event.namespace_(), "ns");
  EXPECT_EQ(event.pipeline(), "search");
  EXPECT_EQ(event.environment(), "dev");
  EXPECT_EQ(event.body(), R"({"a": 1})");
  EXPECT_EQ(event.signature(), "sha256=ab");
  EXPECT_EQ(event.address(), "192.0.2.7");
  EXPECT_TRUE(event.has_receive_time());
}

TEST_F(PromotionRoutesTest, TheReasonOfARefusalDecidesTheStatus) {
  const struct {
    Reason reason;
    const char* status;
  } cases[] = {
      {Reason::kEventMalformed, "400"},    {Reason::kSignatureInvalid, "401"},
      {Reason::kSigningKeyMissing, "401"}, {Reason::kEventStale, "401"},
      {Reason::kPipelineUnknown, "404"},   {Reason::kEventEnvironmentUnknown, "422"},
      {Reason::kObjectMismatch, "422"},    {Reason::kEventWithoutRevision, "422"},
      {Reason::kLastEnvironment, "422"},   {Reason::kNoTargets, "422"},
      {Reason::kUnavailable, "503"},
  };
  for (const auto& c : cases) {
    receiver_.Refuse(MakeError(c.reason, "why"));
    EXPECT_THAT(PostEvent(), AllOf(StartsWith(absl::StrCat("HTTP/1.1 ", c.status)),
                                   HasSubstr("application/problem+json"),
                                   HasSubstr(std::string(InfoOf(c.reason).name))));
  }
}

TEST_F(PromotionRoutesTest, FluxIsToldToRetryWithinItsFifteenSeconds) {
  receiver_.Refuse(MakeError(Reason::kUnavailable, "the disk is full"));
  EXPECT_THAT(PostEvent(), HasSubstr("\r\nRetry-After: 2\r\n"));
  receiver_.Refuse(MakeError(Reason::kTooManyAgents, "in a minute"));
  EXPECT_THAT(PostEvent(), AllOf(StartsWith("HTTP/1.1 429"), HasSubstr("\r\nRetry-After: 4\r\n")));
  receiver_.Stop();
  EXPECT_THAT(PostEvent(), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("\r\nRetry-After: 2\r\n"),
                                 HasSubstr("PROMOTION_RECEIVER_UNREACHABLE")));
}

TEST_F(PromotionRoutesTest, OtherMethodsAndTooLargeBodiesDoNotReachTheReceiver) {
  EXPECT_THAT(Ask("GET /promotion/ns/search/dev HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("\r\nAllow: POST\r\n")));
  // Refused by its length alone: there is no body.
  EXPECT_THAT(Ask("POST /promotion/ns/search/dev HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                  "Content-Length: 2000000000\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(receiver_.events(), IsEmpty());
}

TEST_F(PromotionRoutesTest, NamesThatNoPipelineCanHaveAreNotFound) {
  for (const std::string& name :
       {std::string("a%ff"), std::string("a%00b"), std::string(254, 'a')}) {
    EXPECT_THAT(Post(absl::StrCat("/promotion/", name, "/search/dev"), "{}"),
                AllOf(StartsWith("HTTP/1.1 404"), HasSubstr("PIPELINE_UNKNOWN")));
  }
  EXPECT_THAT(Post("/promotion/ns/search/dev/more", "{}"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(receiver_.events(), IsEmpty());
}

TEST_F(PromotionRoutesTest, ASignatureThatIsNotTextOrIsEndlessIsPassedOnAsWrong) {
  Post("/promotion/ns/search/dev", "{}", "X-Signature: sha256=\xff\r\n");
  Post("/promotion/ns/search/dev", "{}",
       absl::StrCat("X-Signature: sha256=", std::string(5000, 'a'), "\r\n"));
  Post("/promotion/ns/search/dev", "{}", "X-Signature: sha256=aa\r\nX-Signature: sha256=bb\r\n");
  ASSERT_THAT(receiver_.events(), SizeIs(3));
  EXPECT_EQ(receiver_.events()[0].signature(), "sha256=\xef\xbf\xbd");
  EXPECT_THAT(receiver_.events()[1].signature(), SizeIs(200));
  EXPECT_EQ(receiver_.events()[2].signature(), "sha256=aa, sha256=bb");
}

TEST_F(PromotionRoutesTest, ASignedApprovalIsPassedOnAsItWasSigned) {
  EXPECT_THAT(Post("/approval/ns/search/prod/main%2Fabc%40x", "{}",
                   "X-Signature: sha256=ab\r\nX-Timestamp: 1700000000\r\n"),
              AllOf(StartsWith("HTTP/1.1 202"), HasSubstr("\r\nLocation: /v1/promotions/p2\r\n"),
                    HasSubstr(R"("id":"p2")")));
  const v1::ReceiveApprovalRequest approval = receiver_.signed_approval();
  EXPECT_EQ(approval.namespace_(), "ns");
  EXPECT_EQ(approval.pipeline(), "search");
  EXPECT_EQ(approval.environment(), "prod");
  EXPECT_EQ(approval.revision(), "main/abc@x");
  EXPECT_EQ(approval.method(), "POST");
  EXPECT_EQ(approval.path(), "/approval/ns/search/prod/main%2Fabc%40x");
  EXPECT_EQ(approval.timestamp(), "1700000000");
  EXPECT_EQ(approval.body(), "{}");
  EXPECT_EQ(approval.signature(), "sha256=ab");
  EXPECT_EQ(approval.address(), "192.0.2.7");
}

TEST_F(PromotionRoutesTest, ARevisionMayContainSlashesAsTheyAre) {
  Post("/approval/ns/search/prod/main/abc", "", "X-Signature: sha256=ab\r\n");
  EXPECT_EQ(receiver_.signed_approval().revision(), "main/abc");
  EXPECT_THAT(Post("/approval/ns/search/prod", "", "X-Signature: sha256=ab\r\n"),
              StartsWith("HTTP/1.1 404"));
}

TEST_F(PromotionRoutesTest, AnApproverApprovesWithAToken) {
  const std::string approver = "Authorization: Bearer t\r\nX-Role: approver\r\n";
  EXPECT_THAT(
      Post("/approval/ns/search/prod/1.2.3", R"({"reason": "tested", "force": true})", approver),
      AllOf(StartsWith("HTTP/1.1 202"), HasSubstr("\r\nLocation: /v1/promotions/p3\r\n")));
  EXPECT_EQ(receiver_.approval().environment(), "prod");
  EXPECT_EQ(receiver_.approval().revision(), "1.2.3");
  EXPECT_EQ(receiver_.approval().reason(), "tested");
  EXPECT_TRUE(receiver_.approval().force());
  Post("/approval/ns/search/prod/1.2.4", "", approver);
  EXPECT_EQ(receiver_.approval().revision(), "1.2.4");
  EXPECT_FALSE(receiver_.approval().force());
}

TEST_F(PromotionRoutesTest, TheBodyOfAnApprovalCannotNameAnotherRevision) {
  EXPECT_THAT(Post("/approval/ns/search/prod/1.2.3", R"({"revision": "9.9.9"})",
                   "Authorization: Bearer t\r\nX-Role: approver\r\n"),
              StartsWith("HTTP/1.1 400"));
  EXPECT_EQ(receiver_.approval().revision(), "");
}

TEST_F(PromotionRoutesTest, OthersDoNotApprove) {
  EXPECT_THAT(Post("/approval/ns/search/prod/1", ""), StartsWith("HTTP/1.1 401"));
  // A signature does not make up for a token that is too weak.
  EXPECT_THAT(Post("/approval/ns/search/prod/1", "",
                   "Authorization: Bearer t\r\nX-Role: operator\r\nX-Signature: sha256=ab\r\n"),
              StartsWith("HTTP/1.1 403"));
  receiver_.Refuse(MakeError(Reason::kNothingWaits, "1.2.4 waits"));
  EXPECT_THAT(Post("/approval/ns/search/prod/1", "", "X-Signature: sha256=ab\r\n"),
              AllOf(StartsWith("HTTP/1.1 422"), HasSubstr("NOTHING_WAITS")));
}

}  // namespace
}  // namespace gitops
