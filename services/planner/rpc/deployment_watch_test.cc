// Watches of deployments, and of their list.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "services/planner/rpc/deployment_test_base.h"

namespace gitops {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using DeploymentWatchTest = DeploymentTestBase;

class DeploymentListWatchTest : public DeploymentWatchTest {
 protected:
  ~DeploymentListWatchTest() override {
    if (context_ != nullptr) context_->TryCancel();
  }
  // Ends the watch there was.
  void Watch(const v1::WatchDeploymentsRequest& request) {
    if (context_ != nullptr) context_->TryCancel();
    reader_.reset();
    context_ = Context();
    reader_ = stub_->WatchDeployments(context_.get(), request);
  }
  // The ids of the next `count` messages; "gone ID"; " ." where initial_done.
  std::vector<std::string> Next(int count) {
    std::vector<std::string> lines;
    while (count-- > 0 && reader_->Read(&last_)) {
      lines.push_back(absl::StrCat(last_.removed() ? "gone " : "", last_.deployment().id(),
                                   last_.initial_done() ? " ." : ""));
    }
    return lines;
  }

  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchDeploymentsResponse>> reader_;
  v1::WatchDeploymentsResponse last_;
};

TEST_F(DeploymentWatchTest, AWatcherSeesAllThenChangesAndTheEndLast) {
  const std::string id = Begin(Spec("reboot")).id();
  v1::WatchDeploymentRequest request;
  request.set_id(id);
  const auto context = Context();
  const auto reader = stub_->WatchDeployment(context.get(), request);
  v1::WatchDeploymentResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.deployment().id(), id);
  EXPECT_EQ(response.deployment().hosts_size(), 0);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.host().host(), "web1");
  EXPECT_FALSE(response.initial_done());
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.host().host(), "web2");
  EXPECT_TRUE(response.initial_done());
  SetHost(id, 1, v1::HOST_DEPLOYMENT_STATE_RUNNING);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.host().host(), "web2");
  EXPECT_EQ(response.host().state(), v1::HOST_DEPLOYMENT_STATE_RUNNING);
  SetHost(id, 1, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
  SetState(id, v1::DEPLOYMENT_STATE_SUCCEEDED);
  v1::HostDeployment host;
  while (reader->Read(&response)) {
    if (response.has_host()) host = response.host();
  }
  EXPECT_EQ(host.state(), v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
  EXPECT_EQ(response.deployment().state(), v1::DEPLOYMENT_STATE_SUCCEEDED) << "it comes last";
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(DeploymentWatchTest, AWatchThatGoesOnTellsOnlyTheHostsThatChangedMeanwhile) {
  const std::string id = Begin(Spec("reboot")).id();
  v1::WatchDeploymentRequest request;
  request.set_id(id);
  v1::WatchDeploymentResponse response;
  auto context = Context();
  auto reader = stub_->WatchDeployment(context.get(), request);
  do ASSERT_TRUE(reader->Read(&response));
  while (!response.initial_done());
  request.set_resume_token(response.resume_token());
  context->TryCancel();
  SetHost(id, 1, v1::HOST_DEPLOYMENT_STATE_RUNNING);
  context = Context();
  reader = stub_->WatchDeployment(context.get(), request);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_TRUE(response.has_deployment());
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.host().host(), "web2") << "web1 has not changed";
  EXPECT_TRUE(response.initial_done());
  // Its end does not repeat hosts that the client has.
  SetState(id, v1::DEPLOYMENT_STATE_SUCCEEDED);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.deployment().state(), v1::DEPLOYMENT_STATE_SUCCEEDED);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
  request.set_resume_token("7");
  context = Context();
  EXPECT_EQ(stub_->WatchDeployment(context.get(), request)->Finish().error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(DeploymentWatchTest, AResumePointOfAnotherStoreBeginsAnewAndSaysSo) {
  v1::WatchDeploymentRequest request;
  request.set_id(Begin(Spec("reboot")).id());
  request.set_resume_token("revision:1000000000");
  const auto context = Context();
  const auto reader = stub_->WatchDeployment(context.get(), request);
  v1::WatchDeploymentResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_TRUE(response.has_deployment());
  EXPECT_TRUE(response.restarted());
  for (int host = 0; host < 2; ++host) {
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_TRUE(response.has_host());
    EXPECT_FALSE(response.restarted()) << "it is said once";
  }
  EXPECT_TRUE(response.initial_done());
}

TEST_F(DeploymentWatchTest, AWatcherSeesThatADeploymentCannotBeStoredAndThatItCanAgain) {
  v1::WatchDeploymentRequest request;
  request.set_id(Begin(Spec("reboot")).id());
  deployments_.SetTrouble(request.id(), "the disk is full");
  const auto context = Context();
  const auto reader = stub_->WatchDeployment(context.get(), request);
  v1::WatchDeploymentResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.deployment().message(), "the disk is full");
  while (!response.initial_done()) ASSERT_TRUE(reader->Read(&response));
  deployments_.SetTrouble(request.id(), "");
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.deployment().message(), "");
  deployments_.SetTrouble(request.id(), "the disk is full again");
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.deployment().message(), "the disk is full again");
}

