// The RPCs over a real gRPC server, on a host in memory.
#include "agent/operation/operation_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "agent/activate/fake_systemd.h"
#include "agent/controller/fake_drivers.h"
#include "agent/operation/operation_server.h"
#include "agent/record/record.h"
#include "common/clock/clock.h"
#include "common/metrics/metrics.h"
#include "common/path/temporary_directory.h"
#include "common/rpc/authenticator.h"
#include "common/rpc/channel.h"
#include "common/rpc/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/store/temp_store.h"

namespace gitops {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;
using testing::Not;

const std::string kA(40, 'a');
const std::string kB(40, 'b');
constexpr char kCanary[] = "canary-7c1f";

class OperationServiceTest : public testing::Test {
 protected:
  // `caller`: the role of the callers.
  explicit OperationServiceTest(Role caller = Role::kAdmin) {
    gate_.Identify(std::make_shared<const Authenticator>(AuthenticatorOptions{.plain = caller}));
    directory_.Write("boot", "first\n");
    own_.health_checks.cmd.push_back({.cmd = {"echo", "healthy"}});
    own_.secrets["key"].destination = directory_ / "key";
    host_.Push("main", kA);
    scheduler_ = NewScheduler(Clock::System(), 4);
    HostAgentOptions options;
    options.clock = Clock::System();
    options.scheduler = scheduler_.get();
    options.records = &records_;
    options.drivers = &host_;
    agent_ = std::make_unique<HostAgent>(std::move(options));
    ServiceSpec spec;
    spec.machine = "web1";
    spec.service = "web";
    spec.poll = absl::Hours(1);
    spec.tracking = Tracking::kCoordinated;
    spec.upstream.url = "https://user:hunter2@git.example/ops.git";
    EXPECT_TRUE(agent_->Configure({spec}).ok());
    auto operations = OperationServer::Make({.store = temp_.store(),
                                             .agent = agent_.get(),
                                             .systemd = &systemd_,
                                             .clock = Clock::System(),
                                             .gate = &gate_,
                                             .own_hosts = [this] { return std::vector{own_}; },
                                             .reboot_command = [] { return ""; },
                                             .boot_id_file = directory_ / "boot"});
    EXPECT_TRUE(operations.ok()) << operations.status();
    operations_ = *std::move(operations);
    auto server = RpcServer::Start(
        {.listen = "127.0.0.1:0", .services = {operations_->service()}, .metrics = &metrics_});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto channel = Dial({.address = server_->address()});
    EXPECT_TRUE(channel.ok()) << channel.status();
    stub_ = v1::OperationService::NewStub(*channel);
  }

  ~OperationServiceTest() override {
    operations_->Stop();
    agent_->Stop();
    server_->Shutdown(absl::Seconds(5));
    operations_.reset();
  }

  static std::unique_ptr<grpc::ClientContext> Context(int seconds = 20) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
    return context;
  }

  static v1::PerformActionRequest Request(int number, const std::string& action) {
    v1::PerformActionRequest request;
    request.mutable_operation()->set_id("d/web1/" + std::to_string(number));
    request.mutable_operation()->set_fencing(7);
    request.set_action(action);
    if (action == "sync") request.add_upstream_revisions()->set_hash(kA);
    return request;
  }

  grpc::Status Perform(const v1::PerformActionRequest& request) {
    response_.Clear();
    return stub_->PerformAction(Context().get(), request, &response_);
  }

  TemporaryDirectory directory_;
  HostSpec own_;  // read by the server's threads, so not changed once it is made
  FakeHost host_;
  FakeSystemd systemd_;
  TempStore temp_;
  RecordStore records_{temp_.store()};
  Metrics metrics_{"agent"};
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<HostAgent> agent_;
  RpcGate gate_;
  std::unique_ptr<OperationServer> operations_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<v1::OperationService::Stub> stub_;
  v1::PerformActionResponse response_;
};

TEST_F(OperationServiceTest, StatusTellsBootVersionAndFencing) {
  v1::GetHostStatusResponse status;
  ASSERT_TRUE(stub_->GetHostStatus(Context().get(), {}, &status).ok());
  EXPECT_EQ(status.boot_id(), "first");
  EXPECT_FALSE(status.version().empty());
  EXPECT_EQ(status.fencing(), 0);
  ASSERT_TRUE(Perform(Request(1, "freeze")).ok());
  ASSERT_TRUE(stub_->GetHostStatus(Context().get(), {}, &status).ok());
  EXPECT_EQ(status.fencing(), 7);
}

