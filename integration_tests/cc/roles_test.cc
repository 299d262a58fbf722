// Every RPC of every server against every role, over TLS with certificates.
#include "common/api/roles.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/operation/operation_service.h"
#include "agent/rpc/agent_service.h"
#include "common/audit/audit_service.h"
#include "common/clock/clock.h"
#include "common/rpc/authenticator.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/testing_tls.h"
#include "common/store/temp_store.h"
#include "gitops/v1/report.grpc.pb.h"
#include "integration_tests/cc/every_rpc.h"
#include "services/hook_dispatcher/rpc/hook_service.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/plan/fake_fleet.h"
#include "services/planner/report/report_service.h"
#include "services/planner/rpc/planner_service.h"
#include "services/promotion_receiver/rpc/promotion_service.h"

namespace gitops {
namespace {

using google::protobuf::MethodDescriptor;

// Who may call an RPC, as the reference says it to people.
struct Documented {
  std::string person;
  std::set<std::string> programs;

  bool Allows(const std::string& role) const {
    const bool is_person = std::set<std::string>{"viewer", "operator", "approver"}.contains(role);
    if (role == "admin" || programs.contains(role)) return true;
    return is_person && (person == "viewer" || person == role);
  }
};

std::map<std::string, Documented> ReadReference() {
  std::ifstream file("docs/reference/api.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::regex row(R"(\| `(\w+\.\w+)` \| (\w+) \| ([\w, -]*?) ?\|)");
  std::map<std::string, Documented> rows;
  for (auto i = std::sregex_iterator(text.begin(), text.end(), row); i != std::sregex_iterator();
       ++i) {
    rows[(*i)[1].str()] = {(*i)[2].str(), absl::StrSplit((*i)[3].str(), ", ", absl::SkipEmpty())};
  }
  return rows;
}

class RolesTest : public testing::Test {
 protected:
  RolesTest() {
    gate_.Identify(std::make_shared<const Authenticator>(AuthenticatorOptions{}));
    own_gate_.Identify(std::make_shared<const Authenticator>(AuthenticatorOptions{}));
    // What the handlers act on is null: they must not be reached.
    agent_ = NewAgentService({.gate = &gate_});
    operations_ = NewOperationService({.gate = &gate_}, nullptr, nullptr);
    planner_ = NewPlannerService({.clock = Clock::System(), .gate = &gate_, .fleet = &fleet_});
    reports_ = std::make_unique<ReportService>(ReportOptions{.gate = &gate_});
    hooks_ = NewHookService(nullptr, &gate_);
    audits_ = NewAuditService(&gate_, {});
    promotions_ = NewPromotionService({.clock = Clock::System(), .gate = &gate_, .pipelines = {}});
    server_ = Serve({agent_.get(), operations_.get(), planner_.get(), reports_.get(), hooks_.get(),
                     audits_.get(), promotions_.get()});
  }

  std::unique_ptr<RpcServer> Serve(std::vector<grpc::Service*> services) {
    auto server = RpcServer::Start(
        {.listen = "127.0.0.1:0", .tls_dir = server_files_, .services = std::move(services)});
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& identity, const RpcServer& server) {
    auto channel = Dial({.address = server.address(),
                         .tls_dir = authority_.Issue(identity),
                         .server = ServerIdentity{.role = Role::kPlanner, .name = ""},
                         .own_connection = true});
    EXPECT_TRUE(channel.ok()) << channel.status();
    return *channel;
  }

  // TLS, but no certificate of the client's.
  std::shared_ptr<grpc::Channel> Nobody() {
    grpc::experimental::TlsChannelCredentialsOptions options;
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
            authority_.authority().authorities_pem()));
    options.watch_root_certs();
    options.set_check_call_host(false);
    options.set_certificate_verifier(
        std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
    return grpc::CreateChannel(server_->address(), grpc::experimental::TlsCredentials(options));
  }

  TestAuthority authority_;
  const std::string server_files_ = authority_.Issue("planner/main");
  // As without an authorizer, but says so instead of reaching the handler.
  RpcGate gate_{[](const Principal& caller, const google::protobuf::Message& request) {
    const absl::Status allowed =
        CheckRole(*caller.role, PrincipalText(caller), *request.GetDescriptor());
    return allowed.ok() ? absl::AbortedError("admitted") : allowed;
  }};
  RpcGate own_gate_;
  FakeFleet fleet_;
  std::unique_ptr<v1::AgentService::Service> agent_;
  std::unique_ptr<v1::OperationService::Service> operations_;
  std::unique_ptr<PlannerService> planner_;
  std::unique_ptr<ReportService> reports_;
  std::unique_ptr<v1::HookDispatcherService::Service> hooks_;
  std::unique_ptr<v1::AuditService::Service> audits_;
  std::unique_ptr<PromotionService> promotions_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(RolesTest, EveryRpcIsOpenToTheDocumentedRolesAndToNobodyElse) {
  const std::map<std::string, Documented> reference = ReadReference();
  int pairs = 0;
  int admitted = 0;
  for (const Role role : kAllRoles) {
    const std::string name(RoleName(role));
    const auto channel = ChannelOf(name + "/someone", *server_);
    for (const MethodDescriptor* method : AllMethods()) {
      const std::string rpc = absl::StrCat(method->service()->name(), ".", method->name());
      SCOPED_TRACE(absl::StrCat(name, " ", rpc));
      ASSERT_TRUE(reference.contains(rpc));
      const grpc::Status status = CallWithEmptyRequest(channel, *method);
      const bool allowed = reference.at(rpc).Allows(name);
      EXPECT_EQ(status.error_code(),
                allowed ? grpc::StatusCode::ABORTED : grpc::StatusCode::PERMISSION_DENIED)
          << status.error_message();
      ++pairs;
      admitted += allowed ? 1 : 0;
    }
  }
  const auto nobody = Nobody();
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_EQ(CallWithEmptyRequest(nobody, *method).error_code(), grpc::StatusCode::UNAVAILABLE)
        << method->full_name();
    ++pairs;
  }
  std::cout << pairs << " pairs of caller and RPC, " << admitted << " admitted\n";
  EXPECT_EQ(pairs, static_cast<int>((kAllRoles.size() + 1) * AllMethods().size()));
}

TEST_F(RolesTest, AnAgentReportsForItsOwnHostAndForNoOther) {
  TempStore store;
  const auto fleet = NewFleet({.clock = Clock::System(), .store = store.store()});
  ReportService reports({.fleet = fleet.get(), .gate = &own_gate_});
  const auto server = Serve({&reports});
  const auto stub = v1::ReportService::NewStub(ChannelOf("agent/web1", *server));
  const auto report = [&](const std::string& name, const std::vector<std::string>& names) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    const auto stream = stub->Report(&context);
    v1::ReportRequest request;
    request.mutable_hello()->set_name(name);
    for (const std::string& each : names) request.mutable_hello()->add_names(each);
    request.mutable_hello()->set_address(":8004");
    stream->Write(request);
    v1::ReportResponse response;
    const bool answered = stream->Read(&response);
    stream->WritesDone();
    return answered ? "taken" : stream->Finish().error_message();
  };
  EXPECT_EQ(report("web1", {"web1"}), "taken");
  for (const auto& [name, names] : std::map<std::string, std::vector<std::string>>{
           {"web2", {"web2"}}, {"", {"web2", "www"}}, {"db1", {"db1", "web2"}}}) {
    EXPECT_EQ(report(name, names),
              absl::StrCat("web1 (ipv4:127.0.0.1) may not report for the host ", names[0],
                           ": its certificate does not name it"));
  }
  EXPECT_FALSE(fleet->Find("web2").ok());
}

}  // namespace
}  // namespace gitops
