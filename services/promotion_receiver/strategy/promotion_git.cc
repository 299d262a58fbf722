#include "services/promotion_receiver/strategy/promotion_git.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/git/refs.h"

namespace gitops {
namespace {

constexpr absl::Duration kLocalTimeout = absl::Minutes(2), kRemoteTimeout = absl::Minutes(10);
constexpr int64_t kMostPackBytes = int64_t{4} << 30;
// References that Fetch sets.
constexpr char kBaseRef[] = "refs/promotion/base", kBranchRef[] = "refs/promotion/branch";

std::string HeadRef(const std::string& branch) { return absl::StrCat("refs/heads/", branch); }

std::string Line(absl::string_view output) {
  return std::string(absl::StripAsciiWhitespace(output));
}

absl::Status Damaged(absl::string_view what) {
  return absl::InternalError(absl::StrCat("git printed something unexpected as ", what));
}

// "100644 blob OID    SIZE\tPATH".
std::optional<CommitFile> ParseTreeLine(absl::string_view line) {
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(line, absl::MaxSplits('\t', 1));
  const std::vector<std::string> words = absl::StrSplit(halves.first, ' ', absl::SkipEmpty());
  CommitFile file;
  // Symlinks and submodules have other modes.
  if (words.size() != 4 || !absl::StartsWith(words[0], "100") || words[1] != "blob" ||
      !absl::SimpleAtoi(words[3], &file.size)) {
    return std::nullopt;
  }
  file.mode = words[0];
  file.blob = words[2];
  file.path = std::string(halves.second);
  return file;
}

}  // namespace

bool CommitInfo::IsPromotion() const {
  return committer == absl::StrCat(kPromotionAuthor, " <", kPromotionEmail, ">") &&
         absl::StrContains(message, absl::StrCat("\n", kPromotionTrailer, ": "));
}

PromotionGit::PromotionGit(GitProcesses processes, const std::string& directory,
                           UpstreamSpec upstream, std::function<bool()> give_up)
    : git_(std::move(processes), directory, std::move(upstream), ""),
      give_up_(std::move(give_up)) {}

absl::StatusOr<std::string> PromotionGit::Run(GitReach reach, absl::string_view attempt,
                                              Command command) const {
  command.give_up = give_up_;
  command.timeout = reach == GitReach::kUpstream ? kRemoteTimeout : kLocalTimeout;
  command.max_file_size = kMostPackBytes;
  // The subcommand, after the options with the directories.
  auto result = git_.Run(command.argv[3], attempt, command, reach);
  if (!result.ok()) return result.status();
  return std::move(result->output);
}

absl::StatusOr<std::string> PromotionGit::RunLocal(absl::string_view attempt,
                                                   std::vector<std::string> arguments,
                                                   std::string input) const {
  Command command = git_.InWorkTree(account_, std::move(arguments));
  command.input = std::move(input);
  return Run(GitReach::kLocal, attempt, std::move(command));
}

absl::StatusOr<std::string> PromotionGit::RunRemote(absl::string_view attempt,
                                                    std::vector<std::string> arguments) {
  auto account = git_.Prepare(GitReach::kUpstream);
  if (!account.ok()) return account.status();
  account_ = *std::move(account);
  return Run(GitReach::kUpstream, absl::StrCat(attempt, " ", git_.name()),
             git_.InWorkTree(account_, std::move(arguments)));
}

absl::StatusOr<PromotionGit::Tips> PromotionGit::Fetch(const std::string& base,
                                                       const std::string& branch) {
  const auto account = git_.Prepare(GitReach::kLocal);
  if (!account.ok()) return account.status();
  if (auto status = git_.MakeWorkTree(*account); !status.ok()) return status;
  auto listed = RunRemote("reading the branches of",
                          {"ls-remote", "origin", "HEAD", HeadRef(base), HeadRef(branch)});
  if (!listed.ok()) return listed.status();
  // So git shows the page of a proxy too, or one for signing in.
  if (listed->empty()) {
    return absl::UnavailableError(absl::StrCat(
        git_.name(), " shows no branch: it is empty, or something else than git answers for it"));
  }
  const auto refs = ParseRefs(git_.name(), *listed, {base, branch});
  if (const auto& tip = refs.at(base); !tip.ok()) return tip.status();
  const bool exists = refs.at(branch).ok();
  std::vector<std::string> fetch = {"fetch",     "--quiet",
                                    "--depth=1", "--no-tags",
                                    "origin",    absl::StrCat("+", HeadRef(base), ":", kBaseRef)};
  if (exists) fetch.push_back(absl::StrCat("+", HeadRef(branch), ":", kBranchRef));
  if (auto fetched = RunRemote(absl::StrCat("fetching ", base, " from"), fetch); !fetched.ok()) {
    // A branch was there a moment ago.
    return absl::IsNotFound(fetched.status()) ? absl::AbortedError(fetched.status().message())
                                              : fetched.status();
  }
  Tips tips;
  for (const bool of_branch : {false, true}) {
    if (of_branch && !exists) continue;
    auto tip = RunLocal("reading a tip", {"rev-parse", of_branch ? kBranchRef : kBaseRef});
    if (!tip.ok()) return tip.status();
    if (of_branch) {
      tips.branch = Line(*tip);
    } else {
      tips.base = Line(*tip);
    }
  }
  return tips;
}

absl::StatusOr<CommitInfo> PromotionGit::ReadCommit(const std::string& commit) const {
  auto text = RunLocal("reading a commit", {"cat-file", "commit", commit});
  if (!text.ok()) return text.status();
  CommitInfo info;
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(*text, absl::MaxSplits("\n\n", 1));
  info.message = absl::StrCat("\n", halves.second);
  for (absl::string_view line : absl::StrSplit(halves.first, '\n')) {
    if (absl::ConsumePrefix(&line, "tree ")) info.tree = std::string(line);
    if (absl::ConsumePrefix(&line, "parent ")) info.parents.emplace_back(line);
    // "NAME <EMAIL> TIME ZONE"
    if (absl::ConsumePrefix(&line, "committer ")) {
      info.committer = std::string(line.substr(0, line.rfind('>') + 1));
    }
  }
  return info;
}

absl::StatusOr<std::vector<CommitFile>> PromotionGit::ListFiles(const std::string& commit) const {
  auto listed = RunLocal("listing the files", {"ls-tree", "-r", "-z", "-l", "--full-tree", commit});
  if (!listed.ok()) return listed.status();
  std::vector<CommitFile> files;
  for (absl::string_view line : absl::StrSplit(*listed, '\0', absl::SkipEmpty())) {
    if (auto file = ParseTreeLine(line)) files.push_back(*std::move(file));
  }
  return files;
}

absl::StatusOr<std::vector<std::string>> PromotionGit::ReadFiles(
    const std::vector<CommitFile>& files) const {
  std::string input;
  for (const CommitFile& file : files) absl::StrAppend(&input, file.blob, "\n");
  auto output = RunLocal("reading files", {"cat-file", "--batch"}, std::move(input));
  if (!output.ok()) return output.status();
  std::vector<std::string> contents;
  absl::string_view rest = *output;
  for (const CommitFile& file : files) {
    const auto size = static_cast<size_t>(file.size);
    const std::string header = absl::StrCat(file.blob, " blob ", size, "\n");
    if (!absl::ConsumePrefix(&rest, header) || rest.size() <= size) return Damaged("a file");
    contents.emplace_back(rest.substr(0, size));
    rest.remove_prefix(size + 1);
  }
  return contents;
}

absl::StatusOr<std::string> PromotionGit::WriteTree(const std::string& commit,
                                                    const std::vector<Change>& changes) const {
  std::string index;
  for (const Change& change : changes) {
    auto blob = RunLocal("writing a file", {"hash-object", "-w", "--stdin"}, change.content);
    if (!blob.ok()) return blob.status();
    absl::StrAppend(&index, change.file.mode, " ", Line(*blob), "\t", change.file.path);
    index.push_back('\0');
  }
  if (auto read = RunLocal("reading a tree", {"read-tree", commit}); !read.ok()) {
    return read.status();
  }
  if (auto updated =
          RunLocal("writing a tree", {"update-index", "-z", "--index-info"}, std::move(index));
      !updated.ok()) {
    return updated.status();
  }
  auto tree = RunLocal("writing a tree", {"write-tree"});
  if (!tree.ok()) return tree.status();
  return Line(*tree);
}

absl::StatusOr<std::string> PromotionGit::WriteCommit(const std::string& tree,
                                                      const std::string& parent,
                                                      const std::string& message,
                                                      absl::Time time) const {
  Command command = git_.InWorkTree(account_, {"commit-tree", tree, "-p", parent, "-F", "-"});
  command.input = message;
  for (const std::string role : {"AUTHOR", "COMMITTER"}) {
    command.environment.emplace_back(absl::StrCat("GIT_", role, "_NAME"), kPromotionAuthor);
    command.environment.emplace_back(absl::StrCat("GIT_", role, "_EMAIL"), kPromotionEmail);
    command.environment.emplace_back(absl::StrCat("GIT_", role, "_DATE"),
                                     absl::StrCat("@", absl::ToUnixSeconds(time), " +0000"));
  }
  auto commit = Run(GitReach::kLocal, "writing a commit", std::move(command));
  if (!commit.ok()) return commit.status();
  return Line(*commit);
}

absl::Status PromotionGit::Push(const std::string& commit, const std::string& branch,
                                const std::optional<std::string>& expected) {
  const std::string ref = HeadRef(branch);
  return RunRemote(absl::StrCat("pushing ", branch, " to"),
                   {"push", "--quiet",
                    absl::StrCat("--force-with-lease=", ref, ":", expected.value_or("")), "origin",
                    absl::StrCat(commit, ":", ref)})
      .status();
}

}  // namespace gitops
