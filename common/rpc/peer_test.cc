#include "common/rpc/peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/server.h"
#include "common/rpc/silent_listener.h"
#include "common/rpc/status.h"
#include "common/sync/mutex.h"
#include "gitops/v1/agent.grpc.pb.h"
#include "gitops/v1/hooks.grpc.pb.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using Hooks = v1::HookDispatcherService;
using Agent = v1::AgentService;
using HookMethods = Hooks::StubInterface::async_interface;
using AgentMethods = Agent::StubInterface::async_interface;

// Serves two services on one port; answers, or misbehaves as told.
class Server final : public Hooks::Service, public Agent::Service {
 public:
  void Start() {
    RpcServerOptions options;
    options.listen = address_;
    options.services = {static_cast<Hooks::Service*>(this), static_cast<Agent::Service*>(this)};
    auto server = RpcServer::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    address_ = server_->address();
  }
  void Stop() { server_ = nullptr; }
  const std::string& address() const { return address_; }

  // Calls wait until they are cancelled.
  void Hold() { hold_ = true; }
  void Release() { hold_ = false; }
  // Each stream has so many answers of 100 kB more, which are numbered from 1 on.
  void AddLarge(int answers) { large_ = answers; }
  void AwaitCall() {
    MutexLock lock(mutex_);
    while (calls_ == 0) changed_.Wait(mutex_);
  }
  void AnswerWith(grpc::Status status) {
    MutexLock lock(mutex_);
    status_ = std::move(status);
  }
  std::string user() {
    MutexLock lock(mutex_);
    return user_;
  }
  int calls() {
    MutexLock lock(mutex_);
    return calls_;
  }

  grpc::Status ListHooks(grpc::ServerContext* context, const v1::ListHooksRequest*,
                         v1::ListHooksResponse* response) override {
    MutexLock lock(mutex_);
    ++calls_;
    changed_.NotifyAll();
    const auto user = context->client_metadata().find("user");
    if (user != context->client_metadata().end())
      user_ = {user->second.data(), user->second.size()};
    while (hold_ && !context->IsCancelled()) {
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
    }
    response->add_hooks()->set_name("drain");
    return status_;
  }

  grpc::Status GetService(grpc::ServerContext*, const v1::GetServiceRequest* request,
                          v1::GetServiceResponse* response) override {
    response->mutable_service()->set_service(request->service());
    return grpc::Status::OK;
  }

