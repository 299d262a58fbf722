#include "agent/nix/hydra.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/nix/fake_hydra.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPath[] = "/nix/store/5kygizyc20g98rhqd50gijykcgcmaw7s-web";

class HydraTest : public ::testing::Test {
 protected:
  HydraTest() { directory_.Write("netrc", "machine elsewhere login a password b\n"); }

  Hydra Client() const { return Hydra({.http = http_.get(), .netrc_file = directory_ / "netrc"}); }
  absl::StatusOr<HydraBuild> Latest(const std::string& job = "web") const {
    return Client().Latest(server_.JobUri(job), {});
  }
  std::string Message() const { return std::string(Latest().status().message()); }

  const TemporaryDirectory directory_;
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  FakeHydra server_;
};

TEST_F(HydraTest, LatestIsTheNewestSuccessfulBuildThroughTheRedirect) {
  server_.Evaluate({{"web", kPath}});
  server_.Evaluate({{"web", "/nix/store/other", 1}});
  server_.Evaluate({{"web", "/nix/store/another", std::nullopt}});
  const auto build = Latest();
  ASSERT_TRUE(build.ok()) << build.status();
  EXPECT_EQ(build->id, 101);
  EXPECT_TRUE(Succeeded(*build));
  EXPECT_EQ(*OutputOf(*build, "/nix/store"), kPath);
  EXPECT_THAT(server_.targets(), ElementsAre("/job/proj/main/web/latest", "/build/101"));
}

TEST_F(HydraTest, ABuildThatFailsAfterItWasLatestIsNoLongerLatest) {
  server_.Evaluate({{"web", kPath}});
  server_.Evaluate({{"web", "/nix/store/other", 0}});
  EXPECT_EQ(Latest()->id, 102);
  server_.Finish(102, 1);
  EXPECT_EQ(Latest()->id, 101);
}

TEST_F(HydraTest, NoBuildYetIsNotFoundWithWhatHydraSays) {
  server_.Evaluate({{"other", kPath}, {"web", "/nix/store/x", std::nullopt}});
  const absl::Status status = Latest().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("/job/proj/main/web/latest"), HasSubstr("no successful build")));
}

TEST_F(HydraTest, ARenamedJobsetIsFollowed) {
  server_.Evaluate({{"web", kPath}});
  server_.RenamedFrom("old");
  const auto build = Client().Latest(server_.url() + "/job/proj/old/web", {});
  ASSERT_TRUE(build.ok()) << build.status();
  EXPECT_EQ(build->id, 101);
}

TEST_F(HydraTest, TheNetrcsLoginIsUsedAndReadAgain) {
  server_.Evaluate({{"web", kPath}});
  server_.RequireLogin("me", "hunter2");
  const absl::Status refused = Latest().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnauthenticated) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("netrc_file"));
  directory_.Write("netrc", "machine 127.0.0.1 login me password hunter2\n");
  EXPECT_TRUE(Latest().ok()) << Latest().status();
  directory_.Write("netrc", "machine 127.0.0.1 login me password wrong\n");
  const absl::Status wrong = Latest().status();
  EXPECT_EQ(wrong.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(wrong.message()), Not(HasSubstr("wrong")));
}

