#include "services/planner/hooks/hook_caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>

#include "common/rpc/server.h"
#include "common/rpc/silent_listener.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "gitops/v1/hooks.grpc.pb.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

// A dispatcher on a real gRPC server: answers the payload, or misbehaves.
class TestDispatcher final : public v1::HookDispatcherService::Service {
 public:
  void Start() {
    RpcServerOptions options;
    options.listen = address_;
    options.services = {this};
    options.max_message_bytes = 32 << 20;
    auto server = RpcServer::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    address_ = server_->address();
  }
  void Stop() { server_ = nullptr; }
  const std::string& address() const { return address_; }

  void Hold() { hold_ = true; }
  void Release() { hold_ = false; }
  void AwaitHeld() {
    MutexLock lock(mutex_);
    while (held_ == 0) changed_.Wait(mutex_);
  }
  void AnswerBytes(size_t bytes) { bytes_ = bytes; }

  grpc::Status DispatchHook(grpc::ServerContext* context, const v1::DispatchHookRequest* request,
                            v1::DispatchHookResponse* response) override {
    MutexLock lock(mutex_);
    ++held_;
    changed_.NotifyAll();
    while (hold_ && !context->IsCancelled()) {
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
    }
    if (request->point() == "pre-lunch") {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no such point");
    }
    *response->mutable_hosts() = request->hosts();
    response->add_calls()->set_response(std::string(bytes_, 'x'));
    return grpc::Status::OK;
  }

  grpc::Status ListHooks(grpc::ServerContext*, const v1::ListHooksRequest*,
                         v1::ListHooksResponse* response) override {
    response->add_hooks()->set_name("drain");
    return grpc::Status::OK;
  }

 private:
  std::string address_ = "127.0.0.1:0";
  std::atomic<bool> hold_ = false;
  std::atomic<size_t> bytes_ = 0;
  Mutex mutex_;
  CondVar changed_;
  int held_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<RpcServer> server_;
};

std::unique_ptr<HookCaller> CallerOf(const std::string& address,
                                     absl::Duration connect_timeout = absl::Seconds(20)) {
  ChannelOptions options;
  options.address = address;
  options.connect_timeout = connect_timeout;
  auto caller = NewHookCaller(options);
  EXPECT_TRUE(caller.ok()) << caller.status();
  return *std::move(caller);
}

v1::DispatchHookRequest Payload(const std::string& point = "pre-deploy") {
  v1::DispatchHookRequest request;
  request.set_point(point);
  v1::HostPayload& host = *request.add_hosts();
  host.set_host("web1");
  host.add_actions("sync");
  return request;
}

TEST(HookCallerTest, WithoutADispatcherNothingIsAskedAndThePayloadStays) {
  const auto caller = CallerOf("");
  EXPECT_FALSE(caller->configured());
  const auto response = caller->Dispatch(Payload(), nullptr);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->hosts(0).host(), "web1");
  EXPECT_EQ(response->calls_size(), 0);
  EXPECT_EQ(caller->List()->hooks_size(), 0);
}

TEST(HookCallerTest, ABadAddressIsRefused) {
  ChannelOptions options;
  options.address = "http://dispatcher";
  EXPECT_EQ(NewHookCaller(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(HookCallerTest, TheDispatchersAnswerIsHandedOn) {
  TestDispatcher dispatcher;
  dispatcher.Start();
  const auto caller = CallerOf(dispatcher.address());
  EXPECT_TRUE(caller->configured());
  const auto response = caller->Dispatch(Payload(), nullptr);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->hosts(0).actions(0), "sync");
  EXPECT_EQ(caller->List()->hooks(0).name(), "drain");
  const absl::Status refused = caller->Dispatch(Payload("pre-lunch"), nullptr).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message(), "no such point");
}

TEST(HookCallerTest, LongAnswersAndPayloadsGoThrough) {
  TestDispatcher dispatcher;
  dispatcher.Start();
  dispatcher.AnswerBytes(25 << 20);
  v1::DispatchHookRequest request = Payload("pre-select");
  for (int i = 0; i < 100'000; ++i) request.add_known_hosts("web" + std::string(50, 'x'));
  const auto response = CallerOf(dispatcher.address())->Dispatch(request, nullptr);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->calls(0).response().size(), size_t{25} << 20);
}

TEST(HookCallerTest, ADispatcherThatIsAwayIsNamedAndFoundAgainWhenItIsBack) {
  TestDispatcher dispatcher;
  dispatcher.Start();
  const auto caller = CallerOf(dispatcher.address());
  ASSERT_TRUE(caller->List().ok());
  dispatcher.Stop();
  for (int i = 0; i < 3; ++i) {
    const absl::Status status = caller->Dispatch(Payload(), nullptr).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr(dispatcher.address()));
  }
  dispatcher.Start();
  const auto response = caller->Dispatch(Payload(), nullptr);
  EXPECT_TRUE(response.ok()) << response.status();
}

TEST(HookCallerTest, ADispatcherThatSaysNothingIsUnreachableAfterTheConnectTimeout) {
  SilentListener listener;
  const auto caller = CallerOf(listener.address(), absl::Milliseconds(150));
  EXPECT_EQ(caller->Dispatch(Payload(), nullptr).status().code(), absl::StatusCode::kUnavailable);
}

TEST(HookCallerTest, ADispatcherThatDiesInTheMidstIsUnavailable) {
  TestDispatcher dispatcher;
  dispatcher.Start();
  dispatcher.Hold();
  const auto caller = CallerOf(dispatcher.address());
  auto code = std::async(std::launch::async,
                         [&] { return caller->Dispatch(Payload(), nullptr).status().code(); });
  dispatcher.AwaitHeld();
  dispatcher.Stop();
  EXPECT_EQ(code.get(), absl::StatusCode::kUnavailable);
}

TEST(HookCallerTest, AHookThatStallsIsWaitedForUntilTheCallerGivesUp) {
  TestDispatcher dispatcher;
  dispatcher.Start();
  dispatcher.Hold();
  const auto caller = CallerOf(dispatcher.address());
  std::atomic<bool> given_up = false;
  std::atomic<int> asked = 0;
  auto code = std::async(std::launch::async, [&] {
    const auto give_up = [&] {
      ++asked;
      return given_up.load();
    };
    return caller->Dispatch(Payload(), give_up).status().code();
  });
  dispatcher.AwaitHeld();
  const int before = asked;
  EXPECT_TRUE(Eventually([&] { return asked >= before + 2; })) << "it does not wait any more";
  given_up = true;
  EXPECT_EQ(code.get(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace gitops
