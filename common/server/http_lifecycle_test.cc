#include "common/server/http_lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "common/http/raw_client.h"
#include "common/server/signals.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

Settings HttpSettings(const std::map<std::string, std::string>& changes = {}) {
  Settings settings;
  for (const char* name : {"address-file", "metrics-listen", "tls-dir"}) {
    settings.values[name] = {"", "default", false};
  }
  settings.values["listen"] = {"127.0.0.1:0", "default", false};
  settings.values["insecure"] = {"false", "default", false};
  settings.values["log-format"] = {"text", "default", false};
  settings.values["log-level"] = {"info", "default", false};
  settings.values["audit-to"] = {"", "default", false};
  settings.values["audit-keep"] = {"9600h", "default", false};
  settings.values["audit-size"] = {"256", "default", false};
  for (const auto& [name, value] : changes) {
    settings.values[name] = {value, absl::StrCat("--", name), true};
  }
  return settings;
}

class HttpLifecycleTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { BlockSignals(); }

  absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const Settings& settings) {
    HttpProcessOptions options;
    options.process.program = "gitops-gateway";
    options.process.metrics = &metrics_;
    options.routes = [](StatusPages pages) {
      std::vector<HttpRoute> routes = StatusRoutes(std::move(pages));
      routes.push_back({.method = "GET",
                        .path = "/own",
                        .handler = RespondWith([](const HttpServerRequest&) -> HttpServerResponse {
                          return {.status = 200, .body = "own"};
                        })});
      return routes;
    };
    return StartHttpProcess(settings, std::move(options));
  }

  // The status and body of a page.
  std::string Page(const std::string& address, const std::string& path) {
    const auto response = client_->Do({.url = absl::StrCat("http://", address, path)});
    return response.ok() ? absl::StrCat(response->status, " ", response->body)
                         : response.status().ToString();
  }

  Metrics metrics_{"gateway"};
  const std::unique_ptr<HttpClient> client_ = NewHttpClient();
};

TEST_F(HttpLifecycleTest, ServesItsRoutesAndStatusPagesAtOneAddress) {
  const std::string file = ::testing::TempDir() + "addresses";
  const auto process = Start(HttpSettings({{"address-file", file}}));
  ASSERT_TRUE(process.ok()) << process.status();
  const std::string address = (*process)->addresses().http;
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  EXPECT_EQ(text.str(), absl::StrCat("http=", address, "\n"));
  EXPECT_EQ(Page(address, "/own"), "200 own");
  EXPECT_EQ(Page(address, "/readyz"), "503 starting");
  (*process)->SetReady(absl::OkStatus());
  EXPECT_EQ(Page(address, "/readyz"), "200 ok");
  EXPECT_THAT(Page(address, "/metrics"), HasSubstr("component=\"gateway\""));
}

TEST_F(HttpLifecycleTest, SigtermEndsIt) {
  const auto process = Start(HttpSettings());
  ASSERT_TRUE(process.ok()) << process.status();
  const std::string address = (*process)->addresses().http;
  kill(getpid(), SIGTERM);
  EXPECT_EQ((*process)->Run(), 0);
  EXPECT_THAT(Page(address, "/own"), HasSubstr("UNAVAILABLE"));
}

TEST_F(HttpLifecycleTest, SeveralAddressesAreServed) {
  char directory[] = "/tmp/gitops-test.XXXXXX";  // a socket's path is short
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string socket = absl::StrCat("unix:", directory, "/s");
  auto process = Start(HttpSettings({{"listen", absl::StrCat("127.0.0.1:0,", socket)}}));
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(Page((*process)->addresses().http, "/own"), "200 own");
  RawClient client(socket);
  client.Send("GET /own HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), HasSubstr("own"));
  process->reset();
  rmdir(directory);
}

TEST_F(HttpLifecycleTest, PlainTextToOtherMachinesNeedsInsecureOrTls) {
  EXPECT_TRUE(absl::IsFailedPrecondition(
      CheckHttpServerSettings(HttpSettings({{"listen", "127.0.0.1:0,0.0.0.0:0"}}))));
  EXPECT_TRUE(
      CheckHttpServerSettings(HttpSettings({{"listen", "0.0.0.0:0"}, {"insecure", "true"}})).ok());
  EXPECT_TRUE(
      CheckHttpServerSettings(HttpSettings({{"listen", "0.0.0.0:0"}, {"tls-dir", "/x"}})).ok());
}

TEST_F(HttpLifecycleTest, AMissingCertificateIsNamed) {
  const absl::Status status = Start(HttpSettings({{"tls-dir", "/no/such"}})).status();
  EXPECT_EQ(ExitStatus(status), 2);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/no/such/tls.crt"));
}

TEST_F(HttpLifecycleTest, AnAddressThatIsNoneIsRefused) {
  for (const auto& [name, value] :
       {std::pair("listen", ""), {"listen", "nonsense"}, {"metrics-listen", "x:y"}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckHttpServerSettings(HttpSettings({{name, value}}))))
        << name << " " << value;
  }
}

}  // namespace
}  // namespace gitops
