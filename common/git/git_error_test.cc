#include "common/git/git_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/rpc/error.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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
      {"error: unknown option `batch-command'\nusage: git cat-file <type> <object>\n", false,
       absl::StatusCode::kFailedPrecondition, "2.36"},
      {"fatal: transport 'ext' not allowed\n", true, absl::StatusCode::kFailedPrecondition, ""},
      {"fatal: not a git repository: '/m/repository.git'\n", false, absl::StatusCode::kDataLoss,
       ""},
      {"fatal: upload-pack: not our ref 00\n", true, absl::StatusCode::kNotFound, ""},
      {"remote: error: cannot lock ref 'refs/heads/b': is at 0123 but expected 4567\n"
       "To https://h/x\n ! [remote rejected] HEAD -> b (failed to update ref)\n",
       true, absl::StatusCode::kAborted,
       "doing: ! [remote rejected] HEAD -> b (failed to update ref)"},
      {"To file:///srv/x\n ! [rejected]        HEAD -> main (fetch first)\n"
       "error: failed to push some refs to 'file:///srv/x'\nhint: Updates were rejected\n",
       true, absl::StatusCode::kAborted, "doing: ! [rejected]        HEAD -> main (fetch first)"},
      {"remote: protected branch\nTo https://h/x\n"
       " ! [remote rejected] HEAD -> main (pre-receive hook declined)\n"
       "error: failed to push some refs to 'https://h/x'\n",
       true, absl::StatusCode::kFailedPrecondition, "pre-receive hook declined"},
      {"fatal: Out of memory, malloc failed (tried to allocate 3221225473 bytes)\n"
       "fatal: index-pack failed\n",
       true, absl::StatusCode::kResourceExhausted, "git_memory"},
      {"fatal: packfile ./x.pack cannot be mapped: Cannot allocate memory\n", false,
       absl::StatusCode::kResourceExhausted, "git_memory"},
      {"error: index-pack died of signal 9\n", true, absl::StatusCode::kResourceExhausted,
       "git_memory"},
      {"remote: fatal: packfile x is corrupt\nfatal: the remote end hung up unexpectedly\n", true,
       absl::StatusCode::kUnavailable, "packfile x is corrupt"},
      {"something new\n", true, absl::StatusCode::kUnavailable, "something new"},
      {"something new\n", false, absl::StatusCode::kInternal, "something new"},
      {"", false, absl::StatusCode::kInternal, "git printed no error"},
  };
  for (const ErrorCase& test : cases) {
    const absl::Status status =
        StatusFromGit("doing", {.exit_status = 128, .error_output = test.output}, test.remote);
    EXPECT_EQ(status.code(), test.code) << test.output;
    EXPECT_EQ(HasReason(status, Reason::kUpstreamUnreachable), absl::IsUnavailable(status))
        << test.output;
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.message));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  }
}

TEST(StatusFromGit, AServersWordsAreNoDamageOfTheMirror) {
  const std::string damage = "packfile x is corrupt";
  const std::string cut(kKeptErrorOutput - damage.size() - 1, 'x');
  for (const std::string& output :
       {"remote: " + damage + "\n", "fatal: remote error: no\n" + damage + "\n",
        cut + damage + "\n"}) {
    const absl::Status status =
        StatusFromGit("doing", {.exit_status = 128, .error_output = output}, true);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  }
}

TEST(CondenseGitError, IsUtf8WhateverTheServerSays) {
  EXPECT_EQ(CondenseGitError("remote: caf\xe9 \\ caf\xc3\xa9\n"), "caf\\xe9 \\\\ caf\xc3\xa9");
  const std::string text = CondenseGitError("fatal: " + std::string(299, 'a') + "\xc3\xa9zz\n");
  EXPECT_EQ(text, std::string(299, 'a') + "…");
}

TEST(CondenseGitError, EscapesWhatWouldForgeLogLines) {
  EXPECT_EQ(CondenseGitError("fatal: a\x1b[31mb\n"), "a\\x1b[31mb");
}

}  // namespace
}  // namespace gitops
