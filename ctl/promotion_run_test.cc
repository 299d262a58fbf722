// The whole program against a promotion receiver; and what it does for promotions without one.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <openssl/sha.h>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "common/rpc/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/sync/mutex.h"
#include "ctl/testing/fleet_fixture.h"
#include "ctl/testing/recorded_request.h"
#include "gitops/v1/promotion.grpc.pb.h"

namespace gitops::ctl {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

v1::Promotion MakePromotion(const std::string& id, v1::PromotionState state) {
  v1::Promotion promotion;
  promotion.set_id(id);
  promotion.set_namespace_("shopping");
  promotion.set_pipeline("search");
  promotion.set_source_environment("dev");
  promotion.set_environment("prod");
  promotion.set_revision("1.3.0+0cc9a8446c95");
  promotion.set_version("1.3.0");
  promotion.set_state(state);
  promotion.set_message("waits for\napproval");
  promotion.mutable_create_time()->set_seconds(1668762892);
  promotion.mutable_event()->set_reason("UpgradeSucceeded");
  (*promotion.mutable_event()->mutable_metadata())["summary"] = "foobar";
  promotion.set_event_count(3);
  return promotion;
}

v1::Pipeline MakePipeline(const std::string& space) {
  v1::Pipeline pipeline;
  pipeline.set_namespace_(space);
  pipeline.set_pipeline("search");
  pipeline.set_file("/etc/gitops/pipelines/search.yaml");
  pipeline.mutable_app_ref()->set_api_version("helm.toolkit.fluxcd.io/v2");
  pipeline.mutable_app_ref()->set_kind("HelmRelease");
  pipeline.mutable_app_ref()->set_name("search");
  for (const char* name : {"dev", "staging", "prod"}) {
    v1::PipelineEnvironment& environment = *pipeline.add_environments();
    environment.set_name(name);
    environment.add_targets("namespace apps in cluster c1");
    environment.add_namespaces("apps");
  }
  pipeline.mutable_environments(2)->set_manual(true);
  pipeline.mutable_environments(2)->set_strategy("pull-request");
  pipeline.mutable_environments(2)->mutable_hold()->set_actor("bob@ops");
  *pipeline.mutable_environments(2)->mutable_next() =
      MakePromotion("p1", v1::PROMOTION_STATE_WAITING_APPROVAL);
  return pipeline;
}

class FakeReceiver final : public v1::PromotionService::Service {
 public:
  FakeReceiver() {
    RpcServerOptions options;
    options.listen = "127.0.0.1:0";
    options.services = {this};
    server_ = *RpcServer::Start(options);
  }
  const std::string& address() const { return server_->address(); }

  void PutPipeline(const v1::Pipeline& pipeline) {
    MutexLock lock(mutex_);
    *pipelines_.add_pipelines() = pipeline;
  }
  void Damage(const std::string& key) {
    MutexLock lock(mutex_);
    v1::DamagedPromotionRecord& record = *damaged_.add_records();
    record.set_key(key);
    record.set_kind("hold");
  }
  void Fail(absl::Status error) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
  }
  RecordedRequest last() const {
    MutexLock lock(mutex_);
    return last_;
  }