TEST_F(DeploymentListWatchTest, AWatcherSeesWhichDeploymentsCannotBeStored) {
  const std::string id = Begin(Spec("reboot")).id(), other = Begin(Spec("reboot")).id();
  deployments_.SetTrouble(id, "the disk is full");
  Watch({});
  std::map<std::string, std::string> messages;
  for (int i = 0; i < 2; ++i) {
    Next(1);
    messages[last_.deployment().id()] = last_.deployment().message();
  }
  EXPECT_EQ(messages[id], "the disk is full");
  EXPECT_EQ(messages[other], "");
  deployments_.SetTrouble(id, "");
  EXPECT_THAT(Next(1), ElementsAre(id));
  EXPECT_EQ(last_.deployment().message(), "");

  v1::WatchDeploymentsRequest request;
  request.set_resume_token(last_.resume_token());
  Watch(request);
  EXPECT_THAT(Next(1), ElementsAre(" ."));
  deployments_.SetTrouble(other, "the disk is full");
  EXPECT_THAT(Next(1), ElementsAre(other)) << "it has not changed since the watch before";
  EXPECT_EQ(last_.deployment().message(), "the disk is full");
}

TEST_F(DeploymentListWatchTest, ThoseThatMatchComeNewestFirstAndThenWhatChanges) {
  const std::vector<std::string> ids = {Begin(Spec("reboot")).id(), Begin(Spec("reboot")).id()};
  v1::WatchDeploymentsRequest request;
  request.mutable_filter()->add_states(v1::DEPLOYMENT_STATE_RUNNING);
  Watch(request);
  EXPECT_THAT(Next(2), ElementsAre(std::max(ids[0], ids[1]), std::min(ids[0], ids[1]) + " ."));
  SetState(ids[0], v1::DEPLOYMENT_STATE_FAILED);
  EXPECT_THAT(Next(1), ElementsAre("gone " + ids[0])) << "it does not match any more";
  const std::string third = Begin(Spec("reboot")).id();
  EXPECT_THAT(Next(1), ElementsAre(third));
}

TEST_F(DeploymentListWatchTest, WithoutDeploymentsItSaysThatThereAreNone) {
  Watch({});
  EXPECT_THAT(Next(1), ElementsAre(" ."));
}

TEST_F(DeploymentListWatchTest, AWatchThatGoesOnTellsOnlyWhatChangedMeanwhile) {
  const std::vector<std::string> ids = {Begin(Spec("reboot")).id(), Begin(Spec("reboot")).id(),
                                        Begin(Spec("reboot")).id()};
  Watch({});
  Next(3);
  v1::WatchDeploymentsRequest request;
  request.set_resume_token(last_.resume_token());
  SetState(ids[1], v1::DEPLOYMENT_STATE_FAILED);
  SetState(ids[2], v1::DEPLOYMENT_STATE_SUCCEEDED);
  ASSERT_EQ(*records_.Prune({.count = 1}), 1);
  const std::string removed = std::min(ids[1], ids[2]);
  Watch(request);
  EXPECT_THAT(Next(1), ElementsAre(" ."));
  EXPECT_FALSE(last_.restarted());
  std::vector<std::string> told = Next(2);
  EXPECT_THAT(told, UnorderedElementsAre("gone " + removed, std::max(ids[1], ids[2])));
  EXPECT_NE(last_.resume_token(), "");
}

TEST_F(DeploymentListWatchTest, AResumePointThatIsNotKnownBeginsAnewAndSaysSo) {
  const std::string id = Begin(Spec("reboot")).id();
  v1::WatchDeploymentsRequest request;
  request.set_resume_token("revision:1000000000");
  Watch(request);
  EXPECT_THAT(Next(1), ElementsAre(id + " ."));
  EXPECT_TRUE(last_.restarted());
  request.set_resume_token("revision:x");
  Watch(request);
  EXPECT_THAT(Next(1), IsEmpty());
  EXPECT_EQ(reader_->Finish().error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(DeploymentWatchTest, AWatchOfOneThatHasEndedEndsAtOnceAndOfNoneIsNotFound) {
  v1::DeploymentSpec none = Spec("reboot", "nobody");
  none.set_allow_empty(true);
  const std::string id = Begin(none).id();
  SetState(id, v1::DEPLOYMENT_STATE_SUCCEEDED);
  v1::WatchDeploymentRequest request;
  v1::WatchDeploymentResponse response;
  request.set_id(id);
  auto context = Context();
  auto reader = stub_->WatchDeployment(context.get(), request);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_TRUE(response.initial_done()) << "there are no hosts";
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
  request.set_id("20200101-000000-aaaaaa");
  context = Context();
  reader = stub_->WatchDeployment(context.get(), request);
  EXPECT_EQ(reader->Finish().error_code(), StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace gitops
