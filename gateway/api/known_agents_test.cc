#include "gateway/api/known_agents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "common/clock/fake_clock.h"
#include "gateway/api/api_fixture.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

TEST(KnownAgents, AnAgentIsKnownForFiveSeconds) {
  FakeClock clock;
  KnownAgents agents(&clock);
  const auto agent = std::make_shared<const Backend>();
  agents.Put("web1", agent, clock.SteadyNow());
  clock.Advance(absl::Milliseconds(4999));
  EXPECT_EQ(agents.Find("web1"), agent);
  EXPECT_EQ(agents.Find("web2"), nullptr);
  clock.Advance(absl::Milliseconds(1));
  EXPECT_EQ(agents.Find("web1"), nullptr);
}

// An agent that has one service, "nginx", and says which host it is.
class NamedAgent : public v1::AgentService::Service {
 public:
  explicit NamedAgent(const std::string& host) { SetHost(host); }

  grpc::Status GetService(grpc::ServerContext*, const v1::GetServiceRequest* request,
                          v1::GetServiceResponse* response) override {
    if (request->service() != "nginx") {
      return ToGrpcStatus(MakeError(Reason::kServiceUnknown, "there is no such service"));
    }
    MutexLock lock(mutex_);
    response->mutable_service()->set_host(host_);
    response->mutable_service()->set_state_info(server_->address());
    return grpc::Status::OK;
  }

  void SetHost(const std::string& host) {
    MutexLock lock(mutex_);
    host_ = host;
  }
  std::string address() const { return server_->address(); }
  void Stop() { server_->Shutdown(absl::ZeroDuration()); }

 private:
  Mutex mutex_;
  std::string host_ ABSL_GUARDED_BY(mutex_);
  const std::unique_ptr<RpcServer> server_ =
      *RpcServer::Start({.listen = "127.0.0.1:0", .services = {this}});
};

class PlannerOfOneHost : public v1::PlannerService::Service {
 public:
  grpc::Status GetHost(grpc::ServerContext*, const v1::GetHostRequest* request,
                       v1::GetHostResponse* response) override {
    MutexLock lock(mutex_);
    ++asked_;
    response->mutable_host()->set_host(request->host());
    response->mutable_host()->set_address(agent_);
    return grpc::Status::OK;
  }

  void SetAgent(const std::string& address) {
    MutexLock lock(mutex_);
    agent_ = address;
  }
  int asked() {
    MutexLock lock(mutex_);
    return asked_;
  }

 private:
  Mutex mutex_;
  std::string agent_ ABSL_GUARDED_BY(mutex_);
  int asked_ ABSL_GUARDED_BY(mutex_) = 0;
};

class ReadsOfKnownAgentsTest : public ApiFixture {
 protected:
  ReadsOfKnownAgentsTest() {
    fleet_.SetAgent(agent_.address());
    api_.planner = Dial(fleet_server_->address(), "planner", Reason::kPlannerUnreachable);
    StartApi();
    EXPECT_EQ(AddressOfTheAgentThatAnswers(), agent_.address());
  }
  // The server's handlers use the agents.
  ~ReadsOfKnownAgentsTest() override { server_.reset(); }

  std::string AddressOfTheAgentThatAnswers() {
    const Json body = BodyOf(Answer("GET /v1/hosts/web1/services/nginx"));
    return body.contains("service") ? body["service"].value("stateInfo", "") : body.dump();
  }

  NamedAgent agent_{"web1"}, moved_{"web1"};
  PlannerOfOneHost fleet_;
  const std::unique_ptr<RpcServer> fleet_server_ =
      *RpcServer::Start({.listen = "127.0.0.1:0", .services = {&fleet_}});
};

TEST_F(ReadsOfKnownAgentsTest, TheyDoNotAskThePlannerAgain) {
  AddressOfTheAgentThatAnswers();
  EXPECT_EQ(AddressOfTheAgentThatAnswers(), agent_.address());
  EXPECT_EQ(fleet_.asked(), 1);
}

TEST_F(ReadsOfKnownAgentsTest, AnotherHostAtTheAddressIsNotTakenForIt) {
  agent_.SetHost("web2");
  fleet_.SetAgent(moved_.address());
  EXPECT_EQ(AddressOfTheAgentThatAnswers(), moved_.address());
}

TEST_F(ReadsOfKnownAgentsTest, AnAgentThatIsGoneIsLookedForAgain) {
  agent_.Stop();
  fleet_.SetAgent(moved_.address());
  EXPECT_EQ(AddressOfTheAgentThatAnswers(), moved_.address());
}

TEST_F(ReadsOfKnownAgentsTest, AnErrorIsThatOfTheAgentThatThePlannerKnows) {
  EXPECT_THAT(Answer("GET /v1/hosts/web1/services/other"), HasSubstr("SERVICE_UNKNOWN"));
  EXPECT_EQ(fleet_.asked(), 2);
}

}  // namespace
}  // namespace gitops
