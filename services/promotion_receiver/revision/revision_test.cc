#include "services/promotion_receiver/revision/revision.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

constexpr char kSha[] = "c8b7cd2f4e5b6ee0b8ba6eb31d1a7a0c0a5a6b3c";

TEST(RevisionTest, OldAndNewFormsOfAGitRevisionAreTheSame) {
  const struct {
    std::string revision, identity;
  } cases[] = {
      {"0.13.4", "0.13.4"},
      {std::string("main@sha1:") + kSha, kSha},
      {std::string("main/") + kSha, kSha},
      {kSha, kSha},
      {std::string("feature/x@sha1:") + kSha, kSha},
      {std::string("release@2@sha1:") + kSha, kSha},
      {std::string("sha1:") + kSha, kSha},
      {"latest@sha256:0cc9", "latest/0cc9"},
      // Not of these forms.
      {"", ""},
      {"main@sha1:", "main@sha1:"},
      {"main@sha1:xyz", "main@sha1:xyz"},
      {"main@md5:0cc9", "main@md5:0cc9"},
      {"me@example", "me@example"},
      {"1.2.3+0cc9a8446c95", "1.2.3+0cc9a8446c95"},
  };
  for (const auto& [revision, identity] : cases) {
    EXPECT_EQ(RevisionIdentity(revision), identity) << revision;
  }
}

TEST(RevisionTest, VersionOfAnOciChartHasNoDigest) {
  const std::string digest =
      "sha256:0cc9a8446c95009ef382f5eade883a67c257f77d50f84e78ecef2aac9428d1e5";
  const struct {
    std::string revision, digest, version;
  } cases[] = {
      {"1.2.3+0cc9a8446c95", digest, "1.2.3"},
      {"1.2.3-rc.1+0cc9a8446c95", digest, "1.2.3-rc.1"},
      // Build metadata that somebody else wrote stays.
      {"1.2.3+build.7", digest, "1.2.3+build.7"},
      {"1.2.3+0cc9a8446c95", "", "1.2.3+0cc9a8446c95"},
      {"1.2.3+ffffffffffff", digest, "1.2.3+ffffffffffff"},
      {"1.2.3+0", digest, "1.2.3+0"},
      {"1.2.3", digest, "1.2.3"},
      {"+0cc9a8446c95", digest, "+0cc9a8446c95"},
      {std::string("main@sha1:") + kSha, "", std::string("main@sha1:") + kSha},
  };
  for (const auto& [revision, oci, version] : cases) {
    EXPECT_EQ(VersionOfRevision(revision, oci), version) << revision;
  }
}

}  // namespace
}  // namespace gitops
