#include "common/api/roles.h"

#include <google/api/annotations.pb.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/api/api_files.h"

namespace gitops {
namespace {

using google::protobuf::MethodDescriptor;

std::vector<const MethodDescriptor*> Methods() {
  std::vector<const MethodDescriptor*> methods;
  for (const auto* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
  }
  return methods;
}

bool IsRead(const MethodDescriptor& method) {
  return method.options().HasExtension(google::api::http) &&
         method.options().GetExtension(google::api::http).has_get();
}

TEST(RolesTest, EveryRpcHasARowAndItsRequestLeadsToIt) {
  std::set<const google::protobuf::Descriptor*> requests;
  for (const MethodDescriptor* method : Methods()) {
    const RpcRoles* const row = RolesOf(*method);
    ASSERT_NE(row, nullptr) << method->full_name();
    EXPECT_TRUE(IsPerson(row->person)) << row->method;
    EXPECT_EQ(RolesOfRequest(*method->input_type()), row) << row->method;
    EXPECT_TRUE(requests.insert(method->input_type()).second)
        << method->full_name() << " shares its request with another RPC";
  }
}

TEST(RolesTest, TheReferenceHasTheSameRows) {
  std::ifstream file("docs/reference/api.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::regex row(R"(\| `(\w+\.\w+)` \| (\w+) \| ([\w, -]*?) ?\|)");
  std::map<std::string, std::string> documented;
  for (auto i = std::sregex_iterator(text.begin(), text.end(), row); i != std::sregex_iterator();
       ++i) {
    documented[(*i)[1].str()] = absl::StrCat((*i)[2].str(), "; ", (*i)[3].str());
  }
  std::map<std::string, std::string> rows;
  for (const MethodDescriptor* method : Methods()) {
    const RpcRoles& roles = *RolesOf(*method);
    std::vector<absl::string_view> programs;
    for (const Role role : roles.programs) programs.push_back(RoleName(role));
    rows[std::string(roles.method)] =
        absl::StrCat(RoleName(roles.person), "; ", absl::StrJoin(programs, ", "));
  }
  EXPECT_EQ(documented, rows);
}

TEST(RolesTest, ViewersMayReadAndNothingElse) {
  for (const MethodDescriptor* method : Methods()) {
    const std::string& name = method->name();
    // These two ask for nothing that a GET does not show; ListHooks has no route.
    const bool harmless = name == "DiffService" || name == "DiffServices" || name == "ListHooks";
    const bool of_an_audit = name == "ListAudit" || name == "VerifyAudit";  // admins only
    EXPECT_EQ(RolesOf(*method)->person == Role::kViewer,
              !of_an_audit && (IsRead(*method) || harmless))
        << name;
  }
}

TEST(RolesTest, AnAgentMayOnlyReportAndRenewAndAHookDispatcherCallsNobody) {
  for (const MethodDescriptor* method : Methods()) {
    const auto& request = *method->input_type();
    EXPECT_EQ(CheckRole(Role::kAgent, "web1", request).ok(),
              method->service()->name() == "ReportService")
        << method->name();
    EXPECT_FALSE(CheckRole(Role::kHookDispatcher, "hooks", request).ok()) << method->name();
    EXPECT_TRUE(CheckRole(Role::kAdmin, "root", request).ok()) << method->name();
  }
}

TEST(RolesTest, OnlyThePlannerAndAdminsPerformActions) {
  for (const MethodDescriptor* method : Methods()) {
    if (method->service()->name() != "OperationService") continue;
    for (const Role role : kAllRoles) {
      EXPECT_EQ(CheckRole(role, "x", *method->input_type()).ok(),
                role == Role::kPlanner || role == Role::kAdmin)
          << method->name() << RoleName(role);
    }
  }
}

TEST(RolesTest, ARefusalNamesTheCallerItsRoleTheRpcAndWhoMayCallIt) {
  const auto* request = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      "gitops.v1.PullServicesRequest");
  ASSERT_NE(request, nullptr);
  const absl::Status refused = CheckRole(Role::kApprover, "alice (unix)", *request);
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(refused.message(),
            "alice (unix) has the role approver and may not call PlannerService.PullServices: that "
            "needs one of operator, admin, gateway");
}

TEST(RolesTest, WhatIsNoRequestOfTheApiIsRefusedToEveryone) {
  EXPECT_FALSE(CheckRole(Role::kAdmin, "root", *google::api::HttpRule::descriptor()).ok());
}

}  // namespace
}  // namespace gitops
