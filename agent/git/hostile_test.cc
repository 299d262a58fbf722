#include <sys/stat.h>
#include <unistd.h>

#include "agent/git/git_test_base.h"
#include "gmock/gmock.h"

// Repositories that want something. Each test has a canary: a file that must not come to be, or
// must not be read. After each the service's former revision is untouched and still ready.

namespace gitops {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class HostileTest : public GitTest {
 protected:
  HostileTest() : canary_(dir_ + "/canary"), secret_(dir_ + "/secret") {
    std::ofstream(secret_) << "the secret";
    good_ = upstream_->CommitFiles({{"etc/a", "good"}});
  }

  void StartServing() {
    Start();
    ASSERT_TRUE(Prepare(good_).ok()) << Prepare(good_);
  }

  // Commits <etc>/`entries` beside one plain file.
  std::string CommitEtc(std::vector<TestRepository::Entry> entries) const {
    return upstream_->Commit(
        upstream_->WriteTree({{"40000", upstream_->WriteTree(entries), "etc"}}));
  }

  // A directory that holds ten times the same, and so on; of nothing, or of one file.
  std::string CommitBomb(bool empty, int levels) const {
    std::string tree = empty ? upstream_->WriteTree({})
                             : upstream_->WriteTree({{"100644", upstream_->WriteBlob("x"), "f"}});
    for (int level = 0; level < levels; ++level) {
      std::vector<TestRepository::Entry> tenfold;
      for (int i = 0; i < 10; ++i) tenfold.push_back({"40000", tree, "d" + std::to_string(i)});
      tree = upstream_->WriteTree(tenfold);
    }
    return upstream_->Commit(upstream_->WriteTree({{"40000", tree, "etc"}}));
  }

  void ExpectRefused(const std::string& commit, const std::string& what,
                     absl::StatusCode code = absl::StatusCode::kFailedPrecondition) {
    const absl::Status status = Prepare(commit);
    EXPECT_EQ(status.code(), code) << what << ": " << status;
    EXPECT_THAT(status.ToString(), HasSubstr(what));
    ExpectServing();
    EXPECT_FALSE(IsReady(commit)) << what;
    for (const auto& entry : fs::directory_iterator(RevisionRoot(service_))) {
      EXPECT_THAT(entry.path().filename().string(), ::testing::StartsWith(good_));
    }
  }

  void ExpectServing() {
    EXPECT_FALSE(fs::exists(canary_));
    EXPECT_THAT(source_->Ready(), ::testing::Contains(good_));
    EXPECT_EQ(Read(good_, "etc/a"), "good");
  }

  // A program that would betray itself.
  std::string Trap(const std::string& name) const {
    const std::string path = dir_ + "/" + name;
    std::ofstream(path) << "#!/bin/sh\ntouch " << canary_ << "\n";
    chmod(path.c_str(), 0755);
    return path;
  }