  grpc::Status ListPipelines(grpc::ServerContext*, const v1::ListPipelinesRequest* request,
                             v1::ListPipelinesResponse* response) override {
    MutexLock lock(mutex_);
    *response = pipelines_;
    return Answer(*request);
  }
  grpc::Status GetPipeline(grpc::ServerContext*, const v1::GetPipelineRequest* request,
                           v1::GetPipelineResponse* response) override {
    MutexLock lock(mutex_);
    for (const v1::Pipeline& pipeline : pipelines_.pipelines()) {
      if (pipeline.namespace_() != request->namespace_()) continue;
      *response->mutable_pipeline() = pipeline;
      return Answer(*request);
    }
    return ToGrpcStatus(MakeError(Reason::kPipelineUnknown, "no such pipeline"));
  }
  grpc::Status ListPromotions(grpc::ServerContext*, const v1::ListPromotionsRequest* request,
                              v1::ListPromotionsResponse* response) override {
    MutexLock lock(mutex_);
    *response->add_promotions() = MakePromotion("p2", v1::PROMOTION_STATE_SUCCEEDED);
    *response->add_promotions() = MakePromotion("p1", v1::PROMOTION_STATE_WAITING_APPROVAL);
    return Answer(*request);
  }
  grpc::Status GetPromotion(grpc::ServerContext*, const v1::GetPromotionRequest* request,
                            v1::GetPromotionResponse* response) override {
    MutexLock lock(mutex_);
    *response->mutable_promotion() = MakePromotion("p1", v1::PROMOTION_STATE_WAITING_APPROVAL);
    return Answer(*request);
  }
  grpc::Status WatchPromotions(grpc::ServerContext*, const v1::WatchPromotionsRequest* request,
                               grpc::ServerWriter<v1::WatchPromotionsResponse>* writer) override {
    MutexLock lock(mutex_);
    v1::WatchPromotionsResponse response;
    *response.mutable_promotion() = MakePromotion("p1", v1::PROMOTION_STATE_RUNNING);
    response.set_initial_done(true);
    writer->Write(response);
    if (const grpc::Status status = Answer(*request); !status.ok()) return status;
    // One that a retry does not help.
    return {grpc::StatusCode::PERMISSION_DENIED, "the token was taken away"};
  }
  grpc::Status ListDamagedPromotionRecords(
      grpc::ServerContext*, const v1::ListDamagedPromotionRecordsRequest* request,
      v1::ListDamagedPromotionRecordsResponse* response) override {
    MutexLock lock(mutex_);
    *response = damaged_;
    return Answer(*request);
  }
  grpc::Status RemoveDamagedPromotionRecord(grpc::ServerContext*,
                                            const v1::RemoveDamagedPromotionRecordRequest* request,
                                            v1::RemoveDamagedPromotionRecordResponse*) override {
    MutexLock lock(mutex_);
    if (damaged_.records().empty() || damaged_.records(0).key() != request->key()) {
      return {grpc::StatusCode::NOT_FOUND, "there is no such record"};
    }
    damaged_.clear_records();
    return Answer(*request);
  }
  grpc::Status ApprovePromotion(grpc::ServerContext*, const v1::ApprovePromotionRequest* request,
                                v1::ApprovePromotionResponse* response) override {
    MutexLock lock(mutex_);
    *response->mutable_promotion() = MakePromotion("p1", v1::PROMOTION_STATE_RUNNING);
    return Answer(*request);
  }
  grpc::Status RejectPromotion(grpc::ServerContext*, const v1::RejectPromotionRequest* request,
                               v1::RejectPromotionResponse* response) override {
    MutexLock lock(mutex_);
    *response->mutable_promotion() = MakePromotion("p1", v1::PROMOTION_STATE_REJECTED);
    return Answer(*request);
  }
  grpc::Status ReplayPromotion(grpc::ServerContext*, const v1::ReplayPromotionRequest* request,
                               v1::ReplayPromotionResponse* response) override {
    MutexLock lock(mutex_);
    *response->mutable_promotion() = MakePromotion("p1", v1::PROMOTION_STATE_RUNNING);
    v1::ReplayPromotionRequest without_id = *request;
    without_id.clear_request_id();
    return Answer(without_id);
  }
  grpc::Status HoldEnvironment(grpc::ServerContext*, const v1::HoldEnvironmentRequest* request,
                               v1::HoldEnvironmentResponse* response) override {
    MutexLock lock(mutex_);
    response->mutable_hold()->set_actor("alice@laptop");
    return Answer(*request);
  }
  grpc::Status ReleaseEnvironment(grpc::ServerContext*,
                                  const v1::ReleaseEnvironmentRequest* request,
                                  v1::ReleaseEnvironmentResponse* response) override {
    MutexLock lock(mutex_);
    response->mutable_hold()->set_actor("bob@ops");
    return Answer(*request);
  }

 private:
  grpc::Status Answer(const google::protobuf::Message& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    last_ = RecordedRequest(request);
    return ToGrpcStatus(error_);
  }

