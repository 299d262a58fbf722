#include "agent/git/mirror.h"

#include <openssl/sha.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/git/turn.h"
#include "common/git/refs.h"
#include "common/git/upstream_git.h"
#include "common/path/beneath.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

// Every git process opens the index of every pack: beyond this number, they cost more than one
// repack.
constexpr int kMaxPacks = 50;
constexpr int64_t kMaxChangedPathBytes = 4 << 20;
constexpr size_t kMaxCachedChanges = 16;
constexpr size_t kMaxKnownCommits = 10'000;
constexpr int64_t kMaxRefBytes = 64 << 20;
// git's own files need space too: headers, an index.
constexpr int64_t kPackOverhead = 16 << 20;
// The limit of commits and trees without large files in one fetch: no normal history exceeds it.
constexpr int64_t kMostCommitBytes = int64_t{4} << 30;

std::string Sha256Hex(absl::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
}

std::string Join(const std::vector<std::string>& lines) {
  return lines.empty() ? "" : absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
}

class GitMirrorImpl final : public GitMirror {
 public:
  GitMirrorImpl(const GitOptions& options, std::string directory, UpstreamSpec spec,
                std::string user)
      : options_(options),
        git_({.runner = options.runner,
              .clock = options.clock,
              .on_operation = options.on_operation},
             directory, std::move(spec), std::move(user)) {}

  std::string name() const override { return git_.name(); }

  absl::StatusOr<Account> account() const override { return git_.account(); }

  absl::StatusOr<std::map<std::string, absl::StatusOr<std::string>>> Newest(
      const std::set<std::string>& refs) override {
    auto account = git_.Prepare(GitReach::kUpstream);
    if (!account.ok()) return CountFailure("ls-remote", account.status());
    Command command =
        git_.WithoutRepository(*account, {"ls-remote", "--heads", "--quiet", "origin"});
    for (const std::string& ref : refs) {
      if (CheckBranch(ref).ok()) command.argv.push_back(absl::StrCat("refs/heads/", ref));
    }
    command.timeout = options_.poll_timeout;
    command.max_output = kMaxRefBytes;
    const auto result = git_.Run("ls-remote", absl::StrCat("listing the branches of ", name()),
                                 command, GitReach::kUpstream);
    if (!result.ok()) return result.status();
    auto newest = ParseRefs(name(), result->output, refs);
    MutexLock lock(state_mutex_);
    tips_.clear();
    for (const auto& [ref, revision] : newest) {
      if (!revision.ok()) continue;
      if (!known_.contains(*revision)) tips_.insert(*revision);
      followed_.insert(ref);
    }
    return newest;
  }

  absl::Status FetchCommit(const std::string& branch, const std::string& commit,
                           const Interruption* interruption) override {
    if (!IsObjectId(commit)) {
      return absl::InvalidArgumentError(absl::StrCat("\"", commit, "\" is not a full commit hash"));
    }
    if (IsKnown(commit)) return absl::OkStatus();
    if (!turn_.Take(interruption)) return Interrupted();
    // Another call may have fetched it while we waited.
    const absl::Status status =
        IsKnown(commit) ? absl::OkStatus() : FetchUnknown(branch, commit, interruption);
    turn_.Give();
    return status;
  }

  absl::Status FetchBlobs(const std::vector<std::string>& oids, int64_t max_bytes,
                          const Interruption* interruption) override {
    if (!turn_.Take(interruption)) return Interrupted();
    const absl::Status status = FetchMissing(oids, max_bytes, interruption);
    turn_.Give();
    return status;
  }

  absl::StatusOr<std::vector<TreeEntry>> List(const std::string& commit,
                                              const std::vector<std::string>& links,
                                              int64_t max_files) override {
    const auto account = git_.Prepare(GitReach::kLocal);
    if (!account.ok()) return account.status();
    // -t: directories count too, so that a tree of only directories reaches the limit.
    Command command =
        git_.InRepository(*account, {"ls-tree", "-r", "-t", "-z", "--full-tree", commit});
    if (std::find(links.begin(), links.end(), ".") == links.end()) {
      command.argv.push_back("--");
      command.argv.insert(command.argv.end(), links.begin(), links.end());
    }
    TreeListingParser parser(max_files);
    command.on_output = [&parser](absl::string_view piece) { return parser.Add(piece); };
    command.timeout = options_.local_timeout;
    const auto result =
        git_.Run("ls-tree", absl::StrCat("listing commit ", commit), command, GitReach::kLocal);
    if (!result.ok()) return result.status();
    return parser.Take();
  }

