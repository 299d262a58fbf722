#include "services/planner/check/host_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

constexpr char kAddress[] = "web1.example:8004";

// Answers each URL as configured, or with 200, and keeps the requests.
class FakeHttp final : public HttpClient {
 public:
  absl::StatusOr<HttpResponse> Do(const HttpRequest& request) override {
    MutexLock lock(mutex_);
    requests_.push_back(request);
    if (too_long_ != 0) {
      request.partial->status = too_long_;
      return absl::ResourceExhaustedError("the body is too long");
    }
    HttpResponse response;
    response.status = status_;
    if (const auto location = redirects_.find(request.url); location != redirects_.end()) {
      response.status = 302;
      response.headers["location"] = location->second;
    }
    return response;
  }

  void Answer(int status) {
    MutexLock lock(mutex_);
    status_ = status;
  }
  void AnswerTooLong(int status) {
    MutexLock lock(mutex_);
    too_long_ = status;
  }
  void Redirect(const std::string& url, const std::string& location) {
    MutexLock lock(mutex_);
    redirects_[url] = location;
  }
  std::vector<HttpRequest> requests() {
    MutexLock lock(mutex_);
    return requests_;
  }

 private:
  Mutex mutex_;
  int status_ ABSL_GUARDED_BY(mutex_) = 200;
  int too_long_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::string> redirects_ ABSL_GUARDED_BY(mutex_);
  std::vector<HttpRequest> requests_ ABSL_GUARDED_BY(mutex_);
};

// Answers each command as configured, or with success. Away: it cannot be reached.
class FakeChecks final : public CheckCaller {
 public:
  void Set(const std::vector<std::string>& cmd, int exit_status, const std::string& output = "") {
    MutexLock lock(mutex_);
    v1::RunCheckResponse& answer = answers_[cmd];
    answer.set_exit_status(exit_status);
    answer.set_output(output);
  }
  void SetAway(bool away) {
    MutexLock lock(mutex_);
    away_ = away;
  }
  int run() {
    MutexLock lock(mutex_);
    return run_;
  }

  absl::StatusOr<v1::RunCheckResponse> RunCheck(const AgentAddress& address,
                                                const v1::RunCheckRequest& request) override {
    MutexLock lock(mutex_);
    ++run_;
    if (away_) return absl::UnavailableError("cannot reach the agent at " + address.address);
    return answers_[{request.cmd().begin(), request.cmd().end()}];
  }

 private:
  Mutex mutex_;
  bool away_ ABSL_GUARDED_BY(mutex_) = false;
  int run_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::vector<std::string>, v1::RunCheckResponse> answers_ ABSL_GUARDED_BY(mutex_);
};

class HostChecksTest : public ::testing::Test {
 protected:
  HostChecksTest() { host_.name = "web1"; }

  // For checks that succeed: the clock stands still.
  absl::Status Run(v1::RunCheckRequest::Kind kind = v1::RunCheckRequest::KIND_HEALTH,
                   const std::string& address = kAddress) {
    return checks_->Run(host_, address, kind, absl::Seconds(60), nullptr, &output_, nullptr);
  }

  // A bad check is tried, and the time that is given is over.
  absl::Status RunBriefly() {
    output_.clear();
    return NewHostChecks(&agents_, &http_, Clock::System())
        ->Run(host_, kAddress, v1::RunCheckRequest::KIND_HEALTH, absl::Milliseconds(20), nullptr,
              &output_, nullptr);
  }

  FakeChecks agents_;
  FakeHttp http_;
  FakeClock clock_;
  HostSpec host_;
  std::string output_;
  const std::unique_ptr<HostChecks> checks_ = NewHostChecks(&agents_, &http_, &clock_);
};

TEST_F(HostChecksTest, AHostWithoutChecksIsHealthy) { EXPECT_TRUE(Run().ok()); }

TEST_F(HostChecksTest, UrlsAreMadeOfTheCheckAndTheHostsAddress) {
  struct Case {
    HttpCheckSpec check;
    std::string address, url;
  };
  const std::vector<Case> cases = {
      {{}, kAddress, "http://web1.example:80/"},
      {{.scheme = "https", .path = "/healthz?deep=1", .port = 8443},
       kAddress,
       "https://web1.example:8443/healthz?deep=1"},
      {{.host = "lb.example"}, kAddress, "http://lb.example:80/"},
      {{.port = 8080}, "[fd00::7]:8004", "http://[fd00::7]:8080/"},
      {{.host = "fd00::8"}, kAddress, "http://[fd00::8]:80/"},
      {{}, "unix:/run/gitops/agent.sock", "http://localhost:80/"},
  };
  for (const Case& c : cases) {
    host_.health_checks.http = {c.check};
    EXPECT_TRUE(Run(v1::RunCheckRequest::KIND_HEALTH, c.address).ok());
    EXPECT_EQ(http_.requests().back().url, c.url);
  }
}

TEST_F(HostChecksTest, HeadersTimeoutAndTrustGoIntoTheRequest) {
  host_.health_checks.http = {{.headers = {{"Host", "www.example"}, {"X-Probe", "1"}},
                               .timeout = absl::Seconds(3),
                               .insecure_ssl = true}};
  EXPECT_TRUE(Run().ok());
  const HttpRequest request = http_.requests().back();
  EXPECT_EQ(request.method, "GET");
  EXPECT_THAT(request.headers, ElementsAre(Pair("Host", "www.example"), Pair("X-Probe", "1")));
  EXPECT_GT(request.timeout, absl::Seconds(2));
  EXPECT_LE(request.timeout, absl::Seconds(3));
  EXPECT_TRUE(request.insecure_ssl);
}

