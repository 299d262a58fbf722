#include "agent/operation/own_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace gitops {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

constexpr char kConfig[] = R"(
[[hosts]]
name = "Web1"
[[hosts.health_checks.cmd]]
cmd = ["systemctl", "is-active", "nginx"]
[[hosts.pre_deploy_checks.cmd]]
cmd = ["true"]
[hosts.secrets.key]
source = "key"
destination = "/etc/key"
owner = { user = "www-data", group = "adm" }
permissions = "0440"
mk_dirs = true
[[hosts]]
name = "db1"
[[hosts.health_checks.cmd]]
cmd = ["pg_isready"]
)";

std::vector<HostSpec> Own() {
  auto config = ParseFleetConfig(kConfig, "fleet.toml");
  EXPECT_TRUE(config.ok()) << config.status();
  return HostsOf(*config, {"host.example", "web1"});
}

v1::SecretFile Key() {
  v1::SecretFile secret;
  secret.set_name("key");
  secret.set_destination("/etc/key");
  secret.set_owner_user("www-data");
  secret.set_owner_group("adm");
  secret.set_permissions("0440");
  secret.set_make_directories(true);
  return secret;
}

TEST(HostsOfTest, AreThoseWithOneOfTheNamesWhateverTheCase) {
  ASSERT_EQ(Own().size(), 1u);
  EXPECT_EQ(Own()[0].name, "Web1");
}

TEST(OwnSecretTest, IsAllowedOnlyExactlyAsTheConfigHasIt) {
  ASSERT_TRUE(OwnSecret(Own(), Key(), false).ok());
  const struct {
    std::string field;
    std::function<void(v1::SecretFile&)> change;
  } cases[] = {
      {"destination", [](v1::SecretFile& s) { s.set_destination("/etc/shadow"); }},
      {"owner.user", [](v1::SecretFile& s) { s.set_owner_user("mallory"); }},
      {"owner.group", [](v1::SecretFile& s) { s.set_owner_group("mallory"); }},
      {"permissions", [](v1::SecretFile& s) { s.set_permissions("4755"); }},
      {"mk_dirs", [](v1::SecretFile& s) { s.set_make_directories(false); }},
      {"no secret of this name", [](v1::SecretFile& s) { s.set_name("other"); }},
  };
  for (const auto& test : cases) {
    v1::SecretFile asked = Key();
    test.change(asked);
    const absl::Status refused = OwnSecret(Own(), asked, false).status();
    EXPECT_EQ(refused.code(), StatusCode::kPermissionDenied) << test.field;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(test.field));
  }
}

TEST(OwnSecretTest, ItsNameAloneIsEnoughWhereNothingIsWritten) {
  v1::SecretFile asked;
  asked.set_name("key");
  EXPECT_TRUE(OwnSecret(Own(), asked, true).ok());
  EXPECT_FALSE(OwnSecret({}, asked, true).ok());
}

TEST(CheckIsOwnTest, OnlyCommandsOfThisHostAndKindAreAllowed) {
  const struct {
    std::vector<std::string> cmd;
    v1::RunCheckRequest::Kind kind;
    bool allowed;
  } cases[] = {
      {{"systemctl", "is-active", "nginx"}, v1::RunCheckRequest::KIND_HEALTH, true},
      {{"true"}, v1::RunCheckRequest::KIND_PRE_DEPLOY, true},
      {{"true"}, v1::RunCheckRequest::KIND_HEALTH, false},
      {{"systemctl", "is-active"}, v1::RunCheckRequest::KIND_HEALTH, false},
      {{"systemctl", "is-active", "nginx", "x"}, v1::RunCheckRequest::KIND_HEALTH, false},
      {{"pg_isready"}, v1::RunCheckRequest::KIND_HEALTH, false},
      {{"rm", "-rf", "/"}, v1::RunCheckRequest::KIND_PRE_DEPLOY, false},
  };
  for (const auto& test : cases) {
    v1::RunCheckRequest request;
    request.set_kind(test.kind);
    for (const std::string& word : test.cmd) request.add_cmd(word);
    const StatusCode want = test.allowed ? StatusCode::kOk : StatusCode::kPermissionDenied;
    EXPECT_EQ(CheckIsOwn(Own(), request).code(), want) << test.cmd[0];
  }
}

}  // namespace
}  // namespace gitops
