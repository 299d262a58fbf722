#include "common/rpc/gate.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/user_metadata.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {
namespace {

// Answers with the name of its caller.
class Echo final : public v1::AgentService::Service {
 public:
  explicit Echo(const RpcGate* gate) : gate_(gate) {}

  grpc::Status GetService(grpc::ServerContext* context, const v1::GetServiceRequest* request,
                          v1::GetServiceResponse* response) override {
    return gate_->Run(*context, *request, [&](const Principal& caller) -> absl::Status {
      if (request->service().empty()) return absl::NotFoundError("no service is named");
      response->mutable_service()->set_service(caller.name);
      return absl::OkStatus();
    });
  }

 private:
  const RpcGate* const gate_;
};

class GateTest : public testing::Test {
 protected:
  grpc::Status Get(const RpcGate& gate, const std::string& service) {
    Echo echo(&gate);
    auto server = RpcServer::Start({.listen = "127.0.0.1:0", .services = {&echo}});
    EXPECT_TRUE(server.ok()) << server.status();
    const auto stub = v1::AgentService::NewStub(*Dial({.address = (*server)->address()}));
    grpc::ClientContext context;
    context.AddMetadata(kUserMetadata, "alice@laptop");
    v1::GetServiceRequest request;
    request.set_service(service);
    return stub->GetService(&context, request, &response_);
  }

  v1::GetServiceResponse response_;
};

TEST_F(GateTest, HandlerGetsTheCallerAndItsErrorsReachTheClient) {
  const RpcGate gate;
  EXPECT_TRUE(Get(gate, "nginx").ok());
  EXPECT_EQ(response_.service().service(), "alice@laptop");
  const grpc::Status missing = Get(gate, "");
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(missing.error_message(), "no service is named");
}

TEST_F(GateTest, AuthorizerSeesCallerAndRequestAndRefusesBeforeTheHandler) {
  const RpcGate gate([](const Principal& caller, const google::protobuf::Message& request) {
    const auto* get = dynamic_cast<const v1::GetServiceRequest*>(&request);
    if (get == nullptr) return absl::InternalError("not the request of the call");
    if (get->service() == "open") return absl::OkStatus();
    return absl::PermissionDeniedError(caller.name + " may not see " + get->service());
  });
  const grpc::Status refused = Get(gate, "secret");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(absl::StartsWith(refused.error_message(), "alice@laptop may not see secret"))
      << refused.error_message();
  EXPECT_FALSE(response_.has_service());
  EXPECT_TRUE(Get(gate, "open").ok());
}

TEST_F(GateTest, ARequestOverItsLimitsIsRefusedBeforeTheHandler) {
  const RpcGate gate;
  const grpc::Status refused = Get(gate, std::string(256, 'a'));
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(refused.error_message(), "service has 256 bytes; at most 255 are allowed");
  EXPECT_FALSE(response_.has_service());
  EXPECT_TRUE(Get(gate, std::string(255, 'a')).ok());
}

}  // namespace
}  // namespace gitops
