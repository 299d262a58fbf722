#include "gateway/front/issuer_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/http/testing_server.h"
#include "common/jwt/signer.h"
#include "common/path/temporary_directory.h"
#include "common/rpc/error.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kAudience[] = "https://gitops.example";
constexpr char kRules[] = R"(
[[issuers.rules]]
claims = { repository = "acme/ops", ref = "{refs/heads/main,refs/tags/v*}" }
role = "operator"
on = ["web*"]
[[issuers.rules]]
claims = { repository = "acme/*" }
role = "viewer"
)";

// An issuer on this machine whose answers a test may change, and the gateway's side.
class IssuerKeysTest : public TestingServer {
 protected:
  IssuerKeysTest() {
    Route({.method = "GET",
           .path = "/.well-known/openid-configuration",
           .handler = [this](std::unique_ptr<HttpExchange> exchange) {
             Answer(*exchange, discovery_);
           }});
    Route({.method = "GET",
           .path = "/keys",
           .handler = [this](std::unique_ptr<HttpExchange> exchange) {
             ++asked_;
             Answer(*exchange, keys_);
           }});
    Start();
    issuer_ = absl::StrCat("http://", address());
    Serve(signer_);
    SetDiscovery({{"issuer", issuer_}, {"jwks_uri", issuer_ + "/keys"}});
  }
  ~IssuerKeysTest() override {
    subject_.reset();
    server_.reset();
  }

  void Serve(const JwtSigner& signer) {
    MutexLock lock(mutex_);
    keys_ = signer.KeySetText();
  }
  void SetKeys(const std::string& text) {
    MutexLock lock(mutex_);
    keys_ = text;
  }
  void SetDiscovery(const json& document) {
    MutexLock lock(mutex_);
    discovery_ = document.dump();
  }

  void Begin(const std::string& more = "") { Begin(issuer_, more); }
  void Begin(const std::string& issuer, const std::string& more) {
    const auto tokens =
        Tokens::Parse(absl::StrCat("[[issuers]]\nname = \"ci\"\nissuer = \"", issuer,
                                   "\"\naudience = \"", kAudience, "\"\n", more, kRules),
                      "tokens.toml");
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    subject_.emplace([tokens = std::make_shared<const Tokens>(*tokens)] { return tokens; }, &clock_,
                     scheduler_.get(), http_.get());
  }

  std::string TokenOf(const JwtSigner& signer, const json& changed = json::object()) {
    json claims = {{"iss", issuer_},
                   {"aud", kAudience},
                   {"sub", "repo:acme/ops:ref:refs/heads/main"},
                   {"repository", "acme/ops"},
                   {"ref", "refs/heads/main"},
                   {"exp", absl::ToUnixSeconds(clock_.Now()) + 300}};
    claims.update(changed);
    return signer.Sign(claims);
  }
  absl::StatusOr<Token> Identify(const json& changed = json::object()) {
    return subject_->Identify(TokenOf(signer_, changed));
  }
  // Once the keys that are being fetched are there, and the next time is set.
  void Advance(absl::Duration by) {
    ASSERT_TRUE(clock_.AwaitWaiters(1));
    clock_.Advance(by);
  }
  bool HasKeys() { return !absl::IsUnavailable(Identify().status()); }

  FakeClock clock_;
  const JwtSigner signer_{JwtAlgorithm::kEs256};
  std::string issuer_;
  std::atomic<int> asked_ = 0;
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  const std::unique_ptr<Scheduler> scheduler_ = NewScheduler(&clock_, 1);
  std::optional<IssuerKeys> subject_;

 private:
  void Answer(HttpExchange& exchange, const std::string& body) {
    MutexLock lock(mutex_);
    exchange.Respond({.status = body.empty() ? 500 : 200, .body = body});
  }

  Mutex mutex_;
  std::string discovery_, keys_;
};

TEST_F(IssuerKeysTest, ATokenGetsTheRoleAndTheHostsOfTheFirstRuleThatItsClaimsMatch) {
  Begin();
  ASSERT_TRUE(Eventually([&] { return HasKeys(); }));
  const absl::StatusOr<Token> main = Identify();
  ASSERT_TRUE(main.ok()) << main.status();
  EXPECT_EQ(main->name, "ci:repo:acme/ops:ref:refs/heads/main");
  EXPECT_EQ(main->role, Role::kOperator);
  EXPECT_THAT(main->scope.on, ElementsAre("web*"));
  const absl::StatusOr<Token> other = Identify({{"ref", "refs/heads/try"}});
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->role, Role::kViewer);
  EXPECT_TRUE(other->scope.everything());
}

TEST_F(IssuerKeysTest, ATokenThatNoRuleAdmitsIsTold) {
  Begin();
  ASSERT_TRUE(Eventually([&] { return HasKeys(); }));
  for (const json& changed : {json{{"repository", "evil/ops"}}, json{{"repository", nullptr}},
                              json{{"repository", {{"acme", "ops"}}}}}) {
    const absl::Status refused = Identify(changed).status();
    EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("ci:repo:acme/ops"));
  }
}

TEST_F(IssuerKeysTest, ASubjectCannotPoseAsAnotherName) {
  Begin();
  ASSERT_TRUE(Eventually([&] { return HasKeys(); }));
  const absl::StatusOr<Token> token = Identify({{"sub", "alice (127.0.0.1)\n%41"}});
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->name, "ci:alice%20%28127.0.0.1%29%0A%2541");
}

