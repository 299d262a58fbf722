#include <set>
#include <string>

#include "common/store/convert_testing.h"
#include "gitops/record/v1/deployment.pb.h"
#include "gitops/record/v1/lock.pb.h"
#include "gitops/record/v1/plan.pb.h"
#include "gitops/record/v1/service.pb.h"
#include "gitops/v1/deployment.pb.h"
#include "gitops/v1/types.pb.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "services/planner/record/deployment_record.h"

namespace gitops {
namespace {

using ::google::protobuf::util::MessageDifferencer;

// The fields of the API that are not a part of the record: they have keys of their own, or are not
// known of what is stored. A new field of the API either gets one in gitops.record.v1, or a line
// here.
const std::set<std::string> kNotStored = {
    "gitops.v1.Deployment.hosts",      "gitops.v1.Deployment.hook_calls",
    "gitops.v1.HostDeployment.steps",  "gitops.v1.Service.revisions",
    "gitops.v1.Service.changes",       "gitops.v1.Deployment.etag",
    "gitops.v1.Plan.host_count",       "gitops.v1.Plan.will_fail_count",
    "gitops.v1.Service.failed_health", "gitops.v1.Service.revision_commits",
};

template <typename Api, typename Stored>
void ExpectWhole() {
  Api api;
  Stored stored;
  EXPECT_EQ(ConversionFaults(api, stored, kNotStored), "") << Api::descriptor()->full_name();
}

TEST(Conversion, EveryFieldOfTheApiIsStoredAndComesBack) {
  ExpectWhole<v1::Deployment, record::v1::Deployment>();
  ExpectWhole<v1::HostDeployment, record::v1::HostDeployment>();
  ExpectWhole<v1::ServiceRevision, record::v1::ServiceRevision>();
  ExpectWhole<v1::StepRecord, record::v1::StepRecord>();
  ExpectWhole<v1::HookCall, record::v1::HookCall>();
  ExpectWhole<v1::Plan, record::v1::Plan>();
  ExpectWhole<v1::HostLock, record::v1::HostLock>();
  ExpectWhole<v1::DeploymentEvent, record::v1::DeploymentEvent>();
  ExpectWhole<v1::Service, record::v1::Service>();
}

TEST(Conversion, EveryFieldOfADeploymentAndOfAHostComesBack) {
  record::v1::DeploymentEntry deployment;
  Fill(deployment);
  EXPECT_TRUE(MessageDifferencer::Equals(ToStored(FromStored(deployment)), deployment));
  record::v1::HostEntry host;
  Fill(host);
  EXPECT_TRUE(MessageDifferencer::Equals(ToStored(FromStored(host)), host));
}

}  // namespace
}  // namespace gitops
