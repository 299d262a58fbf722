// The report service on a real server, with agents on connections of their own.
#include "services/planner/report/report_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/metrics/metrics.h"
#include "common/rpc/channel.h"
#include "common/rpc/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/testing/eventually.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {
namespace {

using grpc::StatusCode;
using std::chrono::steady_clock;
using testing::HasSubstr;

v1::ReportRequest Hello(const std::string& name, const std::vector<std::string>& services = {}) {
  v1::ReportRequest request;
  request.mutable_hello()->add_names(name);
  request.mutable_hello()->set_address(":8004");
  for (const std::string& service : services) {
    v1::Service* added = request.mutable_hello()->add_services();
    added->set_host(name);
    added->set_service(service);
    added->set_state(v1::SERVICE_STATE_OK);
  }
  return request;
}

// A synchronous service beside the report service, as the planner has.
class OtherService : public v1::AgentService::Service {
  grpc::Status ListMachines(grpc::ServerContext*, const v1::ListMachinesRequest*,
                            v1::ListMachinesResponse*) override {
    return grpc::Status::OK;
  }
};

// An agent's side of a stream, on its own connection.
class Agent {
 public:
  explicit Agent(const std::string& address) {
    auto channel = Dial({.address = address, .own_connection = true});
    EXPECT_TRUE(channel.ok()) << channel.status();
    stub_ = v1::ReportService::NewStub(*channel);
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    stream_ = stub_->Report(&context_);
  }
  bool Send(const v1::ReportRequest& request) { return stream_->Write(request); }
  absl::Duration Interval() {
    v1::ReportResponse response;
    if (!stream_->Read(&response)) return absl::ZeroDuration();
    EXPECT_TRUE(response.takes_tips());
    return absl::Seconds(response.heartbeat_interval().seconds());
  }
  void Vanish() { context_.TryCancel(); }
  // Waits for the planner to end it.
  grpc::Status Ended() {
    v1::ReportResponse response;
    while (stream_->Read(&response)) {
    }
    return stream_->Finish();
  }
  grpc::Status Close() {
    stream_->WritesDone();
    return Ended();
  }

