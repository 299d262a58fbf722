#include "agent/git/mirror.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/git/stop_event.h"
#include "common/git/refs.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

// Every git process opens the index of every pack: beyond this number, they cost more than one
// repack.
constexpr int kMaxPacks = 50;
constexpr size_t kMaxCachedChanges = 16;
constexpr size_t kMaxKnownCommits = 10'000;
constexpr int64_t kMaxRefBytes = 64 << 20;
// Of the objects with one prefix, whose ids are kept until they are looked up.
constexpr int64_t kMaxPrefixBytes = 1 << 20;

}  // namespace

GitMirror::GitMirror(const GitOptions& options, std::string directory, UpstreamSpec spec,
                     std::string user)
    : options_(options),
      git_({.runner = options.runner, .clock = options.clock, .on_operation = options.on_operation},
           directory, std::move(spec), std::move(user)),
      objects_(&git_, {.request = options.local_timeout,
                       .files = options.fetch_timeout,
                       .idle = options.idle_timeout}),
      repository_(options_, &git_) {}

absl::StatusOr<Account> GitMirror::account() const { return git_.account(); }

absl::StatusOr<GitMirror::Tips> GitMirror::Newest(const std::set<std::string>& refs,
                                                  std::stop_token stop) {
  auto account = git_.Prepare(GitReach::kUpstream);
  if (!account.ok()) return CountFailure("ls-remote", account.status());
  Command command = git_.WithoutRepository(*account, {"ls-remote", "--heads", "--quiet", "origin"});
  for (const std::string& ref : refs) {
    if (CheckBranch(ref).ok()) command.argv.push_back(absl::StrCat("refs/heads/", ref));
  }
  command.max_output = kMaxRefBytes;
  const auto result = RunUntil(stop, options_.poll_timeout, git_, "ls-remote",
                               absl::StrCat("listing the branches of ", name()), std::move(command),
                               GitReach::kUpstream);
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

absl::StatusOr<std::set<std::string>> GitMirror::Touched(const std::string& ref,
                                                         const std::string& from,
                                                         const std::string& to,
                                                         const std::set<std::string>& paths,
                                                         std::stop_token stop) {
  const std::pair<std::string, std::string> key = std::minmax(from, to);
  std::set<std::string> unknown, touched;
  {
    MutexLock lock(state_mutex_);
    const std::map<std::string, bool>& known = changes_[key];
    for (const std::string& path : paths) {
      const auto it = known.find(path);
      if (it == known.end()) {
        unknown.insert(path);
      } else if (it->second) {
        touched.insert(path);
      }
    }
  }
  if (unknown.empty() || from == to) return touched;
  auto changed = Changed(ref, from, to, unknown, stop);
  if (!changed.ok()) return changed.status();
  MutexLock lock(state_mutex_);
  if (changes_.size() > kMaxCachedChanges) changes_.clear();
  std::map<std::string, bool>& known = changes_[key];
  for (const std::string& path : unknown) known[path] = changed->contains(path);
  touched.merge(*changed);
  return touched;
}

absl::StatusOr<CommitInfo> GitMirror::Describe(const std::string& ref, const std::string& revision,
                                               std::stop_token stop) {
  if (auto status = FetchCommit(ref, revision, stop); !status.ok()) return status;
  return Commit(revision, stop);
}

absl::StatusOr<CommitInfo> GitMirror::Commit(const std::string& commit,
                                             const std::stop_token& stop) {
  return objects_.Commit(commit, stop);
}

absl::Status GitMirror::FetchCommit(const std::string& branch, const std::string& commit,
                                    const std::stop_token& stop) {
  if (!IsObjectId(commit)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", EscapeText(commit), "\" is not a full commit hash"));
  }
  if (IsKnown(commit)) return absl::OkStatus();
  if (!turn_.Take(stop)) return Stopped();
  // Another call may have fetched it while we waited.
  const absl::Status status =
      IsKnown(commit) ? absl::OkStatus() : FetchUnknown(branch, commit, stop);
  turn_.Give();
  return status;
}

