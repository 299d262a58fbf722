// Calls that hang: what they leave to the brake, and what ends them.
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/testing/eventually.h"
#include "services/planner/rpc/planner_test_base.h"

namespace gitops {
namespace {

using grpc::StatusCode;

class BrakeRpcTest : public PlannerTestBase {
 protected:
  BrakeRpcTest() {
    agents_.SetTip(std::string(40, 'b'));
    AddHost("web1");
  }
  ~BrakeRpcTest() override { EndHanging(); }

  // Begins a call in its own thread.
  template <typename Request, typename Response>
  void Hang(Method<Request, Response> method, const Request& request) {
    contexts_.push_back(Context());
    threads_.emplace_back([this, method, request, context = contexts_.back().get()] {
      Response response;
      (void)(stub_.get()->*method)(context, request, &response);
    });
  }
  template <typename Request, typename Response>
  void Hang(Command<Request, Response> method, const Request& request) {
    contexts_.push_back(Context());
    threads_.emplace_back([this, method, request, context = contexts_.back().get()] {
      const auto reader = (stub_.get()->*method)(context, request);
      Response response;
      while (reader->Read(&response)) {
      }
      (void)reader->Finish();
    });
  }
  // The callers go away; the agents still say nothing.
  void EndHanging() {
    for (const auto& context : contexts_) context->TryCancel();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  template <typename Request>
  static Request OnAll() {
    Request request;
    request.set_service("nginx");
    request.mutable_selection()->set_all(true);
    return request;
  }
  static v1::CreatePlanRequest Sync() {
    v1::CreatePlanRequest request;
    request.mutable_spec()->add_actions("sync");
    request.mutable_spec()->mutable_selection()->set_all(true);
    return request;
  }

  std::vector<std::unique_ptr<grpc::ClientContext>> contexts_;
  std::vector<std::thread> threads_;
};

TEST_F(BrakeRpcTest, FreezeAndUnfreezeWorkWhileOtherCallsHoldEveryPlaceAndThread) {
  agents_.Hang("DiffServiceRequest");
  agents_.Hang("ResolveRevisionRequest");
  for (int i = 0; i < kMostCommands; ++i) {
    Hang(&Stub::DiffServices, OnAll<v1::DiffServicesRequest>());
  }
  for (int i = kMostCommands; i < kMostCalls; ++i) Hang(&Stub::CreatePlan, Sync());
  ASSERT_TRUE(agents_.AwaitHung(kMostCalls));
  EXPECT_EQ(Try(&Stub::CreatePlan, Sync()).error_code(), StatusCode::RESOURCE_EXHAUSTED);

  const auto frozen = Call(&Stub::FreezeServices, OnAll<v1::FreezeServicesRequest>());
  ASSERT_EQ(frozen.size(), 1u);
  EXPECT_EQ(frozen[0].code(), 0);
  const auto unfrozen = Call(&Stub::UnfreezeServices, OnAll<v1::UnfreezeServicesRequest>());
  ASSERT_EQ(unfrozen.size(), 1u);
  EXPECT_EQ(unfrozen[0].code(), 0);
}

TEST_F(BrakeRpcTest, CallerThatWentAwayFreesItsPlaceWhileTheAgentHangs) {
  agents_.Hang("DiffServiceRequest");
  for (int i = 0; i < kMostCommands; ++i) {
    Hang(&Stub::DiffServices, OnAll<v1::DiffServicesRequest>());
  }
  ASSERT_TRUE(agents_.AwaitHung(kMostCommands));
  const auto pull = OnAll<v1::PullServicesRequest>();
  ASSERT_EQ(Try(&Stub::PullServices, pull).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EndHanging();
  EXPECT_TRUE(agents_.AwaitNoneHung());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  grpc::Status pulled;
  do {
    pulled = Try(&Stub::PullServices, pull);
  } while (pulled.error_code() == StatusCode::RESOURCE_EXHAUSTED &&
           std::chrono::steady_clock::now() < deadline);
  EXPECT_TRUE(pulled.ok()) << pulled.error_message();
}

TEST_F(BrakeRpcTest, PlanEndsWithItsCallersDeadlineOrCancellationWhileAnAgentHangs) {
  agents_.Hang("ResolveRevisionRequest");
  Hang(&Stub::CreatePlan, Sync());
  ASSERT_TRUE(agents_.AwaitHung(1));
  EndHanging();
  EXPECT_TRUE(agents_.AwaitNoneHung());

  auto context = Context();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  v1::CreatePlanResponse response;
  EXPECT_EQ(stub_->CreatePlan(context.get(), Sync(), &response).error_code(),
            StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(agents_.AwaitNoneHung());
}

struct WithFakeClock {
  FakeClock clock_;
};

class StalledCallerTest : private WithFakeClock, public PlannerTestBase {
 protected:
  StalledCallerTest() : PlannerTestBase(/*dispatcher=*/true, &clock_) {
    // More answers than gRPC buffers for a client that does not read.
    for (int i = 0; i < 300; ++i) {
      const std::string host = absl::StrCat("web", i);
      AddHost(host);
      agents_.Add(host + ":8004", {{"nginx", std::string(128 << 10, 'x')}});
    }
    request_.set_service("nginx");
    request_.mutable_selection()->set_all(true);
  }
  using WithFakeClock::clock_;

  v1::FreezeServicesRequest request_;
};

TEST_F(StalledCallerTest, CallersThatStopReadingAStreamedFreezeLoseTheirPlaces) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::FreezeServicesResponse>>> readers;
  v1::FreezeServicesResponse first;
  for (int i = 0; i < kMostCommands; ++i) {
    contexts.push_back(Context());
    contexts.back()->set_deadline(std::chrono::system_clock::time_point::max());
    readers.push_back(stub_->FreezeServices(contexts.back().get(), request_));
    ASSERT_TRUE(readers.back()->Read(&first));
  }
  EXPECT_EQ(Try(&Stub::FreezeServices, request_).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(absl::Seconds(10));
    return Try(&Stub::FreezeServices, request_).error_code() != StatusCode::RESOURCE_EXHAUSTED;
  }));
  for (const auto& context : contexts) context->TryCancel();
}

}  // namespace
}  // namespace gitops
