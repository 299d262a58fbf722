// POST /hooks over real HTTP, with a dispatcher behind real gRPC.
#include "gateway/hooks/hook_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/http/raw_client.h"
#include "common/http/testing_server.h"
#include "common/rpc/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "gateway/testing/fake_front.h"
#include "gitops/v1/hooks.grpc.pb.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Reverses the actions of each host.
class FakeDispatcher final : public v1::HookDispatcherService::Service {
 public:
  FakeDispatcher() {
    RpcServerOptions options;
    options.listen = "127.0.0.1:0";
    options.services = {this};
    server_ = *RpcServer::Start(options);
  }
  const std::string& address() const { return server_->address(); }

  void StopChain(const v1::HookFailure& failure) {
    MutexLock lock(mutex_);
    failure_ = failure;
  }
  void Fail(absl::Status error) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
  }
  void HangUntilCancelled() {
    MutexLock lock(mutex_);
    hangs_ = true;
  }
  v1::DispatchHookRequest last() const {
    MutexLock lock(mutex_);
    return last_;
  }
  bool cancelled() const {
    MutexLock lock(mutex_);
    return cancelled_;
  }

  grpc::Status DispatchHook(grpc::ServerContext* context, const v1::DispatchHookRequest* request,
                            v1::DispatchHookResponse* response) override {
    bool hangs = false;
    {
      MutexLock lock(mutex_);
      last_ = *request;
      hangs = hangs_;
      for (v1::HostPayload host : request->hosts()) {
        std::reverse(host.mutable_actions()->begin(), host.mutable_actions()->end());
        *response->add_hosts() = host;
      }
      if (!failure_.hook().empty()) *response->mutable_failure() = failure_;
    }
    if (hangs) {
      const bool cancelled = Eventually([&] { return context->IsCancelled(); });
      MutexLock lock(mutex_);
      cancelled_ = cancelled;
    }
    MutexLock lock(mutex_);
    return ToGrpcStatus(error_);
  }

 private:
  mutable Mutex mutex_;
  v1::DispatchHookRequest last_ ABSL_GUARDED_BY(mutex_);
  v1::HookFailure failure_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  bool hangs_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<RpcServer> server_;
};

class HookRoutesTest : public TestingServer {
 protected:
  HookRoutesTest() {
    const auto client = DispatcherClient::New({.address = dispatcher_.address()});
    EXPECT_TRUE(client.ok()) << client.status();
    options_.routes = HookRoutes(&front_, *client, [](const Caller&) {
      return std::vector<std::string>{"web1", "db1"};
    });
    options_.pool_threads = 2;
    Start();
  }

  static std::string Request(const std::string& point, const std::string& body,
                             const std::string& headers) {
    return absl::StrCat("POST /hooks/", point, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
                        headers, "Content-Length: ", body.size(), "\r\n\r\n", body);
  }
  std::string Post(const std::string& point, const std::string& body,
                   const std::string& headers = "X-Role: operator\r\n") {
    return Ask(Request(point, body, headers));
  }

  FakeDispatcher dispatcher_;
  FakeFront front_;
};

constexpr char kWeb1[] = R"({"host":"web1","actions":["push","reboot"]})";

TEST_F(HookRoutesTest, ASingleHostPointTakesAndAnswersOneHost) {
  EXPECT_THAT(Post("post-deploy", kWeb1,
                   "X-Role: operator\r\nX-Gitops-Result: failed\r\nX-Gitops-Deployment: d7\r\n"
                   "Idempotency-Key: k1\r\n"),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Content-Type: application/json\r\n"),
                    EndsWith("\r\n\r\n"
                             R"({"host":"web1","actions":["reboot","push"]})")));
  const v1::DispatchHookRequest sent = dispatcher_.last();
  EXPECT_EQ(sent.point(), "post-deploy");
  EXPECT_EQ(sent.result(), v1::STEP_RESULT_FAILED);
  EXPECT_EQ(sent.deployment(), "d7");
  EXPECT_EQ(sent.idempotency_key(), "k1");
  EXPECT_THAT(sent.known_hosts(), IsEmpty());
}

TEST_F(HookRoutesTest, ASelectPointTakesAndAnswersAListAndMayAddHostsOfTheFleet) {
  EXPECT_THAT(Post("pre-select", absl::StrCat("[", kWeb1, R"(,{"host":"b","actions":[]}])")),
              EndsWith("\r\n\r\n"
                       R"([{"host":"web1","actions":["reboot","push"]},)"
                       R"({"host":"b","actions":[]}])"));
  EXPECT_THAT(dispatcher_.last().known_hosts(), ElementsAre("web1", "db1"));
  EXPECT_THAT(Post("post-select", "[]"), EndsWith("\r\n\r\n[]"));
}

TEST_F(HookRoutesTest, AHookThatStopsTheChainIsAConflict) {
  v1::HookFailure failure;
  failure.set_hook("drain");
  failure.set_point("pre-deploy");
  failure.set_http_status(500);
  failure.set_message("hook drain at pre-deploy answered 500: busy");
  dispatcher_.StopChain(failure);
  EXPECT_THAT(Post("pre-deploy", kWeb1),
              AllOf(StartsWith("HTTP/1.1 409"), HasSubstr("application/problem+json"),
                    HasSubstr("HOOK_STOPPED"), HasSubstr("drain"), HasSubstr("answered 500")));
}

TEST_F(HookRoutesTest, BadRequestsDoNotReachTheDispatcher) {
  const struct {
    const char *point, *body, *headers, *status, *why;
  } cases[] = {
      {"pre-lunch", kWeb1, "", "404", "pre-lunch"},
      {"pre-deploy", "", "", "400", "not JSON"},
      {"pre-deploy", "[]", "", "400", "not an object"},
      {"pre-select", kWeb1, "", "400", "expected a list"},
      {"post-deploy", kWeb1, "X-Gitops-Result: maybe\r\n", "400", "ok, failed or skipped"},
      {"pre-deploy", kWeb1, "X-Gitops-Result: ok\r\n", "400", "post- points"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Post(c.point, c.body, absl::StrCat("X-Role: operator\r\n", c.headers)),
                AllOf(StartsWith(absl::StrCat("HTTP/1.1 ", c.status)), HasSubstr(c.why)))
        << c.body;
  }
  EXPECT_EQ(dispatcher_.last().point(), "");
}

TEST_F(HookRoutesTest, ErrorsOfTheDispatcherAreTheAnswer) {
  dispatcher_.Fail(absl::InvalidArgumentError("web1: unknown action \"push\""));
  EXPECT_THAT(Post("pre-deploy", kWeb1),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("unknown action")));
}

TEST_F(HookRoutesTest, OnlyOperatorsCallHooks) {
  EXPECT_THAT(Post("pre-deploy", kWeb1, "X-Role: viewer\r\n"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(Post("pre-deploy", kWeb1, ""), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(Post("pre-deploy", kWeb1, "X-Role: admin\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HookRoutesTest, AClientThatLeavesStopsTheChain) {
  dispatcher_.HangUntilCancelled();
  {
    RawClient client(address());
    client.Send(Request("pre-deploy", kWeb1, "X-Role: operator\r\n"));
    ASSERT_TRUE(Eventually([&] { return dispatcher_.last().point() == "pre-deploy"; }));
  }
  EXPECT_TRUE(Eventually([&] { return dispatcher_.cancelled(); }));
}

}  // namespace
}  // namespace gitops
