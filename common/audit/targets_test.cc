#include "common/audit/targets.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/api/api_files.h"
#include "common/api/changes.h"
#include "gitops/v1/operation.pb.h"
#include "gitops/v1/options.pb.h"
#include "gitops/v1/planner.pb.h"
#include "gitops/v1/promotion.pb.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::string Text(const google::protobuf::Message& request) {
  std::string text;
  for (const auto& target : TargetsOf(request)) {
    absl::StrAppend(&text, target.name(), "=", target.value(), "\n");
  }
  return text;
}

TEST(Targets, SayWhatWasAskedFor) {
  v1::FreezeServicesRequest request;
  request.set_service("nginx");
  request.set_reason("release day");
  request.mutable_selection()->add_on("web1");
  request.mutable_selection()->add_on("web2");
  request.mutable_selection()->set_limit(5);
  EXPECT_EQ(Text(request),
            "selection.on=web1, web2\nselection.limit=5\nservice=nginx\nreason=release day\n");
}

TEST(Targets, OfADeploymentsStepNameDeploymentAndPersonAndNoContentOfSecrets) {
  v1::PerformActionRequest request;
  request.mutable_operation()->set_id("d1/web1/3");
  request.mutable_operation()->set_deployment("d1");
  request.mutable_operation()->set_actor("alice (unix)");
  request.set_action("upload-secrets");
  v1::SecretFile& secret = *request.add_secrets();
  secret.set_name("db");
  secret.set_destination("/etc/db.key");
  secret.set_content("hunter2");
  const std::string text = Text(request);
  EXPECT_TRUE(absl::StrContains(text, "operation.deployment=d1\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "operation.actor=alice (unix)\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "secrets[0].destination=/etc/db.key\n")) << text;
  EXPECT_FALSE(absl::StrContains(text, "hunter2")) << text;
}

TEST(Targets, HaveNoSignaturesAndBodies) {
  v1::ReceiveEventsRequest request;
  for (int i = 0; i < 7; ++i) {
    v1::ReceivedEvent& event = *request.add_events();
    event.set_pipeline("app");
    event.set_body("hunter2");
    event.set_signature("sha256=hunter2");
  }
  const std::string text = Text(request);
  EXPECT_TRUE(absl::StrContains(text, "events[4].pipeline=app\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "events=7 elements\n")) << text;
  EXPECT_FALSE(absl::StrContains(text, "hunter2")) << text;
}

TEST(Targets, AreBounded) {
  v1::CreatePlanRequest request;
  for (int i = 0; i < 1'000; ++i) {
    request.mutable_spec()->mutable_selection()->add_on(std::string(1'000, 'a'));
    request.mutable_spec()->add_actions("sync");
  }
  size_t bytes = 0;
  const auto targets = TargetsOf(request);
  for (const auto& target : targets) bytes += target.ByteSizeLong();
  EXPECT_LE(targets.size(), 21);
  EXPECT_LE(bytes, 21u * 500);
}

// Fields whose names sound secret must be bytes, or say that they are not recorded.
void CheckNames(const Descriptor& type, std::set<const Descriptor*>& seen) {
  // Names of resources.
  const std::set<std::string> harmless = {
      "CreateDeploymentRequest.plan_token", "RemoveDamagedRecordRequest.key",
      "RemoveDamagedPromotionRecordRequest.key", "ReceiveApprovalRequest.revision"};
  if (!seen.insert(&type).second) return;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.message_type() != nullptr) CheckNames(*field.message_type(), seen);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING ||
        field.type() == FieldDescriptor::TYPE_BYTES ||
        harmless.contains(absl::StrCat(type.name(), ".", field.name()))) {
      continue;
    }
    for (const char* word :
         {"signature", "token", "password", "secret", "key", "content", "body"}) {
      if (!absl::StrContains(field.name(), word)) continue;
      EXPECT_TRUE(field.options().GetExtension(v1::unrecorded)) << field.full_name();
    }
  }
}

TEST(Targets, NoFieldThatSoundsSecretIsRecorded) {
  std::set<const Descriptor*> seen;
  for (const auto* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      if (IsChange(*service->method(i))) CheckNames(*service->method(i)->input_type(), seen);
    }
  }
  EXPECT_GT(seen.size(), 20u);
}

}  // namespace
}  // namespace gitops
