#include "common/config/host_digests.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace gitops {
namespace {

constexpr char kFleet[] = R"([global]
upstream = "https://user:hunter2@git.example/ops.git"
ssh_key = "keys/id"
[[services]]
tagged = ["web"]
service = "nginx"
branch = "${machine}"
[[services]]
machine = "web1"
service = "base"
[[services]]
machine = "localhost"
service = "shared"
[[hosts]]
name = "web1"
tags = ["web", "prod"]
[hosts.secrets.key]
source = "tls.key"
destination = "/etc/key"
)";

HostDigest Digest(const std::string& text, const std::string& name = "web1",
                  const std::string& file = "/etc/gitops/fleet.toml") {
  const auto config = ParseFleetConfig(text, file);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? DigestOf(*config, name) : HostDigest();
}

std::string With(const std::string& from, const std::string& to) {
  const std::string changed = absl::StrReplaceAll(kFleet, {{from, to}});
  EXPECT_NE(changed, kFleet) << from;
  return changed;
}

TEST(HostDigestsTest, AreEqualWhereTheHostGetsTheSameWhateverElseTheFilesHave) {
  const HostDigest one = Digest(kFleet);
  EXPECT_EQ(one.services.size(), 64u);
  const std::string written = R"([[services]]
machine = "WEB1"
service = "base"
upstream = "https://git.example/ops.git"
ssh_key = "keys/id"
[[services]]
machine = "web1"
service = "nginx"
branch = "web1"
upstream = "https://git.example/ops.git"
ssh_key = "keys/id"
[[services]]
machine = "other"
service = "x"
upstream = "https://git.example/x.git"
[[hosts]]
name = "web1"
address = "web1.example:9000"
tags = ["prod", "web"]
[hosts.secrets.key]
source = "elsewhere/tls.key"
destination = "/etc/key"
)";
  const HostDigest other = Digest(written, "web1", "/srv/fleet.toml");
  EXPECT_EQ(one.services, other.services);
  EXPECT_EQ(one.host, other.host);
}

TEST(HostDigestsTest, DifferWhereTheHostGetsSomethingElse) {
  const HostDigest one = Digest(kFleet);
  for (const auto& [from, to] : {std::pair("\"nginx\"", "\"caddy\""),
                                 {"branch = \"${machine}\"", "branch = \"main\""},
                                 {"keys/id", "keys/other"},
                                 {"service = \"base\"", "service = \"base\"\npoll = \"9s\""},
                                 {"git.example", "git2.example"}}) {
    EXPECT_NE(Digest(With(from, to)).services, one.services) << to;
    EXPECT_EQ(Digest(With(from, to)).host, one.host) << to;
  }
  for (const auto& [from, to] :
       {std::pair("\"prod\"", "\"test\""),
        {"\"/etc/key\"", "\"/etc/other\""},
        {"name = \"web1\"", "name = \"web1\"\nhealth_checks = {cmd = [{cmd = [\"x\"]}]}"}}) {
    EXPECT_NE(Digest(With(from, to)).host, one.host) << to;
  }
  EXPECT_NE(Digest(kFleet, "web2").services, one.services);
  EXPECT_EQ(Digest(kFleet, "web2").host, "");
}

}  // namespace
}  // namespace gitops
