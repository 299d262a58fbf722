// The RPCs over a real gRPC server, on a host in memory.
#include "agent/rpc/agent_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/controller/fake_drivers.h"
#include "common/clock/clock.h"
#include "common/metrics/metrics.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/store/temp_store.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

const std::string kA(40, 'a');
const std::string kB(40, 'b');
constexpr int kMaxWatchers = 3;
constexpr int kHangingCalls = 400;

class AgentServiceTest : public testing::Test {
 protected:
  AgentServiceTest() {
    host_.Push("main", kA);
    scheduler_ = NewScheduler(Clock::System(), 4);
    HostAgentOptions options;
    options.max_watchers = kMaxWatchers;
    options.clock = Clock::System();
    options.scheduler = scheduler_.get();
    options.records = &records_;
    options.drivers = &host_;
    agent_ = std::make_unique<HostAgent>(std::move(options));
    EXPECT_TRUE(agent_->Configure({Spec("db"), Spec("web")}).ok());
    service_ = NewAgentService({.agent = agent_.get(),
                                .clock = Clock::System(),
                                .gate = &gate_,
                                .actual_host = "actual.example",
                                .machines =
                                    [] {
                                      return std::vector<std::string>{"actual.example", "web1"};
                                    },
                                .config_fault = [] { return "line 3 is no good"; }});
    auto server = RpcServer::Start({.listen = "127.0.0.1:0",
                                    .services = {service_.get()},
                                    .metrics = &metrics_,
                                    .max_threads = kMaxRpcThreads,
                                    .max_calls_per_connection = kHangingCalls});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto channel = Dial({.address = server_->address()});
    EXPECT_TRUE(channel.ok()) << channel.status();
    stub_ = v1::AgentService::NewStub(*channel);
  }

  ~AgentServiceTest() override {
    agent_->Stop();
    server_->Shutdown(absl::Seconds(5));
  }

  static ServiceSpec Spec(const std::string& service) {
    ServiceSpec spec;
    spec.machine = "web1";
    spec.service = service;
    spec.poll = absl::Milliseconds(50);
    spec.upstream.url = "https://user:hunter2@git.example/ops.git";
    spec.directories = {{.local = "/etc/" + service, .link = service}};
    return spec;
  }

  static std::unique_ptr<grpc::ClientContext> Context() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context->AddMetadata("gitops-user", "alice@laptop");
    return context;
  }

  v1::Service Get(const std::string& name) {
    v1::GetServiceRequest request;
    request.set_service(name);
    v1::GetServiceResponse response;
    const grpc::Status status = stub_->GetService(Context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.service();
  }

  bool AwaitHash(const std::string& name, const std::string& hash) {
    v1::WatchServicesRequest request;
    request.add_services(name);
    auto context = Context();
    auto reader = stub_->WatchServices(context.get(), request);
    v1::WatchServicesResponse response;
    while (reader->Read(&response)) {
      if (response.service().hash() == hash && response.service().state() == v1::SERVICE_STATE_OK) {
        context->TryCancel();
        return true;
      }
    }
    return false;
  }

  FakeHost host_;
  TempStore temp_;
  RecordStore records_{temp_.store()};
  Metrics metrics_{"agent"};
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<HostAgent> agent_;
  const RpcGate gate_{/*authorizer=*/nullptr, kRpcShares};
  std::unique_ptr<v1::AgentService::Service> service_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<v1::AgentService::Stub> stub_;
};

TEST_F(AgentServiceTest, ListsMachinesAndServicesByName) {
  v1::ListMachinesResponse machines;
  ASSERT_TRUE(stub_->ListMachines(Context().get(), {}, &machines).ok());
  ASSERT_EQ(machines.machines_size(), 2);
  EXPECT_EQ(machines.machines(1).machine(), "web1");
  EXPECT_EQ(machines.machines(1).actual(), "actual.example");
  EXPECT_EQ(machines.machines(1).config_fault(), "line 3 is no good");
  v1::ListServicesResponse services;
  ASSERT_TRUE(stub_->ListServices(Context().get(), {}, &services).ok());
  ASSERT_EQ(services.services_size(), 2);
  EXPECT_EQ(services.services(0).service(), "db");
  EXPECT_EQ(services.services(1).service(), "web");
}

