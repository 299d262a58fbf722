#include "common/git/upstream_access.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct UrlCase {
  const char* url;
  const char* scheme;  // empty: refused
  const char* shown;   // to git
};

TEST(ParseUpstream, Table) {
  const UrlCase cases[] = {
      {"https://u:p%40ss@h.example:8443/a.git", "https", "https://h.example:8443/a.git"},
      {"https://token@h.example/a.git", "https", "https://h.example/a.git"},
      {"https://u:a/b@c@h.example/a.git", "https", "https://h.example/a.git"},
      {"http://h/a?token=secret", "", ""},
      {"http://h/a#token=secret", "", ""},
      {"ssh://git@h:2222/a.git", "ssh", "ssh://git@h:2222/a.git"},
      {"ssh://git:pw@h/a.git", "ssh", "ssh://git@h/a.git"},
      {"git@h:a.git", "ssh", "git@h:a.git"},
      {"git@[::1]:ops.git", "ssh", "git@[::1]:ops.git"},
      {"/srv/a b.git", "file", "file:///srv/a b.git"},
      {"/srv/a%41.git", "file", "file:///srv/a%2541.git"},
      {"file:///srv/a.git", "file", "file:///srv/a.git"},
      {"git://h/a", "git", "git://h/a"},
      {"ext::sh -c id", "", ""},
      {"ext://x", "", ""},
      {"a/relative/path", "", ""},
      {"-oProxyCommand=x:y", "", ""},
      {"ssh://-oProxyCommand=x/y", "", ""},
      {"https://h/a\nb", "", ""},
      {"file://relative", "", ""},
      {"", "", ""},
  };
  for (const UrlCase& test : cases) {
    const auto access = ParseUpstream({.url = test.url});
    ASSERT_EQ(access.ok(), test.scheme[0] != '\0') << test.url << access.status();
    if (!access.ok()) continue;
    EXPECT_EQ(access->scheme, test.scheme) << test.url;
    EXPECT_EQ(access->url, test.shown) << test.url;
  }
}

std::string CredentialsOf(const UpstreamSpec& spec) {
  const auto access = ParseUpstream(spec);
  EXPECT_TRUE(access.ok()) << access.status();
  const auto credentials = CredentialsFor(*access, spec);
  EXPECT_TRUE(credentials.ok()) << credentials.status();
  return credentials.value_or("");
}

TEST(CredentialsFor, TheUrlsLoginIsForExactlyItsSchemeHostAndPort) {
  const UpstreamSpec spec{.url = "https://me:s%22e%5Ccr%40t@h.example:8443/a.git"};
  EXPECT_EQ(CredentialsOf(spec), "https://me:s%22e%5ccr%40t@h.example:8443\n");
  EXPECT_THAT(GitConfigFor(*ParseUpstream(spec), spec, "/c"), Not(HasSubstr("s%22")));
  EXPECT_EQ(CredentialsOf({.url = "https://token@h/a"}), "https://token:x-oauth-basic@h\n");
  EXPECT_EQ(CredentialsOf({.url = "https://me:pw@[::1]:8443/a"}), "https://me:pw@[::1]:8443\n");
  EXPECT_EQ(CredentialsOf({.url = "https://h/a"}), "");
  EXPECT_EQ(CredentialsOf({.url = "ssh://git@h/a"}), "");
}

TEST(CredentialsFor, TakesTheConfiguredFileAndSaysWhenItCannotBeRead) {
  const std::string file = ::testing::TempDir() + "/netrc";
  std::ofstream(file) << "# for tests: machine h login no password no\n"
                         "machine other login x password y\nmachine h login a password b\n"
                         "default login d password e\n";
  EXPECT_EQ(CredentialsOf({.url = "https://h/a", .netrc_file = file}), "https://a:b@h\n");
  EXPECT_EQ(CredentialsOf({.url = "http://h:81/a", .netrc_file = file}), "http://a:b@h:81\n");
  EXPECT_EQ(CredentialsOf({.url = "https://third/a", .netrc_file = file}), "https://d:e@third\n");
  EXPECT_EQ(CredentialsOf({.url = "https://me:own@h/a", .netrc_file = file}), "https://me:own@h\n");
  const UpstreamSpec missing{.url = "https://h/a", .netrc_file = file + ".missing"};
  const absl::Status status = CredentialsFor(*ParseUpstream(missing), missing).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("netrc_file"), HasSubstr(file + ".missing"),
                                      HasSubstr("No such file or directory")));
}

