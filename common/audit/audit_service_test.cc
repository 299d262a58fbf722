#include "common/audit/audit_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "common/audit/audit_log.h"
#include "common/path/temporary_directory.h"
#include "common/rpc/channel.h"
#include "common/rpc/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/rpc/user_metadata.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {
namespace {

// A service whose calls the audit records.
class Services final : public v1::AgentService::Service {
 public:
  explicit Services(const RpcGate* gate) : gate_(gate) {}

  grpc::Status FreezeService(grpc::ServerContext* context, const v1::FreezeServiceRequest* request,
                             v1::FreezeServiceResponse*) override {
    return gate_->Run(CallKind::kBrake, *context, *request, [&]() -> absl::Status {
      ++changes;
      stored_before = gate_->audit().log()->storage().head().count();
      return absl::OkStatus();
    });
  }
  grpc::Status PullService(grpc::ServerContext* context, const v1::PullServiceRequest* request,
                           v1::PullServiceResponse*) override {
    return gate_->Run(*context, *request, [&]() -> absl::Status {
      ++changes;
      stored_before = gate_->audit().log()->storage().head().count();
      return absl::NotFoundError("there is no such service");
    });
  }
  grpc::Status GetService(grpc::ServerContext* context, const v1::GetServiceRequest* request,
                          v1::GetServiceResponse*) override {
    return gate_->Run(*context, *request, [] { return absl::OkStatus(); });
  }

  std::atomic<int> changes = 0;
  std::atomic<int64_t> stored_before = -1;

 private:
  const RpcGate* const gate_;
};

class AuditServiceTest : public testing::Test {
 protected:
  AuditServiceTest() {
    AuditStorageOptions options;
    options.file = directory_ / "agent-audit.db";
    Start(std::make_shared<AuditLog>(std::move(options), nullptr));
  }

  void Start(std::shared_ptr<AuditLog> log) {
    server_.reset();
    gate_.Record(std::move(log));
    server_ = *RpcServer::Start({.listen = "127.0.0.1:0", .services = {&services_, audit_.get()}});
    channel_ = *Dial({.address = server_->address()});
    agent_ = v1::AgentService::NewStub(channel_);
  }

