#include "common/git/test_repository.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/process/process.h"

namespace gitops {
namespace {

const std::vector<std::pair<std::string, std::string>> kEnvironment = {
    {"GIT_CONFIG_NOSYSTEM", "1"},
    {"GIT_CONFIG_GLOBAL", "/dev/null"},
    {"GIT_AUTHOR_NAME", "T"},
    {"GIT_AUTHOR_EMAIL", "t@example"},
    {"GIT_COMMITTER_NAME", "T"},
    {"GIT_COMMITTER_EMAIL", "t@example"},
    {"GIT_COMMITTER_DATE", "1700000000 +0000"},
    {"GIT_AUTHOR_DATE", "1700000000 +0000"},
    {"LC_ALL", "C"}};

std::string Run(std::vector<std::string> argv, const std::string& input) {
  static const auto& runner = *NewProcessRunner().release();
  Command command;
  command.argv = std::move(argv);
  command.environment = kEnvironment;
  command.input = input;
  auto result = const_cast<ProcessRunner&>(runner).Run(command);
  if (!result.ok() || !result->ok()) {
    std::fprintf(stderr, "git %s failed: %s %s\n", command.argv[2].c_str(),
                 result.status().ToString().c_str(),
                 result.ok() ? result->error_output.c_str() : "");
    std::abort();
  }
  return std::string(absl::StripTrailingAsciiWhitespace(result->output));
}

}  // namespace

TestRepository::TestRepository(std::string path, const std::string& object_format)
    : path_(std::move(path)) {
  Run({"git", "init", "--quiet", "--bare", "--initial-branch=main",
       "--object-format=" + object_format, path_},
      "");
}

std::string TestRepository::Git(const std::vector<std::string>& arguments,
                                const std::string& input) const {
  std::vector<std::string> argv = {"git", "--git-dir=" + path_, "-c", "safe.directory=*"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Run(std::move(argv), input);
}

std::string TestRepository::WriteBlob(const std::string& content) const {
  return Git({"hash-object", "-w", "--stdin"}, content);
}

std::string TestRepository::WriteBlobFromFile(const std::string& file) const {
  return Git({"-c", "core.bigFileThreshold=1m", "hash-object", "-w", "--no-filters", file});
}

std::string TestRepository::WriteTree(const std::vector<Entry>& entries) const {
  std::string tree;
  for (const Entry& entry : entries) {
    absl::StrAppend(&tree, entry.mode, " ", entry.name);
    tree.push_back('\0');
    tree += absl::HexStringToBytes(entry.oid);
  }
  return Git({"hash-object", "-w", "-t", "tree", "--literally", "--stdin"}, tree);
}

std::string TestRepository::Commit(const std::string& tree, const std::string& branch,
                                   bool on_top) const {
  const std::string ref = "refs/heads/" + branch;
  const std::string tip = Git({"for-each-ref", "--format=%(objectname)", ref});
  std::string text = absl::StrCat("tree ", tree, "\n");
  if (on_top && !tip.empty()) absl::StrAppend(&text, "parent ", tip, "\n");
  absl::StrAppend(&text, "author T <t@example> 1700000000 +0000\n",
                  "committer T <t@example> 1700000000 +0000\n\nchange\n");
  const std::string commit = Git({"hash-object", "-w", "-t", "commit", "--stdin"}, text);
  Git({"update-ref", ref, commit});
  return commit;
}

std::string TestRepository::CommitFiles(const std::map<std::string, std::string>& files,
                                        const std::string& branch, bool on_top) const {
  return Commit(TreeOf(files), branch, on_top);
}

// Through `git fast-import`, which writes any number of files in one process.
std::string TestRepository::TreeOf(const std::map<std::string, std::string>& files) const {
  std::string input =
      "commit refs/scratch\ncommitter T <t@example> 1700000000 +0000\ndata 0\ndeleteall\n";
  for (const auto& [path, text] : files) {
    absl::string_view content = text;
    const char* mode = "100644";
    if (absl::ConsumePrefix(&content, "->")) mode = "120000";
    if (absl::ConsumePrefix(&content, "+x")) mode = "100755";
    absl::StrAppend(&input, "M ", mode, " inline ", path, "\ndata ", content.size(), "\n", content,
                    "\n");
  }
  Git({"fast-import", "--quiet", "--force"}, input);
  const std::string tree = Git({"rev-parse", "refs/scratch^{tree}"});
  Git({"update-ref", "-d", "refs/scratch"});
  return tree;
}

}  // namespace gitops
