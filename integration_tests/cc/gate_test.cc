// Every RPC of every server passes the gate.
#include "common/rpc/gate.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/operation/operation_service.h"
#include "agent/rpc/agent_service.h"
#include "common/audit/audit_service.h"
#include "common/clock/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/sync/mutex.h"
#include "integration_tests/cc/every_rpc.h"
#include "services/hook_dispatcher/rpc/hook_service.h"
#include "services/planner/plan/fake_fleet.h"
#include "services/planner/report/report_service.h"
#include "services/planner/rpc/planner_service.h"
#include "services/promotion_receiver/rpc/promotion_service.h"

namespace gitops {
namespace {

using google::protobuf::MethodDescriptor;

class GateTest : public testing::Test {
 protected:
  GateTest() {
    // What the handlers act on is null, or an empty fleet: one that does anything before the gate
    // refuses crashes.
    agent_ = NewAgentService({.gate = &gate_});
    operations_ = NewOperationService({.gate = &gate_}, nullptr, nullptr);
    planner_ = NewPlannerService({.clock = Clock::System(), .gate = &gate_, .fleet = &fleet_});
    reports_ = std::make_unique<ReportService>(ReportOptions{.gate = &gate_});
    hooks_ = NewHookService(nullptr, &gate_);
    audits_ = NewAuditService(&gate_, {});
    promotions_ = NewPromotionService({.clock = Clock::System(), .gate = &gate_, .pipelines = {}});
    auto server = RpcServer::Start(
        {.listen = "127.0.0.1:0",
         .services = {agent_.get(), operations_.get(), planner_.get(), reports_.get(), hooks_.get(),
                      promotions_.get(), audits_.get()}});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  Mutex mutex_;
  std::multiset<std::string> asked_ ABSL_GUARDED_BY(mutex_);
  const RpcGate gate_{[this](const Principal&, const google::protobuf::Message& request) {
    MutexLock lock(mutex_);
    asked_.insert(request.GetDescriptor()->full_name());
    return absl::PermissionDeniedError("the gate is closed");
  }};
  FakeFleet fleet_;
  std::unique_ptr<v1::AgentService::Service> agent_;
  std::unique_ptr<v1::OperationService::Service> operations_;
  std::unique_ptr<PlannerService> planner_;
  std::unique_ptr<ReportService> reports_;
  std::unique_ptr<v1::HookDispatcherService::Service> hooks_;
  std::unique_ptr<PromotionService> promotions_;
  std::unique_ptr<v1::AuditService::Service> audits_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(GateTest, NoCallOfAnyMethodPassesAClosedGate) {
  auto channel = Dial({.address = server_->address()});
  ASSERT_TRUE(channel.ok()) << channel.status();
  const std::vector<const MethodDescriptor*> methods = AllMethods();
  ASSERT_FALSE(methods.empty());
  std::multiset<std::string> requests;
  for (const MethodDescriptor* method : methods) {
    SCOPED_TRACE(method->full_name());
    const grpc::Status status = CallWithEmptyRequest(*channel, *method);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << status.error_message();
    EXPECT_THAT(status.error_message(), ::testing::StartsWith("the gate is closed"));
    requests.insert(method->input_type()->full_name());
  }
  MutexLock lock(mutex_);
  EXPECT_EQ(asked_, requests);
}

}  // namespace
}  // namespace gitops
