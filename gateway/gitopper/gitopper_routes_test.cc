// gitopper's REST over real HTTP, with agents behind real gRPC.
#include "gateway/gitopper/gitopper_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/http/testing_server.h"
#include "common/rpc/error.h"
#include "ctl/testing/fake_agent.h"
#include "gateway/testing/fake_front.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kHash[] = "606eb576c1b91248e4c1c4cd0d720f27ac0deb70";

class GitopperRoutesTest : public TestingServer {
 protected:
  GitopperRoutesTest() {
    agents_.of_host = [this](const std::string& host, const Caller& caller) {
      return OfHost(host, caller);
    };
    agents_.only = [this](const Caller& caller) { return ClientOf(*only_, caller); };
    web1_->AddMachine("grafana.atoom.net", "web1");
    Put(*web1_, "grafana-server");
    Put(*only_, "nginx");
  }

  void Begin() {
    options_.routes = GitopperRoutes(&front_, agents_);
    options_.pool_threads = 2;
    Start();
  }

  std::string Ask(const std::string& method, const std::string& path,
                  const std::string& host = "web1:8000", const std::string& role = "operator") {
    return TestingServer::Ask(absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: ", host,
                                           "\r\nX-Role: ", role,
                                           "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
  }

  static void Put(ctl::FakeAgent& agent, const std::string& name) {
    v1::Service service;
    service.set_service(name);
    service.set_hash(kHash);
    service.set_target_hash(kHash);
    service.add_revisions(kHash);
    service.set_state(v1::SERVICE_STATE_OK);
    service.mutable_change_time()->set_seconds(1668762892);
    agent.Put(service);
  }

  static absl::StatusOr<AgentClient> ClientOf(const ctl::FakeAgent& agent, const Caller& caller) {
    return AgentClient::New({.address = agent.address(), .caller = caller});
  }
  absl::StatusOr<AgentClient> OfHost(const std::string& host, const Caller& caller) {
    if (!planner_.ok()) return planner_;
    if (host == "web1") return ClientOf(*web1_, caller);
    return MakeError(Reason::kHostUnknown, "no such host");
  }

  const std::unique_ptr<ctl::FakeAgent> web1_ = ctl::FakeAgent::Start();
  const std::unique_ptr<ctl::FakeAgent> only_ = ctl::FakeAgent::Start();
  absl::Status planner_;
  FakeFront front_;
  GitopperAgents agents_;
};

TEST_F(GitopperRoutesTest, ListsAreGitoppers) {
  Begin();
  EXPECT_THAT(Ask("GET", "/list/machines"),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Content-Type: application/json\r\n"),
                    EndsWith("\r\n\r\n"
                             R"({"machines":[{"machine":"grafana.atoom.net",)"
                             R"("actual":"web1"}]})")));
  const std::string service =
      absl::StrCat(R"({"service":"grafana-server","hash":")", kHash,
                   R"(","state":"OK","stateinfo":"","change":"Fri, 18 Nov 2022 09:14:52 UTC"})");
  EXPECT_THAT(Ask("GET", "/list/services"),
              EndsWith(absl::StrCat("\r\n\r\n{\"services\":[", service, "]}")));
  EXPECT_THAT(Ask("GET", "/list/service/grafana-server"),
              EndsWith(absl::StrCat("\r\n\r\n", service)));
}

TEST_F(GitopperRoutesTest, FreezeUnfreezeAndRollbackAnswerOkAndAreDone) {
  Begin();
  for (const std::string& path : {std::string("/state/freeze/grafana-server"),
                                  absl::StrCat("/state/rollback/grafana-server/", kHash),
                                  std::string("/state/unfreeze/grafana-server")}) {
    EXPECT_THAT(Ask("POST", path), AllOf(StartsWith("HTTP/1.1 200"),
                                         HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"),
                                         EndsWith("\r\n\r\nOK\n")))
        << path;
  }
  ASSERT_THAT(web1_->calls(), SizeIs(3));
  EXPECT_EQ(web1_->calls()[0].method, "FreezeService");
  EXPECT_EQ(web1_->calls()[1].method, "RollbackService");
  EXPECT_EQ(web1_->calls()[2].method, "UnfreezeService");
}