  mutable Mutex mutex_;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  v1::ListPipelinesResponse pipelines_ ABSL_GUARDED_BY(mutex_);
  v1::ListDamagedPromotionRecordsResponse damaged_ ABSL_GUARDED_BY(mutex_);
  RecordedRequest last_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RpcServer> server_;
};

class PromotionRunTest : public FleetFixture {
 protected:
  PromotionRunTest() {
    variables_["GITOPS_PROMOTION_RECEIVER"] = receiver_.address();
    receiver_.PutPipeline(MakePipeline("shopping"));
  }

  FakeReceiver receiver_;
};

TEST_F(PromotionRunTest, PipelinesShowTheirEnvironments) {
  EXPECT_EQ(Ctl("list pipelines").out,
            "PIPELINE         ENVIRONMENTS\n"
            "shopping/search  dev > staging > prod (next 1.3.0) (held)\n");
  EXPECT_EQ(Ctl("list pipelines -o name").out, "shopping/search\n");
  const json pipelines = json::parse(Ctl("list pipelines -o json").out)["pipelines"];
  EXPECT_EQ(pipelines[0]["pipeline"], "search");
  EXPECT_EQ(pipelines[0]["environments"][2]["next"]["state"], "WAITING_APPROVAL");
  EXPECT_THAT(Ctl("list pipelines -o yaml").out, StartsWith("pipelines:\n"));
  EXPECT_THAT(Ctl("list pipelines -o wide").out, HasSubstr("/etc/gitops/pipelines/search.yaml"));
}

TEST_F(PromotionRunTest, APipelineIsFoundByItsNameAloneWhereOneNamespaceHasIt) {
  EXPECT_THAT(Ctl("get pipeline search").out,
              AllOf(HasSubstr("shopping/search"), HasSubstr("1.3.0 WAITING_APPROVAL"),
                    HasSubstr("namespace apps in cluster c1"), HasSubstr("by bob@ops")));
  EXPECT_EQ(json::parse(Ctl("get pipeline shopping/search -o json").out)["namespace"], "shopping");
  const Result none = Ctl("get pipeline none");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("no pipeline none"));
  EXPECT_THAT(Ctl("get pipeline other/search").err, HasSubstr("PIPELINE_UNKNOWN"));
  receiver_.PutPipeline(MakePipeline("other"));
  const Result two = Ctl("get pipeline search");
  EXPECT_EQ(two.exit_code, 2);
  EXPECT_THAT(two.err, HasSubstr("shopping/search or other/search"));
}

TEST_F(PromotionRunTest, PromotionsAreListedFilteredAndWatched) {
  EXPECT_THAT(Ctl("list promotions").out,
              MatchesRegex(
                  "PIPELINE         INTO  VERSION  STATE             AGE  MESSAGE\n"
                  "shopping/search  prod  1.3.0    SUCCEEDED         .+y +waits for.napproval\n"
                  "shopping/search  prod  1.3.0    WAITING_APPROVAL  .+y +waits for.napproval\n"));
  EXPECT_EQ(Ctl("list promotions --columns id,state --sort id").out,
            "ID  STATE\np1  WAITING_APPROVAL\np2  SUCCEEDED\n");
  Ctl("list promotions --state waiting-approval,held");
  EXPECT_EQ(receiver_.last(),
            "filter { states: PROMOTION_STATE_WAITING_APPROVAL states: PROMOTION_STATE_HELD }");
  EXPECT_EQ(Ctl("list promotions -o name").out, "p2\np1\n");
  Ctl("list promotions shopping/search prod --promotion-state waiting-approval");
  EXPECT_EQ(receiver_.last(),
            "filter { namespace: \"shopping\" pipeline: \"search\" environment: \"prod\" "
            "states: PROMOTION_STATE_WAITING_APPROVAL }");
  const json watched = json::parse(Ctl("list promotions -w -o json").out);
  EXPECT_EQ(watched["state"], "RUNNING");
  EXPECT_EQ(watched["removed"], false);
  EXPECT_THAT(Ctl("list promotions -w").out,
              HasSubstr("\nshopping/search  prod  1.3.0    RUNNING"));
}