absl::StatusOr<std::vector<TreeEntry>> GitMirror::List(const std::string& commit,
                                                       const std::vector<std::string>& links,
                                                       int64_t max_files,
                                                       const std::stop_token& stop) {
  const auto tree = objects_.TreeOf(commit, stop);
  if (!tree.ok()) return tree.status();
  return ListTree(*tree, links, max_files, TreesUntil(stop));
}

absl::StatusOr<std::vector<ObjectInfo>> GitMirror::Info(const std::vector<std::string>& ids,
                                                        const std::stop_token& stop) {
  return objects_.Info(ids, stop);
}

absl::Status GitMirror::FetchBlobs(const std::vector<std::string>& ids, int64_t max_bytes,
                                   const std::stop_token& stop) {
  if (!turn_.Take(stop)) return Stopped();
  const auto account = git_.Prepare(GitReach::kUpstream);
  const absl::Status status =
      account.ok() ? repository_.FetchBlobs(*account, ids, max_bytes, stop) : account.status();
  turn_.Give();
  return status;
}

absl::Status GitMirror::ReadBlobs(const std::vector<std::string>& ids, ObjectSink* sink,
                                  const std::stop_token& stop) {
  return objects_.Blobs(ids, sink, stop);
}

absl::StatusOr<std::vector<std::string>> GitMirror::CommitsWithPrefix(absl::string_view prefix,
                                                                      const std::stop_token& stop) {
  std::vector<std::string> commits;
  const auto account = git_.Prepare(GitReach::kLocal);
  if (!account.ok()) return account.status();
  if (!repository_.Exists()) return commits;
  Command command =
      git_.InRepository(*account, {"rev-parse", absl::StrCat("--disambiguate=", prefix)});
  command.max_output = kMaxPrefixBytes;
  const auto found =
      RunUntil(stop, options_.local_timeout, git_, "rev-parse",
               absl::StrCat("looking for commit ", prefix), std::move(command), GitReach::kLocal);
  if (!found.ok()) return found.status();
  std::vector<std::string> ids;
  for (absl::string_view line : absl::StrSplit(found->output, '\n')) {
    if (IsObjectId(line) && absl::StartsWith(line, prefix)) ids.emplace_back(line);
  }
  const auto infos = objects_.Info(ids, stop);
  if (!infos.ok()) return infos.status();
  for (size_t i = 0; i < ids.size(); ++i) {
    if ((*infos)[i].type == "commit") commits.push_back(std::move(ids[i]));
  }
  return commits;
}

std::set<std::string> GitMirror::Followed() const {
  MutexLock lock(state_mutex_);
  return followed_;
}

int64_t GitMirror::incarnation() const {
  MutexLock lock(state_mutex_);
  return incarnation_;
}

absl::Status GitMirror::Repair(int64_t incarnation, const std::stop_token& stop) {
  if (!turn_.Take(stop)) return Stopped();
  const absl::Status status = incarnation == this->incarnation() ? Remove() : absl::OkStatus();
  turn_.Give();
  return status;
}

void GitMirror::Maintain(const std::stop_token& stop) {
  if (repository_.PackCount() <= kMaxPacks) return;
  if (!turn_.Take(stop)) return;
  const auto account = git_.Prepare(GitReach::kLocal);
  if (account.ok() && repository_.PackCount() > kMaxPacks) {
    objects_.Retire();
    repository_.Repack(*account, stop);
    objects_.Retire();
  }
  turn_.Give();
}

ReadTrees GitMirror::TreesUntil(const std::stop_token& stop) {
  return [this, stop](const std::vector<std::string>& ids, VisitTree visit) {
    return objects_.Trees(ids, visit, stop);
  };
}

absl::StatusOr<std::set<std::string>> GitMirror::Changed(const std::string& ref,
                                                         const std::string& from,
                                                         const std::string& to,
                                                         const std::set<std::string>& paths,
                                                         const std::stop_token& stop) {
  std::string trees[2];
  for (const auto& [commit, tree] : {std::pair(&from, &trees[0]), std::pair(&to, &trees[1])}) {
    if (auto status = FetchCommit(ref, *commit, stop); !status.ok()) return status;
    auto found = objects_.TreeOf(*commit, stop);
    if (!found.ok()) return found.status();
    *tree = *std::move(found);
  }
  return ChangedLinks(trees[0], trees[1], paths, TreesUntil(stop));
}