  grpc::Status WatchServices(grpc::ServerContext* context, const v1::WatchServicesRequest*,
                             grpc::ServerWriter<v1::WatchServicesResponse>* writer) override {
    v1::WatchServicesResponse response;
    writer->Write(response);
    writer->Write(response);
    for (int i = 1; i <= large_; ++i) {
      response.mutable_service()->set_service(absl::StrCat(i));
      response.mutable_service()->set_branch(std::string(100'000, 'x'));
      writer->Write(response);
    }
    MutexLock lock(mutex_);
    ++calls_;
    changed_.NotifyAll();
    while (hold_ && !context->IsCancelled()) {
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
    }
    return status_;
  }

 private:
  std::string address_ = "127.0.0.1:0";
  std::atomic<bool> hold_ = false;
  std::atomic<int> large_ = 0;
  Mutex mutex_;
  CondVar changed_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  std::string user_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RpcServer> server_;
};

using TestPeer = Peer<Hooks, Agent>;

std::unique_ptr<TestPeer> PeerAt(const std::string& address,
                                 absl::Duration connect_timeout = absl::Seconds(20)) {
  PeerOptions options;
  options.channel.address = address;
  options.channel.connect_timeout = connect_timeout;
  options.name = "test server";
  options.program = "gitops-test";
  auto peer = TestPeer::New(options);
  EXPECT_TRUE(peer.ok()) << peer.status();
  return *std::move(peer);
}

absl::Status List(TestPeer& peer, const CallOptions& options = {}) {
  return peer.Call(&HookMethods::ListHooks, v1::ListHooksRequest(), options).status();
}

class PeerTest : public ::testing::Test {
 protected:
  PeerTest() { server_.Start(); }

  Server server_;
};

TEST_F(PeerTest, CallsOfSeveralServicesShareTheConnection) {
  const auto peer = PeerAt(server_.address());
  EXPECT_EQ(peer->SinceHeard(), absl::InfiniteDuration());
  const auto hooks = peer->Call(&HookMethods::ListHooks, v1::ListHooksRequest(),
                                {.metadata = {{"user", "j\xc3\xb6rg"}}});
  ASSERT_TRUE(hooks.ok()) << hooks.status();
  EXPECT_EQ(hooks->hooks(0).name(), "drain");
  EXPECT_EQ(server_.user(), "j??rg") << "gRPC takes printable ASCII only";
  v1::GetServiceRequest request;
  request.set_service("nginx");
  const auto service = peer->Call(&AgentMethods::GetService, request);
  ASSERT_TRUE(service.ok()) << service.status();
  EXPECT_EQ(service->service().service(), "nginx");
  EXPECT_LT(peer->SinceHeard(), absl::Hours(1));
}

TEST_F(PeerTest, AServerThatIsAwayIsNamedAndFoundAgainAtTheFirstCallAfterItsReturn) {
  const auto peer = PeerAt(server_.address());
  ASSERT_EQ(List(*peer), absl::OkStatus());
  server_.Stop();
  for (int i = 0; i < 3; ++i) {
    const absl::Status status = List(*peer);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_TRUE(IsUnreachable(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(server_.address()));
    EXPECT_THAT(std::string(status.message()), HasSubstr("is gitops-test running there"));
    EXPECT_EQ(peer->SinceHeard(), absl::InfiniteDuration());
  }
  server_.Start();
  EXPECT_EQ(List(*peer), absl::OkStatus());
}

TEST_F(PeerTest, AnyAnswerOfTheServerIsHandedOnAndKeepsTheConnection) {
  const auto peer = PeerAt(server_.address());
  for (const auto code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::CANCELLED,
                          grpc::StatusCode::FAILED_PRECONDITION}) {
    server_.AnswerWith(grpc::Status(code, "not today"));
    const absl::Status status = List(*peer);
    EXPECT_EQ(status.code(), static_cast<absl::StatusCode>(code));
    EXPECT_EQ(status.message(), "not today");
    EXPECT_FALSE(IsUnreachable(status));
    EXPECT_LT(peer->SinceHeard(), absl::Hours(1)) << "it did answer";
  }
}

TEST_F(PeerTest, AServerThatHangsEndsTheCallAtItsDeadlineAndTheNextCallDialsAnew) {
  const auto peer = PeerAt(server_.address());
  ASSERT_EQ(List(*peer), absl::OkStatus());
  server_.Hold();
  const absl::Status status = List(*peer, {.timeout = absl::Milliseconds(100)});
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), HasSubstr("within 100ms"));
  EXPECT_EQ(peer->SinceHeard(), absl::InfiniteDuration()) << "a new connection";
  server_.Release();
  EXPECT_EQ(List(*peer), absl::OkStatus());
}

TEST_F(PeerTest, AServerThatDiesDuringACallIsUnavailable) {
  const auto peer = PeerAt(server_.address());
  server_.Hold();
  auto code = std::async(std::launch::async, [&] { return List(*peer).code(); });
  server_.AwaitCall();
  server_.Stop();
  const absl::StatusCode ended = code.get();
  EXPECT_TRUE(ended == absl::StatusCode::kUnavailable || ended == absl::StatusCode::kCancelled)
      << absl::StatusCodeToString(ended);
}

TEST_F(PeerTest, ACallerThatGivesUpEndsItsCallAndKeepsTheConnection) {
  const auto peer = PeerAt(server_.address());
  ASSERT_EQ(List(*peer), absl::OkStatus());
  server_.Hold();
  std::atomic<bool> given_up = false;
  auto status = std::async(std::launch::async, [&] {
    return List(*peer, {.give_up = [&] { return given_up.load(); }});
  });
  server_.AwaitCall();
  given_up = true;
  EXPECT_EQ(status.get().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(peer->SinceHeard(), absl::Hours(1));
}

absl::Status ListRepeatable(TestPeer& peer, const CallOptions& options = {}) {
  return peer.CallRepeatable(&HookMethods::ListHooks, v1::ListHooksRequest(), options).status();
}

TEST_F(PeerTest, ARepeatableCallWhoseAnswerIsLostIsSentAgain) {
  const auto peer = PeerAt(server_.address());
  server_.Hold();
  auto status = std::async(std::launch::async, [&] { return ListRepeatable(*peer); });
  server_.AwaitCall();
  server_.Stop();
  server_.Release();
  server_.Start();
  EXPECT_EQ(status.get(), absl::OkStatus());
  EXPECT_EQ(server_.calls(), 2);
}

TEST_F(PeerTest, ARepeatableCallIsGivenUpWithItsCaller) {
  const auto peer = PeerAt(server_.address());
  server_.Hold();
  std::atomic<bool> given_up = false;
  auto status = std::async(std::launch::async, [&] {
    return ListRepeatable(*peer, {.give_up = [&] { return given_up.load(); }});
  });
  server_.AwaitCall();
  server_.Stop();
  given_up = true;
  EXPECT_FALSE(status.get().ok());
}

TEST_F(PeerTest, ARepeatableCallOfAnAbsentServerFailsAtOnce) {
  const auto peer = PeerAt(server_.address());
  server_.Stop();
  const absl::Time begin = absl::Now();
  EXPECT_TRUE(IsUnreachable(ListRepeatable(*peer)));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(8)) << "it was tried again";
}

