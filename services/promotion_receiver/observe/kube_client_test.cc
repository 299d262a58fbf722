#include "services/promotion_receiver/observe/kube_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
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

  TempDirectory directory_;
  FakeKubernetes kubernetes_{directory_.path()};
  KubeAccess access_;
  FakeClock clock_;
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  KubeClient client_{{.cluster = "cluster dev",
                      .access = [this] { return access_; },
                      .http = http_.get(),
                      .clock = &clock_}};
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
  kubernetes_.Put("/apis/helm.toolkit.fluxcd.io/v3/namespaces/shopping/helmreleases/search",
                  R"({"kind":"HelmRelease"})");
  EXPECT_TRUE(client_.Get(kName).ok());
}

TEST_F(KubeClientTest, VersionThatBecomesThePreferredOneIsSeenWithinMinutes) {
  ASSERT_TRUE(client_.Get(kName).ok());
  kubernetes_.ServeHelm({"v3", "v2"});
  kubernetes_.Put("/apis/helm.toolkit.fluxcd.io/v3/namespaces/shopping/helmreleases/search",
                  R"({"kind":"HelmRelease","apiVersion":"helm.toolkit.fluxcd.io/v3"})");
  const auto soon = client_.Get(kName);
  EXPECT_TRUE(soon.ok() && !soon->contains("apiVersion"));
  clock_.Advance(absl::Minutes(5) + absl::Seconds(1));
  const auto later = client_.Get(kName);
  EXPECT_TRUE(later.ok() && later->contains("apiVersion"));
}

TEST_F(KubeClientTest, ObjectThatDoesNotExistIsNotFound) {
  kubernetes_.Remove(kPath);
  EXPECT_EQ(Error().code(), absl::StatusCode::kNotFound) << Error();
}

TEST_F(KubeClientTest, KindThatWasTakenOutIsNoMissingObjectAndIsFoundWhenItIsBack) {
  ASSERT_TRUE(client_.Get(kName).ok());
  kubernetes_.ServeHelm({});
  EXPECT_EQ(Error().code(), absl::StatusCode::kFailedPrecondition) << Error();
  EXPECT_THAT(std::string(Error().message()), HasSubstr("does not serve this API group"));
  kubernetes_.ServeHelm({"v2"});
  EXPECT_TRUE(client_.Get(kName).ok());
}