TEST_F(OperationServiceTest, TheTipOrACommitIsResolvedWithItsUpstreamAndBranch) {
  v1::ResolveRevisionRequest request;
  request.set_service("web");
  v1::ResolveRevisionResponse response;
  ASSERT_TRUE(stub_->ResolveRevision(Context().get(), request, &response).ok());
  EXPECT_EQ(response.hash(), kA);
  EXPECT_EQ(response.upstream(), "https://git.example/ops.git");
  EXPECT_EQ(response.branch(), "main");
  host_.Push("main", kB);
  request.set_revision("AAAA");
  ASSERT_TRUE(stub_->ResolveRevision(Context().get(), request, &response).ok());
  EXPECT_EQ(response.hash(), kA);
}

TEST_F(OperationServiceTest, RevisionsThatCannotBeResolvedSayWhy) {
  const struct {
    std::string service, revision;
    absl::Status upstream;
    StatusCode want;
  } cases[] = {
      {"", "", absl::OkStatus(), StatusCode::INVALID_ARGUMENT},
      {"none", "", absl::OkStatus(), StatusCode::NOT_FOUND},
      {"web", "main", absl::OkStatus(), StatusCode::INVALID_ARGUMENT},
      {"web", "dddd", absl::OkStatus(), StatusCode::NOT_FOUND},
      {"web", "", absl::UnavailableError("no route"), StatusCode::UNAVAILABLE},
      {"web", "", absl::PermissionDeniedError("key refused"), StatusCode::UNAVAILABLE},
  };
  for (const auto& test : cases) {
    host_.SetUpstreamStatus(test.upstream);
    v1::ResolveRevisionRequest request;
    request.set_service(test.service);
    if (!std::string(test.revision).empty()) request.set_revision(test.revision);
    v1::ResolveRevisionResponse response;
    EXPECT_EQ(stub_->ResolveRevision(Context().get(), request, &response).error_code(), test.want)
        << test.service << " " << test.revision;
  }
}

TEST_F(OperationServiceTest, AFailedSyncTellsInItsDetailsWhatItMoved) {
  host_.FailActivate(kA, absl::FailedPreconditionError("exit 1"));
  const grpc::Status failed = Perform(Request(1, "sync"));
  EXPECT_EQ(failed.error_code(), StatusCode::INTERNAL);
  EXPECT_THAT(failed.error_message(), HasSubstr("exit 1"));
  const auto moved = DetailOf<v1::PerformActionResponse>(FromGrpcStatus(failed));
  ASSERT_TRUE(moved.has_value());
  ASSERT_EQ(moved->moves_size(), 1);
  EXPECT_EQ(moved->moves(0).service(), "web");
  EXPECT_EQ(moved->moves(0).from_hash(), "");
  EXPECT_EQ(moved->moves(0).to_hash(), kA);
}

TEST_F(OperationServiceTest, ActionsThatNeedNixOrAreNoneAreRefused) {
  for (const std::string action : {"push", "switch", "switch-boot", "test", "dry-activate"}) {
    const grpc::Status refused = Perform(Request(1, action));
    EXPECT_EQ(refused.error_code(), StatusCode::FAILED_PRECONDITION) << action;
    EXPECT_THAT(refused.error_message(), HasSubstr("Nix")) << action;
  }
  for (const std::string action : {"skip", "", "build"}) {
    EXPECT_EQ(Perform(Request(1, action)).error_code(), StatusCode::INVALID_ARGUMENT) << action;
  }
  EXPECT_TRUE(Perform(Request(1, "sync")).ok()) << "what was refused is not remembered";
}

TEST_F(OperationServiceTest, ARebootIsAskedForOnceAndRememberedOverIt) {
  ASSERT_TRUE(Perform(Request(1, "reboot")).ok());
  EXPECT_EQ(response_.boot_id(), "first");
  directory_.Write("boot", "second\n");
  ASSERT_TRUE(Perform(Request(1, "reboot")).ok());
  EXPECT_TRUE(response_.repeated_operation());
  EXPECT_EQ(response_.boot_id(), "first");
  EXPECT_THAT(systemd_.changes(), testing::ElementsAre("reboot"));
}