  absl::Status ReadBlobs(const std::vector<std::string>& oids,
                         std::function<absl::Status(absl::string_view)> output) override {
    const auto account = git_.Prepare(GitReach::kLocal);
    if (!account.ok()) return account.status();
    Command command = git_.InRepository(*account, {"cat-file", "--batch", "--buffer"});
    command.max_output = std::numeric_limits<int64_t>::max();  // `output` ends it
    command.input = Join(oids);
    command.on_output = std::move(output);
    command.timeout = options_.fetch_timeout;
    return git_
        .Run("cat-file", absl::StrCat("reading files of ", name()), command, GitReach::kLocal)
        .status();
  }

  absl::StatusOr<Paths> ChangedPaths(const std::string& a, const std::string& b) override {
    const std::pair<std::string, std::string> key = std::minmax(a, b);
    {
      MutexLock lock(state_mutex_);
      if (const auto it = changes_.find(key); it != changes_.end()) return it->second;
    }
    const auto account = git_.Prepare(GitReach::kLocal);
    if (!account.ok()) return account.status();
    Command command = git_.InRepository(
        *account, {"diff-tree", "-z", "--name-only", "--no-renames", "--no-ext-diff", a, b});
    command.max_output = kMaxChangedPathBytes;
    command.timeout = options_.local_timeout;
    const auto result =
        git_.Run("diff-tree", absl::StrCat("comparing ", a, " and ", b), command, GitReach::kLocal);
    if (!result.ok()) return result.status();
    const auto paths = std::make_shared<const std::vector<std::string>>(
        absl::StrSplit(result->output, '\0', absl::SkipEmpty()));
    MutexLock lock(state_mutex_);
    if (changes_.size() >= kMaxCachedChanges) changes_.clear();
    changes_[key] = paths;
    return Paths(paths);
  }

  absl::StatusOr<std::vector<std::string>> CommitsWithPrefix(absl::string_view prefix) override {
    std::vector<std::string> commits;
    const auto account = git_.Prepare(GitReach::kLocal);
    if (!account.ok()) return account.status();
    if (!Exists()) return commits;
    const Command disambiguate =
        git_.InRepository(*account, {"rev-parse", absl::StrCat("--disambiguate=", prefix)});
    const std::string attempt = absl::StrCat("looking for commit ", prefix);
    const auto objects = git_.Run("rev-parse", attempt, disambiguate, GitReach::kLocal);
    if (!objects.ok()) return objects.status();
    Command check = git_.InRepository(*account, {"cat-file", "--batch-check"});
    check.input = objects->output;
    const auto types = git_.Run("cat-file", attempt, check, GitReach::kLocal);
    if (!types.ok()) return types.status();
    for (absl::string_view line : absl::StrSplit(types->output, '\n')) {
      const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
      if (parts.size() == 3 && parts[1] == "commit") commits.emplace_back(parts[0]);
    }
    return commits;
  }

  std::set<std::string> Followed() const override {
    MutexLock lock(state_mutex_);
    return followed_;
  }

  absl::Status Repair(const Interruption* interruption) override {
    if (!turn_.Take(interruption)) return Interrupted();
    const absl::Status status = Remove();
    turn_.Give();
    return status;
  }

  void Maintain() override {
    if (PackCount() <= kMaxPacks) return;
    if (!turn_.Take(nullptr)) return;
    Repack();
    turn_.Give();
  }

 private:
  bool IsKnown(const std::string& commit) {
    MutexLock lock(state_mutex_);
    return known_.contains(commit);
  }

  void NoteKnown(const std::string& commit) {
    MutexLock lock(state_mutex_);
    if (known_.size() >= kMaxKnownCommits) known_.clear();
    known_.insert(commit);
    tips_.erase(commit);
  }

  // A failure before git runs counts as a failed operation too.
  absl::Status CountFailure(absl::string_view operation, const absl::Status& status) const {
    if (options_.on_operation) options_.on_operation(operation, false, absl::ZeroDuration());
    return status;
  }