TEST_F(KubeClientTest, NothingElseIsNotFound) {
  struct Case {
    std::string answer;
    absl::StatusCode code;
    const char* message;
  };
  const Case cases[] = {
      {HttpAnswer(404, "<html>nginx</html>"), absl::StatusCode::kFailedPrecondition,
       "answered 404"},
      {HttpAnswer(410, R"({"kind":"Status","message":"too old resource version"})"),
       absl::StatusCode::kDataLoss, "answered 410: too old resource version"},
      {HttpAnswer(403, R"({"kind":"Status","message":"helmreleases is forbidden"})"),
       absl::StatusCode::kPermissionDenied, "helmreleases is forbidden; allow the account"},
      {HttpAnswer(302, "", "Location: https://login\r\n"), absl::StatusCode::kDataLoss,
       "answered 302"},
      {HttpAnswer(500, "oops"), absl::StatusCode::kUnavailable, "answered 500"},
      {HttpAnswer(200, "<html>"), absl::StatusCode::kDataLoss, "not a JSON object"},
      {HttpAnswer(200, "[]"), absl::StatusCode::kDataLoss, "not a JSON object"},
      {HttpAnswer(200, "{}"), absl::StatusCode::kFailedPrecondition, "no kind HelmRelease"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", absl::StatusCode::kAborted, ""},
      {HttpAnswer(200, R"({"kind":"HelmRelease)"), absl::StatusCode::kDataLoss,
       "not a JSON object"},
      {HttpAnswer(200, std::string(1 << 20, '[')), absl::StatusCode::kDataLoss,
       "not a JSON object"},
      {HttpAnswer(200, "{\"kind\":\"\xff\"}"), absl::StatusCode::kDataLoss, "not a JSON object"},
      {HttpAnswer(200, "{}", absl::StrCat("X: ", std::string(80 << 10, 'x'), "\r\n")),
       absl::StatusCode::kResourceExhausted, "headers are longer"},
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

TEST_F(KubeClientTest, EveryAnswerToTheObjectItselfIsToldApart) {
  ASSERT_TRUE(client_.Get(kName).ok());
  struct Case {
    std::string answer;
    absl::StatusCode code;
  };
  const Case cases[] = {
      {HttpAnswer(301, "", "Location: https://elsewhere/\r\n"), absl::StatusCode::kDataLoss},
      {HttpAnswer(401, "Unauthorized"), absl::StatusCode::kUnauthenticated},
      {HttpAnswer(410, ""), absl::StatusCode::kDataLoss},
      {HttpAnswer(429, ""), absl::StatusCode::kUnavailable},
      {HttpAnswer(503, "<html>"), absl::StatusCode::kUnavailable},
      {HttpAnswer(204, ""), absl::StatusCode::kDataLoss},
  };
  for (const Case& c : cases) {
    kubernetes_.AnswerAll(c.answer);
    EXPECT_EQ(Error().code(), c.code) << Error();
  }
  kubernetes_.AnswerAll("");
  EXPECT_TRUE(client_.Get(kName).ok());
  for (const std::string& path : kubernetes_.asked()) {
    EXPECT_TRUE(absl::StartsWith(path, "/apis/helm.")) << "a redirect was followed";
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

TEST_F(KubeClientTest, TokenFileThatIsMissingIsNoMissingObject) {
  ASSERT_TRUE(client_.Get(kName).ok());
  access_.token_file = directory_.path() + "/none";
  EXPECT_EQ(Error().code(), absl::StatusCode::kUnavailable) << Error();
  EXPECT_THAT(std::string(Error().message()), HasSubstr("cluster dev: "));
  EXPECT_THAT(std::string(Error().message()), HasSubstr(access_.token_file));
}

TEST_F(KubeClientTest, EachRequestIsMadeWithTheAccessOfThatMoment) {
  access_.token = Secret("old");
  kubernetes_.SetToken("old");
  ASSERT_TRUE(client_.Get(kName).ok());
  kubernetes_.SetToken("new");
  EXPECT_EQ(Error().code(), absl::StatusCode::kUnauthenticated);
  access_.token = Secret("new");
  EXPECT_TRUE(client_.Get(kName).ok());
}

TEST_F(KubeClientTest, CertificatesMayBeInTheKubeconfig) {
  kubernetes_.RequireClientCertificate();
  access_.server = kubernetes_.url();
  EXPECT_FALSE(Error().ok());
  access_.authority = {.data = Secret(ReadFile(kubernetes_.ca_file()))};
  access_.certificate = {.data = Secret(ReadFile(kubernetes_.client_certificate()))};
  access_.key = {.data = Secret(ReadFile(kubernetes_.client_key()))};
  EXPECT_TRUE(client_.Get(kName).ok()) << Error();
}

TEST_F(KubeClientTest, AccountOfAPodIsUsedFromItsFilesAndTheEnvironment) {
  const std::string account = directory_.path() + "/account";
  std::filesystem::create_directory(account);
  std::filesystem::copy_file(kubernetes_.ca_file(), account + "/ca.crt");
  std::ofstream(account + "/token") << "first";
  const std::string url = kubernetes_.url();
  setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1", 1);
  setenv("KUBERNETES_SERVICE_PORT", url.substr(url.rfind(':') + 1).c_str(), 1);
  const auto pod = PodAccess(account);
  unsetenv("KUBERNETES_SERVICE_HOST");
  ASSERT_TRUE(pod.has_value());
  access_ = *pod;
  kubernetes_.SetToken("first");
  EXPECT_TRUE(client_.Get(kName).ok()) << Error();
  kubernetes_.SetToken("second");
  EXPECT_EQ(Error().code(), absl::StatusCode::kUnauthenticated);
  std::ofstream(account + "/token") << "second";
  EXPECT_TRUE(client_.Get(kName).ok()) << Error();
}

TEST_F(KubeClientTest, ServerWithAnotherAuthorityIsNotAsked) {
  access_.authority = {};
  EXPECT_EQ(Error().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(kubernetes_.asked(), ElementsAre());
}

TEST_F(KubeClientTest, ServerWithAnotherAuthorityIsAskedIfThatIsWanted) {
  access_.authority = {};
  access_.insecure_ssl = true;
  EXPECT_TRUE(client_.Get(kName).ok()) << Error();
}

TEST_F(KubeClientTest, HangingServerIsLeftWhenToldToGiveUp) {
  kubernetes_.Hang();
  const auto object = client_.Get(kName, [] { return true; });
  EXPECT_EQ(object.status().code(), absl::StatusCode::kCancelled) << object.status();
}

TEST_F(KubeClientTest, HangingServerIsLeftAfterItsDeadline) {
  KubeClient client({.cluster = "cluster dev",
                     .access = [this] { return access_; },
                     .http = http_.get(),
                     .clock = &clock_,
                     .timeout = absl::Milliseconds(200)});
  kubernetes_.Hang();
  const absl::Status error = client.Get(kName).status();
  EXPECT_EQ(error.code(), absl::StatusCode::kDeadlineExceeded) << error;
  EXPECT_THAT(std::string(error.message()), HasSubstr("no complete answer within 200ms"));
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
