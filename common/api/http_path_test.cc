#include "common/api/http_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(HttpPath, AVerbIsWhatFollowsTheLastColon) {
  const auto path = ParseHttpPath("/v1/services/nginx:freeze");
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_THAT(path->segments, ElementsAre("v1", "services", "nginx"));
  EXPECT_EQ(path->verb, "freeze");
}

TEST(HttpPath, AnEscapedColonBelongsToTheName) {
  const auto named = ParseHttpPath("/v1/services/a%3Afreeze");
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_THAT(named->segments, ElementsAre("v1", "services", "a:freeze"));
  EXPECT_EQ(named->verb, "");

  const auto frozen = ParseHttpPath("/v1/services/a%3afreeze:freeze");
  ASSERT_TRUE(frozen.ok()) << frozen.status();
  EXPECT_THAT(frozen->segments, ElementsAre("v1", "services", "a:freeze"));
  EXPECT_EQ(frozen->verb, "freeze");
}

TEST(HttpPath, OnlyTheLastSegmentHasAVerb) {
  const auto path = ParseHttpPath("/v1/hosts/web1:8004/services");
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_THAT(path->segments, ElementsAre("v1", "hosts", "web1:8004", "services"));
  EXPECT_EQ(path->verb, "");
}

TEST(HttpPath, EscapesAreDecodedOnceAndPlusStaysPlus) {
  const auto path = ParseHttpPath("/%C3%BC/a%2541/b+c/%2e%2e%2e");
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_THAT(path->segments, ElementsAre("ü", "a%41", "b+c", "..."));
}

TEST(HttpPath, AMalformedOneSaysWhy) {
  struct Case {
    std::string path;
    const char* why;
  };
  const Case cases[] = {
      {"", "start with"},
      {"v1/hosts", "start with"},
      {"/", "segment is empty"},
      {"/v1//hosts", "segment is empty"},
      {"/v1/hosts/", "segment is empty"},
      {"/v1/services/:freeze", "segment is empty"},
      {"/v1/services/nginx:", "written %3A"},
      {"/v1/hosts/.", "\"..\""},
      {"/v1/hosts/../deployments", "\"..\""},
      {"/v1/hosts/%2e%2E", "\"..\""},
      {"/v1/hosts/..:watch", "\"..\""},
      {"/v1/hosts/a%2Fb", "must not contain \"/\""},
      {"/v1/hosts/a%00b", "control"},
      {std::string("/v1/hosts/a\0b", 13), "control"},
      {"/v1/hosts/a%0d%0ab", "control"},
      {"/v1/hosts/a%7F", "control"},
      {"/v1/hosts/%ff", "UTF-8"},
      {"/v1/hosts/%c0%af", "UTF-8"},
      {"/v1/hosts/a%", "hexadecimal"},
      {"/v1/hosts/a%2", "hexadecimal"},
      {"/v1/hosts/%zz", "hexadecimal"},
      {"/v1/hosts/%2:watch", "hexadecimal"},
  };
  for (const Case& c : cases) {
    const auto path = ParseHttpPath(c.path);
    ASSERT_EQ(path.status().code(), absl::StatusCode::kInvalidArgument) << c.path;
    EXPECT_THAT(std::string(path.status().message()), HasSubstr(c.why)) << c.path;
  }
}

}  // namespace
}  // namespace gitops
