#include "ctl/cli/grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace gitops::ctl {
namespace {

TEST(GrammarTest, EveryFormNamesAnActionThatIsExplained) {
  for (const Form& form : Forms()) {
    ASSERT_FALSE(form.words.empty());
    EXPECT_FALSE(SpecOf(form.command).help.empty()) << form.words[0];
    EXPECT_FALSE(NameOf(form.command).empty());
  }
}

TEST(GrammarTest, EveryActionHasAFormThatIsNoAlias) {
  for (const CommandSpec& spec : CommandSpecs()) {
    EXPECT_THAT(Forms(), testing::Contains(testing::Truly([&](const Form& form) {
                  return form.command == spec.command && !form.alias;
                })));
  }
}

TEST(GrammarTest, EachCommandIsInOneGroupOfTheHelp) {
  std::multiset<CommandId> grouped;
  for (const CommandGroup& group : CommandGroups()) {
    grouped.insert(group.commands.begin(), group.commands.end());
  }
  for (const CommandSpec& spec : CommandSpecs()) {
    EXPECT_EQ(grouped.count(spec.command), 1u) << NameOf(spec.command);
  }
}

TEST(GrammarTest, FormsAndFlagsAreUnique) {
  // An alias is for other arguments: `get service` lists, `get service NAME` shows one.
  std::set<std::pair<std::vector<std::string>, bool>> words;
  for (const Form& form : Forms()) {
    EXPECT_TRUE(words.insert({form.words, form.alias}).second) << form.words[0];
  }
  std::set<std::string> names;
  for (const FlagSpec& flag : FlagSpecs()) {
    EXPECT_TRUE(names.insert(flag.name).second) << flag.name;
    if (!flag.short_name.empty()) EXPECT_TRUE(names.insert(flag.short_name).second) << flag.name;
  }
}

TEST(GrammarTest, FlagsOfActionsExist) {
  for (const CommandSpec& spec : CommandSpecs()) {
    for (const std::string& name : spec.flags) {
      EXPECT_THAT(FlagSpecs(), testing::Contains(testing::Field(&FlagSpec::name, name)));
    }
  }
}

TEST(GrammarTest, NoVariableWidensOrNarrowsWhatIsChanged) {
  for (const FlagSpec& flag : FlagSpecs()) {
    const bool chooses = flag.group == FlagGroup::kSelection || flag.group == FlagGroup::kPlan;
    if (chooses || flag.name == "plan") EXPECT_FALSE(flag.variable) << flag.name;
  }
}

TEST(GrammarTest, WhatALaterVersionDoesSaysWhatIsMissingAndWhatToDo) {
  for (const UnavailableForm& form : UnavailableForms()) {
    EXPECT_FALSE(form.needs.empty()) << form.verb << " " << form.noun;
    EXPECT_FALSE(form.instead.empty()) << form.verb << " " << form.noun;
  }
}

TEST(GrammarTest, UsageShowsArgumentsAndHost) {
  EXPECT_EQ(UsageOf(CommandId::kRollback), "gitopsctl rollback SERVICE HASH [@HOST]");
  EXPECT_EQ(UsageOf(CommandId::kCheck), "gitopsctl check [SERVICE…] [@HOST]");
  EXPECT_EQ(UsageOf(CommandId::kCompletion), "gitopsctl completion bash|zsh|fish");
  EXPECT_EQ(UsageOf(CommandId::kDeploy), "gitopsctl deploy [ACTION…]");
  EXPECT_EQ(UsageOf(CommandId::kCancelDeployment), "gitopsctl cancel deployment ID");
  EXPECT_EQ(VariableOf("tls-dir"), "GITOPS_TLS_DIR");
}

}  // namespace
}  // namespace gitops::ctl
