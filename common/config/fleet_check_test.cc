#include "common/config/fleet_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/fleet.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

using Check = absl::Status (*)(absl::string_view);

void ExpectAccepted(Check check, std::initializer_list<const char*> values) {
  for (const char* value : values) EXPECT_TRUE(check(value).ok()) << value << ": " << check(value);
}

// `why` is part of the message, after the value itself.
void ExpectRefused(Check check,
                   std::initializer_list<std::pair<absl::string_view, const char*>> cases) {
  for (const auto& [value, why] : cases) {
    const absl::Status status = check(value);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << value;
    EXPECT_THAT(status.message(), HasSubstr(why)) << value;
  }
}

TEST(ServiceName, IsAUnitNameWithoutSlash) {
  ExpectAccepted(CheckServiceName, {"nginx", "grafana-server", "nginx.service", "backup.timer",
                                    "docker-compose@caddy", "a@b@c", "dev-sda\\x2d1.swap", "_x"});
  ExpectRefused(CheckServiceName, {{"", "is empty"},
                                   {"a/b", "contains '/'"},
                                   {"..", "must start with"},
                                   {".git", "must start with"},
                                   {"-x", "must start with"},
                                   {"@x", "must start with"},
                                   {"a b", "contains a space"},
                                   {"caf\xc3\xa9", "outside ASCII"},
                                   {"getty@", "is a template"},
                                   {"getty@.service", "is a template"},
                                   {std::string(256, 'a'), "longer than 255"}});
}

TEST(Owner, IsANameOrANumberThatChownTakes) {
  ExpectAccepted(CheckOwner, {"root", "_apt", "www-data", "HOST$", "0", "1000", "4294967294"});
  ExpectRefused(CheckOwner, {{"", "is not an owner"},
                             {"-1", "is not an owner"},
                             {"+1", "is not an owner"},
                             {"1a", "is not an owner"},
                             {"0x10", "is not an owner"},
                             {"4294967295", "from 0 to 4294967294"},
                             {"99999999999", "from 0 to 4294967294"},
                             {"a:b", "contains ':'"}});
}

TEST(Names, OfUsersPackagesHostsAndModesAreChecked) {
  ExpectAccepted(CheckUserName, {"root", "www-data", "_apt", "joe@corp.example", "pc$", "Joe.Doe"});
  ExpectRefused(CheckUserName, {{"1000", "must start with a letter"},
                                {"", "must start with a letter"},
                                {"-x", "must start with a letter"},
                                {"a b", "contains a space"},
                                {"a:b", "contains ':'"},
                                {"a/b", "contains '/'"}});
  ExpectAccepted(CheckPackage, {"nginx", "g++", "libc6:i386", "nginx=1.22.1-9", "vim/stable"});
  ExpectRefused(CheckPackage, {{"-y", "may not start or end with '-'"},
                               {"nginx-", "may not start or end with '-'"},
                               {"a b", "contains a space"},
                               {"a;b", "contains ';'"}});
  ExpectAccepted(CheckHostName, {"web1", "grafana.atoom.net", "localhost", "WEB_1"});
  ExpectRefused(CheckHostName,
                {{"-x", "must start with"}, {"a,b", "contains ','"}, {"a/b", "'/'"}});
  ExpectAccepted(CheckPermissions, {"0400", "640", "4755"});
  ExpectRefused(CheckPermissions,
                {{"", "octal"}, {"9", "octal"}, {"u=r", "octal"}, {"00400", "o"}});
  ExpectAccepted(CheckRequire, {"job", "jobset", "aggregate:tested"});
  ExpectRefused(CheckRequire,
                {{"jobs", "not one of job, jobset"}, {"aggregate:", "has no job name"}});
  ExpectAccepted(CheckProfile, {"web", "system-1", "/nix/var/nix/profiles/web"});
  ExpectRefused(CheckProfile,
                {{"", "empty"}, {"../x", "start"}, {"/a/../b", "\"..\""}, {"a/b", "/"}});
}

