#include "agent/git/git_source.h"

#include <algorithm>
#include <map>
#include <set>
#include <stop_token>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "agent/git/checkout.h"
#include "agent/git/covers.h"
#include "agent/git/mirror_files.h"
#include "agent/git/resolve_commit.h"
#include "agent/git/tree_check.h"
#include "agent/revision/revision_writer.h"
#include "common/crash/crash_point.h"
#include "common/rpc/error.h"
#include "common/rpc/state_reason.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

constexpr size_t kMaxDescribed = 100;

absl::Status Prefixed(const std::string& revision, const absl::Status& status) {
  return WithMessage(status,
                     absl::StrCat("commit ", revision.substr(0, 12), ": ", status.message()));
}

// Identifies content: the entry at each path.
using Content = std::vector<std::pair<std::string, std::pair<uint32_t, std::string>>>;

template <typename Entry>
Content ContentOf(const std::vector<Entry>& entries, const std::vector<std::string>& links) {
  Content content;
  for (const Entry& entry : entries) {
    const bool ours = std::any_of(links.begin(), links.end(), [&](const std::string& link) {
      return IsBeneathLink(entry.path, link);
    });
    if (ours) content.push_back({entry.path, {entry.mode, entry.oid}});
  }
  std::sort(content.begin(), content.end());
  return content;
}

class GitSource final : public Source {
 public:
  GitSource(ServiceSpec service, std::shared_ptr<GitMirror> mirror,
            std::shared_ptr<RevisionStore> store, std::vector<std::string> left_out)
      : service_(std::move(service)),
        mirror_(std::move(mirror)),
        store_(std::move(store)),
        left_out_(std::move(left_out)),
        covers_(CoversOf(service_.directories, left_out_)) {
    for (const DirectorySpec& spec : service_.directories) links_.push_back(spec.link);
  }

  absl::Status Prepare(const std::string& revision, bool afresh, std::stop_token stop) override {
    if (!afresh) {
      const absl::Status ready = ReadyManifest(revision).status();
      if (ready.ok()) return ready;
      if (!absl::IsNotFound(ready)) return Prefixed(revision, ready);
    }
    const int64_t incarnation = mirror_->incarnation();
    absl::Status status = TryPrepare(revision, stop);
    if (!absl::IsDataLoss(status)) return status;
    // Objects are missing or are not what their ids say: retry with a new mirror.
    if (auto repaired = mirror_->Repair(incarnation, stop); !repaired.ok()) return repaired;
    return TryPrepare(revision, stop);
  }

  absl::StatusOr<std::string> Resolve(absl::string_view prefix, std::stop_token stop) override {
    return ResolveCommit(*mirror_, *store_, service_.branch, prefix, stop);
  }

  absl::StatusOr<bool> SameContent(const std::string& a, const std::string& b,
                                   std::stop_token stop) override {
    if (a == b) return true;
    const auto ready_a = ReadyManifest(a), ready_b = ReadyManifest(b);
    if (ready_a.ok() && ready_b.ok()) {
      return ContentOf(ready_a->entries, links_) == ContentOf(ready_b->entries, links_);
    }
    const int64_t incarnation = mirror_->incarnation();
    auto same = SameByMirror(a, b, stop);
    if (!absl::IsDataLoss(same.status())) return same;
    if (auto repaired = mirror_->Repair(incarnation, stop); !repaired.ok()) return repaired;
    return SameByMirror(a, b, stop);
  }

  absl::StatusOr<std::vector<File>> Files(const std::string& revision,
                                          std::stop_token stop) override {
    const auto content = ContentOfRevision(revision, stop);
    if (!content.ok()) return content.status();
    std::vector<File> files;
    for (const auto& [path, entry] : *content) files.push_back({path, entry.first, entry.second});
    return files;
  }

