#include "services/planner/run/action_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/rpc/actor.h"
#include "common/store/temp_store.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

DeploymentRecord DeploymentOf() {
  DeploymentRecord entry;
  v1::Deployment& deployment = entry.deployment;
  deployment.set_id("D");
  deployment.set_actor("alice");
  deployment.set_reason("because");
  v1::UpstreamRevision* revision = deployment.add_revisions();
  revision->set_upstream("https://git.example/ops.git");
  revision->set_branch("main");
  revision->set_hash("abc");
  deployment.mutable_spec()->set_service("nginx");
  return entry;
}

HostRecord HostOf() {
  HostRecord entry;
  entry.host.set_host("web1");
  return entry;
}

Move Perform(const std::string& action, Move::Secrets secrets = Move::Secrets::kNone) {
  Move move;
  move.kind = Move::Kind::kPerform;
  move.action = action;
  move.number = 4;
  move.secrets = secrets;
  return move;
}

TEST(ActionRequest, SaysWhoAsksByWhichRightAndWhereToGo) {
  const auto requests = MakeActionRequests(DeploymentOf(), HostOf(), {}, Perform("sync"), 77);
  ASSERT_TRUE(requests.ok());
  ASSERT_THAT(*requests, SizeIs(1));
  const v1::PerformActionRequest& request = requests->front();
  EXPECT_EQ(request.operation().id(), "D/web1/4");
  EXPECT_EQ(request.operation().deployment(), "D");
  EXPECT_EQ(request.operation().fencing(), 77);
  EXPECT_EQ(request.operation().actor(), "alice");
  EXPECT_FALSE(request.operation().has_principal());
  EXPECT_EQ(request.operation().reason(), "because");
  EXPECT_EQ(request.service(), "nginx");
  ASSERT_THAT(request.upstream_revisions(), SizeIs(1));
  EXPECT_EQ(request.upstream_revisions(0).hash(), "abc");
}

TEST(ActionRequest, NamesThePrincipalOfTheDeployment) {
  DeploymentRecord deployment = DeploymentOf();
  const Actor alice = MakePrincipal("alice", "", "unix:");
  WriteActor(alice, deployment.deployment);
  EXPECT_EQ(ReadActor(MakeOperation(deployment, "web1", Perform("sync"), 77)), alice);
}

TEST(ActionRequest, OnlyActionsOnServicesNameOne) {
  for (const char* action : {"reboot", "push", "upload-secrets", "run-secret-triggers"}) {
    const auto requests = MakeActionRequests(DeploymentOf(), HostOf(), {}, Perform(action), 1);
    ASSERT_TRUE(requests.ok());
    EXPECT_EQ(requests->front().service(), "") << action;
    EXPECT_THAT(requests->front().upstream_revisions(), SizeIs(0)) << action;
  }
}

TEST(ActionRequest, ASyncThatOnlyNamesServicesIsAskedOneByOne) {
  DeploymentRecord deployment = DeploymentOf();
  deployment.deployment.clear_revisions();
  deployment.deployment.mutable_spec()->clear_service();
  HostRecord host = HostOf();
  for (const char* service : {"nginx", "web"}) {
    v1::ServiceRevision* revision = host.revisions.Add();
    revision->set_service(service);
    revision->set_hash("old");
  }
  const auto requests = MakeActionRequests(deployment, host, {}, Perform("sync"), 1);
  ASSERT_TRUE(requests.ok());
  ASSERT_THAT(*requests, SizeIs(2));
  EXPECT_EQ((*requests)[0].operation().id(), "D/web1/4.1");
  EXPECT_EQ((*requests)[1].operation().id(), "D/web1/4.2");
  EXPECT_EQ((*requests)[1].service(), "web");
  ASSERT_THAT((*requests)[1].service_revisions(), SizeIs(1));
  EXPECT_EQ((*requests)[1].service_revisions(0).service(), "web");
}

class SecretsTest : public ::testing::Test {
 protected:
  SecretsTest() {
    host_.name = "web1";
    Add("early", "pre-activation");
    Add("late", "post-activation");
  }
  void Add(const std::string& name, const std::string& upload_at) {
    SecretSpec spec;
    spec.source = directory_.path() + "/" + name;
    spec.destination = "/etc/" + name;
    spec.upload_at = upload_at;
    spec.mk_dirs = true;
    std::ofstream(spec.source) << "content of " << name;
    host_.secrets[name] = spec;
  }
  std::vector<std::string> Names(const Move& move) {
    std::vector<std::string> names;
    const auto requests = MakeActionRequests(DeploymentOf(), HostOf(), host_, move, 1);
    EXPECT_TRUE(requests.ok()) << requests.status().ToString();
    if (!requests.ok()) return names;
    for (const v1::SecretFile& secret : requests->front().secrets()) {
      names.push_back(secret.name() + (secret.content().empty() ? "" : "=" + secret.content()));
    }
    return names;
  }

  TempDirectory directory_;
  HostSpec host_;
};

TEST_F(SecretsTest, EachPhaseUploadsItsOwn) {
  using ::testing::ElementsAre;
  EXPECT_THAT(Names(Perform("upload-secrets", Move::Secrets::kAll)),
              ElementsAre("early=content of early", "late=content of late"));
  EXPECT_THAT(Names(Perform("upload-secrets", Move::Secrets::kPreActivation)),
              ElementsAre("early=content of early"));
  EXPECT_THAT(Names(Perform("upload-secrets", Move::Secrets::kPostActivation)),
              ElementsAre("late=content of late"));
}

TEST_F(SecretsTest, TriggersAreNamedWithoutContent) {
  host_.secrets["late"].action = {"systemctl", "reload", "nginx"};
  EXPECT_THAT(Names(Perform("run-secret-triggers")), ::testing::ElementsAre("late"));
}

TEST_F(SecretsTest, ASourceThatCannotBeReadIsNamed) {
  for (const std::string& path : {directory_.path() + "/none", directory_.path()}) {
    host_.secrets["early"].source = path;
    const absl::Status status =
        MakeActionRequests(DeploymentOf(), HostOf(), host_,
                           Perform("upload-secrets", Move::Secrets::kAll), 1)
            .status();
    EXPECT_TRUE(absl::IsNotFound(status)) << status.ToString();
    EXPECT_THAT(std::string(status.message()), HasSubstr("\"early\" from " + path + ": "));
  }
}

TEST_F(SecretsTest, AnEmptySecretIsASecret) {
  std::ofstream(host_.secrets["early"].source, std::ios::trunc).flush();
  EXPECT_THAT(Names(Perform("upload-secrets", Move::Secrets::kPreActivation)),
              ::testing::ElementsAre("early"));
}

TEST_F(SecretsTest, MoreThanAMessageTakesIsRefused) {
  std::ofstream(host_.secrets["late"].source) << std::string(kMostSecretBytes, 'x');
  const absl::Status status = MakeActionRequests(DeploymentOf(), HostOf(), host_,
                                                 Perform("upload-secrets", Move::Secrets::kAll), 1)
                                  .status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"late\""));
}

}  // namespace
}  // namespace gitops