TEST_F(GitopperRoutesTest, AnUnknownServiceAndABadHashAreAnsweredInGitoppersWords) {
  Begin();
  for (const char* path :
       {"/state/freeze/none", "/state/unfreeze/none", "/state/rollback/none/ab"}) {
    EXPECT_THAT(Ask("POST", path),
                AllOf(StartsWith("HTTP/1.1 404"), EndsWith("\r\n\r\nNot Found\n")))
        << path;
  }
  EXPECT_THAT(Ask("GET", "/list/service/none"),
              AllOf(StartsWith("HTTP/1.1 404"), EndsWith("\r\n\r\nNot Found\n")));
  for (const char* hash : {"main", "abc"}) {
    EXPECT_THAT(Ask("POST", absl::StrCat("/state/rollback/grafana-server/", hash)),
                AllOf(StartsWith("HTTP/1.1 404"),
                      EndsWith(absl::StrCat("\r\n\r\nNot Acceptable, not a valid git hash: ", hash,
                                            "\n"))));
  }
}

TEST_F(GitopperRoutesTest, ARollbackThatTakesLongIsAnsweredBeforeItsEnd) {
  Begin();
  web1_->Hang("RollbackService");
  EXPECT_THAT(Ask("POST", absl::StrCat("/state/rollback/grafana-server/", kHash)),
              AllOf(StartsWith("HTTP/1.1 200"), EndsWith("\r\n\r\nOK\n")));
}

TEST_F(GitopperRoutesTest, AHostOutsideTheFleetIsTheOnlyAgent) {
  Begin();
  for (const char* host : {"gateway.example", "127.0.0.1:8000", "[::1]:8000"}) {
    EXPECT_THAT(Ask("GET", "/list/services", host), HasSubstr(R"("service":"nginx")")) << host;
  }
}

TEST_F(GitopperRoutesTest, WithoutAnAgentAHostOutsideTheFleetIsNotFound) {
  agents_.only = nullptr;
  Begin();
  EXPECT_THAT(Ask("GET", "/list/services", "other"),
              AllOf(StartsWith("HTTP/1.1 404"), HasSubstr("HOST_UNKNOWN"), HasSubstr("other")));
}

TEST_F(GitopperRoutesTest, AFleetThatCannotBeAskedIsNotTakenForOneWithoutTheHost) {
  planner_ = MakeError(Reason::kPlannerUnreachable, "connection refused");
  Begin();
  EXPECT_THAT(Ask("POST", "/state/freeze/nginx"),
              AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("PLANNER_UNREACHABLE")));
  EXPECT_THAT(only_->calls(), SizeIs(0));
}

TEST_F(GitopperRoutesTest, WithoutAFleetTheOnlyAgentAnswersForEveryHost) {
  agents_.of_host = nullptr;
  Begin();
  EXPECT_THAT(Ask("GET", "/list/services", "web1"), HasSubstr(R"("service":"nginx")"));
}

TEST_F(GitopperRoutesTest, AViewerReadsAndChangesNothing) {
  Begin();
  EXPECT_THAT(Ask("GET", "/list/services", "web1", "viewer"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Ask("POST", "/state/freeze/grafana-server", "web1", "viewer"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(Ask("GET", "/list/services", "web1", ""), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(Ask("GET", "/state/freeze/grafana-server"), StartsWith("HTTP/1.1 405"));
}

TEST_F(GitopperRoutesTest, OtherErrorsOfTheAgentAreProblems) {
  Begin();
  web1_->Fail("FreezeService", MakeError(Reason::kServerStopping, "stopping"));
  EXPECT_THAT(Ask("POST", "/state/freeze/grafana-server"),
              AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("SERVER_STOPPING")));
  web1_->Fail("RollbackService", MakeError(Reason::kRevisionUnknown, "no revision begins with ab"));
  EXPECT_THAT(Ask("POST", "/state/rollback/grafana-server/ab"),
              AllOf(StartsWith("HTTP/1.1 404"),
                    EndsWith("\r\n\r\nNot Found, no revision begins with ab\n")));
}

}  // namespace
}  // namespace gitops
