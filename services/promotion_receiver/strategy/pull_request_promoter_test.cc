#include "services/promotion_receiver/strategy/pull_request_promoter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/path/temporary_directory.h"
#include "common/rpc/error.h"
#include "services/promotion_receiver/testing/fake_provider.h"

namespace gitops {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Code = absl::StatusCode;
using End = PromotionResult::End;

constexpr char kBranch[] = "promotion-shopping-search-prod";

std::string App(const std::string& version) {
  return absl::StrCat("a: 1\r\ntag: '", version,
                      "'\t# {\"$promotion\": \"shopping:search:prod\"}\r\nb: [x,  y]");
}

// Against the fake provider, with a real repository and real git over HTTP.
class PullRequestTest : public ::testing::TestWithParam<Provider> {
 protected:
  explicit PullRequestTest(Provider provider)
      : kind_(provider), provider_(provider, directory_.path()) {
    files_ = {{"apps/search.yaml", App("1.0.0")}, {"README", "x"}};
    Commit();
    StartAgain();
  }
  PullRequestTest() : PullRequestTest(GetParam()) {}

  // Like a restart of the program.
  void StartAgain() {
    promoter_ = NewPullRequestPromoter(
        {.directory = directory_ / "work",
         .runner = runner_.get(),
         .http = http_.get(),
         .secret = [this](const std::string& namespace_, const std::string& secret,
                          const std::string& key) -> absl::StatusOr<std::vector<Secret>> {
           const auto found = secrets_.find(absl::StrCat(namespace_, "/", secret, "/", key));
           if (found == secrets_.end()) return absl::NotFoundError("no such key");
           std::vector<Secret> values;
           for (const std::string& value : found->second) values.emplace_back(value);
           return values;
         }});
  }

  void Commit(bool on_top = true) { provider_.repository().CommitFiles(files_, "main", on_top); }
  std::string Git(const std::vector<std::string>& arguments) {
    return provider_.repository().Git(arguments);
  }
  std::string Tip(const std::string& branch = kBranch) {
    return Git({"for-each-ref", "--format=%(objectname)", "refs/heads/" + branch});
  }
  std::string Show(const std::string& format) {
    return Git({"log", "-1", "--format=" + format, kBranch});
  }

