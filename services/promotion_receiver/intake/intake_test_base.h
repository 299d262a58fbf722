#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_INTAKE_TEST_BASE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_INTAKE_TEST_BASE_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/fake_clock.h"
#include "common/http/hmac.h"
#include "common/path/temporary_directory.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "gitops/v1/promotion.pb.h"
#include "services/promotion_receiver/intake/intake.h"
#include "services/promotion_receiver/pipeline/pipeline_file.h"
#include "services/promotion_receiver/pipeline/pipeline_set.h"
#include "services/promotion_receiver/record/promotion_store.h"
#include "services/promotion_receiver/secret/secrets.h"

namespace gitops {

// The pipeline shopping/search from dev to staging to prod, whose keys are "hunter2", and of prod
// "prod-key"; shopping/open has no key; shopping/empty promotes into an environment without
// targets.
inline constexpr char kTestPipelines[] = R"(
apiVersion: pipelines.weave.works/v1alpha1
kind: Pipeline
metadata: {name: search, namespace: shopping}
spec:
  appRef: {apiVersion: helm.toolkit.fluxcd.io/v2beta1, kind: HelmRelease, name: search}
  environments:
  - {name: dev, targets: [{namespace: search-dev}]}
  - {name: staging, targets: [{namespace: search-staging}]}
  - name: prod
    targets: [{namespace: search-prod}]
    promotion: {manual: true, strategy: {secretRef: {name: prod}}}
  promotion: {strategy: {notification: {}, secretRef: {name: common}}}
---
apiVersion: pipelines.weave.works/v1alpha1
kind: Pipeline
metadata: {name: open, namespace: shopping}
spec:
  appRef: {apiVersion: helm.toolkit.fluxcd.io/v2beta1, kind: HelmRelease, name: search}
  environments:
  - {name: dev, targets: [{namespace: search-dev}]}
  - {name: staging, targets: [{namespace: search-staging}]}
---
apiVersion: pipelines.weave.works/v1alpha1
kind: Pipeline
metadata: {name: empty, namespace: shopping}
spec:
  appRef: {apiVersion: helm.toolkit.fluxcd.io/v2beta1, kind: HelmRelease, name: search}
  environments:
  - {name: dev, targets: [{namespace: search-dev}]}
  - {name: staging}
  promotion: {strategy: {secretRef: {name: common}}}
)";

class IntakeTestBase : public testing::Test {
 protected:
  IntakeTestBase() {
    auto parsed = ParsePipelines(kTestPipelines, "p.yaml");
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    auto pipelines = std::make_shared<Pipelines>();
    for (const Pipeline& pipeline : *parsed) {
      pipelines->entries[{pipeline.namespace_, pipeline.name}] = {
          .pipeline = pipeline, .load_time = clock_.Now(), .error = ""};
    }
    pipelines_ = std::move(pipelines);
    WriteSecret("common", kHmacKey, "hunter2");
    WriteSecret("prod", kHmacKey, "prod-key");
    WriteSecret("prod", kApprovalKey, "approver");
    Open();
  }

  void Open() {
    store_.reset();
    auto opened = PromotionStore::Open(&faulty_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    IntakeOptions options;
    options.store = store_.get();
    options.secrets = &secrets_;
    options.clock = &clock_;
    options.pipelines = [this] { return pipelines_; };
    options.policy = policy_;
    options.look = [this](const EnvironmentName& source) { looks_.push_back(source.Text()); };
    options.observer = [this](const std::string& pipeline, const std::string& result) {
      results_.push_back(absl::StrCat(pipeline, " ", result));
    };
    intake_ = std::make_unique<Intake>(std::move(options));
  }

  void WriteSecret(const std::string& name, const std::string& key, const std::string& value) {
    secrets_directory_.Write("new", value);
    const std::string path = absl::StrCat("shopping/", name, "/", key);
    secrets_directory_.Write(path, "");
    std::filesystem::rename(secrets_directory_ / "new", secrets_directory_ / path);
  }

  struct Event {
    std::string revision = "1";
    std::string environment = "dev";
    std::string pipeline = "search";
    std::string reason = "UpgradeSucceeded";
    std::string severity = "info";
    std::string message = "Helm upgrade succeeded";
    std::string key = "hunter2";
    std::string algorithm = "sha256";
    std::string name = "search";
    absl::Duration age;  // before now
    std::string body;    // empty: made of the others
  };
  v1::ReceivedEvent Received(Event event) {
    if (event.body.empty()) {
      const std::string time =
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock_.Now() - event.age, absl::UTCTimeZone());
      const std::string metadata =
          event.revision.empty() ? "" : absl::StrCat("\"revision\": \"", event.revision, "\", ");
      event.body = absl::StrCat(
          R"({"involvedObject": {"kind": "HelmRelease", "namespace": "search-)", event.environment,
          R"(", "name": ")", event.name,
          R"(", "apiVersion": "helm.toolkit.fluxcd.io/v2"}, "severity": ")", event.severity,
          R"(", "timestamp": ")", time, R"(", "message": ")", event.message, R"(", "reason": ")",
          event.reason, R"(", "metadata": {)", metadata, R"("summary": "foobar"}})");
    }
    v1::ReceivedEvent received;
    received.set_namespace_("shopping");
    received.set_pipeline(event.pipeline);
    received.set_environment(event.environment);
    received.set_body(event.body);
    received.set_address("192.0.2.7");
    if (!event.key.empty()) {
      received.set_signature(*Sign(event.algorithm, Secret(event.key), event.body));
    }
    return received;
  }

  // The outcome of one event: its promotion, or an error.
  absl::StatusOr<std::string> Receive(const v1::ReceivedEvent& event) {
    v1::ReceiveEventsRequest request;
    *request.add_events() = event;
    return OutcomeOf(intake_->Receive(request).outcomes(0));
  }
  absl::StatusOr<std::string> Send(const Event& event) { return Receive(Received(event)); }
  // The reason of the error; empty: there was none.
  std::string Refusal(const v1::ReceivedEvent& event) {
    const auto outcome = Receive(event);
    return outcome.ok() ? "" : ReasonName(outcome.status());
  }
  std::string Refusal(const Event& event) { return Refusal(Received(event)); }
  static absl::StatusOr<std::string> OutcomeOf(const v1::ReceivedEventOutcome& outcome) {
    if (outcome.has_error()) return FromStatusProto(outcome.error());
    return outcome.promotion();
  }

  record::v1::Promotion Promotion(const std::string& id) {
    const auto promotion = store_->Get(id);
    EXPECT_TRUE(promotion.ok()) << promotion.status();
    return promotion.ok() ? *promotion : record::v1::Promotion();
  }
  int Stored() {
    int count = 0;
    EXPECT_TRUE(store_->ForEach("", [&](const auto&) { return ++count > 0; }).ok());
    return count;
  }

  FakeClock clock_;
  TempStore temp_store_;
  FaultyStore faulty_{temp_store_.store()};
  TemporaryDirectory secrets_directory_;
  Secrets secrets_{secrets_directory_.path(), absl::Minutes(10), &clock_};
  EventPolicy policy_;
  std::shared_ptr<const Pipelines> pipelines_;
  std::unique_ptr<PromotionStore> store_;
  std::unique_ptr<Intake> intake_;
  std::vector<std::string> looks_, results_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_INTAKE_TEST_BASE_H_
