#include "services/promotion_receiver/rpc/promotion_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/store/convert_testing.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "services/promotion_receiver/intake/intake_test_base.h"

namespace gitops {
namespace {

using record::v1::Promotion;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Notes what it is asked, and answers with the newest promotion, or an error.
class FakeControl : public PromotionControl {
 public:
  explicit FakeControl(PromotionStore* const* store) : store_(store) {}

  absl::StatusOr<Promotion> Approve(const EnvironmentName& where, const std::string& revision,
                                    const Actor& actor, const std::string& reason,
                                    bool force) override {
    return Note(absl::StrCat("approve ", where.Text(), " ", revision, " by ", actor.text(), " ",
                             reason, force ? " force" : ""));
  }
  absl::StatusOr<Promotion> Reject(const EnvironmentName& where, const std::string& revision,
                                   const Actor& actor, const std::string& reason) override {
    return Note(
        absl::StrCat("reject ", where.Text(), " ", revision, " by ", actor.text(), " ", reason));
  }
  absl::StatusOr<Promotion> Replay(const EnvironmentName& where, const std::string& revision,
                                   const Actor& actor, const std::string& reason,
                                   RequestIds::Claim* claim) override {
    if (!actor.principal().has_value()) return absl::InternalError("only a text");
    const auto newest = (*store_)->Newest("shopping", "search", "dev");
    const auto stored = (*store_)->Write({}, claim->Record(newest->id()));
    if (!stored.ok()) return stored;
    claim->Stored();
    return Note(
        absl::StrCat("replay ", where.Text(), " ", revision, " by ", actor.text(), " ", reason));
  }
  void Look(const EnvironmentName& source) override { (void)Note("look " + source.Text()); }

  void Fail(absl::Status status) {
    MutexLock lock(mutex_);
    failure_ = std::move(status);
  }
  std::vector<std::string> calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }

 private:
  absl::StatusOr<Promotion> Note(const std::string& call) {
    MutexLock lock(mutex_);
    calls_.push_back(call);
    if (!failure_.ok()) return failure_;
    const SharedPromotion newest = (*store_)->Newest("shopping", "search", "dev");
    return newest.has_value() ? *newest : Promotion();
  }

  PromotionStore* const* const store_;
  mutable Mutex mutex_;
  std::vector<std::string> calls_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

class PromotionServiceTest : public IntakeTestBase {
 protected:
  PromotionServiceTest() {
    promotions_ = store_.get();
    service_ = NewPromotionService({.clock = &clock_,
                                    .gate = &gate_,
                                    .state = &faulty_,
                                    .promotions = store_.get(),
                                    .request_ids = &request_ids_,
                                    .intake = intake_.get(),
                                    .secrets = &secrets_,
                                    .control = &control_,
                                    .pipelines =
                                        [this] {
                                          MutexLock lock(pipelines_mutex_);
                                          return pipelines_;
                                        },
                                    .most_watchers = 2});
    auto server = RpcServer::Start({.listen = "127.0.0.1:0", .services = {service_.get()}});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::PromotionService::NewStub(*Dial({.address = server_->address()}));
  }
  ~PromotionServiceTest() override {
    service_->Stop();
    server_.reset();
  }