  PromotionOrder Order(const std::string& version, const std::string& id = "id-1") {
    PromotionOrder order;
    order.promotion.set_id(id);
    order.promotion.set_namespace_("shopping");
    order.promotion.set_pipeline("search");
    order.promotion.set_environment("prod");
    order.promotion.set_source_environment("dev");
    order.promotion.set_revision(version);
    order.promotion.set_version(version);
    order.promotion.mutable_create_time()->set_seconds(1'700'000'000);
    order.pipeline.namespace_ = "shopping";
    order.pipeline.name = "search";
    Environment prod{.name = "prod"};
    prod.promotion.strategy =
        PullRequestStrategy{.provider = kind_, .url = provider_.url(), .base_branch = base_};
    prod.promotion.secret = "git";
    order.pipeline.environments = {{.name = "dev"}, prod};
    return order;
  }
  absl::StatusOr<PromotionResult> Promote(const std::string& version,
                                          const std::string& id = "id-1") {
    return promoter_->Promote(Order(version, id));
  }
  // Fails the test if it does not succeed.
  PromotionResult MustPromote(const std::string& version, const std::string& id = "id-1") {
    auto result = Promote(version, id);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(PromotionResult{.end = End::kRejected});
  }

  // The next call of the API whose line contains `part` is answered with 500.
  void FailOnce(const std::string& part) {
    auto done = std::make_shared<std::atomic<bool>>(false);
    provider_.SetFault([=](const HttpServerRequest& request) -> std::optional<HttpServerResponse> {
      if (!absl::StrContains(request.method + " " + request.target, part) || done->exchange(true)) {
        return std::nullopt;
      }
      return HttpServerResponse{.status = 500, .body = "{}"};
    });
  }

  const Provider kind_;
  const TemporaryDirectory directory_;
  FakeProvider provider_;
  std::map<std::string, std::string> files_;
  std::string base_ = "main";
  // Newest first.
  std::map<std::string, std::vector<std::string>> secrets_ = {
      {"shopping/git/token", {"the-token"}}};
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  const std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
  std::unique_ptr<Promoter> promoter_;
};

class EachProviderTest : public PullRequestTest {};
INSTANTIATE_TEST_SUITE_P(Providers, EachProviderTest,
                         ::testing::Values(Provider::kGithub, Provider::kGitlab, Provider::kGitea,
                                           Provider::kBitbucketServer, Provider::kAzureDevops),
                         [](const auto& info) {
                           std::string name(NameOf(info.param));
                           std::erase(name, ' ');
                           return name;
                         });

TEST_P(EachProviderTest, OpensAPullRequestWithTheMarkedValueSetAndNothingElseChanged) {
  const PromotionResult result = MustPromote("1.1.0");
  EXPECT_EQ(result.end, End::kDone);
  ASSERT_EQ(provider_.requests().size(), 1);
  const FakeProvider::Request request = provider_.requests()[0];
  EXPECT_EQ(request.title, "Promote shopping/search in prod to 1.1.0");
  EXPECT_EQ(request.branch, kBranch);
  EXPECT_EQ(request.base, "main");
  EXPECT_THAT(result.result, HasSubstr(request.id));
  EXPECT_EQ(Git({"show", absl::StrCat(kBranch, ":apps/search.yaml")}), App("1.1.0"));
  EXPECT_EQ(Git({"diff", "--name-only", "main", kBranch}), "apps/search.yaml");
  EXPECT_EQ(Show("%an|%cn|%s"),
            "Promotion Server|Promotion Server|Promote shopping/search in prod to 1.1.0");
  EXPECT_EQ(Show("%(trailers:key=Promotion-Id,valueonly)"), "id-1");
  EXPECT_EQ(Show("%P"), Tip("main"));
}

TEST_P(EachProviderTest, TheSameVersionAgainChangesNothing) {
  const PromotionResult first = MustPromote("1.1.0");
  const std::string tip = Tip();
  const int pushes = provider_.CountCalls("git-receive-pack");
  StartAgain();
  const PromotionResult again = MustPromote("1.1.0");
  const PromotionResult other = MustPromote("1.1.0", "id-2");
  EXPECT_EQ(again.result, first.result);
  EXPECT_EQ(other.result, first.result);
  EXPECT_EQ(Tip(), tip);
  EXPECT_EQ(provider_.CountCalls("git-receive-pack"), pushes);
  EXPECT_EQ(provider_.requests().size(), 1);
}

TEST_P(EachProviderTest, ANewerVersionReplacesTheCommitAndTheTitle) {
  const PromotionResult first = MustPromote("1.1.0");
  const PromotionResult second = MustPromote("1.2.0", "id-2");
  EXPECT_EQ(second.result, first.result);
  ASSERT_EQ(provider_.requests().size(), 1);
  EXPECT_EQ(provider_.requests()[0].title, "Promote shopping/search in prod to 1.2.0");
  EXPECT_EQ(Git({"show", absl::StrCat(kBranch, ":apps/search.yaml")}), App("1.2.0"));
  EXPECT_EQ(Show("%P"), Tip("main"));
}

TEST_P(EachProviderTest, WhatWasInterruptedBetweenPushAndPullRequestIsCompleted) {
  FailOnce("POST ");
  EXPECT_EQ(Promote("1.1.0").status().code(), Code::kUnavailable);
  const std::string tip = Tip();
  ASSERT_THAT(tip, Not(IsEmpty()));
  EXPECT_THAT(provider_.requests(), IsEmpty());
  const int pushes = provider_.CountCalls("git-receive-pack");
  StartAgain();
  EXPECT_EQ(MustPromote("1.1.0").end, End::kDone);
  EXPECT_EQ(Tip(), tip);
  EXPECT_EQ(provider_.CountCalls("git-receive-pack"), pushes);
  EXPECT_EQ(provider_.requests().size(), 1);
}

TEST_P(EachProviderTest, APullRequestThatAPersonClosedRejectsItsVersionUntilItIsReplayed) {
  MustPromote("1.1.0");
  FakeProvider::Request closed = provider_.requests()[0];
  closed.state = "closed";
  provider_.Put(closed);
  const PromotionResult again = MustPromote("1.1.0");
  EXPECT_EQ(again.end, End::kRejected);
  EXPECT_THAT(again.message, HasSubstr("closed without being merged"));
  EXPECT_EQ(provider_.requests().size(), 1);

  EXPECT_EQ(MustPromote("1.2.0", "id-2").end, End::kDone) << "only that version is rejected";
  EXPECT_EQ(MustPromote("1.1.0", "id-3").end, End::kRejected) << "when it returns, too";
  EXPECT_EQ(provider_.requests().back().title, "Promote shopping/search in prod to 1.2.0");
  PromotionOrder replay = Order("1.1.0");
  replay.promotion.set_replayed(true);
  const auto replayed = promoter_->Promote(replay);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->end, End::kDone);
  EXPECT_EQ(provider_.requests().back().title, "Promote shopping/search in prod to 1.1.0");
}

TEST_P(EachProviderTest, ARevokedTokenFailsWithTheNameOfTheSecretAndNotTheToken) {
  secrets_["shopping/git/token"] = {"revoked-token"};
  const auto result = Promote("1.1.0");
  EXPECT_EQ(result.status().code(), Code::kUnauthenticated) << result.status();
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("shopping/git"));
  EXPECT_THAT(std::string(result.status().message()), Not(HasSubstr("revoked-token")));
}