TEST(CheckSshKey, RefusesAKeyThatEveryAccountCanRead) {
  const std::string file = ::testing::TempDir() + "/key";
  std::ofstream(file) << "secret";
  const UpstreamSpec spec{.url = "ssh://git@h/a", .ssh_key = file};
  for (const mode_t good : {0600, 0400, 0640}) {
    ASSERT_EQ(::chmod(file.c_str(), good), 0);
    EXPECT_TRUE(CheckSshKey(spec).ok()) << good;
  }
  for (const mode_t bad : {0644, 0604, 0602}) {
    ASSERT_EQ(::chmod(file.c_str(), bad), 0);
    EXPECT_THAT(CheckSshKey(spec).message(), HasSubstr("ssh_key " + file)) << bad;
  }
  EXPECT_TRUE(CheckSshKey({.url = "ssh://git@h/a", .ssh_key = file + ".missing"}).ok());
}

TEST(CredentialsFor, TheUrlsLoginChoosesAmongSeveralOfOneHost) {
  const std::string file = ::testing::TempDir() + "/several";
  std::ofstream(file) << "machine h login a password one\n"
                         "machine other\n  login b\n  password two\n"
                         "machine H login \"b\" password \"th\\\"ree\"\n";
  EXPECT_EQ(CredentialsOf({.url = "https://b@h/a", .netrc_file = file}), "https://b:th%22ree@h\n");
}

TEST(GitConfigFor, OnlyTheUpstreamsProtocolIsAllowedAndOnlyItsDirectoryIsSafe) {
  const UpstreamSpec spec{.url = "/srv/none \"quoted\".git"};
  const std::string config = GitConfigFor(*ParseUpstream(spec), spec, "/c");
  EXPECT_THAT(config, HasSubstr("[protocol \"file\"]\n allow = always"));
  EXPECT_THAT(config, HasSubstr(" directory = \"/srv/none \\\"quoted\\\".git\"\n"));
  EXPECT_THAT(config, Not(HasSubstr("directory = *")));
  EXPECT_THAT(config, Not(HasSubstr("credential-store")));
}

TEST(GitConfigFor, AProxyIsTheUpstreamsOwn) {
  const UpstreamSpec spec{.url = "https://h/a", .proxy = "http://me:pw@proxy:3128"};
  EXPECT_THAT(GitConfigFor(*ParseUpstream(spec), spec, "/c"),
              HasSubstr(" proxy = \"http://me:pw@proxy:3128\"\n"));
}

TEST(SshCommandFor, TrustsOnlyWhatIsConfigured) {
  const std::string command =
      SshCommandFor({.url = "x", .ssh_key = "/k'ey", .known_hosts = "/known hosts"});
  EXPECT_THAT(command, HasSubstr("ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes"));
  EXPECT_THAT(command, HasSubstr("-i '/k'\\''ey'"));
  EXPECT_THAT(command, HasSubstr("'UserKnownHostsFile=\"/known hosts\"'"));
}

TEST(CheckLocalUpstream, BorrowedObjectsAreRefused) {
  const std::string path = ::testing::TempDir() + "/borrower.git";
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path + "/objects/info");
  EXPECT_TRUE(CheckLocalUpstream(path).ok());
  std::ofstream(path + "/objects/info/alternates") << "/elsewhere\n";
  EXPECT_EQ(CheckLocalUpstream(path).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CheckLocalUpstream(path + "-none").code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gitops