 private:
  std::unique_ptr<v1::ReportService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ReportRequest, v1::ReportResponse>> stream_;
};

class ReportServiceTest : public testing::Test {
 protected:
  ~ReportServiceTest() override {
    if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
  }
  void Start(ReportLimits limits = {}) {
    service_ = std::make_unique<ReportService>(ReportOptions{
        .fleet = fleet_.get(), .gate = &gate_, .heartbeat = absl::Seconds(7), .limits = limits});
    auto server = RpcServer::Start(
        {.listen = "127.0.0.1:0", .services = {service_.get(), &other_}, .metrics = &metrics_});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::unique_ptr<Agent> Dialled() { return std::make_unique<Agent>(server_->address()); }
  // One that has said hello and was answered.
  std::unique_ptr<Agent> Connected(const std::string& name,
                                   const std::vector<std::string>& services = {}) {
    auto agent = Dialled();
    EXPECT_TRUE(agent->Send(Hello(name, services)));
    EXPECT_EQ(agent->Interval(), absl::Seconds(7));
    return agent;
  }
  v1::HostState StateOf(const std::string& host) {
    const auto found = fleet_->Find(host);
    return found.ok() ? found->host.state() : v1::HOST_STATE_UNSPECIFIED;
  }
  bool Counted(const std::string& code, int times) {
    const std::string line =
        absl::StrCat("grpc_server_handled_total{grpc_code=\"", code,
                     "\",grpc_method=\"Report\",grpc_service=\"gitops.v1.ReportService\"} ", times);
    return Eventually([&] { return metrics_.Text().find(line) != std::string::npos; });
  }

  FakeClock clock_;
  Metrics metrics_{"planner"};
  std::unique_ptr<Fleet> fleet_ = NewFleet({.clock = &clock_});
  OtherService other_;
  const RpcGate gate_;
  std::unique_ptr<ReportService> service_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(ReportServiceTest, AnAgentThatSaysHelloIsOnlineAndToldHowOftenToSpeak) {
  Start();
  auto agent = Connected("web1", {"db", "nginx"});
  const auto host = fleet_->Find("web1");
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(host->host.state(), v1::HOST_STATE_ONLINE);
  EXPECT_EQ(host->host.address(), "127.0.0.1:8004") << "where the stream comes from";
  EXPECT_EQ(fleet_->Services("web1").size(), 2u);
}

TEST_F(ReportServiceTest, ChangesArriveAtOnceAndInOrder) {
  Start();
  auto agent = Connected("web1", {"db", "nginx"});
  v1::ReportRequest change;
  change.mutable_changed()->add_removed("db");
  v1::Service* nginx = change.mutable_changed()->add_services();
  nginx->set_host("web1");
  nginx->set_service("nginx");
  for (const v1::ServiceState state : {v1::SERVICE_STATE_OK, v1::SERVICE_STATE_BROKEN}) {
    nginx->set_state(state);
    ASSERT_TRUE(agent->Send(change));
  }
  EXPECT_TRUE(Eventually([&] { return fleet_->Find("web1")->host.degraded_count() == 1; }));
  EXPECT_EQ(fleet_->Find("web1")->host.service_count(), 1);
  v1::ReportRequest tip;
  tip.mutable_tip_verified()->set_hash("b");
  ASSERT_TRUE(agent->Send(tip));
  EXPECT_TRUE(Eventually([&] { return fleet_->Services("web1")[0].hash() == "b"; }));
}

TEST_F(ReportServiceTest, AHeartbeatKeepsTheHostOnline) {
  Start();
  auto agent = Connected("web1");
  clock_.Advance(absl::Seconds(60));
  v1::ReportRequest heartbeat;
  heartbeat.mutable_heartbeat();
  ASSERT_TRUE(agent->Send(heartbeat));
  const int64_t now = absl::ToUnixSeconds(clock_.Now());
  EXPECT_TRUE(
      Eventually([&] { return fleet_->Find("web1")->host.last_seen_time().seconds() == now; }));
  EXPECT_EQ(StateOf("web1"), v1::HOST_STATE_ONLINE);
}

TEST_F(ReportServiceTest, AStreamThatEndsMakesItsHostStaleAtOnceAndIsCounted) {
  Start();
  auto closing = Connected("web1");
  auto vanishing = Connected("web2");
  EXPECT_TRUE(closing->Close().ok());
  EXPECT_TRUE(Eventually([&] { return StateOf("web1") == v1::HOST_STATE_STALE; }));
  vanishing->Vanish();
  EXPECT_TRUE(Eventually([&] { return StateOf("web2") == v1::HOST_STATE_STALE; }));
  EXPECT_TRUE(Counted("OK", 1));
  EXPECT_TRUE(Eventually([&] { return service_->streams() == 0; }));
}

TEST_F(ReportServiceTest, FaultsOfTheProtocolEndTheStream) {
  Start();
  v1::ReportRequest heartbeat;
  heartbeat.mutable_heartbeat();
  v1::ReportRequest nameless;
  nameless.mutable_hello();
  v1::ReportRequest endless;
  endless.mutable_changed()->add_services()->set_state_info(std::string(65'537, 'a'));
  struct Case {
    std::vector<v1::ReportRequest> sent;
    std::string said;
  };
  int faults = 0;
  for (const Case& c : {
           Case{{heartbeat}, "the first message"},
           Case{{v1::ReportRequest()}, "the first message"},
           Case{{nameless}, "names no host"},
           Case{{Hello("web/1")}, "is not a host name"},
           Case{{Hello("web1"), Hello("web1")}, "a second hello"},
           Case{{Hello("web1"), endless}, "changed.services[0].state_info has 65537 bytes"},
       }) {
    auto agent = Dialled();
    for (const v1::ReportRequest& request : c.sent) agent->Send(request);
    const grpc::Status ended = agent->Ended();
    EXPECT_EQ(ended.error_code(), StatusCode::INVALID_ARGUMENT) << c.said;
    EXPECT_THAT(ended.error_message(), HasSubstr(c.said));
    ++faults;
  }
  EXPECT_TRUE(Counted("InvalidArgument", faults));
  EXPECT_TRUE(Eventually([&] { return StateOf("web1") == v1::HOST_STATE_STALE; }));
}

TEST_F(ReportServiceTest, AnAgentThatWasReplacedForAWhileIsToldToBeginAnew) {
  Start();
  auto agent = Connected("web1", {"nginx"});
  auto newer = Connected("web1", {"db"});
  v1::ReportRequest heartbeat;
  heartbeat.mutable_heartbeat();
  ASSERT_TRUE(agent->Send(heartbeat));
  EXPECT_EQ(fleet_->Services("web1")[0].service(), "db") << "the newest is believed";
  EXPECT_TRUE(newer->Close().ok());
  ASSERT_TRUE(Eventually([&] { return StateOf("web1") == v1::HOST_STATE_STALE; }));
  agent->Send(heartbeat);
  EXPECT_EQ(agent->Ended().error_code(), StatusCode::ABORTED);
}

TEST_F(ReportServiceTest, TooManyAgentsAreRefusedAndTheOthersGoOn) {
  Start({.agents = 2});
  auto first = Connected("web1");
  auto second = Connected("web2");
  auto third = Dialled();
  EXPECT_EQ(third->Ended().error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(first->Close().ok());
  // Its place is free again.
  EXPECT_TRUE(Eventually([&] { return service_->streams() == 1; }));
  auto fourth = Connected("web4");
  EXPECT_EQ(StateOf("web2"), v1::HOST_STATE_ONLINE);
  EXPECT_EQ(StateOf("web4"), v1::HOST_STATE_ONLINE);
}

TEST_F(ReportServiceTest, AReportThatIsTooLargeIsRefusedAndTheOthersGoOn) {
  Start({.agent_bytes = 10'000});
  auto other = Connected("web1");
  v1::ReportRequest large_hello = Hello("web2", {"nginx"});
  large_hello.mutable_hello()->mutable_services(0)->set_state_info(std::string(10'000, 'x'));
  v1::ReportRequest large_change;
  *large_change.mutable_changed()->add_services() = large_hello.hello().services(0);

  auto changing = Connected("web2", {"nginx"});
  changing->Send(large_change);
  auto connecting = Dialled();
  connecting->Send(large_hello);
  for (Agent* agent : {changing.get(), connecting.get()}) {
    const absl::Status ended = FromGrpcStatus(agent->Ended());
    EXPECT_TRUE(HasReason(ended, Reason::kReportTooLarge)) << ended;
  }
  EXPECT_TRUE(Counted("ResourceExhausted", 2));
  EXPECT_TRUE(Eventually([&] { return StateOf("web2") == v1::HOST_STATE_STALE; }));
  EXPECT_EQ(fleet_->Services("web2").size(), 1u) << "what it reported before is kept";
  EXPECT_EQ(StateOf("web1"), v1::HOST_STATE_ONLINE);
}

TEST_F(ReportServiceTest, AChangeThatTheFleetHasNoRoomForEndsTheStream) {
  fleet_ = NewFleet({.clock = &clock_, .limits = {.unknown_bytes = 5000}});
  Start();
  auto other = Connected("web1");
  auto agent = Connected("web2");
  v1::ReportRequest change;
  v1::Service* service = change.mutable_changed()->add_services();
  service->set_host("web2");
  service->set_service("nginx");
  service->set_state_info(std::string(4000, 'x'));
  ASSERT_TRUE(agent->Send(change));
  const absl::Status ended = FromGrpcStatus(agent->Ended());
  EXPECT_TRUE(HasReason(ended, Reason::kTooManyAgents)) << ended;
  EXPECT_EQ(StateOf("web1"), v1::HOST_STATE_ONLINE);
}

TEST_F(ReportServiceTest, StopEndsAllStreamsAndRefusesNewOnes) {
  Start();
  auto speaking = Connected("web1");
  auto silent = Dialled();
  ASSERT_TRUE(Eventually([&] { return service_->streams() == 2; }));
  service_->Stop();
  EXPECT_EQ(speaking->Ended().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(silent->Ended().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(Dialled()->Ended().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_TRUE(Counted("Unavailable", 3));
  const auto begin = steady_clock::now();
  server_->Shutdown(absl::Minutes(5));
  EXPECT_LT(steady_clock::now() - begin, std::chrono::minutes(1));
}

TEST_F(ReportServiceTest, AServerThatEndsWithoutStopCancelsItsStreams) {
  Start();
  auto agent = Connected("web1");
  server_->Shutdown(absl::ZeroDuration());
  EXPECT_FALSE(agent->Ended().ok());
  EXPECT_EQ(service_->streams(), 0);
  EXPECT_EQ(StateOf("web1"), v1::HOST_STATE_STALE);
}

TEST_F(ReportServiceTest, SynchronousServicesWorkBesideIt) {
  Start();
  auto agent = Connected("web1");
  auto channel = Dial({.address = server_->address()});
  auto stub = v1::AgentService::NewStub(*channel);
  grpc::ClientContext context;
  v1::ListMachinesResponse response;
  EXPECT_TRUE(stub->ListMachines(&context, {}, &response).ok());
  EXPECT_EQ(StateOf("web1"), v1::HOST_STATE_ONLINE);
}

int Threads() {
  int threads = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    threads += entry.is_directory() ? 1 : 0;
  }
  return threads;
}

TEST_F(ReportServiceTest, FiveHundredAgentsHoldNoThreadsAndSilentOnesHoldUpNobody) {
  Start();
  constexpr int kAgents = 500;
  // They connect, but never send or read anything.
  std::vector<std::unique_ptr<Agent>> hanging;
  for (int i = 0; i < 20; ++i) hanging.push_back(Dialled());
  const int before = Threads();
  std::vector<std::unique_ptr<Agent>> agents;
  for (int i = 0; i < kAgents; ++i) {
    agents.push_back(Dialled());
    ASSERT_TRUE(agents.back()->Send(Hello(absl::StrCat("web", i), {"nginx"})));
  }
  EXPECT_TRUE(Eventually([&] { return fleet_->Hosts().size() == kAgents; }));
  EXPECT_LT(Threads() - before, 50) << "a stream must not hold a thread";
  for (auto& agent : agents) EXPECT_EQ(agent->Interval(), absl::Seconds(7));
  EXPECT_TRUE(Eventually([&] { return service_->streams() == kAgents + 20; }));
  for (auto& agent : agents) agent->Vanish();
  for (auto& agent : hanging) agent->Vanish();
  EXPECT_TRUE(Eventually([&] { return service_->streams() == 0; }));
  for (const auto& host : fleet_->Hosts()) EXPECT_EQ(host->host.state(), v1::HOST_STATE_STALE);
}

}  // namespace
}  // namespace gitops
