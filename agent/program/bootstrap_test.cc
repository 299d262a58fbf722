#include "agent/program/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/git/git_test_base.h"
#include "agent/program/settings.h"

namespace gitops {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

absl::StatusOr<std::optional<ServiceSpec>> FromFlags(const std::vector<std::string>& arguments) {
  auto flags =
      ReadFlags(AgentSettings(), arguments, [](const std::string&) { return std::nullopt; });
  if (!flags.ok()) return flags.status();
  return BootstrapService(*flags, "web1");
}

TEST(BootstrapService, ThereIsNoneWithoutAnUpstream) {
  auto spec = FromFlags({"-c", "/etc/gitops/config.toml"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_FALSE(spec->has_value());
}

TEST(BootstrapService, ItsDirectoryIsFoundWhereGitoppersUsersExpectIt) {
  auto spec = FromFlags({"-U", "file:///ops", "-M", "/srv", "-c", "config.toml"});
  ASSERT_TRUE(spec.ok() && spec->has_value()) << spec.status();
  EXPECT_EQ((*spec)->service, "gitopper");
  EXPECT_EQ((*spec)->machine, "web1");
  EXPECT_EQ((*spec)->branch, "main");
  EXPECT_EQ((*spec)->action, "");
  EXPECT_EQ((*spec)->directories[0].link, "gitopper");
  EXPECT_EQ(BootstrapConfigFile(**spec, "config.toml"), "/srv/gitopper/gitopper/config.toml");
  EXPECT_TRUE(IsBootstrapService(**spec));
}

TEST(BootstrapService, PathsAreCleanedAsInGitopper) {
  for (const char* directory : {"gitopper/", "./gitopper", "./gitopper//", "gitopper/."}) {
    auto spec =
        FromFlags({"-U", "file:///ops", "-M", "/srv", "-D", directory, "-c", "./config.toml"});
    ASSERT_TRUE(spec.ok() && spec->has_value()) << directory << spec.status();
    EXPECT_EQ((*spec)->directories[0].link, "gitopper");
    EXPECT_EQ(BootstrapConfigFile(**spec, "./config.toml"), "/srv/gitopper/gitopper/config.toml");
  }
}

TEST(BootstrapService, AnotherServiceOfThatNameIsNotIt) {
  ServiceSpec other;
  other.service = "gitopper";
  other.mount = "/srv";
  other.directories = {{.local = "/etc/gitopper", .link = "gitopper"}};
  EXPECT_FALSE(IsBootstrapService(other));
  other.directories.clear();
  EXPECT_FALSE(IsBootstrapService(other));
}

TEST(BootstrapService, WhatCannotBeMeantIsRefusedWithItsFlag) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"-U", "u", "-c", "c"}, "--mount"},
      {{"-U", "u", "-c", "c", "-M", "srv"}, "--mount"},
      {{"-U", "u", "-c", "c", "-M", "/srv", "-D", "../etc"}, "--directory"},
      {{"-U", "u", "-c", "c", "-M", "/srv", "-D", "/etc"}, "--directory"},
      {{"-U", "u", "-c", "c", "-M", "/srv", "-D", "./"}, "--directory"},
      {{"-U", "u", "-c", "./", "-M", "/srv"}, "--config"},
      {{"-U", "u", "-c", "/etc/c", "-M", "/srv"}, "--config"},
      {{"-U", "u", "-c", "../c", "-M", "/srv"}, "--config"},
  };
  for (const auto& [arguments, flag] : cases) {
    const absl::Status refused = FromFlags(arguments).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(flag));
  }
}

class BootstrapTest : public GitTest {
 protected:
  BootstrapTest() {
    upstream_->CommitFiles({{"ops/config.toml", "one"}, {"other", "x"}});
    service_.service = "gitopper";
    service_.directories = {{.local = dir_ + "/mount/gitopper/ops", .link = "ops"}};
    file_ = BootstrapConfigFile(service_, "config.toml");
    Start();
  }
  absl::Status Fetch(bool pull) { return FetchBootstrapConfig(service_, file_, pull, *driver_); }
  std::string Config() const {
    std::ostringstream text;
    text << std::ifstream(file_).rdbuf();
    return text.str();
  }
  void LoseUpstream() const {
    std::filesystem::rename(upstream_->path(), upstream_->path() + ".away");
  }

  std::string file_;
};

TEST_F(BootstrapTest, AConfigThatIsThereIsOnlyRenewedWhereThatIsAskedFor) {
  ASSERT_EQ(Fetch(/*pull=*/false), absl::OkStatus());
  EXPECT_EQ(Config(), "one");
  upstream_->CommitFiles({{"ops/config.toml", "two"}});
  ASSERT_EQ(Fetch(/*pull=*/false), absl::OkStatus());
  EXPECT_EQ(Config(), "one");
  ASSERT_EQ(Fetch(/*pull=*/true), absl::OkStatus());
  EXPECT_EQ(Config(), "two");
}

TEST_F(BootstrapTest, ASilentUpstreamMattersOnlyWhereNoConfigIsThere) {
  ASSERT_EQ(Fetch(/*pull=*/false), absl::OkStatus());
  LoseUpstream();
  EXPECT_EQ(Fetch(/*pull=*/true), absl::OkStatus());
  EXPECT_EQ(Config(), "one");
  std::filesystem::remove_all(dir_ + "/mount");
  Start();
  const absl::Status failed = Fetch(/*pull=*/false);
  EXPECT_FALSE(failed.ok());
  EXPECT_THAT(std::string(failed.message()), HasSubstr("upstream.git"));
}

TEST_F(BootstrapTest, ABranchOrDirectoryThatIsNotThereIsNamed) {
  service_.branch = "none";
  EXPECT_THAT(std::string(Fetch(false).message()), HasSubstr("none"));
  service_.branch = "main";
  service_.directories[0].link = "gitopper";
  EXPECT_THAT(std::string(Fetch(false).message()), HasSubstr("gitopper"));
}

TEST_F(BootstrapTest, AnErrorDoesNotTellThePassword) {
  service_.upstream.url = "http://user:hunter2@127.0.0.1:1/ops.git";
  EXPECT_THAT(std::string(Fetch(false).message()),
              AllOf(HasSubstr("127.0.0.1"), Not(HasSubstr("hunter2"))));
}

}  // namespace
}  // namespace gitops
