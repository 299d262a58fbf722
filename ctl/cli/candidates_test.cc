#include "ctl/cli/candidates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops::ctl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

using Words = std::vector<std::string>;

TEST(CandidatesTest, WordsFollowTheGrammar) {
  const struct {
    Words line;
    Words candidates;
  } kCases[] = {
      {{"li"}, {"list"}},
      {{"list", ""},
       {"services", "machines", "hosts", "deployments", "hooks", "locks", "pipelines",
        "promotions"}},
      {{"list", "s"}, {"services"}},
      {{"list", "@web1", "m"}, {"machines"}},
      {{"get", ""}, {"service", "host", "deployment", "pipeline", "promotion"}},
      {{"promotions", "re"}, {"reject", "replay", "release"}},
      {{"token", "create", "--role", ""}, {"viewer", "operator", "approver", "admin"}},
      {{"plan", "sy"}, {"sync"}},
      {{"deploy", "unfreeze", "re"}, {"reboot"}},
      {{"hooks", "test", "post-d"}, {"post-deploy"}},
      {{"deploy", "sync", "--on-failure", ""}, {"stop", "continue", "rollback"}},
      {{"deploy", "--on-failure=r"}, {"--on-failure=rollback"}},
      {{"deploy", "--cat"}, {"--catch-up", "--catch-up-timeout"}},
      {{"cancel", ""}, {"deployment"}},
      {{"break", ""}, {"lock"}},
      {{"--output", "json", "un"}, {"unfreeze"}},
      {{"completion", ""}, {"bash", "zsh", "fish"}},
      {{"completion", "z"}, {"zsh"}},
      {{"state", ""}, {"freeze", "unfreeze", "rollback"}},
      {{"list", "services", "-o", ""}, {"table", "wide", "json", "yaml", "name"}},
      {{"list", "services", "--output=j"}, {"--output=json"}},
      {{"list", "services", "--color", "a"}, {"auto", "always"}},
      {{"list", "services", "--ti"}, {"--timeout"}},
      {{"freeze", "--rea"}, {"--reason"}},
      {{"pull", "--rea"}, {}},
      {{"list", "services", "--wat"}, {"--watch"}},
      {{"list", "machines", "--wat"}, {}},
      {{"list", "services", "@we"}, {}},
      {{"nonsense", ""}, {}},
      {{}, {}},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(FindCandidates(c.line).words, c.candidates) << testing::PrintToString(c.line);
  }
}

TEST(CandidatesTest, EveryVerbIsOfferedButNoAlias) {
  const Words words = FindCandidates({""}).words;
  EXPECT_THAT(words, Contains("rollback"));
  EXPECT_THAT(words, Contains("help"));
  EXPECT_THAT(words, Not(Contains("state")));
  EXPECT_THAT(words, Contains("deploy"));
}

TEST(CandidatesTest, ServicesAndRevisionsAreAskedFromTheHost) {
  const Candidates services = FindCandidates({"freeze", "@web1", "ng"});
  EXPECT_EQ(services.names, Candidates::Names::kServices);
  EXPECT_EQ(services.host, "web1:8004");

  const Candidates revisions = FindCandidates({"do", "rollback", "@web1", "nginx", ""});
  EXPECT_EQ(revisions.names, Candidates::Names::kRevisions);
  EXPECT_EQ(revisions.service, "nginx");

  EXPECT_EQ(FindCandidates({"freeze", "nginx", ""}).names, Candidates::Names::kNone);
  EXPECT_EQ(FindCandidates({"check", "a", "b", ""}).names, Candidates::Names::kServices);
}

TEST(CandidatesTest, HostsAndDeploymentsAreAskedFromThePlanner) {
  using Names = Candidates::Names;
  const struct {
    Words line;
    Names names;
  } kCases[] = {
      {{"get", "host", "w"}, Names::kHosts},
      {{"break", "lock", ""}, Names::kHosts},
      {{"deploy", "sync", "--on", ""}, Names::kHosts},
      {{"deploy", "sync", "--on=w"}, Names::kHosts},
      {{"deploy", "sync", "--limit=1"}, Names::kNone},
      {{"list", "services", "@w"}, Names::kHosts},
      {{"deploy", "sync", "@w"}, Names::kNone},
      {{"get", "deployment", ""}, Names::kDeployments},
      {{"watch", "deployment", "2026"}, Names::kDeployments},
      {{"cancel", "deployment", ""}, Names::kDeployments},
      {{"deploy", "sync", "--service", ""}, Names::kServices},
      {{"freeze", "n"}, Names::kServices},
      {{"list", "hosts", ""}, Names::kNone},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(FindCandidates(c.line).names, c.names) << testing::PrintToString(c.line);
  }
  EXPECT_EQ(FindCandidates({"list", "services", "@w"}).prefix, "@");
  EXPECT_EQ(FindCandidates({"list", "services", "--on=w"}).prefix, "--on=");
  EXPECT_EQ(FindCandidates({"--planner", "p:1", "get", "host", ""}).planner, "p:1");
  EXPECT_EQ(FindCandidates({"--planner=p:1", "get", "host", ""}).planner, "p:1");
}

}  // namespace
}  // namespace gitops::ctl