TEST_F(AgentServiceTest, GetShowsTheServiceItsRevisionsAndChangesButNoPassword) {
  ASSERT_TRUE(AwaitHash("web", kA));
  const v1::Service web = Get("web");
  EXPECT_EQ(web.host(), "web1");
  EXPECT_EQ(web.hash(), kA);
  EXPECT_EQ(web.upstream(), "https://git.example/ops.git");
  EXPECT_THAT(web.DebugString(), testing::Not(HasSubstr("hunter2")));
  EXPECT_EQ(web.directories(0).local(), "/etc/web");
  ASSERT_EQ(web.revisions_size(), 1);
  ASSERT_GE(web.changes_size(), 1);
  EXPECT_EQ(web.changes(0).to_hash(), kA);
  EXPECT_TRUE(web.has_change_time());
}

TEST_F(AgentServiceTest, AnUnknownServiceIsNotFoundAndTheMessageNamesThoseThereAre) {
  v1::GetServiceRequest request;
  request.set_service("webb");
  v1::GetServiceResponse response;
  const grpc::Status status = stub_->GetService(Context().get(), request, &response);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("db, web"));
  request.clear_service();
  EXPECT_EQ(stub_->GetService(Context().get(), request, &response).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(AgentServiceTest, FreezeSaysByWhomAndUnfreezeConverges) {
  ASSERT_TRUE(AwaitHash("web", kA));
  v1::FreezeServiceRequest freeze;
  freeze.set_service("web");
  freeze.set_reason("release day");
  v1::FreezeServiceResponse frozen;
  ASSERT_TRUE(stub_->FreezeService(Context().get(), freeze, &frozen).ok());
  EXPECT_EQ(frozen.service().state(), v1::SERVICE_STATE_FREEZE);
  EXPECT_THAT(frozen.service().frozen_by(), HasSubstr("alice@laptop"));
  EXPECT_EQ(frozen.service().frozen_by_principal().name(), "alice@laptop");
  const v1::Change change = Get("web").changes(0);
  EXPECT_EQ(change.actor(), frozen.service().frozen_by());
  EXPECT_EQ(change.principal().name(), "alice@laptop");
  EXPECT_EQ(change.principal().kind(), v1::Principal::KIND_USER);
  EXPECT_FALSE(Get("web").changes(1).has_principal()) << "the agent itself";
  host_.Push("main", kB);
  v1::PullServiceRequest pull;
  pull.set_service("web");
  v1::PullServiceResponse pulled;
  const grpc::Status refused = stub_->PullService(Context().get(), pull, &pulled);
  EXPECT_EQ(refused.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("alice@laptop"));
  v1::UnfreezeServiceRequest unfreeze;
  unfreeze.set_service("web");
  v1::UnfreezeServiceResponse unfrozen;
  ASSERT_TRUE(stub_->UnfreezeService(Context().get(), unfreeze, &unfrozen).ok());
  EXPECT_FALSE(unfrozen.service().has_frozen_by_principal());
  EXPECT_TRUE(AwaitHash("web", kB));
  EXPECT_EQ(Get("web").changes(0).to_hash(), kB);
}

TEST_F(AgentServiceTest, RollbackAnswersWhenItHasEnded) {
  ASSERT_TRUE(AwaitHash("web", kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitHash("web", kB));
  v1::RollbackServiceRequest request;
  request.set_service("web");
  request.set_hash("AAAA");
  v1::RollbackServiceResponse response;
  ASSERT_TRUE(stub_->RollbackService(Context().get(), request, &response).ok());
  EXPECT_EQ(response.service().state(), v1::SERVICE_STATE_FREEZE);
  EXPECT_EQ(response.service().state_info(), "ROLLBACK: " + kA);
  EXPECT_TRUE(response.has_duration());
}

TEST_F(AgentServiceTest, RollbackRefusesWhatIsNoCommit) {
  for (const std::string& hash : {std::string(), std::string("abc"), std::string("main"),
                                  std::string("../../etc"), std::string(65, 'a')}) {
    v1::RollbackServiceRequest request;
    request.set_service("web");
    request.set_hash(hash);
    v1::RollbackServiceResponse response;
    EXPECT_EQ(stub_->RollbackService(Context().get(), request, &response).error_code(),
              StatusCode::INVALID_ARGUMENT)
        << hash;
  }
}

TEST_F(AgentServiceTest, ReasonsBeyondAThousandBytesAreRefused) {
  v1::FreezeServiceRequest request;
  request.set_service("web");
  request.set_reason(std::string(1001, 'x'));
  v1::FreezeServiceResponse response;
  EXPECT_EQ(stub_->FreezeService(Context().get(), request, &response).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(AgentServiceTest, WatchBeginsWithEveryServiceThenTellsChanges) {
  ASSERT_TRUE(AwaitHash("web", kA));
  ASSERT_TRUE(AwaitHash("db", kA));
  auto context = Context();
  auto reader = stub_->WatchServices(context.get(), v1::WatchServicesRequest());
  v1::WatchServicesResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.service().service(), "db");
  EXPECT_FALSE(response.initial_done());
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.service().service(), "web");
  EXPECT_TRUE(response.initial_done());
  host_.Push("main", kB);
  while (reader->Read(&response) && response.service().hash() != kB) {
  }
  EXPECT_EQ(response.service().hash(), kB);
  context->TryCancel();
}

TEST_F(AgentServiceTest, TooManyWatchersAreRefusedAndAnEndedOneMakesRoom) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchServicesResponse>>> readers;
  v1::WatchServicesResponse response;
  for (int i = 0; i < kMaxWatchers; ++i) {
    contexts.push_back(Context());
    readers.push_back(stub_->WatchServices(contexts.back().get(), {}));
    ASSERT_TRUE(readers.back()->Read(&response));
  }
  auto context = Context();
  auto refused = stub_->WatchServices(context.get(), {});
  EXPECT_FALSE(refused->Read(&response));
  EXPECT_EQ(refused->Finish().error_code(), StatusCode::RESOURCE_EXHAUSTED);
  contexts[0]->TryCancel();
  readers[0]->Finish();
  EXPECT_TRUE(Eventually([&] {
    auto again = Context();
    const bool admitted = stub_->WatchServices(again.get(), {})->Read(&response);
    again->TryCancel();
    return admitted;
  }));
  for (auto& open : contexts) open->TryCancel();
}

TEST_F(AgentServiceTest, ACallerWithADeadlineGetsItsAnswerInTimeWhileAUnitHangs) {
  ASSERT_TRUE(AwaitHash("web", kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitHash("web", kB));
  host_.HoldActivations();
  v1::RollbackServiceRequest request;
  request.set_service("web");
  request.set_hash(kA);
  v1::RollbackServiceResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(500));
  EXPECT_EQ(stub_->RollbackService(&context, request, &response).error_code(),
            StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(Get("web").state(), v1::SERVICE_STATE_ROLLBACK) << "what had begun goes on";
  host_.Release();
}

TEST_F(AgentServiceTest, CallsThatHangRefuseNoFreezeAndNoRead) {
  ASSERT_TRUE(AwaitHash("web", kA));
  ASSERT_TRUE(AwaitHash("db", kA));
  host_.HoldActivations();
  host_.Push("main", kB);
  ASSERT_TRUE(host_.AwaitHeld());
  struct Pull {
    std::unique_ptr<grpc::ClientContext> context = Context();
    v1::PullServiceRequest request;
    v1::PullServiceResponse response;
    std::promise<StatusCode> ended;
  };
  std::atomic<int> answered = 0;
  std::vector<Pull> pulls(kHangingCalls);
  for (Pull& pull : pulls) {
    pull.request.set_service("web");
    stub_->async()->PullService(pull.context.get(), &pull.request, &pull.response,
                                [&pull, &answered](const grpc::Status& status) {
                                  ++answered;
                                  pull.ended.set_value(status.error_code());
                                });
  }
  ASSERT_TRUE(Eventually([&] { return answered >= kHangingCalls - kRpcShares.wait; })) << answered;
  for (int i = 0; i < 50; ++i) {
    v1::FreezeServiceRequest freeze;
    freeze.set_service("db");
    v1::FreezeServiceResponse response;
    const grpc::Status frozen = stub_->FreezeService(Context().get(), freeze, &response);
    ASSERT_TRUE(frozen.ok()) << frozen.error_message();
    v1::ListServicesResponse services;
    ASSERT_TRUE(stub_->ListServices(Context().get(), {}, &services).ok());
  }
  for (Pull& pull : pulls) pull.context->TryCancel();
  int refused = 0;
  for (Pull& pull : pulls) {
    if (pull.ended.get_future().get() == StatusCode::RESOURCE_EXHAUSTED) ++refused;
  }
  EXPECT_EQ(refused, kHangingCalls - kRpcShares.wait);
  host_.Release();
}

TEST_F(AgentServiceTest, ADiffThatIsTooLargeIsCutAndCounted) {
  ASSERT_TRUE(AwaitHash("web", kA));
  constexpr int kFiles = 9000;
  constexpr int kUnlisted = 20'000;
  host_.Set("web", [](FakeHost::Service& service) {
    for (int i = 0; i < kFiles; ++i) {
      service.drift.push_back(
          {DriftEntry::Kind::kUntracked, absl::StrCat("/etc/web/", i, std::string(1000, 'x')), ""});
    }
    service.drift.push_back({DriftEntry::Kind::kUntracked, "/etc/web", "", kUnlisted});
    service.drift.push_back({DriftEntry::Kind::kUnreadable, "/caf\xe9", "\xe9"});
  });
  v1::DiffServiceRequest request;
  request.set_service("web");
  v1::DiffServiceResponse response;
  const grpc::Status status = stub_->DiffService(Context().get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_GT(response.differences_size(), 1000);
  EXPECT_LE(response.ByteSizeLong(), size_t{2 << 20} + 10'000);
  EXPECT_TRUE(response.truncated());
  EXPECT_EQ(response.more() + response.differences_size(), kFiles + kUnlisted + 1);
}

TEST_F(AgentServiceTest, TextThatIsNotUtf8EndsNoCall) {
  ASSERT_TRUE(AwaitHash("web", kA));
  host_.Set("web", [](FakeHost::Service& service) {
    service.drift = {{DriftEntry::Kind::kUnreadable, "/caf\xe9", "\xe9"}};
  });
  v1::DiffServiceRequest request;
  request.set_service("web");
  v1::DiffServiceResponse response;
  ASSERT_TRUE(stub_->DiffService(Context().get(), request, &response).ok());
  ASSERT_EQ(response.differences_size(), 1);
  EXPECT_EQ(response.differences(0).kind(), v1::Difference::KIND_UNREADABLE);
  EXPECT_EQ(response.differences(0).path(), "/caf\\xe9");
}

TEST_F(AgentServiceTest, DiffNamesWhatWasChanged) {
  ASSERT_TRUE(AwaitHash("web", kA));
  host_.Set("web", [](FakeHost::Service& service) {
    service.drift = {{DriftEntry::Kind::kModified, "/etc/web/conf", "content"},
                     {DriftEntry::Kind::kUntracked, "/etc/web/new", ""}};
  });
  v1::DiffServiceRequest request;
  request.set_service("web");
  v1::DiffServiceResponse response;
  ASSERT_TRUE(stub_->DiffService(Context().get(), request, &response).ok());
  EXPECT_EQ(response.hash(), kA);
  ASSERT_EQ(response.differences_size(), 2);
  EXPECT_EQ(response.differences(0).kind(), v1::Difference::KIND_MODIFIED);
  EXPECT_EQ(response.differences(1).path(), "/etc/web/new");
}

TEST_F(AgentServiceTest, DiffToACommitSaysWhatAMoveWouldChange) {
  ASSERT_TRUE(AwaitHash("web", kA));
  host_.Push("other", kB);
  v1::DiffServiceRequest request;
  request.set_service("web");
  request.set_to_hash(kB.substr(0, 8));
  v1::DiffServiceResponse response;
  ASSERT_TRUE(stub_->DiffService(Context().get(), request, &response).ok());
  EXPECT_EQ(response.hash(), kA);
  EXPECT_EQ(response.to_commit().hash(), kB);
  EXPECT_EQ(response.to_commit().subject(), "Subject of " + kB);
  ASSERT_EQ(response.differences_size(), 1);
  EXPECT_EQ(response.differences(0).kind(), v1::Difference::KIND_MODIFIED);
  EXPECT_EQ(response.differences(0).path(), "/etc/web/etc/conf");
  request.set_to_hash("zz");
  EXPECT_EQ(stub_->DiffService(Context().get(), request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(AgentServiceTest, AServiceIsShownWithItsSyncAndCommits) {
  ASSERT_TRUE(AwaitHash("web", kA));
  v1::GetServiceRequest request;
  request.set_service("web");
  v1::GetServiceResponse response;
  ASSERT_TRUE(stub_->GetService(Context().get(), request, &response).ok());
  const v1::Service& service = response.service();
  EXPECT_EQ(service.sync(), v1::SYNC_STATUS_CURRENT);
  EXPECT_EQ(service.commit().subject(), "Subject of " + kA);
  EXPECT_EQ(service.target_commit().author(), "Ann");
  ASSERT_EQ(service.revision_commits_size(), service.revisions_size());
  EXPECT_EQ(service.revision_commits(0).hash(), service.revisions(0));
  EXPECT_EQ(service.changes(0).commit().subject(), "Subject of " + kA);
}

}  // namespace
}  // namespace gitops
