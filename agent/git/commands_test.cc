#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/git/account.h"
#include "agent/git/git_commands.h"
#include "agent/git/git_error.h"
#include "agent/git/upstream_access.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

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

TEST(GitCommands, NothingOfTheHostsConfigurationIsSeen) {
  const GitCommands commands(MirrorPaths("/m"), "https", "ssh");
  const Command command = commands.Local({.name = "www-data"}, {"cat-file", "-e", "x"});
  EXPECT_EQ(command.user, "www-data");
  EXPECT_THAT(command.argv,
              ::testing::ElementsAre("git", "--git-dir=/m/repository.git", "cat-file", "-e", "x"));
  EXPECT_THAT(command.environment, Contains(Pair("GIT_CONFIG_NOSYSTEM", "1")));
  EXPECT_THAT(command.environment, Contains(Pair("GIT_CONFIG_GLOBAL", "/m/gitconfig")));
  EXPECT_THAT(command.environment, Contains(Pair("GIT_ALLOW_PROTOCOL", "https")));
  EXPECT_THAT(command.environment, Contains(Pair("HOME", "/m/home")));
}

TEST(FindAccount, AnUnknownOneIsNamedAndTheOwnOneNeedsNoChange) {
  EXPECT_EQ(FindAccount("no-such-user-here").status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(FindAccount("no-such-user-here").status().message()),
              HasSubstr("no-such-user-here"));
  EXPECT_EQ(FindAccount("")->uid, -1);
  if (geteuid() == 0) {
    EXPECT_EQ(FindAccount("root")->uid, -1);
    EXPECT_EQ(FindAccount("nobody")->uid, 65534);
  }
}

struct ErrorCase {
  const char* output;
  bool remote;
  absl::StatusCode code;
  const char* message;
};

TEST(StatusFromGit, Table) {
  const ErrorCase cases[] = {
      {"fatal: unable to access 'https://u:secret@h.example/a?t=secret': Could not resolve host: "
       "h.example\n",
       true, absl::StatusCode::kUnavailable,
       "doing: unable to access 'https://h.example/a': Could not resolve host: h.example"},
      {"git@h: Permission denied (publickey).\r\nfatal: Could not read from remote repository.\n\n"
       "Please make sure you have the correct access rights\nand the repository exists.\n",
       true, absl::StatusCode::kUnauthenticated, "doing: git@h: Permission denied (publickey)."},
      {"Warning: Identity file /k not accessible: No such file or directory.\n"
       "git@h: Permission denied (publickey).\r\nfatal: Could not read from remote repository.\n",
       true, absl::StatusCode::kUnauthenticated,
       "(publickey). (Identity file /k not accessible: No such file or directory.)"},
      {"No ED25519 host key is known for h and you have requested strict checking.\n"
       "Host key verification failed.\nfatal: Could not read from remote repository.\n",
       true, absl::StatusCode::kUnauthenticated, "known_hosts"},
      {"fatal: could not read Username for 'https://h': terminal prompts disabled\n", true,
       absl::StatusCode::kUnauthenticated, "netrc_file"},
      {"error: RPC failed; HTTP 500 curl 22 The requested URL returned error: 500\n"
       "fatal: expected 'acknowledgments'\n",
       true, absl::StatusCode::kUnavailable, "HTTP 500"},
      {"remote: Repository not found.\nfatal: repository 'https://h/a/' not found\n", true,
       absl::StatusCode::kNotFound, "doing: repository 'https://h/a/' not found"},
      {"fatal: '/srv/x' does not appear to be a git repository\nfatal: Could not read from remote "
       "repository.\n",
       true, absl::StatusCode::kNotFound, "'/srv/x' does not appear"},
      {"fatal: write error: No space left on device\nfatal: index-pack failed\n", true,
       absl::StatusCode::kResourceExhausted, "doing: write error: No space left on device"},
      {"error: index-pack died of signal 25\n", true, absl::StatusCode::kResourceExhausted,
       "larger than the limit"},
      {"fatal: transport 'ext' not allowed\n", true, absl::StatusCode::kFailedPrecondition, ""},
      {"fatal: not a git repository: '/m/repository.git'\n", false, absl::StatusCode::kDataLoss,
       ""},
      {"fatal: upload-pack: not our ref 00\n", true, absl::StatusCode::kNotFound, ""},
      {"something new\n", true, absl::StatusCode::kUnavailable, "something new"},
      {"something new\n", false, absl::StatusCode::kInternal, "something new"},
      {"", false, absl::StatusCode::kInternal, "git said nothing"},
  };
  for (const ErrorCase& test : cases) {
    const absl::Status status =
        StatusFromGit("doing", {.exit_status = 128, .error_output = test.output}, test.remote);
    EXPECT_EQ(status.code(), test.code) << test.output;
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.message));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  }
}

TEST(CondenseGitError, EscapesWhatWouldForgeLogLines) {
  EXPECT_EQ(CondenseGitError("fatal: a\x1b[31mb\n"), "a\\033[31mb");
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