TEST_F(HostChecksTest, Only2xxSucceeds) {
  host_.health_checks.http = {{}};
  for (const int status : {200, 204, 299}) {
    http_.Answer(status);
    EXPECT_TRUE(RunBriefly().ok()) << status;
  }
  for (const int status : {199, 301, 302, 404, 500, 503}) {
    http_.Answer(status);
    const absl::Status result = RunBriefly();
    EXPECT_EQ(result.code(), absl::StatusCode::kDeadlineExceeded) << status;
    EXPECT_THAT(std::string(result.message()), HasSubstr(absl::StrCat("it answered ", status)));
  }
}

TEST_F(HostChecksTest, ALongBodyDoesNotMatter) {
  host_.health_checks.http = {{}};
  http_.AnswerTooLong(200);
  EXPECT_TRUE(RunBriefly().ok());
  http_.AnswerTooLong(500);
  EXPECT_FALSE(RunBriefly().ok());
}

TEST_F(HostChecksTest, AQueryIsNotTold) {
  host_.health_checks.http = {{.description = "front page", .path = "/?token=hush"}};
  http_.Answer(500);
  const absl::Status status = RunBriefly();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("front page (http http://web1.example:80/): it answered 500"));
  EXPECT_THAT(absl::StrCat(status.ToString(), output_), Not(HasSubstr("hush")));
}

TEST_F(HostChecksTest, CommandsRunOnTheHostByTheirKind) {
  host_.health_checks.cmd = {{.description = "", .cmd = {"false"}}};
  host_.pre_deploy_checks.cmd = {{.description = "", .cmd = {"true"}}};
  agents_.Set({"false"}, 3, "it is\nnot well\n");
  EXPECT_TRUE(Run(v1::RunCheckRequest::KIND_PRE_DEPLOY).ok());
  EXPECT_EQ(agents_.run(), 1);
  const absl::Status status = RunBriefly();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("cmd false: exit status 3: it is | not well"));
}

TEST_F(HostChecksTest, ACommandThatWasKilledAtItsTimeoutFails) {
  host_.health_checks.cmd = {{.description = "slow", .cmd = {"sleep", "9"}}};
  agents_.Set({"sleep", "9"}, -1);
  EXPECT_THAT(std::string(RunBriefly().message()), HasSubstr("not done in time"));
}

TEST_F(HostChecksTest, AnAgentThatIsAwayIsAFailedTry) {
  host_.health_checks.cmd = {{.description = "", .cmd = {"true"}}};
  agents_.SetAway(true);
  EXPECT_THAT(std::string(RunBriefly().message()), HasSubstr("cannot reach the agent"));
  agents_.SetAway(false);
  EXPECT_TRUE(RunBriefly().ok());
}

TEST_F(HostChecksTest, ALongOutputIsCut) {
  host_.health_checks.cmd = {{.description = "", .cmd = {"noisy"}}};
  agents_.Set({"noisy"}, 1, std::string(4096, 'x') + "the reason");
  EXPECT_FALSE(RunBriefly().ok());
  EXPECT_LT(output_.size(), 1500u);
  EXPECT_THAT(output_, HasSubstr("the reason"));
}

TEST_F(HostChecksTest, RedirectsAreFollowedWithinTheSameSchemeAndHost) {
  host_.health_checks.http = {{.path = "/a", .headers = {{"X-Probe", "1"}}}};
  http_.Redirect("http://web1.example:80/a", "/b?x=1");
  http_.Redirect("http://web1.example:80/b?x=1", "http://WEB1.example:8080/c");
  EXPECT_TRUE(Run().ok());
  const std::vector<HttpRequest> requests = http_.requests();
  ASSERT_EQ(requests.size(), 3);
  EXPECT_EQ(requests[1].url, "http://web1.example:80/b?x=1");
  EXPECT_EQ(requests[2].url, "http://WEB1.example:8080/c");
  EXPECT_THAT(requests[2].headers, ElementsAre(Pair("X-Probe", "1")));
}

TEST_F(HostChecksTest, ARedirectElsewhereFailsAndNamesTheTarget) {
  host_.health_checks.http = {{}};
  for (const char* target :
       {"https://web1.example/", "http://other.example/", "//other.example/"}) {
    http_.Redirect("http://web1.example:80/", target);
    EXPECT_THAT(std::string(RunBriefly().message()),
                HasSubstr("it redirects to another scheme or host, which is not followed: http"))
        << target;
  }
  for (const HttpRequest& request : http_.requests()) {
    EXPECT_EQ(request.url, "http://web1.example:80/");
  }
}

TEST_F(HostChecksTest, RedirectsEndAfterFive) {
  host_.health_checks.http = {{.period = absl::Seconds(9)}};
  http_.Redirect("http://web1.example:80/", "/");
  EXPECT_THAT(std::string(RunBriefly().message()), HasSubstr("it redirects more than 5 times"));
  EXPECT_EQ(http_.requests().size(), 6);
}

TEST_F(HostChecksTest, RedirectsAreNotFollowedWhereTheConfigSaysSo) {
  host_.health_checks.http = {{.period = absl::Seconds(9), .follow_redirects = false}};
  http_.Redirect("http://web1.example:80/", "/b");
  EXPECT_THAT(std::string(RunBriefly().message()), HasSubstr("it answered 302, not 2xx"));
  EXPECT_EQ(http_.requests().size(), 1);
}

}  // namespace
}  // namespace gitops