TEST_F(IssuerKeysTest, WhatIsNotOfTheIssuerOrNotForUsIsRefused) {
  Begin();
  ASSERT_TRUE(Eventually([&] { return HasKeys(); }));
  EXPECT_TRUE(absl::IsUnauthenticated(Identify({{"iss", issuer_ + "/"}}).status()));
  EXPECT_TRUE(absl::IsUnauthenticated(Identify({{"aud", "other"}}).status()));
  EXPECT_TRUE(absl::IsUnauthenticated(Identify({{"exp", 1}}).status()));
  EXPECT_TRUE(absl::IsUnauthenticated(subject_->Identify("eyJ.eyJ.eyJ").status()));
}

TEST_F(IssuerKeysTest, NewKeysAreAskedForWhenATokenNamesOneButNotMoreOftenThanAllowed) {
  Begin();
  ASSERT_TRUE(Eventually([&] { return HasKeys(); }));
  const JwtSigner next(JwtAlgorithm::kEdDsa, "key-2");
  Serve(next);
  const std::string token = TokenOf(next);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(absl::IsUnavailable(subject_->Identify(token).status()));
  }
  EXPECT_EQ(asked_, 1);
  Advance(kShortestKeyRefresh);
  ASSERT_TRUE(Eventually([&] { return subject_->Identify(token).ok(); }));
  EXPECT_EQ(asked_, 2);
}

TEST_F(IssuerKeysTest, KeysAreKeptWhileTheIssuerAnswersNothingUseful) {
  Begin();
  ASSERT_TRUE(Eventually([&] { return HasKeys(); }));
  for (const char* answer : {"", "<html>", R"({"keys":[]})"}) {
    SetKeys(answer);
    const int before = asked_;
    Advance(kKeyRefresh);
    ASSERT_TRUE(Eventually([&] { return asked_ > before; }));
    EXPECT_TRUE(Identify().ok()) << answer;
  }
}

TEST_F(IssuerKeysTest, UntilThereAreKeysTheAnswerSaysWhyNot) {
  SetDiscovery({{"issuer", "https://other.example"}, {"jwks_uri", issuer_ + "/keys"}});
  Begin();
  ASSERT_TRUE(Eventually([&] {
    const absl::Status refused = Identify().status();
    return absl::IsUnavailable(refused) &&
           std::string(refused.message()).find("about another issuer") != std::string::npos;
  }));
  SetDiscovery({{"issuer", issuer_}, {"jwks_uri", "http://keys.example/keys"}});
  Advance(kShortestKeyRefresh);
  EXPECT_TRUE(Eventually([&] {
    return std::string(Identify().status().message()).find("must come over https") !=
           std::string::npos;
  }));
}

TEST_F(IssuerKeysTest, KeysMayBeInAFile) {
  const TemporaryDirectory directory;
  directory.Write("keys.json", signer_.KeySetText());
  issuer_ = "https://kubernetes.default.svc";
  Begin(issuer_, absl::StrCat("jwks_file = \"", directory / "keys.json", "\"\n"));
  ASSERT_TRUE(Eventually([&] { return HasKeys(); }));
  EXPECT_TRUE(Identify().ok());
  EXPECT_EQ(asked_, 0);
}

std::string FaultsOf(const std::string& text) {
  return std::string(Tokens::Parse(text, "t").status().message());
}

TEST(IssuersTest, FaultsOfTheFileAreReported) {
  const std::string row =
      "[[issuers]]\nname = \"ci\"\nissuer = \"https://ci.example\"\n"
      "audience = \"a\"\n";
  EXPECT_EQ(FaultsOf(row + kRules), "");
  EXPECT_THAT(FaultsOf(row), HasSubstr("without one nobody is admitted"));
  EXPECT_THAT(FaultsOf(row + "[[issuers.rules]]\nrole = \"viewer\"\n"),
              AllOf(HasSubstr("t:5"), HasSubstr("would admit everybody")));
  EXPECT_THAT(FaultsOf(row + "[[issuers.rules]]\nclaims = { a = \"[\" }\n"),
              AllOf(HasSubstr("role"), HasSubstr("a: ")));
  EXPECT_THAT(FaultsOf(row + kRules + row + kRules),
              AllOf(HasSubstr("same name"), HasSubstr("same issuer")));
  EXPECT_THAT(FaultsOf(row + "audiences = [\"a\"]\n" + kRules), HasSubstr("audiences"));
  EXPECT_THAT(FaultsOf("[[issuers]]\nname = \"ci\"\nissuer = \"ftp://x\"\naudience = \"a\"\n" +
                       std::string(kRules)),
              HasSubstr("jwks_file"));
}

TEST(IssuersTest, AClaimMayBeBelowOthersOrAList) {
  const auto tokens = Tokens::Parse(
      "[[issuers]]\nname = \"ci\"\nissuer = \"https://ci.example\"\naudience = \"a\"\n"
      "[[issuers.rules]]\nrole = \"viewer\"\n"
      "claims = { \"/kubernetes.io/namespace\" = \"prod\", groups = \"ops\", verified = \"true\" "
      "}\n",
      "t");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  const JwtSigner signer(JwtAlgorithm::kEdDsa);
  const auto admitted = [&](const json& claims) {
    return FindRule(tokens->issuers()[0], *Jwt::Parse(signer.Sign(claims))).ok();
  };
  const json good = {
      {"kubernetes.io", {{"namespace", "prod"}}}, {"groups", {"dev", "ops"}}, {"verified", true}};
  EXPECT_TRUE(admitted(good));
  for (const json& changed :
       {json{{"kubernetes.io", "prod"}}, json{{"groups", {"dev"}}}, json{{"verified", false}}}) {
    json claims = good;
    claims.update(changed);
    EXPECT_FALSE(admitted(claims)) << changed;
  }
}

}  // namespace
}  // namespace gitops
