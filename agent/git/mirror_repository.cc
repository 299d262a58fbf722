#include "agent/git/mirror_repository.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/git/mirror.h"
#include "agent/git/stop_event.h"
#include "common/path/beneath.h"
#include "common/rpc/error.h"
#include "common/rpc/state_reason.h"
#include "common/text/sha256.h"

namespace gitops {
namespace {

// git's own files need space too: headers, an index.
constexpr int64_t kPackOverhead = 16 << 20;
// The limit of commits and trees without large files in one fetch: no normal history exceeds it.
constexpr int64_t kMaxCommitBytes = int64_t{4} << 30;

}  // namespace

// After any error but "not there" git is asked, which reports it: the mirror is not removed for it.
bool MirrorRepository::Exists() const {
  struct stat stat {};
  const std::string head = git_->paths().repository + "/HEAD";
  return ::stat(head.c_str(), &stat) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int64_t MirrorRepository::Owner() const {
  struct stat stat {};
  return lstat(git_->paths().repository.c_str(), &stat) == 0 ? static_cast<int64_t>(stat.st_uid)
                                                             : -1;
}

// Not packs: one that a killed git left without an index is none of the mirror's.
std::vector<std::string> MirrorRepository::PackIndexes() const {
  std::vector<std::string> indexes;
  std::error_code error;
  std::filesystem::directory_iterator files(git_->paths().repository + "/objects/pack", error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    if (files->path().extension() == ".idx") indexes.push_back(files->path());
  }
  return indexes;
}

int MirrorRepository::PackCount() const { return static_cast<int>(PackIndexes().size()); }

absl::Status MirrorRepository::Make(const Account& account, size_t id_length, bool* fresh) {
  *fresh = false;
  // An account that was created again under the same name may have another id.
  const int64_t owner = Owner();
  if (account.uid >= 0 && owner >= 0 && owner != account.uid) {
    if (auto status = Remove(); !status.ok()) return status;
  }
  if (Exists()) {
    *fresh = PackCount() == 0;
    return absl::OkStatus();
  }
  *fresh = true;
  // Not a repository: the remains of a git that was killed during init, or a file.
  if (auto status = Remove(); !status.ok()) return status;
  if (auto status = MakeAccountDirectory(git_->paths().repository, account); !status.ok())
    return status;
  const Command command = git_->InRepository(
      account, {"init", "--quiet", "--bare", "--template=",
                absl::StrCat("--object-format=", id_length == 64 ? "sha256" : "sha1")});
  return git_
      ->Run("init", absl::StrCat("creating a mirror of ", git_->name()), command, GitReach::kLocal)
      .status();
}

absl::Status MirrorRepository::FetchCommit(const Account& account, const std::string& branch,
                                           const std::string& commit, bool fresh,
                                           const std::stop_token& stop) {
  Command command = FetchCommand(account, commit, branch, fresh);
  command.max_file_size = kMaxCommitBytes;
  return Fetch(account, absl::StrCat("fetching ", commit, " from ", git_->name()),
               std::move(command), stop);
}

absl::Status MirrorRepository::FetchBranch(const Account& account, const std::string& branch,
                                           bool fresh, const std::stop_token& stop) {
  Command command = FetchCommand(account, "refs/heads/" + branch, branch, fresh);
  command.max_file_size = kMaxCommitBytes;
  return Fetch(account, absl::StrCat("fetching ", branch, " from ", git_->name()),
               std::move(command), stop);
}

absl::Status MirrorRepository::FetchBlobs(const Account& account,
                                          const std::vector<std::string>& ids, int64_t max_bytes,
                                          const std::stop_token& stop) {
  // "noop": do not announce our commits, or the upstream would assume that we have all of their
  // blobs.
  Command command =
      Fetching(account, {"-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags",
                         "--no-write-fetch-head", "--no-auto-maintenance",
                         "--no-recurse-submodules", "--filter=blob:none", "--stdin", "origin"});
  std::vector<std::string> unique = ids;
  std::sort(unique.begin(), unique.end());
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  command.input = absl::StrCat(absl::StrJoin(unique, "\n"), "\n");
  command.max_file_size = max_bytes + kPackOverhead;
  return Fetch(account, absl::StrCat("fetching files from ", git_->name()), std::move(command),
               stop);
}

void MirrorRepository::Repack(const Account& account, const std::stop_token& stop) {
  // Everything came from the upstream, so all packs are promisor packs; repacking those keeps every
  // object in them, reachable or not.
  Command command = Fetching(account, {"-c", "pack.window=10", "repack", "-a", "-d", "-q"});
  const auto packed = RunUntil(stop, options_.fetch_timeout, *git_, "repack", "repacking",
                               std::move(command), GitReach::kLocal);
  if (!packed.ok()) suspect_ = true;
}

absl::Status MirrorRepository::Remove() { return RemoveTree(git_->paths().repository); }

// A command that may fetch objects from the upstream, with a filter. The filter is set here and not
// in the mirror's configuration, so that no other command fetches a missing object by itself.
Command MirrorRepository::Fetching(const Account& account,
                                   std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"-c", "remote.origin.promisor=true", "-c",
                                       "remote.origin.partialclonefilter=blob:none"});
  return git_->InRepository(account, std::move(arguments));
}