TEST_P(EachProviderTest, ATokenThatIsNotValidYetLeavesTheOneItReplacedInUse) {
  secrets_["shopping/git/token"] = {"not-valid-yet", "older", "the-token"};
  EXPECT_EQ(MustPromote("1.1.0").end, End::kDone);
  EXPECT_EQ(provider_.requests().size(), 1);
  secrets_["shopping/git/token"] = {"the-token", "revoked-token"};
  const int calls = provider_.CountCalls("");
  EXPECT_EQ(MustPromote("1.1.0").end, End::kDone);
  EXPECT_LE(provider_.CountCalls("") - calls, calls) << "the newest is tried first";
}

TEST_P(EachProviderTest, UserAndPasswordAreUsedWhereNoTokenIsValid) {
  secrets_ = {{"shopping/git/token", {"revoked"}},
              {"shopping/git/username", {""}},
              {"shopping/git/password", {"the-token"}}};
  const auto result = Promote("1.1.0");
  // Only Azure DevOps takes a token as the password of its API.
  EXPECT_EQ(result.ok(), kind_ == Provider::kAzureDevops) << result.status();
  EXPECT_GE(provider_.CountCalls("git-upload-pack"), 1) << "git takes it everywhere";
}

TEST_P(EachProviderTest, IfNoTokenIsValidTheNewestOnesRefusalIsTold) {
  secrets_["shopping/git/token"] = {"new-token", "old-token"};
  secrets_["shopping/git/username"] = {"robot"};
  const auto result = Promote("1.1.0");
  EXPECT_EQ(result.status().code(), Code::kUnauthenticated) << result.status();
  const std::string message(result.status().message());
  EXPECT_THAT(message, HasSubstr("shopping/git"));
  EXPECT_THAT(message, Not(AnyOf(HasSubstr("new-token"), HasSubstr("old-token"))));
}

// What does not depend on the provider.
class PullRequestPromoterTest : public PullRequestTest {
 protected:
  PullRequestPromoterTest() : PullRequestTest(Provider::kGitea) {}
};
INSTANTIATE_TEST_SUITE_P(Gitea, PullRequestPromoterTest, ::testing::Values(Provider::kGitea));

TEST_P(PullRequestPromoterTest, AllMarkedFilesAreEditedAndOnlyRegularYamlFiles) {
  files_ = {{"a.yaml", App("1")},
            {"deep/er/b.yml", "+x" + App("1")},
            {"c.yaml.txt", App("1")},
            {"link.yaml", "->a.yaml"},
            {"other.yaml", "tag: 1 # {\"$promotion\": \"shopping:search:dev\"}\n"},
            {"\xc3\xbc \"q\"/d.yaml", App("1")},
            {".gitattributes", "*.yaml text eol=lf ident filter=x\n"}};
  Commit();
  MustPromote("2");
  EXPECT_EQ(Git({"-c", "core.quotePath=false", "diff", "--name-only", "-z", "main", kBranch}),
            std::string("a.yaml\0deep/er/b.yml\0\xc3\xbc \"q\"/d.yaml\0", 35));
  EXPECT_EQ(Git({"show", absl::StrCat(kBranch, ":deep/er/b.yml")}), App("2"));
  EXPECT_THAT(Git({"ls-tree", kBranch, "deep/er/b.yml"}), HasSubstr("100755"));
  EXPECT_THAT(Git({"ls-tree", kBranch, "link.yaml"}), HasSubstr("120000"));
}

