#include "services/promotion_receiver/event/flux_event.h"

#include <gtest/gtest.h>

#include "common/rpc/error.h"

namespace gitops {
namespace {

// As seed 003 has it: Flux of 2022.
constexpr char kOld[] = R"({
  "involvedObject": {
    "kind": "HelmRelease", "namespace": "shopping", "name": "search",
    "uid": "57c3579b-42da-4f27-afc5-8bd7778286e1",
    "apiVersion": "helm.toolkit.fluxcd.io/v2beta1", "resourceVersion": "155540"
  },
  "severity": "info", "timestamp": "2022-09-13T16:01:01Z", "message": "Helm upgrade succeeded",
  "reason": "info", "metadata": {"revision": "0.13.4", "summary": "foobar"},
  "reportingController": "helm-controller",
  "reportingInstance": "helm-controller-7cdc7874f8-9qpft"
})";

TEST(FluxEventTest, EventOfFluxIsRead) {
  const auto event = ParseFluxEvent(kOld);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->api_version, "helm.toolkit.fluxcd.io/v2beta1");
  EXPECT_EQ(event->kind, "HelmRelease");
  EXPECT_EQ(event->namespace_, "shopping");
  EXPECT_EQ(event->name, "search");
  EXPECT_EQ(event->severity, "info");
  EXPECT_EQ(event->reason, "info");
  EXPECT_EQ(event->timestamp,
            absl::FromCivil(absl::CivilSecond(2022, 9, 13, 16, 1, 1), absl::UTCTimeZone()));
  EXPECT_EQ(event->metadata.at("summary"), "foobar");
  EXPECT_EQ(event->reporting_controller, "helm-controller");
  EXPECT_EQ(RevisionOf(*event), "0.13.4");
}

TEST(FluxEventTest, UnknownMissingAndNullMembersAreAllowed) {
  const auto event = ParseFluxEvent(
      R"({"timestamp": "2026-01-01T00:00:00Z", "metadata": null, "involvedObject": {"fieldPath": 7},
          "aNewOne": [{"x": [1, 2.5, null]}], "severity": null})");
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->kind, "");
  EXPECT_EQ(RevisionOf(*event), "");
}

TEST(FluxEventTest, RevisionIsThePlainOneElseThatOfTheObjectsGroup) {
  const struct {
    std::string metadata, revision;
  } cases[] = {
      {R"("revision": "1")", "1"},
      {R"("kustomize.toolkit.fluxcd.io/revision": "main@sha1:0cc9")", "main@sha1:0cc9"},
      {R"("revision": "1", "kustomize.toolkit.fluxcd.io/revision": "2")", "1"},
      {R"("revision": "", "kustomize.toolkit.fluxcd.io/revision": "2")", "2"},
      {R"("helm.toolkit.fluxcd.io/revision": "2", "originRevision": "3")", ""},
      {R"("summary": "x")", ""},
  };
  for (const auto& [metadata, revision] : cases) {
    const auto event =
        ParseFluxEvent(R"({"timestamp": "2026-01-01T00:00:00Z", "metadata": {)" + metadata +
                       R"(}, "involvedObject": {"apiVersion": "kustomize.toolkit.fluxcd.io/v1"}})");
    ASSERT_TRUE(event.ok()) << event.status();
    EXPECT_EQ(RevisionOf(*event), revision) << metadata;
  }
}

TEST(FluxEventTest, WhatIsNoEventIsRefused) {
  const std::string time = R"("timestamp": "2026-01-01T00:00:00Z")";
  const std::string bodies[] = {
      "",
      "hello",
      "[]",
      "7",
      "{",
      "{}",
      R"({"timestamp": null})",
      R"({"timestamp": ""})",
      R"({"timestamp": "yesterday"})",
      R"({"timestamp": "infinite-future"})",
      R"({"timestamp": 1663084861})",
      "{" + time + "} trailing",
      "{" + time + R"(, "reason": 7})",
      "{" + time + R"(, "reason": "a", "reason": "b"})",
      "{" + time + R"(, "metadata": []})",
      "{" + time + R"(, "metadata": {"revision": 7}})",
      "{" + time + R"(, "metadata": {"revision": "a\nb"}})",
      "{" + time + R"(, "metadata": {"revision": ")" + std::string(1001, 'a') + "\"}}",
      "{" + time + R"(, "involvedObject": "search"})",
      "{" + time + R"(, "involvedObject": {"kind": {}}})",
      "{" + time + ", \"x\": " + std::string(40, '[') + std::string(40, ']') + "}",
      "{" + time + ", \"message\": \"\xff\"}",
      "\xef\xbb\xbf{" + time + "}",
  };
  for (const std::string& body : bodies) {
    EXPECT_TRUE(HasReason(ParseFluxEvent(body).status(), Reason::kEventMalformed)) << body;
  }
}

TEST(FluxEventTest, RecordKeepsTheStartOfTheMessageAndAllMetadata) {
  auto event = ParseFluxEvent(kOld);
  ASSERT_TRUE(event.ok());
  event->message = std::string(5000, 'x');
  const record::v1::PromotionEvent record = ToRecord(*event, "192.0.2.7");
  EXPECT_EQ(record.message().size(), 1000u);
  EXPECT_EQ(record.metadata().at("summary"), "foobar");
  EXPECT_EQ(record.metadata().at("revision"), "0.13.4");
  EXPECT_EQ(record.address(), "192.0.2.7");
  EXPECT_EQ(record.namespace_(), "shopping");
}

}  // namespace
}  // namespace gitops
