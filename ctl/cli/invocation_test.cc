#include "ctl/cli/invocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace gitops::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

// `line` is split at single blanks.
absl::StatusOr<Invocation> Parse(const std::string& line, const Variables& variables = {}) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  return ParseInvocation(words, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

TEST(InvocationTest, EveryFormIsUnderstood) {
  const struct {
    const char* line;
    CommandId command;
    const char* arguments;  // joined with commas
  } kCases[] = {
      {"list services @web1", CommandId::kListServices, ""},
      {"list machines @web1", CommandId::kListMachines, ""},
      {"get service nginx @web1", CommandId::kGetService, "nginx"},
      {"freeze nginx @web1", CommandId::kFreeze, "nginx"},
      {"unfreeze nginx @web1", CommandId::kUnfreeze, "nginx"},
      {"pull nginx @web1", CommandId::kPull, "nginx"},
      {"rollback nginx 8df1b3db @web1", CommandId::kRollback, "nginx,8df1b3db"},
      {"diff nginx @web1", CommandId::kDiff, "nginx"},
      {"watch @web1", CommandId::kWatch, ""},
      {"watch services @web1", CommandId::kWatch, ""},
      {"watch nginx caddy @web1", CommandId::kWatch, "nginx,caddy"},
      {"watch service nginx @web1", CommandId::kWatch, "nginx"},
      {"check @web1", CommandId::kCheck, ""},
      {"check nginx caddy @web1", CommandId::kCheck, "nginx,caddy"},
      // The host may stand anywhere after the verb.
      {"get @web1 service nginx", CommandId::kGetService, "nginx"},
      {"rollback nginx @web1 8df1b3db", CommandId::kRollback, "nginx,8df1b3db"},
      // The noun may be said.
      {"freeze service nginx @web1", CommandId::kFreeze, "nginx"},
      {"rollback service nginx 8df1 @web1", CommandId::kRollback, "nginx,8df1"},
      {"freeze service @web1", CommandId::kFreeze, "service"},
      {"rollback service 8df1 @web1", CommandId::kRollback, "service,8df1"},
      // A service may be called as something of a later release.
      {"rollback deployment 8df1 @web1", CommandId::kRollback, "deployment,8df1"},
      // gitopperctl's.
      {"list service @web1", CommandId::kListServices, ""},
      {"list service @web1 nginx", CommandId::kListServices, "nginx"},
      {"list machine @web1", CommandId::kListMachines, ""},
      {"ls s @web1", CommandId::kListServices, ""},
      {"l m @web1", CommandId::kListMachines, ""},
      {"state freeze @web1 nginx", CommandId::kFreeze, "nginx"},
      {"state unfreeze @web1 nginx", CommandId::kUnfreeze, "nginx"},
      {"state rollback @web1 nginx 8df1", CommandId::kRollback, "nginx,8df1"},
      {"do freeze @web1 nginx", CommandId::kFreeze, "nginx"},
      {"do unfreeze @web1 nginx", CommandId::kUnfreeze, "nginx"},
      {"do rollback @web1 nginx 8df1", CommandId::kRollback, "nginx,8df1"},
      {"do pull @web1 nginx", CommandId::kPull, "nginx"},
      {"d r @web1 nginx 8df1", CommandId::kRollback, "nginx,8df1"},
  };
  for (const auto& c : kCases) {
    const auto invocation = Parse(c.line);
    ASSERT_TRUE(invocation.ok()) << c.line << ": " << invocation.status();
    EXPECT_EQ(invocation->command, c.command) << c.line;
    EXPECT_EQ(absl::StrJoin(invocation->arguments, ","), c.arguments) << c.line;
    EXPECT_EQ(invocation->host, "web1:8004") << c.line;
  }
}

TEST(InvocationTest, CommandsWithoutAnAgentNeedNoHost) {
  EXPECT_EQ(Parse("version")->command, CommandId::kVersion);
  EXPECT_EQ(Parse("--version")->command, CommandId::kVersion);
  EXPECT_EQ(Parse("help")->command, CommandId::kHelp);
  EXPECT_EQ(Parse("--help")->command, CommandId::kHelp);
  EXPECT_THAT(Parse("completion bash")->arguments, ElementsAre("bash"));
  EXPECT_THAT(Parse("rollback -h")->arguments, ElementsAre("rollback"));
  EXPECT_THAT(Parse("list --help")->arguments, ElementsAre("list"));
}

TEST(InvocationTest, FlagsStandAnywhere) {
  for (const char* line : {
           "-o json --timeout 1m30s --color=never list services @web1 -w",
           "list -o json services -w --timeout=1m30s @web1 --color never",
           "list services @web1 -ojson -w --timeout 90 --color never",
           "list services @web1 -wo json --timeout 90s --color never",
           "list services @web1 -o=json -w --timeout=90s --color never",
           "list services @web1 -wo=json --timeout 90s --color never",
           "list services @web1 -w=true --output=json --timeout 90s --color=never",
       }) {
    const auto invocation = Parse(line);
    ASSERT_TRUE(invocation.ok()) << line << ": " << invocation.status();
    EXPECT_EQ(invocation->flags.output, OutputForm::kJson);
    EXPECT_EQ(invocation->flags.timeout, absl::Seconds(90));
    EXPECT_EQ(invocation->flags.color, ColorWhen::kNever);
    EXPECT_TRUE(invocation->flags.watch);
    EXPECT_EQ(invocation->host, "web1:8004");
  }
}

TEST(InvocationTest, SignOfAFlagIsNoPartOfItsValue) {
  EXPECT_EQ(Parse("freeze web @web1 --reason=a=b")->flags.reason, "a=b");
  EXPECT_EQ(Parse("freeze web @web1 --reason=")->flags.reason, "");
  EXPECT_THAT(Parse("freeze --reason= web @web1")->arguments, ElementsAre("web"));
  EXPECT_FALSE(Parse("list services @web1 -w=false")->flags.watch);
  EXPECT_THAT(Parse("freeze @web1 -- -o=json")->arguments, ElementsAre("-o=json"));
  EXPECT_THAT(Parse("freeze @web1 a=b")->arguments, ElementsAre("a=b"));
}

TEST(InvocationTest, WordsAfterTwoDashesAreNoFlags) {
  const auto invocation = Parse("freeze @web1 -- -odd");
  ASSERT_TRUE(invocation.ok()) << invocation.status();
  EXPECT_THAT(invocation->arguments, ElementsAre("-odd"));
}

TEST(InvocationTest, FlagBeatsVariable) {
  const Variables variables = {{"GITOPS_OUTPUT", "yaml"},
                               {"GITOPS_TIMEOUT", "5s"},
                               {"GITOPS_INSECURE", "true"},
                               {"GITOPS_COLOR", ""}};
  const auto from_variables = Parse("list services @web1", variables);
  ASSERT_TRUE(from_variables.ok()) << from_variables.status();
  EXPECT_EQ(from_variables->flags.output, OutputForm::kYaml);
  EXPECT_EQ(from_variables->flags.timeout, absl::Seconds(5));
  EXPECT_TRUE(from_variables->flags.insecure);
  const auto from_flags = Parse("list services @web1 -o name --insecure=false", variables);
  ASSERT_TRUE(from_flags.ok()) << from_flags.status();
  EXPECT_EQ(from_flags->flags.output, OutputForm::kName);
  EXPECT_FALSE(from_flags->flags.insecure);
}

TEST(InvocationTest, VariableForAnotherCommandIsIgnored) {
  const auto invocation = Parse("pull nginx @web1", {{"GITOPS_WATCH", "1"}});
  ASSERT_TRUE(invocation.ok()) << invocation.status();
  EXPECT_FALSE(invocation->flags.watch);
}

TEST(InvocationTest, ErrorsSayWhatIsWrongAndWhatWasMeant) {
  const struct {
    const char* line;
    const char* message;
  } kCases[] = {
      {"", "no command"},
      {"lsit services @web1", "did you mean list?"},
      {"frobnicate @web1", "unknown command frobnicate; see"},
      {"list", "list needs one of services, machines, hosts, deployments, hooks"},
      {"hooks", "hooks needs one more word: test"},
      {"list servces @web1", "did you mean services?"},
      {"do frezee @web1 nginx", "did you mean freeze?"},
      {"rollback nginx @web1", "usage: gitopsctl rollback SERVICE HASH [@HOST]"},
      {"freeze nginx caddy @web1", "does not take caddy"},
      {"list services @web1 --outptu json", "did you mean --output?"},
      {"list services @web1 --outptu=json", "did you mean --output?"},
      {"list services @web1 -x", "unknown flag -x"},
      {"plan push --system web1=/nix/store/x", "--system names a Nix system to push"},
      {"deploy switch --job-uri=https://hydra.example/job", "not part of this version"},
      {"list services @web1 -o jsno", "did you mean json?"},
      {"list services @web1 -o", "--output"},
      {"list services @web1 --timeout soon", "--timeout: 'soon' is not a duration"},
      {"list services @web1 --timeout 0", "--timeout: '0' is not a duration"},
      {"list services @web1 --color maybe", "one of auto, always, never"},
      {"list services @a @b", "two hosts"},
      {"list services @web1:0", "1 to 65535"},
      {"list hosts @web1",
       "list hosts calls the planner and takes no @HOST; to list the machine names of web1:8004: "
       "gitopsctl list machines @HOST"},
      {"deploy sync @web1", "deploy calls the planner and takes no @HOST; select hosts with --on"},
      {"watch deployment d1 @web1:0", "1 to 65535"},
      {"list services @web1 --on web*",
       "--on selects hosts of the fleet, and @HOST names the agent at web1:8"},
      {"list services @web1 -o=jsno", "--output: 'jsno' is not one of"},
      {"list services @web1 -xo=json", "unknown flag -x"},
      {"list services @web1 -o=", "--output: the value is empty"},
      {"freeze nginx --planner p:8001", "freeze would change the whole fleet: select hosts"},
      {"watch deployment", "watch deployment needs more arguments"},
      {"cancel deployment", "usage: gitopsctl cancel deployment ID"},
      {"version @web1", "version takes no @HOST"},
      {"pull nginx @web1 --reason why", "--reason cannot be used with pull; it is for freeze"},
      {"list machines @web1 -w", "--watch cannot be used with list machines"},
      {"list hosts --canary 1", "--canary cannot be used with list hosts; it is for plan, deploy"},
      {"list services @web1 --context x", "stored contexts are not part of this version"},
      {"freeze \xff @web1", "not UTF-8"},
  };
  for (const auto& c : kCases) {
    const auto invocation = Parse(c.line);
    ASSERT_FALSE(invocation.ok()) << c.line;
    EXPECT_EQ(invocation.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(invocation.status().message()), HasSubstr(c.message)) << c.line;
  }
}

TEST(InvocationTest, BadVariableIsNamed) {
  const auto invocation = Parse("list services @web1", {{"GITOPS_OUTPUT", "jsno"}});
  ASSERT_FALSE(invocation.ok());
  EXPECT_THAT(std::string(invocation.status().message()), HasSubstr("GITOPS_OUTPUT: 'jsno'"));
}

TEST(InvocationTest, EmptyArgumentIsRefused) {
  const auto invocation =
      ParseInvocation({"freeze", "", "@web1"}, [](const std::string&) { return std::nullopt; });
  ASSERT_FALSE(invocation.ok());
  EXPECT_THAT(std::string(invocation.status().message()), HasSubstr("empty"));
}

TEST(InvocationTest, LaterReleasesCommandsAreSaidToBeUnavailable) {
  for (const char* line : {"context list", "context use prod"}) {
    const auto invocation = Parse(line);
    ASSERT_FALSE(invocation.ok()) << line;
    EXPECT_THAT(std::string(invocation.status().message()),
                HasSubstr(", which is not part of this version; "))
        << line;
  }
}

TEST(InvocationTest, PromotionsNameAPipelineAnEnvironmentAndARevisionOfAnyForm) {
  const auto approve = Parse("promotions approve shopping/search prod main@sha1:abc --reason ok");
  ASSERT_TRUE(approve.ok()) << approve.status();
  EXPECT_EQ(approve->command, CommandId::kApprovePromotion);
  EXPECT_THAT(approve->arguments, ElementsAre("shopping/search", "prod", "main@sha1:abc"));
  EXPECT_EQ(ServerOf(*approve), "127.0.0.1:8003");
  EXPECT_EQ(ServerOf(*Parse("list pipelines", {{"GITOPS_PROMOTION_RECEIVER", "ops1"}})), "ops1");
  const auto list = Parse("list promotions shopping/search --promotion-state held --since 2h");
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->flags.promotions.states(0), v1::PROMOTION_STATE_HELD);
  EXPECT_TRUE(list->flags.promotions.has_since());
  for (const char* line :
       {"promotions approve search prod 1", "promotions approve a/b/c prod 1",
        "promotions approve a/ prod 1", "promotions approve a/b prod", "promotions hold a/b",
        "promotions approve a/b prod 1 --force", "list promotions search",
        "list promotions --promotion-state done", "promotions approve a/b prod 1 @web1",
        "get pipeline a/b --flux-manifests", "get pipeline a/b --flux-manifests --address ops",
        "promotions reject a/b prod 1 --force --reason x"}) {
    EXPECT_FALSE(Parse(line).ok()) << line;
  }
}

