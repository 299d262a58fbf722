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
      {"/srv/a b.git", "file", "file:///srv/a b.git"},
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

TEST(ParseUpstream, CredentialsGoToTheNetrcAndNowhereElse) {
  const UpstreamSpec spec{.url = "https://me:s%22e%5Ccret@h.example/a.git"};
  const auto access = ParseUpstream(spec);
  ASSERT_TRUE(access.ok());
  EXPECT_THAT(GitConfigFor(*access, spec), Not(HasSubstr("cret")));
  const auto netrc = NetrcFor(*access, spec);
  ASSERT_TRUE(netrc.ok());
  EXPECT_EQ(*netrc, "machine h.example\nlogin \"me\"\npassword \"s\\\"e\\\\cret\"\n");
}

TEST(NetrcFor, TakesTheConfiguredFileAndSaysWhenItCannotBeRead) {
  const std::string file = ::testing::TempDir() + "/netrc";
  std::ofstream(file) << "machine h login a password b\n";
  UpstreamSpec spec{.url = "https://h/a", .netrc_file = file};
  EXPECT_EQ(*NetrcFor(*ParseUpstream(spec), spec), "machine h login a password b\n");
  spec.netrc_file = file + ".missing";
  EXPECT_EQ(NetrcFor(*ParseUpstream(spec), spec).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(NetrcFor, TheUrlsLoginChoosesAmongSeveralOfOneHost) {
  const std::string file = ::testing::TempDir() + "/several";
  std::ofstream(file) << "machine h login a password one\n"
                         "machine other\n  login b\n  password two\n"
                         "machine H login \"b\" password \"th\\\"ree\"\n";
  const UpstreamSpec spec{.url = "https://b@h/a", .netrc_file = file};
  const auto netrc = NetrcFor(*ParseUpstream(spec), spec);
  ASSERT_TRUE(netrc.ok()) << netrc.status();
  EXPECT_THAT(*netrc, ::testing::StartsWith("machine h\nlogin \"b\"\npassword \"th\\\"ree\"\n"));
}

TEST(GitConfigFor, OnlyTheUpstreamsProtocolIsAllowedAndOnlyItsDirectoryIsSafe) {
  const UpstreamSpec spec{.url = "/srv/none \"quoted\".git"};
  const std::string config = GitConfigFor(*ParseUpstream(spec), spec);
  EXPECT_THAT(config, HasSubstr("[protocol \"file\"]\n allow = always"));
  EXPECT_THAT(config, HasSubstr(" directory = \"/srv/none \\\"quoted\\\".git\"\n"));
  EXPECT_THAT(config, Not(HasSubstr("directory = *")));
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
  std::filesystem::create_directories(path + "/objects/info");
  EXPECT_TRUE(CheckLocalUpstream(path).ok());
  std::ofstream(path + "/objects/info/alternates") << "/elsewhere\n";
  EXPECT_EQ(CheckLocalUpstream(path).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CheckLocalUpstream(path + "-none").code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gitops
