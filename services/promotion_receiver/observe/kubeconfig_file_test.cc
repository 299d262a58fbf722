#include "services/promotion_receiver/observe/kubeconfig_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

std::string Kubeconfig(const std::string& token) {
  return absl::StrCat("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n",
                      "clusters: [{name: c, cluster: {server: 'https://dev.example'}}]\n",
                      "users: [{name: u, user: {token: ", token, "}}]\n");
}

class KubeconfigFileTest : public testing::Test {
 protected:
  std::string Token() {
    const auto access = file_.Access();
    return access.ok() ? access->token.Reveal() : std::string(access.status().message());
  }

  TemporaryDirectory directory_;
  KubeconfigFile file_{directory_ / "kubeconfig", ""};
};

TEST_F(KubeconfigFileTest, FileThatChangesIsReadAgain) {
  directory_.Write("kubeconfig", Kubeconfig("one"));
  EXPECT_EQ(Token(), "one");
  directory_.Write("kubeconfig", Kubeconfig("two"));
  EXPECT_EQ(Token(), "two");
}

TEST_F(KubeconfigFileTest, MountOfKubernetesIsFollowedThroughItsSymlinks) {
  directory_.Write("..2026_1/kubeconfig", Kubeconfig("one"));
  directory_.Write("..2026_2/kubeconfig", Kubeconfig("two"));
  std::filesystem::create_symlink("..2026_1", directory_ / "..data");
  std::filesystem::create_symlink("..data/kubeconfig", directory_ / "kubeconfig");
  EXPECT_EQ(Token(), "one");
  std::filesystem::create_symlink("..2026_2", directory_ / "..tmp");
  std::filesystem::rename(directory_ / "..tmp", directory_ / "..data");
  EXPECT_EQ(Token(), "two");
}

TEST_F(KubeconfigFileTest, BadOrMissingFileKeepsWhatItSaidBeforeUntilItIsGoodAgain) {
  directory_.Write("kubeconfig", Kubeconfig("one"));
  EXPECT_EQ(Token(), "one");
  testing::internal::CaptureStderr();
  directory_.Write("kubeconfig", "users: [");
  EXPECT_EQ(Token(), "one");
  EXPECT_EQ(Token(), "one");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("the one that was read before stays in use"));
  EXPECT_EQ(log.find("stays in use"), log.rfind("stays in use")) << "said once";
  std::filesystem::remove(directory_ / "kubeconfig");
  EXPECT_EQ(Token(), "one");
  directory_.Write("kubeconfig", Kubeconfig("two"));
  EXPECT_EQ(Token(), "two");
}

TEST_F(KubeconfigFileTest, FileThatWasNeverGoodIsAnError) {
  EXPECT_THAT(Token(), HasSubstr(directory_ / "kubeconfig"));
  directory_.Write("kubeconfig", "users: [");
  EXPECT_THAT(Token(), HasSubstr("is not YAML"));
  directory_.Write("kubeconfig", Kubeconfig("one"));
  EXPECT_EQ(Token(), "one");
}

}  // namespace
}  // namespace gitops
