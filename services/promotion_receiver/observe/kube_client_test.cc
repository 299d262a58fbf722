#include "services/promotion_receiver/observe/kube_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "common/rpc/error.h"
#include "common/store/temp_store.h"
#include "services/promotion_receiver/observe/fake_kubernetes.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kGroup[] = "helm.toolkit.fluxcd.io";
constexpr char kPath[] = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/shopping/helmreleases/search";
const KubeObjectName kName = {kGroup, "HelmRelease", "shopping", "search"};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class KubeClientTest : public testing::Test {
 protected:
  KubeClientTest() {
    kubernetes_.ServeHelm({"v2", "v2beta2"});
    kubernetes_.Put(kPath, R"({"kind":"HelmRelease"})");
    access_.server = kubernetes_.url();
    access_.authority.file = kubernetes_.ca_file();
  }

  absl::Status Error() { return client_.Get(kName).status(); }
  std::string PemDirectory() const { return directory_.path() + "/kube"; }

  TempDirectory directory_;
  FakeKubernetes kubernetes_{directory_.path()};
  KubeAccess access_;
  int loads_ = 0;
  std::atomic<bool> give_up_ = false;
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  KubeClient client_{{.cluster = "cluster dev",
                      .access = [this]() -> absl::StatusOr<KubeAccess> {
                        ++loads_;
                        return access_;
                      },
                      .http = http_.get(),
                      .directory = directory_.path() + "/kube",
                      .give_up = [this] { return give_up_.load(); }}};
};

TEST_F(KubeClientTest, ObjectIsReadInTheVersionThatIsServed) {
  const auto object = client_.Get(kName);
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ((*object)["kind"], "HelmRelease");
  EXPECT_TRUE(client_.Get(kName).ok());
  EXPECT_THAT(kubernetes_.asked(), ElementsAre("/apis/helm.toolkit.fluxcd.io",
                                               "/apis/helm.toolkit.fluxcd.io/v2", kPath, kPath))
      << "the version is looked up once";
}

TEST_F(KubeClientTest, VersionThatIsNoLongerServedIsLookedUpAgain) {
  ASSERT_TRUE(client_.Get(kName).ok());
  kubernetes_.ServeHelm({"v3"});
  kubernetes_.Remove(kPath);
  kubernetes_.Put("/apis/helm.toolkit.fluxcd.io/v3/namespaces/shopping/helmreleases/search",
                  R"({"kind":"HelmRelease"})");
  EXPECT_TRUE(client_.Get(kName).ok());
}

TEST_F(KubeClientTest, ObjectThatDoesNotExistIsNotFound) {
  kubernetes_.Remove(kPath);
  EXPECT_EQ(Error().code(), absl::StatusCode::kNotFound) << Error();
}

TEST_F(KubeClientTest, NothingElseIsNotFound) {
  struct Case {
    std::string answer;
    absl::StatusCode code;
    const char* message;
  };
  const Case cases[] = {
      {HttpAnswer(404, "<html>nginx</html>"), absl::StatusCode::kDataLoss, "answered 404"},
      {HttpAnswer(403, R"({"kind":"Status","message":"helmreleases is forbidden"})"),
       absl::StatusCode::kPermissionDenied, "helmreleases is forbidden; allow the account"},
      {HttpAnswer(302, "", "Location: https://login\r\n"), absl::StatusCode::kDataLoss,
       "answered 302"},
      {HttpAnswer(500, "oops"), absl::StatusCode::kUnavailable, "answered 500"},
      {HttpAnswer(200, "<html>"), absl::StatusCode::kDataLoss, "not a JSON object"},
      {HttpAnswer(200, "[]"), absl::StatusCode::kDataLoss, "not a JSON object"},
      {HttpAnswer(200, "{}"), absl::StatusCode::kFailedPrecondition, "no kind HelmRelease"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", absl::StatusCode::kAborted, ""},
      {"SSH-2.0-OpenSSH\r\n", absl::StatusCode::kDataLoss, ""},
      {absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", 5 << 20, "\r\n\r\n{"),
       absl::StatusCode::kResourceExhausted, "longer than"},
  };
  for (const Case& c : cases) {
    kubernetes_.AnswerAll(c.answer);
    const absl::Status error = Error();
    EXPECT_EQ(error.code(), c.code) << error;
    EXPECT_THAT(std::string(error.message()), HasSubstr("cluster dev: "));
    EXPECT_THAT(std::string(error.message()), HasSubstr(c.message));
  }
}

TEST_F(KubeClientTest, GroupThatIsNotServedIsNoMissingObject) {
  const auto object = client_.Get({"kustomize.toolkit.fluxcd.io", "Kustomization", "a", "b"});
  EXPECT_EQ(object.status().code(), absl::StatusCode::kFailedPrecondition) << object.status();
}

TEST_F(KubeClientTest, ServerSaysWhenToComeBack) {
  kubernetes_.AnswerAll(HttpAnswer(429, "", "Retry-After: 7\r\n"));
  EXPECT_EQ(Error().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(RetryDelayOf(Error()), absl::Seconds(7));
}

TEST_F(KubeClientTest, TokenIsReadFromItsFileAgain) {
  access_.token_file = directory_.path() + "/token";
  std::ofstream(access_.token_file) << "old\n";
  kubernetes_.SetToken("old");
  ASSERT_TRUE(client_.Get(kName).ok());
  kubernetes_.SetToken("new");
  EXPECT_EQ(Error().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(Error().message()), Not(HasSubstr("old")));
  std::ofstream(access_.token_file) << "new\n";
  EXPECT_TRUE(client_.Get(kName).ok());
}

TEST_F(KubeClientTest, KubeconfigIsReadAgainWhenItsTokenIsRefused) {
  access_.token = Secret("old");
  kubernetes_.SetToken("old");
  ASSERT_TRUE(client_.Get(kName).ok());
  EXPECT_EQ(loads_, 1);
  kubernetes_.SetToken("new");
  access_.token = Secret("new");
  EXPECT_TRUE(client_.Get(kName).ok());
  EXPECT_EQ(loads_, 2);
}

TEST_F(KubeClientTest, CertificatesInTheKubeconfigAreKeptPrivately) {
  access_.authority = {.data = Secret(ReadFile(kubernetes_.ca_file()))};
  access_.certificate = {.data = Secret(ReadFile(kubernetes_.client_certificate()))};
  access_.key = {.data = Secret(ReadFile(kubernetes_.client_key()))};
  ASSERT_TRUE(client_.Get(kName).ok()) << Error();
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PemDirectory())) {
    struct stat found;
    ASSERT_EQ(stat(entry.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 3);
}

TEST_F(KubeClientTest, ServerWithAnotherAuthorityIsNotAsked) {
  access_.authority = {};
  EXPECT_EQ(Error().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(kubernetes_.asked(), ElementsAre());
}

TEST_F(KubeClientTest, HangingServerIsLeftWhenToldToGiveUp) {
  kubernetes_.Hang();
  give_up_ = true;
  EXPECT_EQ(Error().code(), absl::StatusCode::kCancelled) << Error();
}

TEST_F(KubeClientTest, NamesThatAreNoneAreRefused) {
  for (const char* name : {"", "..", "a/b", "a?b", "a b", "a%2fb"}) {
    const auto object = client_.Get({kGroup, "HelmRelease", "shopping", name});
    EXPECT_EQ(object.status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
  EXPECT_THAT(kubernetes_.asked(), ElementsAre());
}

}  // namespace
}  // namespace gitops