TEST_F(PromotionRunTest, APromotionShowsItsEvent) {
  EXPECT_THAT(Ctl("get promotion p1").out,
              AllOf(HasSubstr("1.3.0+0cc9a8446c95"), HasSubstr("UpgradeSucceeded"),
                    HasSubstr("summary:"), HasSubstr("foobar"), HasSubstr("3x")));
  EXPECT_EQ(json::parse(Ctl("get promotion p1 -o json").out)["event"]["metadata"]["summary"],
            "foobar");
  EXPECT_EQ(receiver_.last(), "id: \"p1\" with_body: true");
}

TEST_F(PromotionRunTest, DecisionsReachTheReceiverAndShowTheResult) {
  const std::string place =
      "namespace: \"shopping\" pipeline: \"search\" environment: \"prod\" revision: \"1.3.0\" ";
  EXPECT_THAT(Ctl("promotions approve shopping/search prod 1.3.0 --reason ok --force").out,
              StartsWith("promotion p1 of shopping/search into prod to 1.3.0: RUNNING"));
  EXPECT_EQ(receiver_.last(), place + "reason: \"ok\" force: true");
  EXPECT_THAT(Ctl("promotions reject shopping/search prod 1.3.0").out, HasSubstr("REJECTED"));
  EXPECT_EQ(receiver_.last(), place);
  EXPECT_EQ(json::parse(Ctl("promotions replay shopping/search prod 1.3.0 -o json").out)["id"],
            "p1");
  EXPECT_EQ(receiver_.last(), place);
}

TEST_F(PromotionRunTest, ADecisionThatComesTooLateFails) {
  receiver_.Fail(MakeError(Reason::kNothingWaits, "1.4.0 waits"));
  const Result result = Ctl("promotions approve shopping/search prod 1.3.0");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("promotions approve shopping/search through"),
                                HasSubstr("1.4.0 waits"), HasSubstr("NOTHING_WAITS")));
}

TEST_F(PromotionRunTest, AnEnvironmentIsHeldAndReleased) {
  EXPECT_EQ(Ctl("promotions hold shopping/search prod --reason incident").out,
            "shopping/search prod is held by alice@laptop\n");
  EXPECT_EQ(receiver_.last(),
            "namespace: \"shopping\" pipeline: \"search\" environment: \"prod\" "
            "reason: \"incident\"");
  EXPECT_EQ(Ctl("promotions release shopping/search prod").out,
            "shopping/search prod is released; it was held by bob@ops\n");
  EXPECT_EQ(json::parse(Ctl("promotions release shopping/search prod -o json").out)["actor"],
            "bob@ops");
}

TEST_F(PromotionRunTest, FluxManifestsAreReadyToCommit) {
  const std::string yaml =
      Ctl("get pipeline search --flux-manifests --address https://ops.example/").out;
  const std::vector<std::string> documents = absl::StrSplit(yaml, "---\n");
  ASSERT_EQ(documents.size(), 4u);
  EXPECT_THAT(documents[0],
              AllOf(HasSubstr("apiVersion: notification.toolkit.fluxcd.io/v1beta3\n"
                              "kind: Provider\n"
                              "metadata:\n"
                              "  name: gitops-search-dev\n"
                              "  namespace: apps\n"
                              "spec:\n"
                              "  type: generic-hmac\n"),
                    HasSubstr("https://ops.example/pipelines/promotions/shopping/search/dev"),
                    HasSubstr("  secretRef:\n    name: gitops-search-dev\n")));
  EXPECT_THAT(documents[1], AllOf(HasSubstr("kind: Alert\n"),
                                  HasSubstr("  providerRef:\n    name: gitops-search-dev\n"),
                                  HasSubstr("  eventSeverity: info\n"),
                                  HasSubstr("    - kind: HelmRelease\n      name: search\n")));
  EXPECT_THAT(documents[2], HasSubstr("/shopping/search/staging"));
  EXPECT_THAT(yaml, Not(HasSubstr("/shopping/search/prod")));
  EXPECT_THAT(
      Ctl("get pipeline search --flux-manifests --address https://ops --flux-api v1beta1").out,
      HasSubstr("notification.toolkit.fluxcd.io/v1beta1\n"));
}