  const std::string canary_, secret_;
  std::string good_;
};

TEST_F(HostileTest, SymlinksThatLeadOut) {
  StartServing();
  for (const std::string& target : {std::string("../../../../../etc/passwd"), secret_,
                                    std::string("../other"), std::string("/etc/web/../passwd")}) {
    ExpectRefused(upstream_->CommitFiles({{"etc/a", "x"}, {"etc/l", "->" + target}}), "\"etc/l\"");
  }
  // Beneath the service's own local path, as sites-enabled.
  const std::string fine = upstream_->CommitFiles({{"etc/a", "x"}, {"etc/l", "->/etc/web/a"}});
  EXPECT_TRUE(Prepare(fine).ok()) << Prepare(fine);
}

TEST_F(HostileTest, WritingThroughASymlinkOfTheSameCommit) {
  StartServing();
  const std::string file = upstream_->WriteBlob("pwned");
  const std::string link = upstream_->WriteBlob(dir_);
  const std::string tree = upstream_->WriteTree({{"100644", file, "canary"}});
  ExpectRefused(CommitEtc({{"120000", link, "x"}, {"40000", tree, "x"}}), "etc/x");
  ExpectRefused(CommitEtc({{"40000", tree, "X"}, {"120000", link, "x"}}), "only in case");
  ExpectRefused(CommitEtc({{"120000", link, "x"}, {"100644", file, "x/canary"}}), "etc/x");
}

TEST_F(HostileTest, NamesThatMeanSomethingElse) {
  StartServing();
  const std::string file = upstream_->WriteBlob("x");
  for (const char* name :
       {"..", ".", "../canary", "../../canary", ".git", ".GIT", ".Git", "git~1", ".git ",
        ".g\u200cit", "-rf", "a\nb", "a\rb", "a\x01", "a//b", "/abs", "\x7f"}) {
    const absl::Status status = Prepare(CommitEtc({{"100644", file, name}, {"100644", file, "z"}}));
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << name << ": " << status;
    EXPECT_THAT(status.ToString(), Not(HasSubstr("\n"))) << "no forged lines in a log";
    ExpectServing();
  }
}

TEST_F(HostileTest, ABadNameOutsideTheServicesPathsTroublesNobody) {
  StartServing();
  const std::string file = upstream_->WriteBlob("x");
  const std::string etc = upstream_->WriteTree({{"100644", file, "a"}});
  const std::string bad = upstream_->WriteTree({{"100644", file, ".."}, {"100644", file, ".git"}});
  const std::string commit =
      upstream_->Commit(upstream_->WriteTree({{"40000", bad, "bad"}, {"40000", etc, "etc"}}));
  EXPECT_TRUE(Prepare(commit).ok()) << Prepare(commit);
}

TEST_F(HostileTest, Submodules) {
  StartServing();
  ExpectRefused(CommitEtc({{"160000", good_, "sub"}}), "submodule");
  // With a .gitmodules that older gits ran: outside of what is published it is only a file.
  const std::string modules = upstream_->WriteBlob(
      "[submodule \"../../x\"]\n path = sub\n url = ext::sh -c 'touch " + canary_ +
      "'\n"
      "[submodule \"-u./payload\"]\n path = -p\n url = -u" +
      Trap("payload") + "\n");
  const std::string etc = upstream_->WriteTree({{"100644", upstream_->WriteBlob("fine"), "a"}});
  const std::string commit = upstream_->Commit(upstream_->WriteTree(
      {{"100644", modules, ".gitmodules"}, {"40000", etc, "etc"}, {"160000", good_, "sub"}}));
  EXPECT_TRUE(Prepare(commit).ok()) << Prepare(commit);
  ExpectServing();
}

TEST_F(HostileTest, AttributesAndFiltersChangeNoByte) {
  StartServing();
  const std::string text = "$Id$ $Format:%H$\nline\r\nline\n";
  const std::string commit = upstream_->CommitFiles(
      {{".gitattributes",
        "* ident eol=crlf text filter=evil export-subst working-tree-encoding=UTF-16"},
       {"etc/.gitattributes", "* ident eol=crlf text filter=evil export-subst export-ignore"},
       {"etc/a", text}});
  ASSERT_TRUE(Prepare(commit).ok()) << Prepare(commit);
  EXPECT_EQ(Read(commit, "etc/a"), text);
  EXPECT_TRUE(fs::exists(Tree(commit) + "/etc/.gitattributes"));
}

TEST_F(HostileTest, ConfigurationAndHooksOfTheUpstreamRunNothing) {
  const std::string trap = Trap("trap");
  for (const char* key : {"core.fsmonitor", "core.sshCommand", "core.gitProxy", "core.pager",
                          "core.askPass", "core.editor", "uploadpack.packObjectsHook",
                          "credential.helper", "diff.external", "alias.upload-pack"}) {
    upstream_->Git({"config", key, trap});
  }
  fs::create_directories(upstream_->path() + "/hooks");
  for (const char* hook : {"post-checkout", "reference-transaction", "pre-auto-gc", "post-update",
                           "upload-pack", "post-merge", "post-index-change"}) {
    fs::copy(trap, upstream_->path() + "/hooks/" + hook);
  }
  upstream_->Git({"config", "core.hooksPath", upstream_->path() + "/hooks"});
  StartServing();
  ExpectServing();
}

TEST_F(HostileTest, APromisorUpstreamStartsNoTransport) {
  StartServing();
  // A tree that names a blob the upstream does not have, with a remote that would "bring" it.
  const std::string missing(40, '7');
  upstream_->Git({"config", "remote.evil.url", "ext::" + Trap("transport")});
  upstream_->Git({"config", "remote.evil.promisor", "true"});
  upstream_->Git({"config", "protocol.ext.allow", "always"});
  upstream_->Git({"config", "extensions.partialClone", "evil"});
  upstream_->Git({"config", "core.repositoryFormatVersion", "1"});
  const std::string commit = CommitEtc({{"100644", missing, "a"}});
  EXPECT_FALSE(Prepare(commit).ok());
  ExpectServing();
}

TEST_F(HostileTest, BorrowedObjectsOfAnotherRepositoryAreNotPublished) {
  StartServing();
  TestRepository other(dir_ + "/private.git");
  const std::string blob = other.WriteBlob("the secret");
  std::ofstream(upstream_->path() + "/objects/info/alternates") << other.path() << "/objects\n";
  const std::string commit = CommitEtc({{"100644", blob, "a"}});
  ExpectRefused(commit, "alternates");
}

TEST_F(HostileTest, TooManyFiles) {
  service_.max_files = 50'000;
  StartServing();
  const std::string blob = upstream_->WriteBlob("x");
  std::vector<TestRepository::Entry> thousand;
  for (int i = 0; i < 1000; ++i) thousand.push_back({"100644", blob, std::to_string(10'000 + i)});
  const std::string directory = upstream_->WriteTree(thousand);
  std::vector<TestRepository::Entry> hundred;
  for (int i = 0; i < 100; ++i) hundred.push_back({"40000", directory, std::to_string(100 + i)});
  ExpectRefused(CommitEtc(hundred), "max_files", absl::StatusCode::kResourceExhausted);
}

TEST_F(HostileTest, ATreeThatUnfoldsBeyondTheLimit) {
  StartServing();
  for (const bool empty : {false, true}) {
    ExpectRefused(CommitBomb(empty, 5), "max_files", absl::StatusCode::kResourceExhausted);
  }
}

TEST_F(HostileTest, ATreeThatUnfoldsWithoutEndEndsAtTheTimeLimit) {
  fetch_timeout_ = absl::Seconds(3);
  StartServing();
  // Where the upstream itself chokes on it, the time limit ends the wait.
  const absl::Status status = Prepare(CommitBomb(false, 12));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status) || absl::IsResourceExhausted(status)) << status;
  ExpectServing();
  const std::string next = upstream_->CommitFiles({{"etc/a", "next"}}, "main", false);
  EXPECT_TRUE(Prepare(next).ok()) << Prepare(next);
}

// A whole gigabyte goes through the agent in integration_tests/hostile_size_test.py.
TEST_F(HostileTest, AFileThatIsSmallOnlyWhileItIsCompressed) {
  service_.max_bytes = 64 << 20;
  StartServing();
  const std::string zeros = dir_ + "/zeros";
  std::ofstream(zeros).close();
  ASSERT_EQ(truncate(zeros.c_str(), off_t{65} << 20), 0);
  const std::string commit = CommitEtc({{"100644", upstream_->WriteBlobFromFile(zeros), "big"}});
  ExpectRefused(commit, "max_bytes", absl::StatusCode::kResourceExhausted);
  // Nor does it fill the disk on its way.
  uintmax_t used = 0;
  for (const auto& file : fs::recursive_directory_iterator(dir_ + "/state")) {
    if (file.is_regular_file()) used += file.file_size();
  }
  EXPECT_LT(used, 32u << 20);
}

TEST_F(HostileTest, ContentThatDoesNotCompressIsCutOffWhileItComes) {
  service_.max_bytes = 1 << 20;
  StartServing();
  std::string noise;
  uint64_t x = 88172645463325252;
  while (noise.size() < (24u << 20)) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    noise.append(reinterpret_cast<const char*>(&x), sizeof(x));
  }
  ExpectRefused(CommitEtc({{"100644", upstream_->WriteBlob(noise), "big"}}),
                "larger than the limit", absl::StatusCode::kResourceExhausted);
  const std::string next = upstream_->CommitFiles({{"etc/a", "small again"}});
  EXPECT_TRUE(Prepare(next).ok()) << Prepare(next);
}

TEST_F(HostileTest, AnObjectOfAnotherKindInAFilesPlace) {
  StartServing();
  const std::string tree = upstream_->WriteTree({});
  EXPECT_FALSE(Prepare(CommitEtc({{"100644", tree, "a"}})).ok());
  ExpectServing();
}

TEST_F(HostileTest, TheAccountsOwnConfigurationIsNotSeen) {
  const std::string home = dir_ + "/home";
  fs::create_directories(home);
  std::ofstream(home + "/.gitconfig")
      << "[core]\n sshCommand = " << Trap("a") << "\n fsmonitor = " << Trap("b")
      << "\n[url \"file://" << dir_ << "/elsewhere\"]\n insteadOf = " << upstream_->url() << "\n";
  setenv("HOME", home.c_str(), 1);
  setenv("GIT_DIR", "/nowhere", 1);
  setenv("GIT_SSH_COMMAND", Trap("c").c_str(), 1);
  StartServing();
  unsetenv("GIT_DIR");
  unsetenv("GIT_SSH_COMMAND");
  ExpectServing();
}

}  // namespace
}  // namespace gitops