TEST_F(OperationServiceTest, SecretsReachTheirFilesAndNothingElse) {
  const SecretSpec& own = own_.secrets.at("key");
  v1::PerformActionRequest request = Request(1, "upload-secrets");
  v1::SecretFile& secret = *request.add_secrets();
  secret.set_name("key");
  secret.set_destination(own.destination);
  secret.set_owner_user(own.owner_user);
  secret.set_owner_group(own.owner_group);
  secret.set_permissions(own.permissions);
  secret.set_content(kCanary);
  testing::internal::CaptureStderr();
  const grpc::Status written = Perform(request);
  secret.set_destination(directory_ / "elsewhere");
  request.mutable_operation()->set_id("d/web1/2");
  const grpc::Status refused = Perform(request);
  const std::string logged = testing::internal::GetCapturedStderr();
  if (geteuid() == 0) {
    EXPECT_TRUE(written.ok()) << written.error_message();
    EXPECT_EQ(directory_.Read("key"), kCanary);
  }
  EXPECT_EQ(refused.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_FALSE(directory_.Has("elsewhere"));
  EXPECT_EQ(temp_.store()->List("agent/v1/operation/")->size(), 1) << "a refusal costs no room";
  EXPECT_THAT(logged, HasSubstr("upload-secrets"));
  EXPECT_THAT(logged + refused.error_message() + response_.DebugString(), Not(HasSubstr(kCanary)));
  auto stored = temp_.store()->List("");
  ASSERT_TRUE(stored.ok());
  for (const StoredValue& value : *stored) EXPECT_THAT(value.value, Not(HasSubstr(kCanary)));
}

TEST_F(OperationServiceTest, OwnCheckCommandsAreRunAndNoOthers) {
  v1::RunCheckRequest request;
  request.set_kind(v1::RunCheckRequest::KIND_HEALTH);
  request.add_cmd("echo");
  request.add_cmd("healthy");
  request.mutable_timeout()->set_seconds(10);
  v1::RunCheckResponse response;
  const grpc::Status run = stub_->RunCheck(Context().get(), request, &response);
  ASSERT_TRUE(run.ok()) << run.error_message();
  EXPECT_EQ(response.exit_status(), 0);
  EXPECT_EQ(response.output(), "healthy\n");
  request.set_cmd(1, "else");
  EXPECT_EQ(stub_->RunCheck(Context().get(), request, &response).error_code(),
            StatusCode::PERMISSION_DENIED);
}

class CallersOfEveryRoleTest : public OperationServiceTest,
                               public testing::WithParamInterface<Role> {
 protected:
  CallersOfEveryRoleTest() : OperationServiceTest(GetParam()) {}

  // Refused by the host's configuration to those who may ask at all, to others by their role.
  static void ExpectRefused(const grpc::Status& answer) {
    EXPECT_EQ(answer.error_code(), StatusCode::PERMISSION_DENIED);
    const bool may_ask = GetParam() == Role::kAdmin || GetParam() == Role::kPlanner;
    EXPECT_EQ(ReasonName(FromGrpcStatus(answer)),
              may_ask ? "NOT_IN_OWN_CONFIG" : "PERMISSION_DENIED");
  }
};

TEST_P(CallersOfEveryRoleTest, OnlyTheHostsOwnConfigurationDecidesWhatRunsAsRoot) {
  v1::RunCheckRequest check;
  check.set_kind(v1::RunCheckRequest::KIND_HEALTH);
  for (const std::string& word : {std::string("touch"), directory_ / "proof"}) check.add_cmd(word);
  check.mutable_timeout()->set_seconds(10);
  v1::RunCheckResponse response;
  ExpectRefused(stub_->RunCheck(Context().get(), check, &response));
  EXPECT_NE(access((directory_ / "proof").c_str(), F_OK), 0);

  int number = 0;
  for (const char* name : {"key", "other"}) {
    v1::PerformActionRequest upload = Request(++number, "upload-secrets");
    v1::SecretFile& secret = *upload.add_secrets();
    secret.set_name(name);
    secret.set_destination(directory_ / "proof");
    secret.set_permissions("0400");
    secret.set_content(kCanary);
    ExpectRefused(Perform(upload));
    EXPECT_NE(access((directory_ / "proof").c_str(), F_OK), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Roles, CallersOfEveryRoleTest, testing::ValuesIn(kAllRoles),
                         [](const testing::TestParamInfo<Role>& role) {
                           return absl::StrReplaceAll(RoleName(role.param), {{"-", "_"}});
                         });

TEST_F(OperationServiceTest, ACallerWithADeadlineGetsItsAnswerInTimeAndAsksAgain) {
  host_.HoldActivations();
  const grpc::Status late =
      stub_->PerformAction(Context(/*seconds=*/1).get(), Request(1, "sync"), &response_);
  EXPECT_EQ(late.error_code(), StatusCode::DEADLINE_EXCEEDED);
  host_.Release();
  ASSERT_TRUE(Perform(Request(1, "sync")).ok());
  EXPECT_EQ(response_.moves(0).to_hash(), kA);
  EXPECT_EQ(host_.Look("web").activations.size(), 1u);
}

}  // namespace
}  // namespace gitops