TEST_P(PullRequestPromoterTest, AMovedBaseBranchGetsTheCommitAnew) {
  MustPromote("1.1.0");
  files_["README"] = "y";
  Commit();
  MustPromote("1.1.0");
  EXPECT_EQ(Show("%P"), Tip("main"));
  EXPECT_EQ(Git({"diff", "--name-only", "main", kBranch}), "apps/search.yaml");
}

TEST_P(PullRequestPromoterTest, AForcePushedBaseBranchGetsTheCommitAnew) {
  MustPromote("1.1.0");
  files_["README"] = "rewritten";
  Commit(/*on_top=*/false);
  EXPECT_EQ(MustPromote("1.1.0").end, End::kDone);
  EXPECT_EQ(Show("%P"), Tip("main"));
  EXPECT_EQ(Git({"rev-list", "--count", kBranch}), "2");
}

TEST_P(PullRequestPromoterTest, AVersionThatTheBaseHasNeedsNoPullRequest) {
  const PromotionResult result = MustPromote("1.0.0");
  EXPECT_EQ(result.end, End::kDone);
  EXPECT_THAT(result.message, HasSubstr("main has version 1.0.0 already"));
  EXPECT_THAT(Tip(), IsEmpty());
  MustPromote("1.1.0");
  EXPECT_THAT(MustPromote("1.0.0", "id-3").message,
              HasSubstr("is still open and would set another"));
}

TEST_P(PullRequestPromoterTest, WithoutAMarkerItFailsAndSaysWhatToWrite) {
  files_["apps/search.yaml"] = "tag: 1\n";
  Commit();
  const auto result = Promote("1.1.0");
  EXPECT_EQ(result.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("# {\"$promotion\": \"shopping:search:prod\"}"));
}

TEST_P(PullRequestPromoterTest, AFileThatCannotBeEditedFailsWithItsLineAndPushesNothing) {
  files_["bad.yaml"] = "a: 1\n" + absl::StrReplaceAll(App("1"), {{"tag:", "  tag: ["}});
  Commit();
  const auto result = Promote("1.1.0");
  EXPECT_EQ(result.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("bad.yaml:"));
  EXPECT_THAT(Tip(), IsEmpty());
}

TEST_P(PullRequestPromoterTest, ACommitOfSomebodyElseIsNotOverwritten) {
  MustPromote("1.1.0");
  provider_.repository().CommitFiles({{"apps/search.yaml", "by hand"}}, kBranch);
  const std::string theirs = Tip();
  const auto result = Promote("1.2.0", "id-2");
  EXPECT_EQ(result.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr(theirs));
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("T <t@example>"));
  EXPECT_EQ(Tip(), theirs);
}

TEST_P(PullRequestPromoterTest, ACommitThatArrivesBeforeThePushIsNotOverwritten) {
  MustPromote("1.1.0");
  std::atomic<bool> arrived = false;
  provider_.SetFault(
      [&](const HttpServerRequest& request) -> std::optional<HttpServerResponse> {
        if (absl::StrContains(request.query, "git-receive-pack") && !arrived.exchange(true)) {
          provider_.repository().CommitFiles({{"x", "by hand"}}, kBranch);
        }
        return std::nullopt;
      },
      /*git=*/true);
  EXPECT_EQ(Promote("1.2.0", "id-2").status().code(), Code::kAborted);
  EXPECT_EQ(Show("%cn"), "T");
  EXPECT_EQ(Promote("1.2.0", "id-2").status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(Show("%cn"), "T");
}

TEST_P(PullRequestPromoterTest, APushThatTheRemoteRefusesFailsWithItsWords) {
  const std::string hook = provider_.repository().path() + "/hooks/pre-receive";
  std::filesystem::create_directories(std::filesystem::path(hook).parent_path());
  std::ofstream(hook) << "#!/bin/sh\necho 'branch is protected' >&2\nexit 1\n";
  ASSERT_EQ(chmod(hook.c_str(), 0755), 0);
  const auto result = Promote("1.1.0");
  EXPECT_EQ(result.status().code(), Code::kFailedPrecondition) << result.status();
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("pre-receive hook declined"));
  EXPECT_THAT(provider_.requests(), IsEmpty());
}

