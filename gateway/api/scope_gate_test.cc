#include "gateway/api/scope_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "gateway/api/api_fixture.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The token "web" has on = ["web*"], "prod" has tagged = ["prod"]; both mean web1 and web2.
class ScopeGateTest : public ApiFixture {
 protected:
  std::string As(const std::string& token, const std::string& line, const std::string& body = "") {
    return Ask(absl::StrCat(line, " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ", token,
                            "\r\nConnection: close\r\nContent-Length: ", body.size(), "\r\n\r\n",
                            body));
  }
  static testing::Matcher<std::string> IsDenied() {
    return AllOf(HasSubstr("HTTP/1.1 403"), HasSubstr("\"reason\":\"PERMISSION_DENIED\""),
                 HasSubstr("is limited to hosts (on, tagged)"));
  }
};

TEST_F(ScopeGateTest, AHostOutsideIsRefusedWhateverIsAskedOfIt) {
  StartApi();
  for (const char* token : {"web", "prod"}) {
    EXPECT_THAT(As(token, "GET /v1/hosts/web1"), HasSubstr("HTTP/1.1 200")) << token;
    EXPECT_THAT(As(token, "GET /v1/hosts/web1/services/nginx"), HasSubstr("HTTP/1.1 200"));
    for (const char* line :
         {"GET /v1/hosts/db1", "GET /v1/hosts/db1/services/nginx", "GET /v1/hosts/none",
          "POST /v1/hosts/db1/services/nginx:freeze", "POST /v1/locks/db1:break"}) {
      EXPECT_THAT(As(token, line), IsDenied()) << line;
    }
  }
}

TEST_F(ScopeGateTest, ASelectionIsNarrowed) {
  StartApi();
  const struct {
    const char* token;
    const char* asked;
    const char* called;
  } cases[] = {
      {"web", R"({"all":true})", R"(on: "web*" all: true)"},
      {"prod", R"({"all":true})", R"(tagged: "prod" all: true)"},
      {"web", R"({"on":["web1","db1"]})", R"(on: "web1")"},
      {"web", R"({"tagged":["prod"]})", R"(on: "web*" tagged: "prod")"},
      {"prod", R"({"on":["db1","web*"]})", R"(on: "db1" on: "web*" tagged: "prod")"},
      {"prod", R"({"tagged":["prod"],"limit":1})", R"(tagged: "prod" limit: 1)"},
  };
  for (const auto& c : cases) {
    const std::string answer =
        As(c.token, "POST /v1/services/nginx:pull", absl::StrCat("{\"selection\":", c.asked, "}"));
    EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200")) << c.asked;
    EXPECT_EQ(planner_.seen(), c.called) << c.asked;
  }
}

TEST_F(ScopeGateTest, ASelectionOfOtherHostsAloneIsRefused) {
  StartApi();
  EXPECT_THAT(As("web", "POST /v1/services/nginx:pull", R"({"selection":{"on":["db1"]}})"),
              IsDenied());
  EXPECT_EQ(planner_.seen(), "") << "the planner was not asked to pull";
}

TEST_F(ScopeGateTest, AllHostsOfTheTokenNeedAllAsTheWholeFleetDoes) {
  StartApi();
  for (const char* line : {"POST /v1/services/nginx:pull", "POST /v1/services/nginx:freeze"}) {
    EXPECT_THAT(As("web", line, "{}"),
                AllOf(HasSubstr("HTTP/1.1 400"), HasSubstr("selection.all")));
  }
  EXPECT_THAT(As("prod", "POST /v1/deployments", R"({"spec":{"actions":["push"]}})"),
              HasSubstr("HTTP/1.1 400"));
}

TEST_F(ScopeGateTest, AListHasTheHostsOfTheToken) {
  StartApi();
  for (const char* token : {"web", "prod"}) {
    const std::string answer = As(token, "GET /v1/hosts?pageToken=1");
    EXPECT_THAT(answer, HasSubstr("web1")) << token;
    EXPECT_THAT(As(token, "GET /v1/hosts"), Not(HasSubstr("db1"))) << token;
  }
  EXPECT_THAT(As("operator", "GET /v1/hosts"), HasSubstr("db1"));
}

TEST_F(ScopeGateTest, PlansAndDeploymentsOfOtherHostsAreRefused) {
  StartApi();
  EXPECT_THAT(As("prod", "GET /v1/plans/P/hosts"), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(As("prod", "GET /v1/deployments/D"),
              AllOf(HasSubstr("HTTP/1.1 200"), Not(HasSubstr("told of every host"))));
  EXPECT_THAT(As("operator", "GET /v1/deployments/D"), HasSubstr("told of every host"));
  for (const char* line :
       {"GET /v1/plans/P-all", "GET /v1/plans/P-all/hosts", "GET /v1/deployments/D-all",
        "GET /v1/deployments/D-all/hosts", "GET /v1/deployments/D-all:watch",
        "POST /v1/deployments/D-all:cancel", "POST /v1/deployments/D-all:resume",
        "POST /v1/deployments/D-all:rollback"}) {
    EXPECT_THAT(As("prod", line), IsDenied()) << line;
  }
  EXPECT_THAT(As("prod", "POST /v1/deployments", R"({"planToken":"P-all"})"), IsDenied());
  EXPECT_THAT(As("prod", "POST /v1/deployments", R"({"planToken":"P"})"),
              HasSubstr("HTTP/1.1 200"));
}

TEST_F(ScopeGateTest, APlanToWhichAHookAddsAHostIsRefused) {
  StartApi();
  const std::string plan =
      As("prod", "POST /v1/plans", R"({"spec":{"selection":{"on":["web1"]}}})");
  EXPECT_THAT(plan, AllOf(HasSubstr("HTTP/1.1 200"), HasSubstr("\"token\":\"P\""),
                          Not(HasSubstr("told of every host"))));
  EXPECT_EQ(planner_.seen(), R"(on: "web1" tagged: "prod")");
  // The fake's hook adds db1 to it.
  const std::string two = R"({"spec":{"selection":{"on":["web1","web2"]}}})";
  EXPECT_THAT(As("prod", "POST /v1/plans", two), IsDenied());
  EXPECT_THAT(As("prod", "POST /v1/deployments", two), IsDenied());
}

TEST_F(ScopeGateTest, ASpecIsDeployedAsThePlanThatWasChecked) {
  StartApi();
  const std::string answer = As("prod", "POST /v1/deployments",
                                R"({"spec":{"selection":{"on":["web1"]}},"requestId":"k"})");
  EXPECT_THAT(answer, AllOf(HasSubstr("\"id\":\"k\""), HasSubstr("\"reason\":\"P\"")));
}

TEST_F(ScopeGateTest, WhatIsAboutEveryHostIsRefused) {
  StartApi();
  for (const char* line : {"GET /v1/deployments", "GET /v1/deployments:watch", "GET /v1/locks",
                           "GET /v1/pipelines", "GET /v1/events", "GET /v1/damagedRecords"}) {
    EXPECT_THAT(As("web", line), IsDenied()) << line;
  }
}

TEST_F(ScopeGateTest, WithoutAPlannerNothingIsAllowed) {
  api_.planner = nullptr;
  api_.agent = Dial(agent_server_->address(), "agent", Reason::kHostUnreachable);
  StartApi();
  EXPECT_THAT(As("web", "GET /v1/hosts/only/services/nginx"),
              AllOf(HasSubstr("HTTP/1.1 503"), HasSubstr("PLANNER_UNREACHABLE")));
}

}  // namespace
}  // namespace gitops