  template <typename Request, typename Response>
  absl::Status Call(grpc::Status (v1::PromotionService::Stub::*method)(grpc::ClientContext*,
                                                                       const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    return FromGrpcStatus((stub_.get()->*method)(&context, request, response));
  }
  template <typename Request>
  static Request To(const std::string& environment, const std::string& revision = "1",
                    const std::string& pipeline = "search") {
    Request request;
    request.set_namespace_("shopping");
    request.set_pipeline(pipeline);
    request.set_environment(environment);
    request.set_revision(revision);
    request.set_reason("because");
    return request;
  }

  v1::ReceiveApprovalRequest SignedApproval(const std::string& revision = "1",
                                            const std::string& key = "approver") {
    v1::ReceiveApprovalRequest request;
    request.set_namespace_("shopping");
    request.set_pipeline("search");
    request.set_environment("prod");
    request.set_revision(revision);
    request.set_method("POST");
    request.set_path("/approval/shopping/search/prod/" + revision);
    request.set_timestamp(absl::StrCat(absl::ToUnixSeconds(clock_.Now())));
    request.set_body("{}");
    SignAgain(request, key);
    return request;
  }
  static void SignAgain(v1::ReceiveApprovalRequest& request, const std::string& key = "approver") {
    request.set_signature(*Sign("sha256", Secret(key),
                                absl::StrCat(request.method(), "\n", request.path(), "\n",
                                             request.timestamp(), "\n", request.body())));
  }
  std::string Refusal(const v1::ReceiveApprovalRequest& request) {
    v1::ReceiveApprovalResponse response;
    const absl::Status status =
        Call(&v1::PromotionService::Stub::ReceiveApproval, request, &response);
    return status.ok() ? "" : ReasonName(status);
  }
  std::vector<std::string> Revisions(const v1::ListPromotionsRequest& request) {
    v1::ListPromotionsResponse response;
    const absl::Status status =
        Call(&v1::PromotionService::Stub::ListPromotions, request, &response);
    EXPECT_TRUE(status.ok()) << status;
    next_page_ = response.next_page_token();
    std::vector<std::string> revisions;
    for (const auto& promotion : response.promotions()) revisions.push_back(promotion.revision());
    return revisions;
  }

  PromotionStore* promotions_ = nullptr;
  FakeControl control_{&promotions_};
  const RpcGate gate_;
  RequestIds request_ids_{&faulty_, "promotion-receiver/v1/request/", &clock_};
  std::unique_ptr<PromotionService> service_;
  // Shows gRPC's threads to the thread sanitizer.
  Mutex pipelines_mutex_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<v1::PromotionService::Stub> stub_;
  std::string next_page_;
};

using Stub = v1::PromotionService::Stub;

TEST_F(PromotionServiceTest, EveryFieldOfTheApiIsStoredAndComesBack) {
  const std::set<std::string> not_stored = {"gitops.v1.Promotion.etag",
                                            "gitops.v1.PromotionEvent.body"};
  v1::Promotion api;
  record::v1::Promotion stored;
  for (const auto& fault :
       absl::StrSplit(ConversionFaults(api, stored, not_stored), '\n', absl::SkipEmpty())) {
    // What is stored besides.
    EXPECT_THAT(std::string(fault), StartsWith("gitops.record.v1.Promotion."));
  }
  v1::Approval api_approval;
  record::v1::Approval stored_approval;
  EXPECT_EQ(ConversionFaults(api_approval, stored_approval, not_stored), "");
  v1::EnvironmentHold api_hold;
  record::v1::EnvironmentHold stored_hold;
  EXPECT_EQ(ConversionFaults(api_hold, stored_hold, not_stored), "");
}

TEST_F(PromotionServiceTest, OutcomesOfEventsAreInTheirOrder) {
  v1::ReceiveEventsRequest request;
  *request.add_events() = Received({});
  *request.add_events() = Received({.key = "wrong"});
  v1::ReceiveEventsResponse response;
  ASSERT_TRUE(Call(&Stub::ReceiveEvents, request, &response).ok());
  ASSERT_EQ(response.outcomes_size(), 2);
  EXPECT_EQ(Promotion(response.outcomes(0).promotion()).revision(), "1");
  EXPECT_TRUE(HasReason(OutcomeOf(response.outcomes(1)).status(), Reason::kSignatureInvalid));
  EXPECT_TRUE(
      absl::IsInvalidArgument(Call(&Stub::ReceiveEvents, v1::ReceiveEventsRequest(), &response)));
  for (int i = 0; i < 1001; ++i) request.add_events();
  EXPECT_TRUE(absl::IsInvalidArgument(Call(&Stub::ReceiveEvents, request, &response)));
}

TEST_F(PromotionServiceTest, PipelinesSayWhereTheirEnvironmentsStand) {
  const std::string id = *Send({.revision = "2"});
  record::v1::Promotion done = Promotion(*Send({.revision = "1", .age = absl::Seconds(9)}));
  record::v1::EnvironmentHold hold;
  hold.set_reason("incident");
  ASSERT_TRUE(store_->Hold("shopping", "search", "prod", hold).ok());
  done.set_state(record::v1::PROMOTION_STATE_SUCCEEDED);
  ASSERT_TRUE(store_->Write({{.promotion = done}}).ok());

  v1::GetPipelineRequest get;
  get.set_namespace_("shopping");
  get.set_pipeline("search");
  v1::GetPipelineResponse got;
  ASSERT_TRUE(Call(&Stub::GetPipeline, get, &got).ok());
  const auto& environments = got.pipeline().environments();
  ASSERT_EQ(environments.size(), 3);
  EXPECT_FALSE(environments[0].has_next());
  EXPECT_EQ(environments[1].next().id(), id);
  EXPECT_EQ(environments[1].current().revision(), "1");
  EXPECT_EQ(environments[2].hold().reason(), "incident");
  get.set_pipeline("none");
  EXPECT_TRUE(HasReason(Call(&Stub::GetPipeline, get, &got), Reason::kPipelineUnknown));
}

TEST_F(PromotionServiceTest, PipelinesAreListedInPagesWithFilesThatNeverWereGoodFirst) {
  auto pipelines = std::make_shared<Pipelines>(*pipelines_);
  // Of a namespace that begins as the other, and comes after it.
  auto& more = pipelines->entries[{"shopping-eu", "cart"}];
  more = pipelines->entries[{"shopping", "search"}];
  more.pipeline.namespace_ = "shopping-eu";
  more.pipeline.name = "cart";
  pipelines->bad["/pipelines/bad.yaml"] = "bad.yaml:1: nonsense";
  pipelines->bad["p.yaml"] = "p.yaml:7: nonsense";  // has a last good version
  {
    MutexLock lock(pipelines_mutex_);
    pipelines_ = pipelines;
  }
  std::vector<std::string> names;
  v1::ListPipelinesRequest request;
  request.set_page_size(1);
  do {
    v1::ListPipelinesResponse response;
    ASSERT_TRUE(Call(&Stub::ListPipelines, request, &response).ok());
    ASSERT_EQ(response.pipelines_size(), 1);
    names.push_back(response.pipelines(0).pipeline() + response.pipelines(0).error());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ElementsAre("bad.yaml:1: nonsense", "empty", "open", "search", "cart"));
  request.set_page_token("nonsense");
  v1::ListPipelinesResponse response;
  EXPECT_TRUE(absl::IsInvalidArgument(Call(&Stub::ListPipelines, request, &response)));
  request.clear_page_token();
  request.set_namespace_("other");
  ASSERT_TRUE(Call(&Stub::ListPipelines, request, &response).ok());
  EXPECT_EQ(response.pipelines_size(), 0);
}

TEST_F(PromotionServiceTest, PromotionsAreListedNewestFirstInPagesAndByFilter) {
  for (const char* revision : {"1", "2", "3"}) (void)Send({.revision = revision});
  (void)Send({.revision = "4", .environment = "staging"});
  v1::ListPromotionsRequest request;
  request.set_page_size(3);
  EXPECT_THAT(Revisions(request), ElementsAre("4", "3", "2"));
  request.set_page_token(next_page_);
  EXPECT_THAT(Revisions(request), ElementsAre("1"));
  EXPECT_EQ(next_page_, "");
  request.clear_page_token();
  request.mutable_filter()->set_environment("prod");
  EXPECT_THAT(Revisions(request), ElementsAre("4"));
  request.mutable_filter()->set_environment("staging");
  request.mutable_filter()->add_states(v1::PROMOTION_STATE_SUPERSEDED);
  EXPECT_THAT(Revisions(request), ElementsAre("2", "1"));
  request.mutable_filter()->set_revision("1");
  EXPECT_THAT(Revisions(request), ElementsAre("1"));
  request.mutable_filter()->set_namespace_("other");
  EXPECT_THAT(Revisions(request), IsEmpty());
  request.mutable_filter()->add_states(static_cast<v1::PromotionState>(77));
  v1::ListPromotionsResponse response;
  EXPECT_TRUE(absl::IsInvalidArgument(Call(&Stub::ListPromotions, request, &response)));
}

TEST_F(PromotionServiceTest, PromotionHasItsBodyOnlyWhereItIsAsked) {
  v1::GetPromotionRequest request;
  request.set_id(*Send({}));
  v1::GetPromotionResponse response;
  ASSERT_TRUE(Call(&Stub::GetPromotion, request, &response).ok());
  EXPECT_EQ(response.promotion().event().body(), "");
  EXPECT_EQ(response.promotion().event().metadata().at("summary"), "foobar");
  const std::string etag = response.promotion().etag();
  EXPECT_NE(etag, "");
  request.set_with_body(true);
  ASSERT_TRUE(Call(&Stub::GetPromotion, request, &response).ok());
  EXPECT_THAT(response.promotion().event().body(), StartsWith("{\"involvedObject\""));
  EXPECT_EQ(response.promotion().etag(), etag);
  (void)Send({});
  ASSERT_TRUE(Call(&Stub::GetPromotion, request, &response).ok());
  EXPECT_NE(response.promotion().etag(), etag);
  request.set_id("none");
  EXPECT_TRUE(HasReason(Call(&Stub::GetPromotion, request, &response), Reason::kPromotionUnknown));
}

TEST_F(PromotionServiceTest, WatchTellsWhatThereIsThenChangesAndGoesOnAfterItsToken) {
  (void)Send({.revision = "1"});
  v1::WatchPromotionsRequest request;
  request.mutable_filter()->set_environment("staging");
  v1::WatchPromotionsResponse response;
  {
    grpc::ClientContext context;
    const auto reader = stub_->WatchPromotions(&context, request);
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.promotion().revision(), "1");
    EXPECT_TRUE(response.initial_done());
    (void)Send({.revision = "9", .environment = "staging"});  // does not match
    (void)Send({.revision = "1"});
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.promotion().event_count(), 2);
    context.TryCancel();
  }
  request.set_resume_token(response.resume_token());
  const std::string second = *Send({.revision = "2"});
  grpc::ClientContext context;
  const auto reader = stub_->WatchPromotions(&context, request);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_TRUE(response.initial_done());
  EXPECT_FALSE(response.restarted());
  EXPECT_FALSE(response.has_promotion());
  std::map<std::string, v1::PromotionState> told;
  while (told.size() < 2 && reader->Read(&response)) {
    told[response.promotion().revision()] = response.promotion().state();
  }
  EXPECT_EQ(told["1"], v1::PROMOTION_STATE_SUPERSEDED);
  EXPECT_EQ(told["2"], v1::PROMOTION_STATE_OBSERVING);
  service_->Stop();
  while (reader->Read(&response)) {
  }
  EXPECT_TRUE(HasReason(FromGrpcStatus(reader->Finish()), Reason::kServerStopping));
}

TEST_F(PromotionServiceTest, WatchWithABadTokenOrOneTooManyIsRefused) {
  v1::WatchPromotionsRequest request;
  v1::WatchPromotionsResponse response;
  grpc::ClientContext first, second, third, fourth;
  request.set_resume_token("nonsense");
  EXPECT_TRUE(
      absl::IsInvalidArgument(FromGrpcStatus(stub_->WatchPromotions(&fourth, request)->Finish())));
  request.clear_resume_token();
  const auto one = stub_->WatchPromotions(&first, request);
  const auto two = stub_->WatchPromotions(&second, request);
  ASSERT_TRUE(one->Read(&response));
  ASSERT_TRUE(two->Read(&response));
  EXPECT_TRUE(HasReason(FromGrpcStatus(stub_->WatchPromotions(&third, request)->Finish()),
                        Reason::kTooManyWatchers));
  first.TryCancel();
  second.TryCancel();
}

TEST_F(PromotionServiceTest, CommandsReachTheEngineWithTheirCaller) {
  (void)Send({});
  v1::ApprovePromotionResponse approved;
  auto approve = To<v1::ApprovePromotionRequest>("prod");
  ASSERT_TRUE(Call(&Stub::ApprovePromotion, approve, &approved).ok());
  EXPECT_EQ(approved.promotion().revision(), "1");
  approve.set_force(true);
  ASSERT_TRUE(Call(&Stub::ApprovePromotion, approve, &approved).ok());
  v1::RejectPromotionResponse rejected;
  ASSERT_TRUE(Call(&Stub::RejectPromotion, To<v1::RejectPromotionRequest>("prod"), &rejected).ok());
  const std::vector<std::string> calls = control_.calls();
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_THAT(calls[0], StartsWith("approve shopping/search/prod 1 by unnamed"));
  EXPECT_THAT(calls[0], testing::EndsWith(" because"));
  EXPECT_THAT(calls[1], testing::EndsWith(" because force"));
  EXPECT_THAT(calls[2], StartsWith("reject shopping/search/prod 1 by unnamed"));
}

TEST_F(PromotionServiceTest, CommandsNeedAPipelineAnEnvironmentARevisionAndForceAReason) {
  v1::ApprovePromotionResponse response;
  const auto refusal = [&](const v1::ApprovePromotionRequest& request) {
    return ReasonName(Call(&Stub::ApprovePromotion, request, &response));
  };
  EXPECT_EQ(refusal(To<v1::ApprovePromotionRequest>("prod", "1", "none")), "PIPELINE_UNKNOWN");
  EXPECT_EQ(refusal(To<v1::ApprovePromotionRequest>("none")), "ENVIRONMENT_UNKNOWN");
  EXPECT_EQ(refusal(To<v1::ApprovePromotionRequest>("")), "INVALID_ARGUMENT");
  EXPECT_EQ(refusal(To<v1::ApprovePromotionRequest>("prod", "")), "INVALID_ARGUMENT");
  auto force = To<v1::ApprovePromotionRequest>("prod");
  force.set_force(true);
  force.clear_reason();
  EXPECT_EQ(refusal(force), "INVALID_ARGUMENT");
  EXPECT_THAT(control_.calls(), IsEmpty());
  control_.Fail(MakeError(Reason::kNothingWaits, "nothing waits"));
  EXPECT_EQ(refusal(To<v1::ApprovePromotionRequest>("prod")), "NOTHING_WAITS");
}

TEST_F(PromotionServiceTest, WhatWaitsForAPipelineThatIsGoneCanBeRejected) {
  v1::RejectPromotionResponse rejected;
  for (const auto& request : {To<v1::RejectPromotionRequest>("prod", "1", "none"),
                              To<v1::RejectPromotionRequest>("none")}) {
    ASSERT_TRUE(Call(&Stub::RejectPromotion, request, &rejected).ok());
  }
  EXPECT_EQ(control_.calls().size(), 2u);
  EXPECT_EQ(ReasonName(Call(&Stub::RejectPromotion, To<v1::RejectPromotionRequest>("prod", ""),
                            &rejected)),
            "INVALID_ARGUMENT");
  EXPECT_EQ(ReasonName(Call(&Stub::RejectPromotion, To<v1::RejectPromotionRequest>(""), &rejected)),
            "INVALID_ARGUMENT");
}

TEST_F(PromotionServiceTest, DamagedRecordsAreListedAndRemoved) {
  const std::string id = *Send({});
  v1::ListDamagedPromotionRecordsResponse listed;
  const auto list = [&] {
    return Call(&Stub::ListDamagedPromotionRecords, v1::ListDamagedPromotionRecordsRequest(),
                &listed);
  };
  ASSERT_TRUE(list().ok());
  EXPECT_EQ(listed.records_size(), 0);
  v1::RemoveDamagedPromotionRecordRequest request;
  v1::RemoveDamagedPromotionRecordResponse removed;
  EXPECT_TRUE(
      absl::IsInvalidArgument(Call(&Stub::RemoveDamagedPromotionRecord, request, &removed)));
  request.set_key("promotion-receiver/v1/promotion/" + id);
  EXPECT_TRUE(
      absl::IsFailedPrecondition(Call(&Stub::RemoveDamagedPromotionRecord, request, &removed)));
  temp_store_.Damage(request.key());
  ASSERT_TRUE(list().ok());
  ASSERT_EQ(listed.records_size(), 1);
  EXPECT_EQ(listed.records(0).key(), request.key());
  EXPECT_EQ(listed.records(0).kind(), "promotion");
  ASSERT_TRUE(Call(&Stub::RemoveDamagedPromotionRecord, request, &removed).ok());
  EXPECT_TRUE(absl::IsNotFound(Call(&Stub::RemoveDamagedPromotionRecord, request, &removed)));
  EXPECT_NE(*Send({}), id) << "the event begins a promotion of its own";
}

TEST_F(PromotionServiceTest, TheEngineLooksWhenADamagedHoldIsRemoved) {
  v1::HoldEnvironmentRequest hold;
  hold.set_namespace_("shopping");
  hold.set_pipeline("search");
  hold.set_environment("prod");
  v1::HoldEnvironmentResponse held;
  ASSERT_TRUE(Call(&Stub::HoldEnvironment, hold, &held).ok());
  v1::RemoveDamagedPromotionRecordRequest request;
  request.set_key("promotion-receiver/v1/hold/shopping/search/prod");
  temp_store_.Damage(request.key());
  v1::RemoveDamagedPromotionRecordResponse removed;
  ASSERT_TRUE(Call(&Stub::RemoveDamagedPromotionRecord, request, &removed).ok());
  EXPECT_FALSE(store_->HoldOf("shopping", "search", "prod").has_value());
  EXPECT_THAT(control_.calls(),
              ElementsAre("look shopping/search/staging", "look shopping/search/staging"));
}

TEST_F(PromotionServiceTest, RepeatedReplayIsDoneOnce) {
  const std::string id = *Send({});
  auto request = To<v1::ReplayPromotionRequest>("staging");
  request.set_request_id("r");
  v1::ReplayPromotionResponse response;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Call(&Stub::ReplayPromotion, request, &response).ok());
    EXPECT_EQ(response.promotion().id(), id);
  }
  EXPECT_EQ(control_.calls().size(), 1u);
  request.set_reason("another");
  EXPECT_TRUE(
      HasReason(Call(&Stub::ReplayPromotion, request, &response), Reason::kRequestIdReused));
}