Command MirrorRepository::FetchCommand(const Account& account, const std::string& wanted,
                                       const std::string& branch, bool fresh) const {
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

absl::Status MirrorRepository::Fetch(const Account& account, const std::string& attempt,
                                     Command command, const std::stop_token& stop) {
  if (suspect_) RemoveRests(account);
  const absl::Status status = RunUntil(stop, options_.fetch_timeout, *git_, "fetch", attempt,
                                       std::move(command), GitReach::kUpstream)
                                  .status();
  if (!status.ok()) suspect_ = true;
  return absl::IsDataLoss(status) ? CheckDamage(account, status, stop) : status;
}

// What a fetch prints may be the words of the upstream, or of its ssh server: that the mirror is
// damaged counts only if a command says so that talks to nobody. References and commits are read
// first, then all objects, since a fetch also reads trees and files, as the bases of deltas.
absl::Status MirrorRepository::CheckDamage(const Account& account, absl::Status failure,
                                           const std::stop_token& stop) {
  std::vector<std::string> verify = {"verify-pack"};
  for (std::string& index : PackIndexes()) verify.push_back(std::move(index));
  absl::Status local = Check(account, {"rev-list", "--all", "--quiet"}, stop);
  if (local.ok() && verify.size() > 1) local = Check(account, std::move(verify), stop);
  if (absl::IsCancelled(local)) return local;
  if (absl::IsDataLoss(local) || absl::IsNotFound(local) || absl::IsInternal(local)) return failure;
  return WithStateReason(StateReason::kUpstreamUnreachable,
                         MakeError(Reason::kUpstreamUnreachable, std::string(failure.message())));
}

// A mirror that takes longer to check than a fetch may take could not be fetched again either.
absl::Status MirrorRepository::Check(const Account& account, std::vector<std::string> arguments,
                                     const std::stop_token& stop) {
  const std::string operation = arguments.front();
  return RunUntil(stop, options_.fetch_timeout, *git_, operation, "checking the mirror",
                  git_->InRepository(account, std::move(arguments)), GitReach::kLocal)
      .status();
}

// A killed fetch leaves locks, which would block the next one, and temporary packs. Removed as the
// account, which could have created a symlink there.
void MirrorRepository::RemoveRests(const Account& account) {
  Command command;
  command.argv = {"find",   git_->paths().repository,
                  "-type",  "f",
                  "(",      "-name",
                  "*.lock", "-o",
                  "-name",  "tmp_*",
                  ")",      "-delete"};
  command.user = account.name;
  command.timeout = options_.local_timeout;
  if (options_.runner->Run(command).ok()) suspect_ = false;
}

}  // namespace gitops