  grpc::Status Freeze(const std::string& user) {
    grpc::ClientContext context;
    context.AddMetadata(kUserMetadata, user);
    v1::FreezeServiceRequest request;
    request.set_service("nginx");
    request.set_reason("release day");
    v1::FreezeServiceResponse response;
    return agent_->FreezeService(&context, request, &response);
  }
  grpc::Status Pull(const std::string& user) {
    grpc::ClientContext context;
    context.AddMetadata(kUserMetadata, user);
    v1::PullServiceRequest request;
    request.set_service("nginx");
    v1::PullServiceResponse response;
    return agent_->PullService(&context, request, &response);
  }
  grpc::Status Get() {
    grpc::ClientContext context;
    v1::GetServiceRequest request;
    request.set_service("nginx");
    v1::GetServiceResponse response;
    return agent_->GetService(&context, request, &response);
  }
  v1::ListAuditResponse List() {
    grpc::ClientContext context;
    v1::ListAuditResponse response;
    const grpc::Status status =
        v1::AuditService::NewStub(channel_)->ListAudit(&context, v1::ListAuditRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  const TemporaryDirectory directory_;
  std::atomic<bool> broken_ = false;
  RpcGate gate_{[](const Principal& caller, const google::protobuf::Message& request) {
    if (caller.name != "eve") return absl::OkStatus();
    return absl::PermissionDeniedError(caller.name + " may not send " +
                                       request.GetDescriptor()->name());
  }};
  Services services_{&gate_};
  std::unique_ptr<v1::AuditService::Service> audit_ = NewAuditService(&gate_, {});
  std::unique_ptr<RpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::AgentService::Stub> agent_;
};

TEST_F(AuditServiceTest, AChangeIsOnRecordBeforeItIsMadeAndAgainWhenItHasEnded) {
  ASSERT_TRUE(Freeze("alice").ok());
  EXPECT_EQ(services_.stored_before, 1);
  const v1::ListAuditResponse list = List();
  ASSERT_EQ(list.entries_size(), 2);
  const v1::AuditEntry& allowed = list.entries(0);
  EXPECT_EQ(allowed.kind(), v1::AuditEntry::KIND_ALLOWED);
  EXPECT_EQ(allowed.method(), "AgentService.FreezeService");
  EXPECT_EQ(allowed.actor(), "alice (ipv4:127.0.0.1, not authenticated)");
  EXPECT_EQ(allowed.principal().authentication(), v1::Principal::AUTHENTICATION_NONE);
  EXPECT_EQ(allowed.role(), "admin");
  ASSERT_EQ(allowed.targets_size(), 2);
  EXPECT_EQ(allowed.targets(1).value(), "release day");
  const v1::AuditEntry& ended = list.entries(1);
  EXPECT_EQ(ended.kind(), v1::AuditEntry::KIND_ENDED);
  EXPECT_EQ(ended.of(), 1);
  EXPECT_EQ(ended.code(), "OK");
}

TEST_F(AuditServiceTest, AChangeThatFailedSaysWhy) {
  EXPECT_FALSE(Pull("alice").ok());
  const v1::ListAuditResponse list = List();
  ASSERT_EQ(list.entries_size(), 2);
  EXPECT_EQ(list.entries(1).code(), "NOT_FOUND");
  EXPECT_EQ(list.entries(1).message(), "there is no such service");
}

TEST_F(AuditServiceTest, ReadsAreNotRecordedUnlessTheyAreRefused) {
  ASSERT_TRUE(Get().ok());
  EXPECT_EQ(List().entries_size(), 0);
}

TEST_F(AuditServiceTest, ARefusedCallIsRecordedWithItsReasonAndNothingIsDone) {
  EXPECT_EQ(Freeze("eve").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Freeze("eve").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(services_.changes, 0);
  const v1::ListAuditResponse list = List();
  ASSERT_EQ(list.entries_size(), 1);
  EXPECT_EQ(list.entries(0).kind(), v1::AuditEntry::KIND_REFUSED);
  EXPECT_EQ(list.entries(0).code(), "PERMISSION_DENIED");
  EXPECT_TRUE(absl::StartsWith(list.entries(0).message(), "eve may not send FreezeServiceRequest"));
  EXPECT_EQ(gate_.audit().log()->condition().refused, 2);
}

TEST_F(AuditServiceTest, WithoutItsStoreAChangeIsRefusedAndABrakeIsMadeAndRecordedLater) {
  broken_ = true;
  AuditStorageOptions options;
  options.open = [this]() -> absl::StatusOr<std::unique_ptr<Store>> {
    if (broken_) return absl::UnavailableError("no space left on device");
    return OpenSqliteStore({.path = directory_ / "other.db"});
  };
  Start(std::make_shared<AuditLog>(std::move(options), nullptr));

  const absl::Status refused = FromGrpcStatus(Pull("alice"));
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_TRUE(HasReason(refused, Reason::kAuditUnavailable)) << refused;
  EXPECT_TRUE(absl::StrContains(refused.message(), "no space left on device")) << refused;
  EXPECT_EQ(services_.changes, 0);
  EXPECT_TRUE(Freeze("alice").ok());
  EXPECT_EQ(services_.changes, 1);

  broken_ = false;
  EXPECT_FALSE(Pull("bob").ok());  // as the handler says
  EXPECT_EQ(services_.changes, 2);
  std::string kinds;
  const v1::ListAuditResponse list = List();
  for (const v1::AuditEntry& entry : list.entries()) {
    kinds += v1::AuditEntry::Kind_Name(entry.kind()).substr(5) + " " + entry.method().substr(13) +
             " " + entry.principal().name() + "\n";
  }
  EXPECT_EQ(kinds,
            "REFUSED PullService alice\nALLOWED FreezeService alice\nENDED FreezeService alice\n"
            "ALLOWED PullService bob\nENDED PullService bob\n");
}

TEST_F(AuditServiceTest, VerifiesItsOwnAuditAndRefusesToAnswerForOthers) {
  ASSERT_TRUE(Freeze("alice").ok());
  const auto stub = v1::AuditService::NewStub(channel_);
  v1::VerifyAuditResponse response;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(stub->VerifyAudit(&context, v1::VerifyAuditRequest(), &response).ok());
  }
  EXPECT_EQ(response.checked(), 2);
  EXPECT_EQ(response.problems_size(), 0);
  EXPECT_EQ(response.head().count(), 2);
  grpc::ClientContext context;
  v1::VerifyAuditRequest of_host;
  of_host.set_host("web1");
  EXPECT_EQ(stub->VerifyAudit(&context, of_host, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(AuditServiceTest, AProgramWithoutAnAuditSaysSo) {
  Start(nullptr);
  grpc::ClientContext context;
  v1::ListAuditResponse response;
  const grpc::Status status =
      v1::AuditService::NewStub(channel_)->ListAudit(&context, v1::ListAuditRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

}  // namespace
}  // namespace gitops