TEST_F(HydraTest, TheLoginIsNotSentToAnotherServer) {
  directory_.Write("netrc", "machine 127.0.0.1 login me password hunter2\n");
  FakeHydra other;
  other.RequireLogin("me", "hunter2");
  other.Evaluate({{"web", kPath}});
  server_.Answer("/job/proj/main/web/latest",
                 {.status = 302,
                  .body = "",
                  .content_type = "",
                  .headers = {{"Location", other.url() + "/build/101"}}});
  EXPECT_EQ(Latest().status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(other.CountOf("/build/101"), 1);
}

TEST_F(HydraTest, ANetrcThatCannotBeReadIsAnErrorAndNoRequestIsSent) {
  const Hydra hydra({.http = http_.get(), .netrc_file = directory_ / "none"});
  const absl::Status status = hydra.Latest(server_.JobUri("web"), {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("netrc_file"), HasSubstr(directory_ / "none")));
  EXPECT_THAT(server_.targets(), ElementsAre());
}

TEST_F(HydraTest, TheLoginOfTheUrlIsUsedAndNeverShown) {
  server_.Evaluate({{"web", kPath}});
  server_.RequireLogin("me", "hunter2");
  const std::string with_login =
      absl::StrCat("http://me:hunter2@", server_.url().substr(7), "/job/proj/main/web");
  EXPECT_TRUE(Client().Latest(with_login, {}).ok());
  server_.Answer("/job/proj/main/web/latest", {.status = 500, .body = "", .headers = {}});
  const absl::Status status = Client().Latest(with_login, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2")));
}

TEST_F(HydraTest, OneConnectionServesAllRequests) {
  server_.Evaluate({{"web", kPath}, {"db", "/nix/store/db"}});
  for (const char* job : {"web", "db", "web"}) ASSERT_TRUE(Latest(job).ok());
  EXPECT_EQ(server_.targets().size(), 6);
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(HydraTest, FaultsOfTheServerHaveTheirCodes) {
  const std::string json = R"({"id": 1, "finished": 1, "buildstatus": 0, "buildoutputs": {)";
  const struct {
    const char* name;
    HttpServerResponse answer;
    absl::StatusCode code;
    const char* message;
  } cases[] = {
      {"500",
       {.status = 500, .body = "<html>", .headers = {}},
       absl::StatusCode::kUnavailable,
       "it answered 500"},
      {"503 with JSON",
       {.status = 503, .body = R"({"error": "down for\nmaintenance"})", .headers = {}},
       absl::StatusCode::kUnavailable,
       "503: down for"},
      {"429", {.status = 429, .body = "", .headers = {}}, absl::StatusCode::kUnavailable, "429"},
      {"403", {.status = 403, .body = "", .headers = {}}, absl::StatusCode::kPermissionDenied, ""},
      {"HTML",
       {.status = 200, .body = "<!DOCTYPE html>", .headers = {}},
       absl::StatusCode::kDataLoss,
       "not JSON of a build"},
      {"cut JSON",
       {.status = 200, .body = json, .headers = {}},
       absl::StatusCode::kDataLoss,
       "not JSON of a build"},
      {"10 MB",
       {.status = 200, .body = std::string(10'000'000, ' ') + "{}", .headers = {}},
       absl::StatusCode::kResourceExhausted,
       "longer than 1048576 bytes"},
      {"204", {.status = 204, .body = "", .headers = {}}, absl::StatusCode::kUnavailable, "204"},
      {"redirects in a circle",
       {.status = 302, .body = "", .headers = {{"Location", "/job/proj/main/web/latest"}}},
       absl::StatusCode::kFailedPrecondition,
       "more than 5 times"},
      {"a file",
       {.status = 302, .body = "", .headers = {{"Location", "file:///etc/shadow"}}},
       absl::StatusCode::kFailedPrecondition,
       "file:///etc/shadow"},
  };
  for (const auto& c : cases) {
    server_.Answer("/job/proj/main/web/latest", c.answer);
    const absl::Status status = Latest().status();
    EXPECT_EQ(status.code(), c.code) << c.name << ": " << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(c.message), HasSubstr("/job/proj/main/web/latest")))
        << c.name;
  }
}

TEST_F(HydraTest, AServerThatIsDownIsUnavailable) {
  auto gone = std::make_unique<FakeHydra>();
  const std::string uri = gone->JobUri("web");
  gone.reset();
  EXPECT_EQ(Client().Latest(uri, {}).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HydraTest, ARequestedStopEndsTheCall) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Client().Latest(server_.JobUri("web"), stop.get_token()).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(ParseJobUri, TakesTheUrlApart) {
  const HydraJob job{"https://u:p@h.example/ci", "proj", "main", "web"};
  EXPECT_EQ(*ParseJobUri("https://u:p@h.example/ci/job/proj/main/web"), job);
  EXPECT_EQ(*ParseJobUri("https://u:p@h.example/ci/job/proj/main/web//"), job);
  EXPECT_EQ(ParseJobUri("http://h:1/job/a/b/job")->base, "http://h:1");
}

TEST(ParseJobUri, RefusesOtherFormsWithoutShowingALogin) {
  for (const char* uri :
       {"", "https://h", "https://me:pw@h/project/a", "https://h/job/a/b", "https://h/job/a/b/c/d",
        "https://h/job//b/c", "https://h/jobs/a/b/c", "https://h/job/a/b/c?x=1", "job/a/b/c"}) {
    const absl::Status status = ParseJobUri(uri).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << uri;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("/job/PROJECT/JOBSET/JOB"), Not(HasSubstr("pw"))));
  }
}

}  // namespace
}  // namespace gitops
