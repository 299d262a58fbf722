#include "agent/program/config_in_force.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/path/temporary_directory.h"
#include "common/store/sqlite_lock.h"

namespace gitops {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kPlain[] = R"(
[[services]]
machine = "web1"
service = "web"
upstream = "file:///ops"
mount = "/srv"
dirs = [{ local = "/etc/web", link = "web" }]
)";

class ConfigInForceTest : public testing::Test {
 protected:
  // A config that its own service publishes.
  std::string Own(const std::string& more = "") const {
    return absl::StrCat("[[services]]\nmachine = \"web1\"\nservice = \"conf\"\n",
                        "upstream = \"file:///ops\"\nmount = \"/srv\"\ndirs = [{ local = \"",
                        directory_ / "etc", "\", link = \"etc\" }]\n", more);
  }
  void Write(const std::string& text) { directory_.Write("etc/config.toml", text); }

  // As a start of the agent does.
  absl::Status Start(bool bootstrap = false) {
    std::vector<SettingDefinition> settings = AgentSettings();
    for (SettingDefinition& setting : settings) {
      if (setting.name == "state-dir") setting.default_value = directory_ / "state";
    }
    auto flags = ReadFlags(settings, {}, [](const std::string&) { return std::nullopt; });
    ConfigInForce::Source source = {.flags = *flags,
                                    .file = directory_ / "etc/config.toml",
                                    .host_name = "web1",
                                    .bootstrap = {}};
    if (bootstrap) {
      source.bootstrap.emplace();
      source.bootstrap->service = "gitopper";
    }
    config_ = std::make_unique<ConfigInForce>(source,
                                              [this](const std::string& fault) { told_ = fault; });
    const absl::Status begun = config_->Begin();
    if (!begun.ok()) return begun;
    std::filesystem::create_directory(directory_ / "state");
    config_->Keep();
    config_->SetOutcome(absl::OkStatus());
    return begun;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<ConfigInForce> config_;
  std::string told_;
};

TEST_F(ConfigInForceTest, WhatWasAcceptedIsKeptWithItsIncludedFiles) {
  const std::string include = "include = [\"services/*.toml\"]\n";
  Write(include + Own());
  directory_.Write("etc/services/more.toml",
                   "[[services]]\nmachines = [\"web*\"]\nservice = \"more\"\n"
                   "upstream = \"file:///ops\"\nssh_key = \"key\"\n");
  ASSERT_EQ(Start(), absl::OkStatus());
  ASSERT_EQ(config_->Get()->services.size(), 2);
  directory_.Write("etc/services/more.toml", "[[services]\n");
  ASSERT_EQ(Start(), absl::OkStatus());
  ASSERT_EQ(config_->Get()->services.size(), 2);
  EXPECT_EQ(config_->Get()->services[1].service, "more");
  EXPECT_EQ(config_->Get()->services[1].upstream.ssh_key, directory_ / "etc/services/key");
  EXPECT_THAT(config_->fault(), HasSubstr("services/more.toml:1:"));
}

TEST_F(ConfigInForceTest, AFaultInWhatTheAgentPublishesForTheFileToIncludeDoesNotEndIt) {
  // The file itself is not published, and nothing is to be included yet.
  Write(absl::StrCat("include = [\"services/*.toml\"]\n",
                     absl::StrReplaceAll(Own(), {{directory_ / "etc", directory_ / "etc/services"},
                                                 {"link = \"etc\"", "link = \"services\""}})));
  ASSERT_EQ(Start(), absl::OkStatus());
  directory_.Write("etc/services/more.toml", "[[services]\n");
  ASSERT_EQ(Start(), absl::OkStatus());
  EXPECT_EQ(config_->Get()->services[0].service, "conf");
  EXPECT_THAT(config_->fault(), HasSubstr("services/more.toml:1:"));
}

TEST_F(ConfigInForceTest, APlainConfigWithAFaultIsRefusedAlsoAfterAGoodOne) {
  Write(kPlain);
  ASSERT_EQ(Start(), absl::OkStatus());
  Write("[[services]\n");
  EXPECT_TRUE(absl::IsInvalidArgument(Start()));
  EXPECT_FALSE(directory_.Has("state/config.accepted"));
}

TEST_F(ConfigInForceTest, AConfigThatTheAgentPublishesItselfMayHaveAFaultAtTheNextStart) {
  Write(Own());
  ASSERT_EQ(Start(), absl::OkStatus());
  EXPECT_EQ(config_->fault(), "");
  for (const std::string& fault : {std::string("[[services]\n"), Own("brnch = \"x\"\n"),
                                   Own("[agent]\nlisten = \"nowhere\"\n")}) {
    Write(fault);
    ASSERT_EQ(Start(), absl::OkStatus()) << fault;
    EXPECT_EQ(config_->Get()->services[0].service, "conf");
    EXPECT_THAT(config_->fault(), AllOf(HasSubstr("has a fault"), HasSubstr("stays in use")));
    EXPECT_EQ(told_, config_->fault());
  }
  Write(Own("branch = \"canary\"\n"));
  EXPECT_TRUE(config_->Renew());
  EXPECT_TRUE(config_->SetOutcome(absl::OkStatus()));
  EXPECT_EQ(config_->fault(), "");
  EXPECT_EQ(config_->Get()->services[0].branch, "canary");
}

TEST_F(ConfigInForceTest, AConfigOfTheLargestSizeIsKeptToo) {
  std::string largest = Own("#");
  largest.resize(size_t{32} << 20, 'x');
  Write(largest);
  ASSERT_EQ(Start(), absl::OkStatus());
  Write("[[services]\n");
  ASSERT_EQ(Start(), absl::OkStatus());
  EXPECT_EQ(config_->Get()->services[0].service, "conf");
}

TEST_F(ConfigInForceTest, OnlyAnAcceptedConfigIsKept) {
  Write("[[services]\n");
  EXPECT_TRUE(absl::IsInvalidArgument(Start(/*bootstrap=*/true)));
  Write(kPlain);
  ASSERT_EQ(Start(/*bootstrap=*/true), absl::OkStatus());
  EXPECT_EQ(config_->Get()->services.back().service, "gitopper");
  Write("[[services]\n");
  ASSERT_EQ(Start(/*bootstrap=*/true), absl::OkStatus());
  EXPECT_EQ(config_->Get()->services[0].service, "web");
  EXPECT_FALSE(config_->Renew()) << "the fault is still there";
  struct stat status;
  ASSERT_EQ(stat((directory_ / "state/config.accepted").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u) << "URLs may contain passwords";
}

TEST_F(ConfigInForceTest, NothingIsWrittenBeforeTheStateDirectoryIsLocked) {
  Write(Own());
  ASSERT_EQ(Start(), absl::OkStatus());
  const std::string kept = directory_.Read("state/config.accepted");
  for (const std::string& other : {Own("branch = \"canary\"\n"), std::string(kPlain)}) {
    Write(other);
    ASSERT_EQ(config_->Begin(), absl::OkStatus());
    EXPECT_EQ(directory_.Read("state/config.accepted"), kept);
  }
}

TEST_F(ConfigInForceTest, NothingIsKeptInTheDirectoryOfAnotherAgentsStore) {
  std::filesystem::create_directory(directory_ / "state");
  auto in_use = LockStoreFile(directory_ / "state/agent.db", /*exclusive=*/true);
  ASSERT_TRUE(in_use.ok()) << in_use.status();
  Write(Own(absl::StrCat("[agent]\nstate-dir = \"", directory_ / "elsewhere", "\"\n")));
  ASSERT_EQ(Start(), absl::OkStatus());
  EXPECT_FALSE(directory_.Has("state/config.accepted"));
  in_use->Close();
  config_->Keep();
  EXPECT_TRUE(directory_.Has("state/config.accepted"));
}

TEST_F(ConfigInForceTest, WhatIsKeptIsNotUsedByAnAgentThatDoesNotFollowTheFileAnyMore) {
  Write(kPlain);
  ASSERT_EQ(Start(/*bootstrap=*/true), absl::OkStatus());
  Write("[[services]\n");
  EXPECT_TRUE(absl::IsInvalidArgument(Start(/*bootstrap=*/false)));
}

TEST_F(ConfigInForceTest, AFileThatIsPublishedThroughALinkIsFollowedToo) {
  std::filesystem::create_symlink("etc", directory_ / "link");
  const std::string by_link =
      absl::StrReplaceAll(Own(), {{directory_ / "etc", directory_ / "link"}});
  Write(by_link);
  ASSERT_EQ(Start(), absl::OkStatus());
  Write("[[services]\n");
  EXPECT_EQ(Start(), absl::OkStatus());
}

TEST_F(ConfigInForceTest, WhatIsKeptOfAnotherFileIsNotUsed) {
  Write(kPlain);
  ASSERT_EQ(Start(/*bootstrap=*/true), absl::OkStatus());
  directory_.Write("state/config.accepted",
                   absl::StrCat("# gitops-agent: accepted from /etc/x\n", kPlain));
  Write("[[services]\n");
  EXPECT_TRUE(absl::IsInvalidArgument(Start(/*bootstrap=*/true)));
}

TEST_F(ConfigInForceTest, APartThatIsNotInForceIsNamedAndTriedAgain) {
  Write(kPlain);
  ASSERT_EQ(Start(), absl::OkStatus());
  EXPECT_FALSE(config_->SetOutcome(absl::InternalError("service \"web\": no space")));
  EXPECT_THAT(config_->fault(), AllOf(HasSubstr("a part"), HasSubstr("service \"web\": no space")));
  EXPECT_TRUE(config_->SetOutcome(absl::OkStatus()));
  EXPECT_EQ(config_->fault(), "");
}

TEST_F(ConfigInForceTest, AFileThatCannotBeReadIsNamed) {
  const absl::Status missing = Start();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_THAT(std::string(missing.message()),
              AllOf(HasSubstr("etc/config.toml"), HasSubstr("No such file")));
}

TEST_F(ConfigInForceTest, ASecondServiceOfTheBootstrapsNameIsAFault) {
  Write(absl::StrCat(kPlain, "[[services]]\nmachine = \"web1\"\nservice = \"gitopper\"\n",
                     "upstream = \"file:///ops\"\nmount = \"/srv\"\n"));
  const absl::Status refused = Start(/*bootstrap=*/true);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("config.toml:8"), HasSubstr("use another name")));
}

TEST_F(ConfigInForceTest, TheStatusIsOfWhatIsInForceAndTellsAFault) {
  Write(kPlain);
  ASSERT_TRUE(Start().ok());
  const v1::ConfigStatus first = config_->Status();
  EXPECT_EQ(first.hash().size(), 64u);
  EXPECT_TRUE(first.has_accept_time());
  EXPECT_EQ(first.services_hash().size(), 64u);
  EXPECT_EQ(first.host_hash(), "") << "there is no entry of the host";
  Write("[global\n");
  EXPECT_FALSE(config_->Renew());
  config_->SetOutcome(absl::OkStatus());
  EXPECT_EQ(config_->Status().hash(), first.hash());
  EXPECT_THAT(config_->Status().fault(), HasSubstr("config.toml:1"));
  Write(absl::StrCat(kPlain, "# another\n"));
  EXPECT_TRUE(config_->Renew());
  config_->SetOutcome(absl::OkStatus());
  EXPECT_NE(config_->Status().hash(), first.hash());
  EXPECT_EQ(config_->Status().services_hash(), first.services_hash());
  EXPECT_EQ(config_->Status().fault(), "");
}

}  // namespace
}  // namespace gitops
