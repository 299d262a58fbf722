#include "services/promotion_receiver/observe/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/store/temp_store.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPem[] = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n";

// CLUSTER and USER stand for the fields of these.
std::string Config(const std::string& cluster, const std::string& user) {
  return absl::StrReplaceAll(R"(apiVersion: v1
kind: Config
current-context: dev
preferences: {}
contexts:
- name: other
  context: {cluster: none, user: none}
- name: dev
  context: {cluster: c1, user: u1, namespace: x}
clusters:
- name: c1
  cluster: {CLUSTER}
users:
- name: u1
  user: {USER}
)",
                             {{"CLUSTER", cluster}, {"USER", user}});
}

absl::StatusOr<KubeAccess> Parse(const std::string& text, const std::string& context = "") {
  return ParseKubeconfig(text, "/etc/gitops/dev.kubeconfig", context);
}

constexpr char kServer[] = "server: 'https://dev.example:6443/'";

TEST(KubeconfigTest, FilesAreRelativeToTheKubeconfig) {
  const auto access =
      Parse(Config(absl::StrCat(kServer, ", certificate-authority: ca.crt"),
                   "client-certificate: /x/tls.crt, client-key: keys/tls.key, tokenFile: token"));
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ(access->server, "https://dev.example:6443");
  EXPECT_EQ(access->authority.file, "/etc/gitops/ca.crt");
  EXPECT_EQ(access->certificate.file, "/x/tls.crt");
  EXPECT_EQ(access->key.file, "/etc/gitops/keys/tls.key");
  EXPECT_EQ(access->token_file, "/etc/gitops/token");
  EXPECT_FALSE(access->insecure_ssl);
}

TEST(KubeconfigTest, DataIsDecoded) {
  const std::string data = absl::Base64Escape(kPem);
  const auto access =
      Parse(Config(absl::StrCat(kServer, ", certificate-authority-data: ", data),
                   absl::StrCat("client-certificate-data: ", data, ", client-key-data: ", data)));
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ(access->authority.data.Reveal(), kPem);
  EXPECT_EQ(access->certificate.data.Reveal(), kPem);
  EXPECT_EQ(access->key.data.Reveal(), kPem);
}

TEST(KubeconfigTest, TokenAndInsecureAreRead) {
  const auto access = Parse(
      Config(absl::StrCat(kServer, ", insecure-skip-tls-verify: true"), "token: very-secret"));
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ(access->token.Reveal(), "very-secret");
  EXPECT_TRUE(access->insecure_ssl);
}

TEST(KubeconfigTest, FaultsNameFileLineAndRemedy) {
  struct Case {
    std::string text;
    const char* message;
  };
  const std::string cluster = kServer;
  const Case cases[] = {
      {Config(cluster, "exec: {command: aws}"),
       "/etc/gitops/dev.kubeconfig:15: exec would run a program on this machine to authenticate, "
       "which is not supported; give the receiver a service account of its own"},
      {Config(cluster, "auth-provider: {name: gcp}"), "dev.kubeconfig:15: auth-provider is a"},
      {Config(cluster, "username: admin, password: very-secret"), ":15: username is a password"},
      {Config(cluster, "token: t, as: admin"), ":15: as acts as another user"},
      {Config(cluster + ", proxy-url: http://p", "token: t"), ":12: proxy-url is a proxy"},
      {Config(cluster + ", tls-server-name: x", "token: t"), ":12: tls-server-name is not"},
      {Config("server: 'ftp://dev'", "token: t"), ":12: server: "},
      {Config("server: 'http://dev'", "token: very-secret"), ":15: a token would be sent in plain"},
      {Config(cluster, "client-certificate: tls.crt"), ":15: client-certificate and client-key"},
      {Config(cluster + ", certificate-authority-data: '*'", "token: t"),
       ":12: certificate-authority-data is not PEM in base64"},
      {Config(cluster + ", insecure-skip-tls-verify: yes-please", "token: t"), ":12: insecure"},
      {Config(cluster, "token: [very-secret]"), ":15: token must be text"},
      {Config(cluster, "token: a, token: very-secret"), ":15: a key of the user \"u1\""},
      {"contexts: []\n", "no context is named"},
      {"current-context: dev\ncontexts: []\n", ":2: there is no context \"dev\" in contexts"},
      {"a: [\n", "is not YAML"},
      {"just text", "the kubeconfig must be a map"},
      {"", "the kubeconfig must be a map"},
      {std::string((1 << 20) + 1, ' '), "is larger than"},
  };
  for (const Case& c : cases) {
    const absl::Status status = Parse(c.text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("very-secret")));
  }
}

TEST(KubeconfigTest, ContextThatIsNamedIsUsed) {
  const absl::Status status = Parse(Config(kServer, "token: t"), "other").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("there is no cluster \"none\""));
}

TEST(KubeconfigTest, PodHasItsServiceAccount) {
  TempDirectory directory;
  setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  EXPECT_FALSE(PodAccess(directory.path()).has_value()) << "no token";
  std::ofstream(directory.path() + "/token") << "t";
  const auto access = PodAccess(directory.path());
  ASSERT_TRUE(access.has_value());
  EXPECT_EQ(access->server, "https://[fd00::1]:443");
  EXPECT_EQ(access->token_file, directory.path() + "/token");
  unsetenv("KUBERNETES_SERVICE_HOST");
  EXPECT_FALSE(PodAccess(directory.path()).has_value()) << "no pod";
}

}  // namespace
}  // namespace gitops
