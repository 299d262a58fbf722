#include "services/promotion_receiver/provider/pull_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/http/raw_server.h"
#include "common/path/temporary_directory.h"
#include "common/rpc/error.h"
#include "services/promotion_receiver/testing/fake_provider.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Code = absl::StatusCode;
using State = PullRequest::State;

const PullRequestBranches kBranches{.branch = "promotion-a-b-c", .base = "main"};

// The same for each provider.
class PullRequestsTest : public ::testing::TestWithParam<Provider> {
 protected:
  PullRequestsTest() {
    provider_.repository().CommitFiles({{"a", "1"}});
    provider_.repository().CommitFiles({{"a", "2"}}, kBranches.branch);
  }

  std::unique_ptr<PullRequests> Client(const std::string& token = "the-token") {
    return NewPullRequests({.provider = GetParam(),
                            .address = AddressOf(GetParam(), provider_.url()).value(),
                            .login = {.token = Secret(token)},
                            .http = http_.get(),
                            .give_up = nullptr});
  }
  absl::StatusOr<std::vector<PullRequest>> List() { return Client()->List(kBranches); }

  // Each call is answered so from now on.
  void AnswerAll(int status, const std::string& body, HttpHeaders headers = {},
                 const std::string& type = "application/json") {
    provider_.SetFault([=](const HttpServerRequest&) {
      return HttpServerResponse{
          .status = status, .body = body, .content_type = type, .headers = headers};
    });
  }

  const TemporaryDirectory directory_;
  FakeProvider provider_{GetParam(), directory_.path()};
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
};

INSTANTIATE_TEST_SUITE_P(Providers, PullRequestsTest,
                         ::testing::Values(Provider::kGithub, Provider::kGitlab, Provider::kGitea,
                                           Provider::kBitbucketServer, Provider::kAzureDevops),
                         [](const auto& info) {
                           std::string name(NameOf(info.param));
                           std::erase(name, ' ');
                           return name;
                         });

TEST_P(PullRequestsTest, AnOpenedOneIsListedWithItsTitleAndAddress) {
  EXPECT_THAT(*List(), IsEmpty());
  const auto opened = Client()->Open(kBranches, "Promote a/b", "Why");
  ASSERT_TRUE(opened.ok()) << opened.status();
  const auto listed = List();
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 1);
  EXPECT_EQ((*listed)[0].title, "Promote a/b");
  EXPECT_EQ((*listed)[0].state, State::kOpen);
  EXPECT_EQ((*listed)[0].url, opened->url);
  EXPECT_THAT(opened->url, HasSubstr("http://127.0.0.1"));
  EXPECT_EQ(provider_.requests()[0].description, "Why");
}

TEST_P(PullRequestsTest, TheTitleIsChangedAndNothingElse) {
  provider_.Put({.title = "Promote to 1",
                 .branch = kBranches.branch,
                 .base = "main",
                 .description = "Why",
                 .version = 3,
                 .reviewers = {"alice", "bob"}});
  ASSERT_EQ(Client()->SetTitle((*List())[0], "Promote to 2"), absl::OkStatus());
  const FakeProvider::Request request = provider_.requests()[0];
  EXPECT_EQ(request.title, "Promote to 2");
  EXPECT_EQ(request.description, "Why");
  EXPECT_THAT(request.reviewers, ElementsAre("alice", "bob"));
}

TEST_P(PullRequestsTest, MergedAndClosedOnesAreToldApart) {
  for (const char* state : {"closed", "merged", "open"}) {
    provider_.Put({.title = state, .branch = kBranches.branch, .base = "main", .state = state});
  }
  const auto listed = List();
  ASSERT_TRUE(listed.ok()) << listed.status();
  std::map<std::string, State> states;
  for (const PullRequest& each : *listed) states[each.title] = each.state;
  EXPECT_EQ(states,
            (std::map<std::string, State>{
                {"closed", State::kClosed}, {"merged", State::kMerged}, {"open", State::kOpen}}));
}

TEST_P(PullRequestsTest, OthersOfOtherBranchesAndForksAreNotOurs) {
  provider_.Put({.title = "x", .branch = "other", .base = "main"});
  provider_.Put({.title = "x", .branch = kBranches.branch, .base = "release"});
  provider_.Put({.title = "x", .branch = kBranches.branch, .base = "main", .from_fork = true});
  EXPECT_THAT(*List(), IsEmpty());
}

TEST_P(PullRequestsTest, OneIsFoundAmongHundredsOfOthers) {
  provider_.Put({.title = "ours", .branch = kBranches.branch, .base = "main"});
  for (int i = 0; i < 230; ++i) {
    provider_.Put({.title = "x", .branch = absl::StrCat("b", i), .base = "main"});
  }
  ASSERT_EQ(List()->size(), 1);
  EXPECT_EQ((*List())[0].title, "ours");
}

TEST_P(PullRequestsTest, ASecondOneIsRefusedInTheProvidersWords) {
  provider_.Put({.title = "x", .branch = kBranches.branch, .base = "main"});
  const auto opened = Client()->Open(kBranches, "y", "");
  EXPECT_EQ(opened.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("already exists"));
}

TEST_P(PullRequestsTest, ARevokedTokenIsUnauthenticatedAndNotInTheMessage) {
  const auto listed = Client("revoked-token")->List(kBranches);
  EXPECT_EQ(listed.status().code(), Code::kUnauthenticated) << listed.status();
  EXPECT_THAT(std::string(listed.status().message()), HasSubstr("put a new one into the secret"));
  EXPECT_THAT(std::string(listed.status().message()), Not(HasSubstr("revoked-token")));
}