TEST(LocalPath, IsAbsoluteAndNoDirectoryThatTheHostNeedsWhole) {
  struct Case {
    const char* path;
    const char* expected;
  };
  for (const Case& c : std::initializer_list<Case>{{"/etc/nginx", "/etc/nginx"},
                                                   {"/etc/nginx/", "/etc/nginx"},
                                                   {"//etc///nginx", "/etc/nginx"},
                                                   {"/usr/lib", "/usr/lib"},
                                                   {"/var/lib", "/var/lib"},
                                                   {"/srv", "/srv"},
                                                   {"/opt", "/opt"},
                                                   {"/tmp/x", "/tmp/x"}}) {
    auto path = NormalizeLocal(c.path);
    ASSERT_TRUE(path.ok()) << c.path << path.status();
    EXPECT_EQ(*path, c.expected);
  }
  for (const char* path :
       {"/", "//", "/proc", "/sys", "/dev", "/etc", "/etc/", "/usr", "/bin", "/sbin", "/lib",
        "/lib64", "/var", "/run", "/boot", "/root", "/home", "/tmp", "/nix"}) {
    EXPECT_THAT(NormalizeLocal(path).status().message(), HasSubstr("cannot be replaced")) << path;
  }
  EXPECT_THAT(NormalizeLocal("etc").status().message(), HasSubstr("is not an absolute path"));
  EXPECT_THAT(NormalizeLocal("").status().message(), HasSubstr("is not an absolute path"));
  EXPECT_THAT(NormalizeLocal("/a/../etc").status().message(), HasSubstr("contains \"..\""));
  EXPECT_THAT(NormalizeLocal("/a/./b").status().message(), HasSubstr("contains \".\""));
}

TEST(LinkPath, IsRelativeAndPlain) {
  struct Case {
    const char* path;
    const char* expected;
  };
  for (const Case& c : std::initializer_list<Case>{{"nginx/etc", "nginx/etc"},
                                                   {"nginx/etc/", "nginx/etc"},
                                                   {"./nginx//etc", "nginx/etc"},
                                                   {"", "."},
                                                   {".", "."},
                                                   {"./", "."},
                                                   {"/", "."}}) {
    auto path = NormalizeLink(c.path);
    ASSERT_TRUE(path.ok()) << c.path << path.status();
    EXPECT_EQ(*path, c.expected);
  }
  for (const char* path : {"..", "a/../b", "../x", "/etc/shadow", "a/.git/config", "-x", ".GIT"}) {
    EXPECT_FALSE(NormalizeLink(path).ok()) << path;
  }
  EXPECT_THAT(NormalizeLink("/nginx/etc").status().message(), HasSubstr("write \"nginx/etc\""));
}

TEST(AgentAddress, HasTheAgentsPortUnlessItNamesOne) {
  struct Case {
    const char* address;
    const char* expected;
  };
  for (const Case& c : std::initializer_list<Case>{{"web1.example", "web1.example:8004"},
                                                   {"web1.example:9", "web1.example:9"},
                                                   {"[::1]", "[::1]:8004"},
                                                   {"[::1]:9", "[::1]:9"},
                                                   {"unix:/run/a.sock", "unix:/run/a.sock"}}) {
    EXPECT_EQ(*NormalizeAddress(c.address), c.expected);
  }
  for (const char* address :
       {"::1", "a:0", "a:65536", "a:x", "a:", ":8004", "[::1", "[::1]9", "a b"}) {
    EXPECT_FALSE(NormalizeAddress(address).ok()) << address;
  }
}

TEST(Paths, LieBeneathOthersByWholeNames) {
  EXPECT_TRUE(IsAtOrBeneath("/a/b", "/a"));
  EXPECT_TRUE(IsAtOrBeneath("/a", "/a"));
  EXPECT_TRUE(IsAtOrBeneath("/a", "/"));
  EXPECT_FALSE(IsAtOrBeneath("/ab", "/a"));
  EXPECT_FALSE(IsAtOrBeneath("/a", "/a/b"));
}

}  // namespace
}  // namespace gitops