  absl::StatusOr<std::map<std::string, std::string>> Contents(const std::set<std::string>& ids,
                                                              int64_t most_each, int64_t most_all,
                                                              std::stop_token stop) override {
    return ReadTexts(*mirror_, ids, most_each, most_all, stop);
  }

  CommitInfo Describe(const std::string& revision, std::stop_token stop) override {
    {
      MutexLock lock(described_mutex_);
      const auto known = described_.find(revision);
      if (known != described_.end()) return known->second;
    }
    // The manifest is of root, and may be there when the mirror is not.
    const auto manifest = ManifestOf(revision);
    CommitInfo commit = manifest.ok() ? CommitIn(revision, *manifest) : CommitInfo();
    if (commit.hash.empty()) {
      auto read = mirror_->Commit(revision, stop);
      // What is not there is not looked for again, before it is prepared. Other errors may pass.
      const bool absent = absl::IsNotFound(read.status()) || absl::IsDataLoss(read.status());
      if (!read.ok() && !absent) return {};
      if (read.ok()) commit = *std::move(read);
    }
    NoteDescribed(revision, commit);
    return commit;
  }

  std::vector<std::string> Ready() override { return store_->List(); }

  absl::Status Prune(int keep, const std::set<std::string>& in_use, std::stop_token stop) override {
    mirror_->Maintain(stop);
    return store_->Prune(keep, in_use, stop);
  }

  std::string Remark(const std::string& revision) override {
    const auto manifest = ManifestOf(revision);
    if (!manifest.ok()) return "";
    return LfsRemark(*manifest);
  }

 private:
  void NoteDescribed(const std::string& revision, const CommitInfo& commit) {
    MutexLock lock(described_mutex_);
    if (described_.size() >= kMaxDescribed) described_.clear();
    described_[revision] = commit;
  }

  // Of a revision that is on disk with everything that the service needs now; its configured
  // directories may have been different when it was written. NOT_FOUND: it is not.
  absl::StatusOr<Manifest> ReadyManifest(const std::string& revision) const {
    absl::StatusOr<Manifest> manifest = ManifestOf(revision);
    const absl::Status& status = manifest.status();
    if (absl::IsDataLoss(status) || absl::IsFailedPrecondition(status)) {
      return absl::NotFoundError(status.message());
    }
    if (!status.ok()) return status;
    const std::set<std::string> covered(manifest->covers.begin(), manifest->covers.end());
    for (const std::string& cover : covers_) {
      if (!covered.contains(cover)) return absl::NotFoundError(absl::StrCat("lacks ", cover));
    }
    return manifest;
  }

  absl::StatusOr<Manifest> ManifestOf(const std::string& revision) const {
    const auto directory = store_->Newest(revision);
    if (!directory.ok()) return directory.status();
    return store_->ReadManifest(*directory);
  }

  // DATA_LOSS: the mirror is damaged.
  absl::Status TryPrepare(const std::string& revision, const std::stop_token& stop) {
    const auto account = mirror_->account();
    if (!account.ok()) return account.status();
    if (auto status = mirror_->FetchCommit(service_.branch, revision, stop); !status.ok()) {
      return status;
    }
    CrashPoint("after-fetch");
    auto entries = mirror_->List(revision, links_, service_.max_files, stop);
    if (!entries.ok()) return Prefixed(revision, Refused(OfMirror(entries.status())));
    if (auto status = CheckTree(*entries, service_.directories); !status.ok()) {
      return Prefixed(revision, WithStateReason(StateReason::kRefusedContent, status));
    }
    LeaveOut(*entries);
    if (auto status = FetchFiles(*mirror_, *entries, service_.max_bytes, stop); !status.ok())
      return Prefixed(revision, status);
    auto writer = store_->Write(revision);
    if (!writer.ok()) return writer.status();
    Checkout checkout((*writer)->directory(), *entries, service_.max_bytes);
    if (auto read = mirror_->ReadBlobs(OidsOf(*entries), &checkout, stop); !read.ok()) {
      return Prefixed(revision, OfMirror(read));
    }
    if (auto made = checkout.MakeSymlinks(service_.directories); !made.ok()) {
      return Prefixed(revision, made);
    }
    for (const TreeEntry& entry : *entries) {
      (*writer)->Add({.path = entry.path, .mode = entry.mode, .oid = entry.oid});
    }
    std::vector<std::string> covers = covers_;
    if (const std::string& pointer = checkout.lfs_pointer(); !pointer.empty()) {
      covers.push_back(LfsCover(pointer));
    }
    if (const auto commit = mirror_->Commit(revision, stop); commit.ok()) {
      covers.push_back(CommitCover(*commit));
      NoteDescribed(revision, *commit);
    }
    (*writer)->Cover(std::move(covers));
    CrashPoint("before-revision-commit");
    if (auto status = (*writer)->Finish(account->uid, account->gid); !status.ok()) return status;
    CrashPoint("after-checkout");
    return absl::OkStatus();
  }

