#include "services/planner/join/enrolment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/clock/fake_clock.h"
#include "common/http/client.h"
#include "common/path/temporary_directory.h"
#include "common/server/replace_file.h"
#include "common/tls/request.h"

namespace gitops {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class EnrolmentTest : public ::testing::Test {
 protected:
  EnrolmentTest() {
    EXPECT_TRUE(CertificateAuthority::Init(directory_ / "ca", {}, clock_.Now()).ok());
    const auto root = CertificateAuthority::Open(directory_ / "ca");
    EXPECT_TRUE(root->AddIssuer(issuer(), {.name = "issuer", .days = 30}, clock_.Now()).ok());
    LeafRequest own;
    own.identity = {Role::kPlanner, "main"};
    own.addresses = {"127.0.0.1"};
    const auto planner = root->Issue(own, clock_.Now());
    EXPECT_TRUE(ReplaceFile(directory_ / "tls.crt", planner->chain_pem, 0600).ok());
    EXPECT_TRUE(ReplaceFile(directory_ / "tls.key", planner->key_pem.Reveal(), 0600).ok());
    ca_pem_ = planner->authorities_pem;
  }

  void Serve(RateLimit of_address = {.per_second = 0, .burst = 0}) {
    auto enrolment = Enrolment::Open(
        {.issuer_dir = issuer(), .clock = &clock_, .metrics = &metrics_, .of_address = of_address});
    ASSERT_TRUE(enrolment.ok()) << enrolment.status();
    enrolment_ = *std::move(enrolment);
    auto server = enrolment_->Serve("127.0.0.1:0", directory_ / "tls.crt", directory_ / "tls.key");
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::string issuer() { return directory_ / "issuer"; }

  HttpResponse Post(const std::string& body) {
    HttpRequest request;
    request.method = "POST";
    request.url = absl::StrCat("https://", server_->addresses()[0], "/v1/join");
    request.ca_pem = Secret(ca_pem_);
    request.body = body;
    const auto response = NewHttpClient()->Do(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : HttpResponse();
  }
  HttpResponse Join(const std::string& host, const Secret& token, const Secret& key) {
    return Post(
        Json{{"host", host}, {"token", token.Reveal()}, {"request", *RequestFor(key)}}.dump());
  }
  Secret Token(const std::string& host) {
    return *JoinTokens(issuer()).Create(host, absl::Hours(1), clock_.Now());
  }
  std::string ReasonOf(const HttpResponse& response) {
    EXPECT_EQ(response.headers.at("content-type"), "application/problem+json");
    return Json::parse(response.body)["reason"];
  }

  const TemporaryDirectory directory_;
  FakeClock clock_{absl::Now()};
  Metrics metrics_{"planner"};
  std::string ca_pem_;
  const Secret key_ = *NewPrivateKey();
  std::unique_ptr<Enrolment> enrolment_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(EnrolmentTest, ATokenIsGoodForOneKeyWhichMayAskAgain) {
  Serve();
  const Secret token = Token("web1");
  const HttpResponse joined = Join("web1", token, key_);
  ASSERT_EQ(joined.status, 200) << joined.body;
  EXPECT_EQ(Join("web1", token, key_).body, joined.body);
  const HttpResponse other = Join("web1", token, *NewPrivateKey());
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(ReasonOf(other), "JOIN_TOKEN_USED");
  EXPECT_THAT(metrics_.Text(), HasSubstr("gitops_join_requests_total{result=\"joined\"} 1"));
  EXPECT_THAT(metrics_.Text(), HasSubstr("gitops_join_requests_total{result=\"repeated\"} 1"));
  EXPECT_THAT(metrics_.Text(), HasSubstr("gitops_join_requests_total{result=\"refused\"} 1"));
}

TEST_F(EnrolmentTest, RefusalsSayWhyAndNeverRepeatTheToken) {
  Serve();
  const Secret token = Token("web1");
  const HttpResponse other = Join("web2", token, key_);
  EXPECT_EQ(other.status, 403);
  EXPECT_EQ(ReasonOf(other), "JOIN_TOKEN_OF_ANOTHER_HOST");
  EXPECT_THAT(other.body, Not(HasSubstr(token.Reveal())));
  const HttpResponse made_up = Join("web1", Secret("web1/" + std::string(43, 'A')), key_);
  EXPECT_EQ(made_up.status, 401);
  EXPECT_EQ(ReasonOf(made_up), "JOIN_TOKEN_INVALID");
  EXPECT_EQ(Join("web1", Secret("../../x"), key_).status, 401);
  EXPECT_EQ(Post("no JSON").status, 400);
  EXPECT_EQ(Post("{\"host\": 7}").status, 400);
  EXPECT_EQ(Post(std::string(100'000, ' ')).status, 413);
  clock_.Advance(absl::Hours(2));
  const HttpResponse late = Join("web1", token, key_);
  EXPECT_EQ(late.status, 401);
  EXPECT_THAT(late.body, HasSubstr("expired"));
}

TEST_F(EnrolmentTest, AnAddressThatTriesTooOftenIsRefused) {
  Serve({.per_second = 0.001, .burst = 2});
  EXPECT_EQ(Post("{}").status, 400);
  EXPECT_EQ(Post("{}").status, 400);
  const HttpResponse refused = Post("{}");
  EXPECT_EQ(refused.status, 429);
  EXPECT_FALSE(refused.headers.at("retry-after").empty());
}

TEST_F(EnrolmentTest, WithoutAUsableIssuerItDoesNotStart) {
  ASSERT_EQ(chmod((issuer() + "/issuer.key").c_str(), 0644), 0);
  const EnrolmentOptions options{.issuer_dir = issuer(), .clock = &clock_, .metrics = &metrics_};
  EXPECT_THAT(std::string(Enrolment::Open(options).status().message()), HasSubstr("issuer.key"));
  ASSERT_EQ(unlink((issuer() + "/issuer.key").c_str()), 0);
  EXPECT_THAT(std::string(Enrolment::Open(options).status().message()), HasSubstr("issuer.key"));
}

TEST_F(EnrolmentTest, AnExpiredIssuerCostsNoToken) {
  Serve();
  const Secret token = *JoinTokens(issuer()).Create("web1", absl::Hours(24 * 60), clock_.Now());
  clock_.Advance(absl::Hours(24 * 31));
  const HttpResponse failed = Join("web1", token, key_);
  EXPECT_EQ(failed.status, 503);
  EXPECT_EQ(ReasonOf(failed), "AUTHORITY_UNAVAILABLE");
  const auto root = CertificateAuthority::Open(directory_ / "ca");
  ASSERT_TRUE(root->AddIssuer(issuer(), {.name = "issuer", .days = 30}, clock_.Now()).ok());
  EXPECT_EQ(Join("web1", token, key_).status, 200);
}

TEST_F(EnrolmentTest, ARevokedCertificateIsNotRenewed) {
  Serve();
  const auto first = enrolment_->Renew("web1", "00", *RequestFor(key_));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->certificate.holder, "agent/web1");
  const std::string serial = first->certificate.serial;
  ASSERT_TRUE(enrolment_->Renew("web1", serial, *RequestFor(key_)).ok());
  const auto authority = CertificateAuthority::Open(issuer());
  ASSERT_TRUE(authority->Revoke(serial, "lost", clock_.Now()).ok());
  EXPECT_TRUE(
      absl::IsPermissionDenied(enrolment_->Renew("web1", serial, *RequestFor(key_)).status()));
}

TEST_F(EnrolmentTest, AHostThatRenewsAllTheTimeIsStopped) {
  Serve();
  absl::Status last;
  for (int i = 0; i < 20 && last.ok(); ++i) {
    last = enrolment_->Renew("web1", "00", *RequestFor(key_)).status();
  }
  EXPECT_TRUE(absl::IsResourceExhausted(last)) << last;
  EXPECT_TRUE(enrolment_->Renew("web2", "00", *RequestFor(key_)).ok());
}

}  // namespace
}  // namespace gitops