TEST(InvocationTest, ATokenNeedsANameAndARole) {
  const auto token = Parse("token create --name ci --role operator --expires 90d");
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->flags.token_name, "ci");
  EXPECT_EQ(token->flags.token_role, "operator");
  EXPECT_EQ(token->flags.token_lifetime, absl::Hours(90 * 24));
  EXPECT_EQ(Parse("token create --name ci --role viewer --expires 12h")->flags.token_lifetime,
            absl::Hours(12));
  EXPECT_EQ(Parse("token create --name ci --role viewer")->flags.token_lifetime,
            absl::InfiniteDuration());
  for (const char* line :
       {"token create", "token create --name ci", "token create --role viewer",
        "token create --name ci --role root", "token create --name a\"b --role viewer",
        "token create --name ci --role viewer --expires 0d",
        "token create --name ci --role viewer --expires soon",
        "token create --name ci --role viewer --expires 99999999d",
        "token create --name ci --role viewer @web1"}) {
    EXPECT_FALSE(Parse(line).ok()) << line;
  }
}

TEST(InvocationTest, RevisionIsGivenByFourTo64HexDigits) {
  for (const std::string& hash :
       {std::string("8df1"), std::string("8DF1B3"), std::string(40, 'a'), std::string(64, '0')}) {
    EXPECT_TRUE(Parse("rollback nginx " + hash + " @web1").ok()) << hash;
  }
  for (const std::string& hash : {std::string("zz"), std::string("8df"), std::string("main"),
                                  std::string("HEAD~1"), std::string(65, 'a')}) {
    for (const char* verb : {"rollback", "do rollback", "d r", "rollback service"}) {
      const auto invocation = Parse(absl::StrCat(verb, " nginx ", hash, " @web1"));
      ASSERT_FALSE(invocation.ok()) << hash;
      EXPECT_THAT(
          std::string(invocation.status().message()),
          HasSubstr("'" + hash + "' is not a revision: give its hash, of 4 to 64 hex digits"));
    }
  }
}

TEST(InvocationTest, DescriptionNamesActionSubjectAndHost) {
  EXPECT_EQ(Describe(*Parse("do rollback @web1 nginx 8df1")), "rollback nginx on web1:8004");
  EXPECT_EQ(Describe(*Parse("list services @web1:9")), "list services on web1:9");
  EXPECT_EQ(Describe(*Parse("version")), "version");
  EXPECT_EQ(Describe(*Parse("list hosts")), "list hosts through 127.0.0.1:8001");
  EXPECT_EQ(Describe(*Parse("get deployment d1 --planner p:1")), "get deployment d1 through p:1");
  EXPECT_EQ(Describe(*Parse("list hooks --hook-dispatcher h:2 --planner p:1")),
            "list hooks through h:2");
}

}  // namespace
}  // namespace gitops::ctl