  void LeaveOut(std::vector<TreeEntry>& entries) const {
    std::erase_if(entries, [this](const TreeEntry& entry) {
      return std::any_of(left_out_.begin(), left_out_.end(),
                         [&](const std::string& path) { return IsBeneathLink(entry.path, path); });
    });
  }

  // What a listing refuses, or finds too large.
  static absl::Status Refused(const absl::Status& status) {
    const bool refused = absl::IsFailedPrecondition(status) || absl::IsResourceExhausted(status);
    return WithStateReason(refused ? StateReason::kRefusedContent : StateReason::kNone, status);
  }

  absl::StatusOr<bool> SameByMirror(const std::string& a, const std::string& b,
                                    const std::stop_token& stop) {
    const auto touched =
        mirror_->Touched(service_.branch, a, b, {links_.begin(), links_.end()}, stop);
    if (touched.ok()) return touched->empty();
    // A revision on disk can be compared by its manifest.
    if (absl::IsDataLoss(touched.status()) || absl::IsCancelled(touched.status()) ||
        (!ReadyManifest(a).ok() && !ReadyManifest(b).ok())) {
      return touched.status();
    }
    return SameByListing(a, b, stop);
  }

  absl::StatusOr<bool> SameByListing(const std::string& a, const std::string& b,
                                     const std::stop_token& stop) {
    const auto content_a = ContentOfRevision(a, stop);
    if (!content_a.ok()) return content_a.status();
    const auto content_b = ContentOfRevision(b, stop);
    if (!content_b.ok()) return content_b.status();
    return *content_a == *content_b;
  }

  absl::StatusOr<Content> ContentOfRevision(const std::string& revision,
                                            const std::stop_token& stop) {
    if (const auto manifest = ReadyManifest(revision); manifest.ok()) {
      return ContentOf(manifest->entries, links_);
    }
    if (auto status = mirror_->FetchCommit(service_.branch, revision, stop); !status.ok())
      return status;
    const auto entries = mirror_->List(revision, links_, service_.max_files, stop);
    if (entries.ok()) return ContentOf(*entries, links_);
    return Prefixed(revision, OfMirror(entries.status()));
  }

  const ServiceSpec service_;
  const std::shared_ptr<GitMirror> mirror_;
  const std::shared_ptr<RevisionStore> store_;
  const std::vector<std::string> left_out_;
  const std::vector<std::string> covers_;
  std::vector<std::string> links_;
  Mutex described_mutex_;
  std::map<std::string, CommitInfo> described_ ABSL_GUARDED_BY(described_mutex_);
};

}  // namespace

std::unique_ptr<Source> NewGitSource(ServiceSpec service, std::shared_ptr<GitMirror> mirror,
                                     std::shared_ptr<RevisionStore> store,
                                     std::vector<std::string> left_out) {
  return std::make_unique<GitSource>(std::move(service), std::move(mirror), std::move(store),
                                     std::move(left_out));
}

}  // namespace gitops
