#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "common/http/hmac.h"
#include "common/path/temporary_directory.h"
#include "examples/hooks/files.h"
#include "examples/hooks/freeze_window.h"
#include "examples/hooks/haproxy.h"
#include "examples/hooks/server.h"

namespace gitops::examples {
namespace {

using ::testing::HasSubstr;

constexpr char kWeb1[] = R"({"host":"web1","actions":["sync"]})";

// The hooks behind a real server, called as the dispatcher calls them.
class Endpoints : public ::testing::Test {
 protected:
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }

  void Serve(Hooks hooks, Secret key = Secret()) {
    auto server = ServeHooks("127.0.0.1:0", std::move(hooks), std::move(key));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  HttpResponse Call(const std::string& path, const std::string& point, const std::string& body,
                    const std::string& deployment = "d1", const std::string& result = "",
                    const std::string& signature = "") {
    HttpRequest request;
    request.method = "POST";
    request.url = absl::StrCat("http://", server_->addresses()[0], path);
    request.headers = {{"Content-Type", "application/json"},
                       {"X-Gitops-Point", point},
                       {"X-Gitops-Deployment", deployment},
                       {"X-Gitops-Result", result}};
    if (!signature.empty()) request.headers.emplace_back("X-Signature", signature);
    request.body = body;
    const auto response = NewHttpClient()->Do(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : HttpResponse();
  }

  TemporaryDirectory directory_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(Endpoints, ALockKeepsOtherDeploymentsOutUntilItIsGivenBack) {
  Serve({{"/lock", LockHook(directory_.path())}});
  EXPECT_EQ(Call("/lock", "pre-deploy", kWeb1, "d1").status, 200);
  EXPECT_EQ(Call("/lock", "pre-deploy", kWeb1, "d1").status, 200) << "a repeated request";
  const HttpResponse refused = Call("/lock", "pre-deploy", kWeb1, "d2");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("web1 is locked by \"d1\""));
  EXPECT_EQ(Call("/lock", "post-deploy", kWeb1, "d2", "failed").status, 200);
  EXPECT_EQ(directory_.Read("web1"), "d1") << "another's lock is not given back";
  EXPECT_EQ(Call("/lock", "post-deploy", kWeb1, "d1", "ok").status, 200);
  EXPECT_EQ(Call("/lock", "pre-deploy", kWeb1, "d2").status, 200);
}

TEST_F(Endpoints, TheSkipListLeavesHostsOut) {
  directory_.Write("skip", "# being repaired\nweb1   # until Friday\n");
  Serve({{"/skip", SkipListHook(directory_ / "skip")}});
  EXPECT_EQ(Call("/skip", "post-select",
                 R"([{"host":"web1","actions":["sync"]},{"host":"web2","actions":["sync"]}])")
                .body,
            R"([{"actions":["sync"],"host":"web2"}])");
  EXPECT_EQ(Call("/skip", "pre-deploy", kWeb1).body, R"({"actions":["skip"],"host":"web1"})");
  directory_.Write("skip", "");
  EXPECT_EQ(Call("/skip", "pre-deploy", kWeb1).body, R"({"actions":["sync"],"host":"web1"})");
}

TEST_F(Endpoints, MaintenanceEndsWhenTheHostIsWell) {
  Serve({{"/m", MaintenanceHook(directory_.path())}});
  Call("/m", "pre-deploy", kWeb1);
  Call("/m", "post-deploy", kWeb1, "d1", "ok");
  Call("/m", "post-healthchecks", kWeb1, "d1", "failed");
  EXPECT_TRUE(directory_.Has("web1"));
  Call("/m", "post-healthchecks", kWeb1, "d1", "ok");
  EXPECT_FALSE(directory_.Has("web1"));
}

TEST_F(Endpoints, AHostNameIsNeverAPathNorACommand) {
  Serve({{"/lock", LockHook(directory_.path())},
         {"/drain", DrainHook({.socket = "/nonexistent", .backend = "b"})}});
  for (const char* name : {"../x", "a/b", "", ".hidden", "web1; shutdown", "web1\\n"}) {
    const std::string body = absl::StrCat(R"({"host":")", name, R"(","actions":[]})");
    EXPECT_EQ(Call("/lock", "pre-deploy", body).status, 400) << name;
    EXPECT_EQ(Call("/drain", "pre-deploy", body).status, 400) << name;
  }
}

TEST_F(Endpoints, ALoadBalancerThatCannotBeAskedStopsTheDeployment) {
  Serve({{"/drain", DrainHook({.socket = "/nonexistent", .backend = "b"})}});
  EXPECT_EQ(Call("/drain", "pre-deploy", kWeb1).status, 503);
}

TEST_F(Endpoints, OnlySignedRequestsAreHeardWhereThereIsAKey) {
  const Secret key("k");
  Serve({{"/lock", LockHook(directory_.path())}}, key);
  EXPECT_EQ(Call("/lock", "pre-deploy", kWeb1).status, 401);
  const auto signature = Sign("sha256", key, kWeb1);
  EXPECT_EQ(Call("/lock", "pre-deploy", kWeb1, "d1", "", *signature).status, 200);
}

TEST_F(Endpoints, WhatIsNoPayloadIsRefused) {
  Serve({{"/lock", LockHook(directory_.path())}});
  for (const char* body : {"", "x", "1", "{}", R"([1])", R"({"host":1,"actions":[]})",
                           R"({"host":"web1","actions":[1]})"}) {
    EXPECT_EQ(Call("/lock", "pre-deploy", body).status, 400) << body;
  }
  EXPECT_EQ(Call("/other", "pre-deploy", kWeb1).status, 404);
  EXPECT_EQ(Call("/lock", "pre-deploy", std::string(2 << 20, ' ')).status, 413);
}

TEST(FreezeWindowTest, HoldsFromItsBeginToItsEndAndOverTheWeeksEnd) {
  const auto at = [](int day, int hour, int minute) {  // 2026-11-23 is a Monday
    return absl::FromCivil(absl::CivilSecond(2026, 11, 23 + day, hour, minute, 0),
                           absl::UTCTimeZone());
  };
  const auto weekend = ParseFreezeWindow("Fri 16:00-Mon 08:00");
  ASSERT_TRUE(weekend.ok()) << weekend.status();
  EXPECT_FALSE(weekend->Holds(at(4, 15, 59)));
  EXPECT_TRUE(weekend->Holds(at(4, 16, 0)));
  EXPECT_TRUE(weekend->Holds(at(6, 12, 0)));
  EXPECT_TRUE(weekend->Holds(at(0, 7, 59)));
  EXPECT_FALSE(weekend->Holds(at(0, 8, 0)));
  for (const char* bad : {"", "Fri", "Fri 16:00", "Fri 24:00-Mon 08:00", "Foo 1:00-Mon 2:00"}) {
    EXPECT_FALSE(ParseFreezeWindow(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace gitops::examples