TEST_P(PullRequestPromoterTest, AMissingBaseBranchIsNamed) {
  base_ = "release";
  const auto result = Promote("1.1.0");
  EXPECT_EQ(result.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("release"));
}

TEST_P(PullRequestPromoterTest, APageInPlaceOfTheRepositoryIsNotTakenForAMissingBranch) {
  provider_.SetFault(
      [](const HttpServerRequest&) {
        return HttpServerResponse{.body = "<html>Sign in</html>", .content_type = "text/html"};
      },
      /*git=*/true);
  EXPECT_EQ(Promote("1.1.0").status().code(), Code::kUnavailable);
  provider_.SetFault({}, /*git=*/true);
  EXPECT_EQ(MustPromote("1.1.0").end, End::kDone);
}

TEST_P(PullRequestPromoterTest, ARemoteThatIsDownIsTriedAgain) {
  provider_.SetFault(
      [](const HttpServerRequest&) { return HttpServerResponse{.status = 503, .body = "down"}; },
      /*git=*/true);
  EXPECT_EQ(Promote("1.1.0").status().code(), Code::kUnavailable);
  provider_.SetFault({}, /*git=*/true);
  FailOnce("GET ");
  EXPECT_EQ(Promote("1.1.0").status().code(), Code::kUnavailable);
  EXPECT_THAT(Tip(), IsEmpty()) << "nothing is pushed before it is known that it was not rejected";
  EXPECT_EQ(MustPromote("1.1.0").end, End::kDone);
}

TEST_P(PullRequestPromoterTest, OneThatIsOpenedMeanwhileIsTakenOver) {
  provider_.SetFault([&](const HttpServerRequest& request) -> std::optional<HttpServerResponse> {
    if (request.method == "POST") {
      provider_.Put({.title = "by somebody", .branch = kBranch, .base = "main"});
    }
    return std::nullopt;
  });
  EXPECT_EQ(MustPromote("1.1.0").end, End::kDone);
  ASSERT_EQ(provider_.requests().size(), 1);
  EXPECT_EQ(provider_.requests()[0].title, "Promote shopping/search in prod to 1.1.0");
}

TEST_P(PullRequestPromoterTest, ASecretWithoutATokenFailsAndNamesTheKeys) {
  secrets_.clear();
  const auto result = Promote("1.1.0");
  EXPECT_EQ(result.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("the secret shopping/git has neither the key token, nor username and "
                        "password"));
  EXPECT_THAT(provider_.calls(), IsEmpty());
}

TEST_P(PullRequestPromoterTest, APipelineThatChangedItsStrategyFailsTheOrder) {
  PromotionOrder order = Order("1.1.0");
  order.pipeline.environments[1].promotion.strategy = NotificationStrategy{};
  EXPECT_EQ(promoter_->Promote(order).status().code(), Code::kFailedPrecondition);
}

TEST_P(PullRequestPromoterTest, GivingUpEndsItWithoutAPush) {
  PromotionOrder order = Order("1.1.0");
  order.give_up = [] { return true; };
  EXPECT_EQ(promoter_->Promote(order).status().code(), Code::kCancelled);
  EXPECT_THAT(Tip(), IsEmpty());
}

TEST_P(PullRequestPromoterTest, NothingIsLeftOnTheDisk) {
  MustPromote("1.1.0");
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "work"));
  std::filesystem::create_directories(directory_ / "work/crashed");
  StartAgain();
  EXPECT_FALSE(std::filesystem::exists(directory_ / "work/crashed"));
}

}  // namespace
}  // namespace gitops
