#include "common/program_config/clusters_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/store/temp_store.h"
#include "services/promotion_receiver/observe/kubeconfig.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

class ClustersConfigTest : public testing::Test {
 protected:
  ClustersConfigTest() {
    std::ofstream(directory_.path() + "/dev.kubeconfig") << R"(current-context: a
contexts: [{name: a, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://dev.example'}}]
users: [{name: u, user: {token: t}}]
)";
  }
  absl::StatusOr<std::vector<ClusterSpec>> Parse(const std::string& text) {
    return ParseClusters(text, directory_.path() + "/receiver.toml", CheckKubeconfig);
  }

  TempDirectory directory_;
};

TEST_F(ClustersConfigTest, ClustersAreReadBesideOtherTables) {
  const auto clusters = Parse(R"(
[promotion-receiver]
listen = "127.0.0.1:0"
[[clusters]]
name = "dev"
kubeconfig = "dev.kubeconfig"
[[clusters]]
name = "dev"
namespace = "team"
kubeconfig = "dev.kubeconfig"
context = "a"
)");
  ASSERT_TRUE(clusters.ok()) << clusters.status();
  ASSERT_EQ(clusters->size(), 2u);
  EXPECT_EQ((*clusters)[0].name, "dev");
  EXPECT_EQ((*clusters)[0].kubeconfig, directory_.path() + "/dev.kubeconfig");
  EXPECT_EQ((*clusters)[1].namespace_, "team");
  EXPECT_EQ((*clusters)[1].context, "a");
}

TEST_F(ClustersConfigTest, FaultsNameFileLineAndKey) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"[[clusters]]\nkubeconfig = \"dev.kubeconfig\"\n", "receiver.toml:1"},
      {"[[clusters]]\nname = \"dev\"\n", "kubeconfig: is missing"},
      {"[[clusters]]\nname = \"dev\"\nkubeconfig = \"no\"\n", "receiver.toml:3"},
      {"[[clusters]]\nname = \"dev\"\nkubeconfig = \"dev.kubeconfig\"\ncontext = \"b\"\n",
       "there is no context \"b\""},
      {"[[clusters]]\nname = \"dev\"\nkubeconfig = \"dev.kubeconfig\"\n"
       "[[clusters]]\nname = \"dev\"\nkubeconfig = \"dev.kubeconfig\"\n",
       "is already used by the cluster in line 1"},
      {"[[clusters]]\nname = \"dev\"\nkubeconfg = \"dev.kubeconfig\"\n", "kubeconfg"},
  };
  for (const Case& c : cases) {
    const absl::Status status = Parse(c.text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace gitops
