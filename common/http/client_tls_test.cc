#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "common/http/raw_server.h"
#include "common/http/test_certificates.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

std::string MakeDirectory(const std::string& name) {
  const std::string path = absl::StrCat(::testing::TempDir(), name);
  EXPECT_EQ(std::system(absl::StrCat("mkdir -p ", path).c_str()), 0);
  return path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class ClientTlsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ours_ = new TestCertificates(MakeDirectory("ours"));
    others_ = new TestCertificates(MakeDirectory("others"));
  }

  void Serve(const std::string& client_ca_file = "") {
    server_ = RawServer::Start({.serve =
                                    [](RawConnection& connection) {
                                      RawConnection::Request request;
                                      if (connection.Read(request)) {
                                        connection.Send(HttpAnswer(200, "secret"));
                                      }
                                    },
                                .certificate_file = ours_->server_certificate,
                                .key_file = ours_->server_key,
                                .client_ca_file = client_ca_file});
    request_.url = absl::StrCat("https://localhost:", server_->port(), "/");
    request_.ca_file = ours_->ca_file;
  }

  static TestCertificates* ours_;
  static TestCertificates* others_;
  const std::unique_ptr<HttpClient> client_ = NewHttpClient();
  HttpRequest request_;
  std::unique_ptr<RawServer> server_;
};

TestCertificates* ClientTlsTest::ours_ = nullptr;
TestCertificates* ClientTlsTest::others_ = nullptr;

TEST_F(ClientTlsTest, ServerOfTheNamedAuthorityIsTrusted) {
  Serve();
  const auto response = client_->Do(request_);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "secret");
}

TEST_F(ClientTlsTest, RedirectFromHttpsToHttpIsNotFollowed) {
  const auto plain = RawServer::Start({.serve = [](RawConnection& connection) {
    RawConnection::Request request;
    if (connection.Read(request)) connection.Send(HttpAnswer(200, "forged"));
  }});
  const std::string target = absl::StrCat("http://localhost:", plain->port(), "/");
  server_ = RawServer::Start(
      {.serve =
           [target](RawConnection& connection) {
             RawConnection::Request request;
             if (!connection.Read(request)) return;
             connection.Send(HttpAnswer(302, "", absl::StrCat("Location: ", target, "\r\n")));
           },
       .certificate_file = ours_->server_certificate,
       .key_file = ours_->server_key});
  request_.url = absl::StrCat("https://localhost:", server_->port(), "/");
  request_.ca_file = ours_->ca_file;
  request_.max_redirects = 5;
  const absl::Status status = client_->Do(request_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(target));
  EXPECT_EQ(plain->connections(), 0);
}

TEST_F(ClientTlsTest, ServerOfAnotherAuthorityIsNot) {
  Serve();
  for (const std::string& ca_file : {others_->ca_file, std::string(), std::string("/no/such/ca")}) {
    request_.ca_file = ca_file;
    const absl::Status status = client_->Do(request_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("certificate")) << ca_file;
  }
}

TEST_F(ClientTlsTest, ServerUnderAnotherNameIsNot) {
  Serve();
  request_.url = absl::StrCat("https://127.0.0.2:", server_->port(), "/");
  EXPECT_EQ(client_->Do(request_).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClientTlsTest, InsecureTrustsEverybody) {
  Serve();
  request_.ca_file = others_->ca_file;
  request_.insecure_ssl = true;
  EXPECT_TRUE(client_->Do(request_).ok());
  // The next one to get that handle does not.
  request_.insecure_ssl = false;
  EXPECT_EQ(client_->Do(request_).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClientTlsTest, ClientCertificateIsShown) {
  Serve(ours_->ca_file);
  EXPECT_FALSE(client_->Do(request_).ok());
  request_.certificate_file = ours_->client_certificate;
  request_.key_file = ours_->client_key;
  const auto response = client_->Do(request_);
  EXPECT_TRUE(response.ok()) << response.status();
  request_.certificate_file = others_->client_certificate;
  request_.key_file = others_->client_key;
  EXPECT_FALSE(client_->Do(request_).ok());
  request_.key_file = "/no/such/key";
  EXPECT_EQ(client_->Do(request_).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClientTlsTest, ContentTakesThePlaceOfFiles) {
  Serve(ours_->ca_file);
  request_.ca_file = request_.certificate_file = request_.key_file = "/no/such/file";
  request_.ca_pem = Secret(ReadFile(ours_->ca_file));
  request_.certificate_pem = Secret(ReadFile(ours_->client_certificate));
  request_.key_pem = Secret(ReadFile(ours_->client_key));
  const auto response = client_->Do(request_);
  EXPECT_TRUE(response.ok()) << response.status();
  request_.ca_pem = Secret(ReadFile(others_->ca_file));
  EXPECT_EQ(client_->Do(request_).status().code(), absl::StatusCode::kUnavailable);
  request_.ca_pem = Secret("no PEM");
  EXPECT_EQ(client_->Do(request_).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace gitops