  // A command that may fetch objects from the upstream, with a filter. The filter is set here and
  // not in the mirror's configuration, so that no other command fetches a missing object by itself.
  Command Fetching(const Account& account, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"-c", "remote.origin.promisor=true", "-c",
                                         "remote.origin.partialclonefilter=blob:none"});
    return git_.InRepository(account, std::move(arguments));
  }

  bool Exists() const {
    std::error_code error;
    return std::filesystem::exists(git_.paths().repository + "/HEAD", error);
  }

  int64_t Owner() const {
    struct stat stat {};
    return lstat(git_.paths().repository.c_str(), &stat) == 0 ? static_cast<int64_t>(stat.st_uid)
                                                              : -1;
  }

  int PackCount() const {
    int count = 0;
    std::error_code error;
    std::filesystem::directory_iterator files(git_.paths().repository + "/objects/pack", error);
    for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
      if (files->path().extension() == ".pack") ++count;
    }
    return count;
  }

  absl::Status FetchUnknown(const std::string& branch, const std::string& commit,
                            const Interruption* interruption) ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_) {
    const auto account = git_.Prepare(GitReach::kLocal);
    if (!account.ok()) return account.status();
    bool fresh = false;
    if (auto status = MakeRepository(*account, commit.size(), &fresh); !status.ok()) return status;
    // A tip from the newest poll is probably not there; any other commit may be, and then needs no
    // network.
    const bool new_tip = IsNewTip(commit);
    if (!fresh && !new_tip && Has(*account, commit)) {
      NoteKnown(commit);
      return absl::OkStatus();
    }
    absl::Status status = FetchFrom(*account, branch, commit, fresh, interruption);
    if (absl::IsDataLoss(status)) {
      if (auto removed = Remove(); !removed.ok()) return removed;
      if (auto made = MakeRepository(*account, commit.size(), &fresh); !made.ok()) return made;
      status = FetchFrom(*account, branch, commit, /*fresh=*/true, interruption);
    }
    if (!status.ok() && !(new_tip && Has(*account, commit))) return status;
    // An id from a user may be that of another object.
    if (branch.empty() && !Has(*account, commit)) {
      return absl::NotFoundError(absl::StrCat(commit, " of ", name(), " is not a commit"));
    }
    NoteKnown(commit);
    return absl::OkStatus();
  }

  bool IsNewTip(const std::string& commit) {
    MutexLock lock(state_mutex_);
    return tips_.contains(commit);
  }

  // Fetches the commit by its id, which needs no list of branches and cannot return another commit.
  // If the server refuses that, fetches the branch.
  absl::Status FetchFrom(const Account& account, const std::string& branch,
                         const std::string& commit, bool fresh, const Interruption* interruption)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_) {
    if (const auto ready = git_.Prepare(GitReach::kUpstream); !ready.ok()) {
      return CountFailure("fetch", ready.status());
    }
    const std::string attempt = absl::StrCat("fetching ", commit, " from ", name());
    Command command = FetchCommand(account, commit, branch, fresh);
    command.max_file_size = kMostCommitBytes;
    LimitFetch(&command, interruption);
    absl::Status status = Fetch(account, attempt, command);
    if (!absl::IsNotFound(status) || branch.empty() || !CheckBranch(branch).ok()) return status;
    command = FetchCommand(account, "refs/heads/" + branch, branch, fresh);
    command.max_file_size = kMostCommitBytes;
    LimitFetch(&command, interruption);
    const absl::Status by_branch = Fetch(account, attempt, command);
    if (absl::IsDataLoss(by_branch)) return by_branch;
    if (by_branch.ok() && Has(account, commit)) return absl::OkStatus();
    return status;
  }

  absl::Status FetchMissing(const std::vector<std::string>& oids, int64_t max_bytes,
                            const Interruption* interruption) ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_) {
    const auto account = git_.Prepare(GitReach::kUpstream);
    if (!account.ok()) return account.status();
    // "noop": do not announce our commits, or the upstream would assume that we have all of their
    // blobs.
    Command command =
        Fetching(*account, {"-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet",
                            "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
                            "--no-recurse-submodules", "--filter=blob:none", "--stdin", "origin"});
    std::vector<std::string> unique = oids;
    std::sort(unique.begin(), unique.end());
    unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
    command.input = Join(unique);
    command.max_file_size = max_bytes + kPackOverhead;
    LimitFetch(&command, interruption);
    return Fetch(*account, absl::StrCat("fetching files from ", name()), command);
  }

  void Repack() ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_) {
    const auto account = git_.Prepare(GitReach::kLocal);
    if (!account.ok() || PackCount() <= kMaxPacks) return;
    // Everything came from the upstream, so all packs are promisor packs; repacking those keeps
    // every object in them, reachable or not.
    Command command = Fetching(*account, {"-c", "pack.window=10", "repack", "-a", "-d", "-q"});
    command.timeout = options_.fetch_timeout;
    if (!git_.Run("repack", "repacking", command, GitReach::kLocal).ok()) suspect_ = true;
  }

  void LimitFetch(Command* command, const Interruption* interruption) const {
    command->timeout = options_.fetch_timeout;
    if (interruption != nullptr) command->cancel = interruption->descriptor();
  }

  absl::Status Interrupted() const {
    return absl::CancelledError(absl::StrCat("fetching from ", name(), " was interrupted"));
  }

  Command FetchCommand(const Account& account, const std::string& wanted, const std::string& branch,
                       bool fresh) const {
    // Later fetches announce this reference to the upstream. Named by a hash, because branch "a/b"
    // may be created after "a" was deleted.
    const std::string reference =
        branch.empty() ? "" : absl::StrCat(":refs/gitops/", Sha256Hex(branch).substr(0, 32));
    // Later fetches include small changed files, which saves one request.
    return Fetching(account, {"fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                              "--no-auto-maintenance", "--no-recurse-submodules",
                              fresh ? "--filter=blob:none" : "--filter=blob:limit=256k", "origin",
                              absl::StrCat("+", wanted, reference)});
  }

  absl::Status Fetch(const Account& account, const std::string& attempt, const Command& command)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_) {
    if (suspect_) RemoveRests(account);
    const absl::Status status = git_.Run("fetch", attempt, command, GitReach::kUpstream).status();
    if (!status.ok()) suspect_ = true;
    return status;
  }

  bool Has(const Account& account, const std::string& commit) {
    const Command command =
        git_.InRepository(account, {"cat-file", "-e", absl::StrCat(commit, "^{commit}^{tree}")});
    // A missing commit is a result, not a failure: not counted.
    const auto result = options_.runner->Run(command);
    return result.ok() && result->ok();
  }

  absl::Status MakeRepository(const Account& account, size_t oid_length, bool* fresh)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_) {
    *fresh = false;
    // An account that was created again under the same name may have another id.
    if (Exists() && account.uid >= 0 && Owner() != account.uid) {
      if (auto status = Remove(); !status.ok()) return status;
    }
    if (Exists()) {
      *fresh = PackCount() == 0;
      return absl::OkStatus();
    }
    *fresh = true;
    // Not a repository: the remains of a git that was killed during init, or a file.
    if (auto status = Remove(); !status.ok()) return status;
    if (auto status = MakeAccountDirectory(git_.paths().repository, account); !status.ok())
      return status;
    const Command command = git_.InRepository(
        account, {"init", "--quiet", "--bare", "--template=",
                  absl::StrCat("--object-format=", oid_length == 64 ? "sha256" : "sha1")});
    return git_
        .Run("init", absl::StrCat("creating a mirror of ", name()), command, GitReach::kLocal)
        .status();
  }

  // A killed fetch leaves locks, which would block the next one, and temporary packs. Removed as
  // the account, which could have created a symlink there.
  void RemoveRests(const Account& account) ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_) {
    Command command;
    command.argv = {"find",   git_.paths().repository,
                    "-type",  "f",
                    "(",      "-name",
                    "*.lock", "-o",
                    "-name",  "tmp_*",
                    ")",      "-delete"};
    command.user = account.name;
    command.timeout = options_.local_timeout;
    if (options_.runner->Run(command).ok()) suspect_ = false;
  }

  absl::Status Remove() ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_) {
    {
      MutexLock lock(state_mutex_);
      known_.clear();
    }
    return RemoveTree(git_.paths().repository);
  }

  const GitOptions options_;
  UpstreamGit git_;
  Turn turn_;  // held while git writes to the repository
  // Whether a writer may have been killed; initially true for an earlier process.
  bool suspect_ ABSL_GUARDED_BY(turn_) = true;

  mutable Mutex state_mutex_;
  std::set<std::string> known_ ABSL_GUARDED_BY(state_mutex_);  // commits that are in the mirror
  std::set<std::string> tips_ ABSL_GUARDED_BY(state_mutex_);   // from the newest poll, not fetched
  std::set<std::string> followed_ ABSL_GUARDED_BY(state_mutex_);
  std::map<std::pair<std::string, std::string>, Paths> changes_ ABSL_GUARDED_BY(state_mutex_);
};

}  // namespace

std::string MirrorName(const UpstreamSpec& spec, const std::string& user) {
  std::string all;
  for (const std::string& part :
       {spec.url, user, spec.ssh_key, spec.known_hosts, spec.netrc_file, spec.ca_file}) {
    absl::StrAppend(&all, part.size(), ":", part);
  }
  return Sha256Hex(all).substr(0, 16);
}

std::shared_ptr<GitMirror> NewGitMirror(const GitOptions& options, std::string directory,
                                        const UpstreamSpec& spec, const std::string& user) {
  return std::make_shared<GitMirrorImpl>(options, std::move(directory), spec, user);
}

}  // namespace gitops
