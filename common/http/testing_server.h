#ifndef GITOPS_COMMON_HTTP_TESTING_SERVER_H_
#define GITOPS_COMMON_HTTP_TESTING_SERVER_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "common/http/raw_client.h"
#include "common/http/server.h"

namespace gitops {

// A fixture with a server on a port of loopback. Timeouts are long: a test of a timeout has to set
// it.
class TestingServer : public ::testing::Test {
 protected:
  TestingServer() {
    options_.listen = {"127.0.0.1:0"};
    options_.idle_timeout = options_.read_timeout = options_.write_timeout = absl::Minutes(5);
  }

  void Route(HttpRoute route) { options_.routes.push_back(std::move(route)); }

  void Start() {
    server_.reset();
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(options_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  const std::string& address() const { return server_->addresses()[0]; }

  // Sends a request on a new connection, and returns everything until the server closes it.
  static std::string AskAt(const std::string& address, const std::string& request) {
    RawClient client(address);
    client.Send(request);
    return client.ReadAll();
  }
  std::string Ask(const std::string& request) const { return AskAt(address(), request); }

  HttpServerOptions options_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_TESTING_SERVER_H_