TEST_F(PromotionServiceTest, HoldLastsUntilItIsReleasedAndTheEngineLooks) {
  v1::HoldEnvironmentRequest hold;
  hold.set_namespace_("shopping");
  hold.set_pipeline("search");
  hold.set_environment("prod");
  hold.set_reason("incident");
  v1::HoldEnvironmentResponse held;
  ASSERT_TRUE(Call(&Stub::HoldEnvironment, hold, &held).ok());
  EXPECT_EQ(held.hold().reason(), "incident");
  EXPECT_THAT(held.hold().actor(), StartsWith("unnamed"));
  EXPECT_EQ(held.hold().principal().kind(), v1::Principal::KIND_USER);
  EXPECT_TRUE(store_->HoldOf("shopping", "search", "prod").has_value());
  v1::ReleaseEnvironmentRequest release;
  release.set_namespace_("shopping");
  release.set_pipeline("search");
  release.set_environment("prod");
  v1::ReleaseEnvironmentResponse released;
  ASSERT_TRUE(Call(&Stub::ReleaseEnvironment, release, &released).ok());
  EXPECT_EQ(released.hold().reason(), "incident");
  EXPECT_FALSE(store_->HoldOf("shopping", "search", "prod").has_value());
  EXPECT_THAT(control_.calls(),
              ElementsAre("look shopping/search/staging", "look shopping/search/staging"));
  ASSERT_TRUE(Call(&Stub::ReleaseEnvironment, release, &released).ok());
  EXPECT_FALSE(released.has_hold());
  hold.set_environment("none");
  EXPECT_TRUE(HasReason(Call(&Stub::HoldEnvironment, hold, &held), Reason::kEnvironmentUnknown));
}

