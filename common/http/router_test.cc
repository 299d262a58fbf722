#include "common/http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class HttpRouterTest : public ::testing::Test {
 protected:
  void Add(const std::string& method, const std::string& path) {
    const absl::Status status = router_.Add(method, path);
    ASSERT_TRUE(status.ok()) << status;
    routes_.push_back(method + " " + path);
  }

  // The route that answers, or why none does.
  std::string Route(const std::string& method, const std::string& path) {
    const auto match = router_.Find(method, path, &allowed_);
    if (!match.ok()) return absl::StatusCodeToString(match.status().code());
    parameters_ = match->parameters;
    return routes_[match->route];
  }

  HttpRouter router_;
  std::vector<std::string> routes_;
  std::map<std::string, std::string> parameters_;
  std::string allowed_;
};

TEST_F(HttpRouterTest, TheMostLiteralPathWins) {
  Add("GET", "/v1/hosts/{host}");
  Add("GET", "/v1/hosts/all");
  Add("GET", "/v1/{rest=**}");
  Add("GET", "/v1/hosts/{host}/services/{service}");
  EXPECT_EQ(Route("GET", "/v1/hosts/all"), "GET /v1/hosts/all");
  EXPECT_EQ(Route("GET", "/v1/hosts/web1"), "GET /v1/hosts/{host}");
  EXPECT_EQ(Route("GET", "/v1/hosts/all/services/app"), "GET /v1/hosts/{host}/services/{service}");
  EXPECT_THAT(parameters_, ElementsAre(Pair("host", "all"), Pair("service", "app")));
  EXPECT_EQ(Route("GET", "/v1/hosts/web1/nothing"), "GET /v1/{rest=**}");
  EXPECT_THAT(parameters_, ElementsAre(Pair("rest", "hosts/web1/nothing")));
}

TEST_F(HttpRouterTest, AParameterIsOneSegmentThatIsNotEmpty) {
  Add("GET", "/v1/hosts/{host}");
  EXPECT_EQ(Route("GET", "/v1/hosts/"), "NOT_FOUND");
  EXPECT_EQ(Route("GET", "/v1/hosts"), "NOT_FOUND");
  EXPECT_EQ(Route("GET", "/v1/hosts/a/"), "NOT_FOUND");
  EXPECT_EQ(Route("GET", "/v1//hosts/a"), "NOT_FOUND");
}

TEST_F(HttpRouterTest, AParameterIsDecodedAfterThePathWasSplit) {
  Add("GET", "/v1/services/{service}");
  EXPECT_EQ(Route("GET", "/v1/services/a%3Afreeze%2F%20b+c"), "GET /v1/services/{service}");
  EXPECT_THAT(parameters_, ElementsAre(Pair("service", "a:freeze/ b+c")));
  for (const char* broken : {"%", "%4", "%zz", "a%2"}) {
    EXPECT_EQ(Route("GET", std::string("/v1/services/") + broken), "INVALID_ARGUMENT") << broken;
  }
}

TEST_F(HttpRouterTest, TheRestOfAPathIsLeftAsItWasSent) {
  Add("GET", "/files/{rest=**}");
  EXPECT_EQ(Route("GET", "/files/a%2Fb:c/d"), "GET /files/{rest=**}");
  EXPECT_THAT(parameters_, ElementsAre(Pair("rest", "a%2Fb:c/d")));
  EXPECT_EQ(Route("GET", "/files"), "GET /files/{rest=**}");
  EXPECT_THAT(parameters_, ElementsAre(Pair("rest", "")));
  EXPECT_EQ(Route("GET", "/files/"), "GET /files/{rest=**}");
  EXPECT_EQ(Route("GET", "/filesystem"), "NOT_FOUND");
}

TEST_F(HttpRouterTest, AnotherMethodIsToldWhatThePathAnswers) {
  Add("GET", "/a");
  Add("POST", "/a");
  Add("DELETE", "/b");
  EXPECT_EQ(Route("HEAD", "/a"), "GET /a");
  EXPECT_EQ(Route("PUT", "/a"), "UNIMPLEMENTED");
  EXPECT_EQ(allowed_, "GET, HEAD, POST");
  EXPECT_EQ(Route("HEAD", "/b"), "UNIMPLEMENTED");
  EXPECT_EQ(allowed_, "DELETE");
  EXPECT_EQ(Route("PUT", "/c"), "NOT_FOUND");
}

TEST_F(HttpRouterTest, AStarTakesTheMethodsThatHaveNoRouteOfTheirOwn) {
  Add("GET", "/a/{rest=**}");
  Add("*", "/a/{rest=**}");
  EXPECT_EQ(Route("GET", "/a/b"), "GET /a/{rest=**}");
  EXPECT_EQ(Route("HEAD", "/a/b"), "GET /a/{rest=**}");
  EXPECT_EQ(Route("TRACE", "/a/b"), "* /a/{rest=**}");
  EXPECT_EQ(Route("brew", "/a/b"), "* /a/{rest=**}");
}

TEST_F(HttpRouterTest, RootIsAPath) {
  Add("GET", "/");
  EXPECT_EQ(Route("GET", "/"), "GET /");
  EXPECT_THAT(parameters_, IsEmpty());
}

TEST_F(HttpRouterTest, ALongPathCostsNoStack) {
  Add("GET", "/{rest=**}");
  std::string path;
  for (int i = 0; i < 1'000'000; ++i) path += "/a";
  EXPECT_EQ(Route("GET", path), "GET /{rest=**}");
}

TEST_F(HttpRouterTest, WrongRoutesAreRefused) {
  Add("GET", "/a/{x}");
  EXPECT_EQ(router_.Add("GET", "/a/{y}").code(), absl::StatusCode::kAlreadyExists);
  for (const char* bad : {"", "a", "/a/{}", "/a/{x=**}/b", "/a/b{x}"}) {
    EXPECT_EQ(router_.Add("PUT", bad).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(router_.Add("", "/a").code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace gitops