TEST(PeerAddressTest, WhatCannotBeDialledIsRefusedAtOnce) {
  PeerOptions options;
  options.channel.address = "http://x";
  EXPECT_EQ(TestPeer::New(options).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(IsUnreachable(TestPeer::New(options).status()));
  options.channel.address = "web1.example:8004";  // plain text to another machine
  EXPECT_EQ(TestPeer::New(options).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(PeerAddressTest, ASilentPortIsUnreachableAfterTheConnectTimeout) {
  SilentListener listener;
  const auto peer = PeerAt(listener.address(), absl::Milliseconds(150));
  EXPECT_TRUE(IsUnreachable(List(*peer)));
}

absl::Status Watch(TestPeer& peer, const CallOptions& options,
                   const std::function<bool(v1::WatchServicesResponse&)>& seen) {
  return peer.Read(&AgentMethods::WatchServices, v1::WatchServicesRequest(), options, seen);
}

TEST_F(PeerTest, AStreamIsReadToItsEndOrAsLongAsItIsWanted) {
  const auto peer = PeerAt(server_.address());
  int seen = 0;
  EXPECT_EQ(Watch(*peer, {}, [&](v1::WatchServicesResponse&) { return ++seen > 0; }),
            absl::OkStatus());
  EXPECT_EQ(seen, 2);
  server_.Hold();
  seen = 0;
  EXPECT_EQ(Watch(*peer, {}, [&](v1::WatchServicesResponse&) { return ++seen < 2; }),
            absl::OkStatus());
  EXPECT_EQ(seen, 2);
}

TEST_F(PeerTest, AStreamIsReadInOrderAlsoWhereMoreComesThanIsReadAhead) {
  constexpr int kLarge = 40;
  server_.AddLarge(kLarge);
  const auto peer = PeerAt(server_.address());
  std::vector<std::string> seen, expected = {"", ""};
  for (int i = 1; i <= kLarge; ++i) expected.push_back(absl::StrCat(i));
  EXPECT_EQ(Watch(*peer, {.timeout = absl::Seconds(60)},
                  [&](v1::WatchServicesResponse& response) {
                    seen.push_back(response.service().service());
                    return true;
                  }),
            absl::OkStatus());
  EXPECT_EQ(seen, expected);
}

TEST_F(PeerTest, AStreamEndsWithTheServersStatusOrAtItsDeadline) {
  const auto peer = PeerAt(server_.address());
  const auto any = [](v1::WatchServicesResponse&) { return true; };
  server_.AnswerWith(grpc::Status(grpc::StatusCode::NOT_FOUND, "no such service"));
  EXPECT_EQ(Watch(*peer, {}, any).code(), absl::StatusCode::kNotFound);
  server_.Hold();
  EXPECT_EQ(Watch(*peer, {.timeout = absl::Milliseconds(100)}, any).code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(PeerTest, ACallerThatGivesUpEndsASilentStreamAndKeepsTheConnection) {
  const auto peer = PeerAt(server_.address());
  ASSERT_EQ(List(*peer), absl::OkStatus());
  server_.Hold();
  int seen = 0;
  int asked_in_silence = 0;
  const absl::Status status =
      Watch(*peer, {.give_up = [&] { return seen == 2 && ++asked_in_silence == 2; }},
            [&](v1::WatchServicesResponse&) { return ++seen > 0; });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_LT(peer->SinceHeard(), absl::Hours(1));
}

TEST_F(PeerTest, ADeadlineThatTheServerAnswersIsAnAnswer) {
  const auto peer = PeerAt(server_.address());
  server_.AnswerWith(ToGrpcStatus(absl::DeadlineExceededError("the hook took too long")));
  const absl::Status status = List(*peer);
  EXPECT_EQ(status.message(), "the hook took too long");
  EXPECT_LT(peer->SinceHeard(), absl::Hours(1));
}

}  // namespace
}  // namespace gitops