TEST_P(PullRequestsTest, ARateLimitIsHonoured) {
  AnswerAll(429, "{}", {{"Retry-After", "7"}});
  EXPECT_EQ(List().status().code(), Code::kResourceExhausted);
  EXPECT_EQ(RetryDelayOf(List().status()), absl::Seconds(7));
  AnswerAll(403, R"({"message": "You have exceeded a secondary rate limit"})");
  EXPECT_EQ(RetryDelayOf(List().status()), absl::Minutes(1));
}

TEST_P(PullRequestsTest, HtmlAndOtherNonsenseIsTriedAgainLater) {
  AnswerAll(200, "<html>Down for maintenance</html>", {}, "text/html");
  EXPECT_EQ(List().status().code(), Code::kUnavailable);
  EXPECT_THAT(std::string(List().status().message()), HasSubstr("Down for maintenance"));
  AnswerAll(502, "<html>Bad gateway</html>", {}, "text/html");
  EXPECT_EQ(List().status().code(), Code::kUnavailable);
  for (const char* body :
       {"", "7", "\"x\"", "{\"values\": 1, \"value\": {}}", "[1, null, [], {\"head\": 1}"}) {
    AnswerAll(200, body);
    EXPECT_EQ(List().status().code(), Code::kUnavailable) << body;
  }
  AnswerAll(201, "{}");
  EXPECT_EQ(Client()->Open(kBranches, "t", "").status().code(), Code::kUnavailable);
}

TEST_P(PullRequestsTest, ElementsOfAnotherFormAreSkipped) {
  const std::string list =
      R"([1, null, {"head": 1, "fromRef": [], "sourceRefName": {}, "source_branch": null}])";
  AnswerAll(200, GetParam() == Provider::kBitbucketServer ? R"({"values": )" + list + "}"
                 : GetParam() == Provider::kAzureDevops   ? R"({"value": )" + list + "}"
                                                          : list);
  ASSERT_TRUE(List().ok()) << List().status();
  EXPECT_THAT(*List(), IsEmpty());
}

TEST_P(PullRequestsTest, AProviderThatIsDownOrSlowIsUnavailable) {
  const auto silent = RawServer::Start(
      {.serve = [](RawConnection& connection) { connection.WaitForClose(absl::Minutes(1)); }});
  const auto ask = [&](int port) {
    RepositoryAddress address = AddressOf(GetParam(), provider_.url()).value();
    const size_t path = address.api.find('/', address.api.find("://") + 3);
    address.api = absl::StrCat("http://127.0.0.1:", port, address.api.substr(path));
    return NewPullRequests({.provider = GetParam(),
                            .address = address,
                            .login = {.token = Secret("x")},
                            .http = http_.get(),
                            .timeout = absl::Milliseconds(200),
                            .give_up = nullptr})
        ->List(kBranches)
        .status()
        .code();
  };
  EXPECT_EQ(ask(ClosedPort()), Code::kUnavailable);
  EXPECT_EQ(ask(silent->port()), Code::kDeadlineExceeded);
}

class BitbucketTest : public PullRequestsTest {};
INSTANTIATE_TEST_SUITE_P(Only, BitbucketTest, ::testing::Values(Provider::kBitbucketServer));

TEST_P(BitbucketTest, AnUpdateThatLostToAnotherReadsTheNewVersionAndKeepsItsReviewers) {
  provider_.Put({.title = "1", .branch = kBranches.branch, .base = "main", .reviewers = {"alice"}});
  const PullRequest ours = (*List())[0];
  // Somebody adds a reviewer between our reading and our writing, twice.
  std::atomic<int> races = 2;
  provider_.SetFault([&](const HttpServerRequest& request) -> std::optional<HttpServerResponse> {
    if (request.method == "PUT" && races-- > 0) {
      FakeProvider::Request changed = provider_.requests()[0];
      changed.reviewers.push_back("bob");
      ++changed.version;
      provider_.Put(changed);
    }
    return std::nullopt;
  });
  ASSERT_EQ(Client()->SetTitle(ours, "2"), absl::OkStatus());
  EXPECT_EQ(provider_.requests()[0].title, "2");
  EXPECT_THAT(provider_.requests()[0].reviewers, ElementsAre("alice", "bob", "bob"));
}

TEST_P(BitbucketTest, AnUpdateThatAlwaysLosesIsAborted) {
  provider_.Put({.title = "1", .branch = kBranches.branch, .base = "main"});
  const PullRequest ours = (*List())[0];
  provider_.SetFault([&](const HttpServerRequest& request) -> std::optional<HttpServerResponse> {
    if (request.method == "GET") return std::nullopt;
    return HttpServerResponse{.status = 409, .body = "{}"};
  });
  EXPECT_EQ(Client()->SetTitle(ours, "2").code(), Code::kAborted);
}

class GitlabTest : public PullRequestsTest {};
INSTANTIATE_TEST_SUITE_P(Only, GitlabTest, ::testing::Values(Provider::kGitlab));

TEST_P(GitlabTest, ADraftStaysADraft) {
  provider_.Put({.title = "Draft: 1", .branch = kBranches.branch, .base = "main"});
  EXPECT_EQ((*List())[0].title, "1");
  ASSERT_EQ(Client()->SetTitle((*List())[0], "2"), absl::OkStatus());
  EXPECT_EQ(provider_.requests()[0].title, "Draft: 2");
}

}  // namespace
}  // namespace gitops
