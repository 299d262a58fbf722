// The RPCs over a real gRPC server, with endpoints over real HTTP.
#include "services/hook_dispatcher/rpc/hook_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/testing/eventually.h"
#include "services/hook_dispatcher/testing/hook_endpoint.h"

namespace gitops {
namespace {

using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class HookServiceTest : public ::testing::Test {
 protected:
  HookServiceTest() {
    DispatcherOptions options;
    options.http = http_.get();
    options.clock = Clock::System();
    dispatcher_ = NewDispatcher(std::move(options));
    service_ = NewHookService(dispatcher_.get(), &gate_);
    RpcServerOptions server;
    server.listen = "127.0.0.1:0";
    server.services = {service_.get()};
    server.max_threads = 100;
    auto started = RpcServer::Start(server);
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    auto channel = Dial({.address = server_->address()});
    EXPECT_TRUE(channel.ok()) << channel.status();
    stub_ = v1::HookDispatcherService::NewStub(*channel);
  }

  void SetHook(const HookEndpoint& endpoint, absl::Duration timeout = absl::Seconds(10)) {
    HookSpec hook;
    hook.name = "drain";
    hook.points = {"pre-deploy", "post-select"};
    hook.url = endpoint.url();
    hook.timeout = timeout;
    dispatcher_->SetHooks({hook});
  }

  static v1::DispatchHookRequest Request(const std::string& host = "web1") {
    v1::DispatchHookRequest request;
    request.set_point("pre-deploy");
    request.add_hosts()->set_host(host);
    request.mutable_hosts(0)->add_actions("push");
    request.set_deployment("d1");
    request.set_idempotency_key("d1/1");
    return request;
  }

  grpc::Status Dispatch(const v1::DispatchHookRequest& request,
                        v1::DispatchHookResponse* response) {
    grpc::ClientContext context;
    return stub_->DispatchHook(&context, request, response);
  }

  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  const RpcGate gate_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<v1::HookDispatcherService::Service> service_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<v1::HookDispatcherService::Stub> stub_;
};

TEST_F(HookServiceTest, EveryFieldOfTheRequestReachesTheHook) {
  HookEndpoint endpoint({Says(R"([{"host":"db1","actions":["sync"]}])"), Says(404, "no")});
  SetHook(endpoint);
  v1::DispatchHookRequest request = Request();
  request.set_point("post-select");
  request.add_known_hosts("db1");
  request.set_result(v1::STEP_RESULT_SKIPPED);
  request.set_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  v1::DispatchHookResponse response;
  ASSERT_TRUE(Dispatch(request, &response).ok());
  ASSERT_EQ(response.hosts_size(), 1);
  EXPECT_EQ(response.hosts(0).host(), "db1");
  EXPECT_THAT(response.hosts(0).actions(), ElementsAre("sync"));
  const auto headers = endpoint.requests().at(0).headers;
  EXPECT_EQ(headers.at("x-gitops-result"), "skipped");
  EXPECT_EQ(headers.at("x-gitops-deployment"), "d1");
  EXPECT_EQ(headers.at("idempotency-key"), "d1/1/drain");
  EXPECT_EQ(headers.at("traceparent"), request.traceparent());
  request.set_ignore_errors(true);
  ASSERT_TRUE(Dispatch(request, &response).ok());
  EXPECT_FALSE(response.has_failure());
  EXPECT_TRUE(response.calls(0).ignored());
}

TEST_F(HookServiceTest, FailureIsAnAnswerAndABadQuestionIsNot) {
  HookEndpoint endpoint({Says(409, "locked")});
  SetHook(endpoint);
  v1::DispatchHookResponse response;
  ASSERT_TRUE(Dispatch(Request(), &response).ok());
  EXPECT_EQ(response.failure().http_status(), 409);
  v1::DispatchHookRequest bad = Request();
  bad.set_point("pre-nothing");
  const grpc::Status status = Dispatch(bad, &response);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("unknown hook point"));
}

TEST_F(HookServiceTest, HooksAreListedWithoutSecrets) {
  HookSpec first;
  first.name = "z";
  first.points = {"pre-deploy", "post-deploy"};
  first.url = "https://user:hunter2@lb:8443/x?token=hush";
  first.mode = HookMode::kReadOnly;
  first.timeout = absl::Milliseconds(1500);
  first.ignore_errors = true;
  first.key = Secret("topsecret");
  HookSpec second;
  second.name = "a";
  dispatcher_->SetHooks({first, second});
  grpc::ClientContext context;
  v1::ListHooksResponse response;
  ASSERT_TRUE(stub_->ListHooks(&context, {}, &response).ok());
  ASSERT_EQ(response.hooks_size(), 2);
  const v1::Hook& hook = response.hooks(0);
  EXPECT_EQ(hook.name(), "z");
  EXPECT_THAT(hook.points(), ElementsAre("pre-deploy", "post-deploy"));
  EXPECT_EQ(hook.url(), "https://lb:8443/x");
  EXPECT_EQ(hook.mode(), v1::HOOK_MODE_READ_ONLY);
  EXPECT_EQ(hook.timeout().seconds(), 1);
  EXPECT_EQ(hook.timeout().nanos(), 500'000'000);
  EXPECT_EQ(hook.retry_count(), 2);
  EXPECT_EQ(hook.on_error(), v1::HOOK_ON_ERROR_IGNORE);
  EXPECT_TRUE(hook.is_signed());
  EXPECT_EQ(response.hooks(1).mode(), v1::HOOK_MODE_TRANSFORM);
  EXPECT_EQ(response.hooks(1).on_error(), v1::HOOK_ON_ERROR_STOP);
  EXPECT_FALSE(response.hooks(1).is_signed());
  for (const char* secret : {"hunter2", "hush", "topsecret"}) {
    EXPECT_THAT(response.DebugString(), Not(HasSubstr(secret)));
  }
}

TEST_F(HookServiceTest, ClientThatCancelsOrIsLateEndsTheHttpRequest) {
  std::atomic<int> closed = 0;
  HookEndpoint endpoint({Does([&](RawConnection& connection) {
    if (connection.WaitForClose(absl::Seconds(20))) ++closed;
  })});
  SetHook(endpoint, absl::Seconds(60));
  v1::DispatchHookResponse response;
  grpc::ClientContext cancelled;
  std::thread canceller([&] {
    EXPECT_TRUE(endpoint.AwaitRequests(1));
    cancelled.TryCancel();
  });
  EXPECT_EQ(stub_->DispatchHook(&cancelled, Request(), &response).error_code(),
            StatusCode::CANCELLED);
  canceller.join();
  grpc::ClientContext late;
  late.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  EXPECT_EQ(stub_->DispatchHook(&late, Request(), &response).error_code(),
            StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return closed == 2; })) << closed;
}

TEST_F(HookServiceTest, StalledHooksDoNotWaitForEachOther) {
  constexpr int kCalls = 40;
  std::atomic<int> waiting = 0;
  // Nobody is answered before all are there: with fewer at a time, this would never end.
  HookEndpoint endpoint([&](const HookEndpoint::Request&) {
    ++waiting;
    EXPECT_TRUE(Eventually([&] { return waiting == kCalls; }, absl::Seconds(20)));
    return Agrees();
  });
  SetHook(endpoint, absl::Seconds(30));
  std::atomic<int> good = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCalls; ++i) {
    callers.emplace_back([&, i] {
      v1::DispatchHookResponse response;
      const std::string host = absl::StrCat("host", i);
      if (Dispatch(Request(host), &response).ok() && !response.has_failure() &&
          response.hosts(0).host() == host) {
        ++good;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(good, kCalls);
}

}  // namespace
}  // namespace gitops