TEST_F(PromotionServiceTest, SignedApprovalIsThatOfTheKeyAndCountsOnce) {
  (void)Send({});
  const v1::ReceiveApprovalRequest request = SignedApproval();
  EXPECT_EQ(Refusal(request), "");
  EXPECT_THAT(control_.calls(), ElementsAre("approve shopping/search/prod 1 by approval key of "
                                            "shopping/search "));
  EXPECT_EQ(Refusal(request), "SIGNATURE_REUSED");
  v1::ReceiveApprovalRequest upper = request;
  upper.set_signature("sha256=" + absl::AsciiStrToUpper(request.signature().substr(7)));
  EXPECT_EQ(Refusal(upper), "SIGNATURE_REUSED");
  EXPECT_EQ(control_.calls().size(), 1u);
}

TEST_F(PromotionServiceTest, ApprovalThatIsNotSignedForExactlyThisIsRefused) {
  EXPECT_EQ(Refusal(SignedApproval("1", "prod-key")), "SIGNATURE_INVALID") << "not the hmac-key";
  v1::ReceiveApprovalRequest request = SignedApproval();
  request.set_revision("2");
  EXPECT_EQ(Refusal(request), "SIGNATURE_INVALID");
  request = SignedApproval();
  request.set_body("{} ");
  EXPECT_EQ(Refusal(request), "SIGNATURE_INVALID");
  request = SignedApproval();
  request.set_timestamp(absl::StrCat(absl::ToUnixSeconds(clock_.Now()) + 1));
  EXPECT_EQ(Refusal(request), "SIGNATURE_INVALID");
  request = SignedApproval();
  request.clear_signature();
  EXPECT_EQ(Refusal(request), "SIGNATURE_INVALID");
  request = SignedApproval();
  request.set_environment("staging");
  EXPECT_EQ(Refusal(request), "SIGNING_KEY_MISSING");
  request = SignedApproval();
  request.set_pipeline("none");
  EXPECT_EQ(Refusal(request), "PIPELINE_UNKNOWN");
  request = SignedApproval();
  request.set_timestamp("soon");
  SignAgain(request);
  EXPECT_EQ(Refusal(request), "SIGNATURE_INVALID");
  EXPECT_THAT(control_.calls(), IsEmpty());
}

TEST_F(PromotionServiceTest, ApprovalIsAcceptedWithinFiveMinutesOfItsTime) {
  const v1::ReceiveApprovalRequest request = SignedApproval();
  clock_.Advance(absl::Minutes(5) + absl::Seconds(1));
  EXPECT_EQ(Refusal(request), "EVENT_STALE");
  clock_.SetTime(clock_.Now() - absl::Minutes(11));
  EXPECT_EQ(Refusal(request), "EVENT_STALE");
  clock_.SetTime(clock_.Now() + absl::Minutes(1));
  EXPECT_EQ(Refusal(request), "");
}

TEST_F(PromotionServiceTest, RevisionInAPathMayBeEscaped) {
  v1::ReceiveApprovalRequest request = SignedApproval("main@sha1:0cc9");
  request.set_path("/approval/shopping/search/prod/main%40sha1%3A0cc9");
  SignAgain(request);
  EXPECT_EQ(Refusal(request), "");
}

}  // namespace
}  // namespace gitops
