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
      {{"list", ""}, {"services", "machines"}},
      {{"list", "s"}, {"services"}},
      {{"list", "@web1", "m"}, {"machines"}},
      {{"get", ""}, {"service"}},
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
  EXPECT_THAT(words, Not(Contains("deploy")));
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

}  // namespace
}  // namespace gitops::ctl