TEST_F(PromotionRunTest, ApplicationsThatFluxDoesNotDeployHaveNoManifests) {
  v1::Pipeline ours = MakePipeline("ours");
  ours.mutable_app_ref()->set_api_version("gitops/v1");
  receiver_.PutPipeline(ours);
  const Result result = Ctl("get pipeline ours/search --flux-manifests --address https://ops");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("Flux does not deploy"));
  EXPECT_EQ(result.out, "");
}

TEST_F(PromotionRunTest, CheckNamesPipelinesWhoseFileIsBad) {
  EXPECT_EQ(Ctl("check").exit_code, 0);
  v1::Pipeline bad = MakePipeline("bad");
  bad.set_error("search.yaml:7: unknown key");
  receiver_.PutPipeline(bad);
  const Result result = Ctl("check");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("bad/search cannot be used: search.yaml:7: unknown key"));
  variables_.erase("GITOPS_PROMOTION_RECEIVER");
  EXPECT_EQ(Ctl("check").exit_code, 0);
}

TEST_F(PromotionRunTest, CheckNamesDamagedRecordsAndOneIsRemoved) {
  const std::string key = "promotion-receiver/v1/hold/shopping/search/prod";
  receiver_.Damage(key);
  const Result result = Ctl("check");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("gitopsctl remove-record " + key + " -y"));
  EXPECT_EQ(Ctl("remove-record " + key).exit_code, 2) << "without -y, and without a terminal";
  EXPECT_EQ(Ctl("remove-record " + key + " -y").exit_code, 0);
  EXPECT_EQ(Ctl("remove-record " + key + " -y").exit_code, 1);
  EXPECT_EQ(Ctl("check").exit_code, 0);
}

TEST_F(PromotionRunTest, ATokenIsPrintedOnceWithTheBlockForTheFile) {
  const Result result = Ctl("token create --name ci --role operator --expires 90d");
  EXPECT_EQ(result.exit_code, 0);
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n');
  EXPECT_THAT(lines, ElementsAre(MatchesRegex("gitops_[A-Za-z0-9_-]{43}"), "", "[[tokens]]",
                                 "name = \"ci\"", "role = \"operator\"",
                                 MatchesRegex("sha256 = \"[0-9a-f]{64}\""),
                                 MatchesRegex("expires = 20[0-9-]+T[0-9:]+Z"), ""));
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(lines[0].data()), lines[0].size(), hash);
  const absl::string_view bytes(reinterpret_cast<const char*>(hash), sizeof(hash));
  EXPECT_EQ(lines[5], "sha256 = \"" + absl::BytesToHexString(bytes) + "\"");
  EXPECT_THAT(result.err, HasSubstr("shown only now"));
}

TEST_F(PromotionRunTest, ATokenMayBeLimitedToHosts) {
  const Result result =
      Ctl("token create --name ci --role viewer --on web* --on \"q --tagged prod,rack-17");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("\non = [\"web*\",\"\\\"q\"]\ntagged = [\"prod\",\"rack-17\"]\n"));
  const json token = json::parse(
      Ctl("token create --name ci --role viewer --on web* --tagged prod,rack-17 -o json").out);
  EXPECT_EQ(token["on"], json::array({"web*"}));
  EXPECT_EQ(token["tagged"], json::array({"prod", "rack-17"}));
  EXPECT_EQ(Ctl("token create --name ci --role viewer --on \xff").exit_code, 2);
}

TEST_F(PromotionRunTest, EveryTokenIsNewAndMayBeForEver) {
  const json first = json::parse(Ctl("token create --name ci --role viewer -o json").out);
  const json second = json::parse(Ctl("token create --name ci --role viewer -o json").out);
  EXPECT_NE(first["token"], second["token"]);
  EXPECT_EQ(first["expires"], nullptr);
  EXPECT_EQ(first["name"], "ci");
}

}  // namespace
}  // namespace gitops::ctl