bool GitMirror::IsKnown(const std::string& commit) {
  MutexLock lock(state_mutex_);
  return known_.contains(commit);
}

void GitMirror::NoteKnown(const std::string& commit) {
  MutexLock lock(state_mutex_);
  if (known_.size() >= kMaxKnownCommits) known_.clear();
  known_.insert(commit);
  tips_.erase(commit);
}

absl::Status GitMirror::CountFailure(absl::string_view operation,
                                     const absl::Status& status) const {
  if (options_.on_operation) options_.on_operation(operation, false, absl::ZeroDuration());
  return status;
}

absl::Status GitMirror::FetchUnknown(const std::string& branch, const std::string& commit,
                                     const std::stop_token& stop) {
  const auto account = git_.Prepare(GitReach::kLocal);
  if (!account.ok()) return account.status();
  bool fresh = false;
  if (auto status = repository_.Make(*account, commit.size(), &fresh); !status.ok()) return status;
  // A tip from the newest poll is probably not there; any other commit may be, and then needs no
  // network.
  const bool new_tip = IsNewTip(commit);
  if (!fresh && !new_tip) {
    const auto there = Has(commit, stop);
    if (there.ok() && *there) {
      NoteKnown(commit);
      return absl::OkStatus();
    }
    if (absl::IsCancelled(there.status())) return there.status();
  }
  absl::Status status = FetchFrom(*account, branch, commit, fresh, stop);
  if (absl::IsDataLoss(status)) {
    if (auto removed = Remove(); !removed.ok()) return removed;
    if (auto made = repository_.Make(*account, commit.size(), &fresh); !made.ok()) return made;
    status = FetchFrom(*account, branch, commit, /*fresh=*/true, stop);
  }
  // An id from a user may be that of another object.
  if (status.ok() ? branch.empty() : new_tip) {
    const auto there = Has(commit, stop);
    if (!there.ok() && status.ok()) return there.status();
    if (status.ok() && !*there) {
      return absl::NotFoundError(absl::StrCat(commit, " of ", name(), " is not a commit"));
    }
    if (there.ok() && *there) status = absl::OkStatus();
  }
  if (status.ok()) NoteKnown(commit);
  return status;
}

bool GitMirror::IsNewTip(const std::string& commit) {
  MutexLock lock(state_mutex_);
  return tips_.contains(commit);
}

absl::Status GitMirror::FetchFrom(const Account& account, const std::string& branch,
                                  const std::string& commit, bool fresh,
                                  const std::stop_token& stop) {
  if (const auto ready = git_.Prepare(GitReach::kUpstream); !ready.ok()) {
    return CountFailure("fetch", ready.status());
  }
  const absl::Status status = repository_.FetchCommit(account, branch, commit, fresh, stop);
  if (!absl::IsNotFound(status) || branch.empty() || !CheckBranch(branch).ok()) return status;
  const absl::Status by_branch = repository_.FetchBranch(account, branch, fresh, stop);
  if (absl::IsDataLoss(by_branch)) return by_branch;
  if (!by_branch.ok()) return status;
  const auto there = Has(commit, stop);
  if (!there.ok()) return there.status();
  return *there ? absl::OkStatus() : status;
}

absl::StatusOr<bool> GitMirror::Has(const std::string& commit, const std::stop_token& stop) {
  const auto info = objects_.Info({commit}, stop);
  if (!info.ok()) return info.status();
  if ((*info)[0].type != "commit") return false;
  const auto tree = objects_.TreeOf(commit, stop);
  if (!tree.ok()) return tree.status();
  const auto tree_info = objects_.Info({*tree}, stop);
  if (!tree_info.ok()) return tree_info.status();
  return (*tree_info)[0].type == "tree";
}

absl::Status GitMirror::Remove() {
  {
    MutexLock lock(state_mutex_);
    known_.clear();
    ++incarnation_;
  }
  const absl::Status status = repository_.Remove();
  objects_.Retire();
  return status;
}

absl::Status GitMirror::Stopped() const {
  return absl::CancelledError(absl::StrCat("fetching from ", name(), " was stopped"));
}

}  // namespace gitops
