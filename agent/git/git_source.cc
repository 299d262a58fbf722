#include "agent/git/git_source.h"

#include <algorithm>
#include <map>
#include <set>
#include <stop_token>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/git/checkout.h"
#include "agent/git/tree_check.h"
#include "agent/revision/revision_writer.h"
#include "common/crash/crash_point.h"
#include "common/rpc/error.h"
#include "common/rpc/state_reason.h"
#include "common/sync/mutex.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr size_t kMinPrefix = 4;
constexpr size_t kShortHash = 40, kLongHash = 64;
// Before the path of a pointer of git LFS, among what a manifest says that the revision covers:
// kept there for a restart, and no directory.
constexpr absl::string_view kLfsCover = "lfs ";
// Before what people see of the commit: its time, author and subject, with tabs between them.
constexpr absl::string_view kCommitCover = "commit-info ";
constexpr size_t kMaxDescribed = 100;
constexpr int64_t kMaxFetchedForDiff = 64 << 20;

absl::Status Prefixed(const std::string& revision, const absl::Status& status) {
  return WithMessage(status,
                     absl::StrCat("commit ", revision.substr(0, 12), ": ", status.message()));
}

std::string CommitCover(const CommitInfo& commit) {
  const bool timed = commit.time != absl::InfinitePast();
  return absl::StrCat(kCommitCover, timed ? absl::ToUnixSeconds(commit.time) : -1, "\t",
                      commit.author, "\t", commit.subject);
}

CommitInfo CommitIn(const std::string& revision, const Manifest& manifest) {
  for (absl::string_view cover : manifest.covers) {
    if (!absl::ConsumePrefix(&cover, kCommitCover)) continue;
    const std::vector<absl::string_view> parts = absl::StrSplit(cover, absl::MaxSplits('\t', 2));
    int64_t seconds = 0;
    if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &seconds)) break;
    return {.hash = revision,
            .subject = std::string(parts[2]),
            .author = std::string(parts[1]),
            .time = seconds < 0 ? absl::InfinitePast() : absl::FromUnixSeconds(seconds)};
  }
  return {};
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

// Keeps blobs, each of at most `most` bytes.
class BlobTexts final : public ObjectSink {
 public:
  BlobTexts(const std::vector<std::string>& ids, int64_t most) : ids_(ids), most_(most) {}

  absl::Status Begin(const ObjectInfo& info) override {
    content_.clear();
    if (next_ < ids_.size() && info.size <= most_) return absl::OkStatus();
    return absl::DataLossError("git cat-file gives an object another size than before");
  }
  absl::Status Data(absl::string_view piece) override {
    absl::StrAppend(&content_, piece);
    return absl::OkStatus();
  }
  absl::Status End() override {
    texts_[ids_[next_++]] = std::exchange(content_, {});
    return absl::OkStatus();
  }
  std::map<std::string, std::string> Take() { return std::move(texts_); }

 private:
  const std::vector<std::string>& ids_;
  const int64_t most_;
  size_t next_ = 0;
  std::string content_;
  std::map<std::string, std::string> texts_;
};

class GitSource final : public Source {
 public:
  GitSource(ServiceSpec service, std::shared_ptr<GitMirror> mirror,
            std::shared_ptr<RevisionStore> store, std::vector<std::string> left_out)
      : service_(std::move(service)),
        mirror_(std::move(mirror)),
        store_(std::move(store)),
        left_out_(std::move(left_out)) {
    for (const DirectorySpec& spec : service_.directories) {
      links_.push_back(spec.link);
      covers_.push_back(absl::StrCat(spec.file ? "file " : "dir ", spec.link, " ", spec.local));
      // A revision that lacks less, or more, is another one.
      for (const std::string& path : left_out_) {
        if (IsBeneathLink(path, spec.link)) absl::StrAppend(&covers_.back(), " without ", path);
      }
    }
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
    const std::string wanted = absl::AsciiStrToLower(prefix);
    if (wanted.size() < kMinPrefix || wanted.size() > kLongHash ||
        !std::all_of(wanted.begin(), wanted.end(), absl::ascii_isxdigit)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", EscapeText(prefix), "\" is not a commit: give 4 or more hexadecimal digits"));
    }
    std::vector<std::string> found;
    for (const std::string& revision : store_->List()) {
      if (absl::StartsWith(revision, wanted)) found.push_back(revision);
    }
    if (!found.empty()) return OnlyOne(wanted, std::move(found));
    if (auto local = mirror_->CommitsWithPrefix(wanted, stop); local.ok() && !local->empty()) {
      return OnlyOne(wanted, *std::move(local));
    }
    return ResolveUpstream(wanted, stop);
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
    const std::vector<std::string> asked(ids.begin(), ids.end());
    auto infos = mirror_->Info(asked, stop);
    if (!infos.ok()) return infos.status();
    std::vector<std::string> missing;
    for (size_t i = 0; i < asked.size(); ++i) {
      if ((*infos)[i].type.empty()) missing.push_back(asked[i]);
    }
    if (!missing.empty()) {
      if (auto status = mirror_->FetchBlobs(missing, kMaxFetchedForDiff, stop); !status.ok()) {
        return status;
      }
      infos = mirror_->Info(asked, stop);
      if (!infos.ok()) return infos.status();
    }
    std::vector<std::string> wanted;
    for (size_t i = 0; i < asked.size(); ++i) {
      const ObjectInfo& info = (*infos)[i];
      if (info.type != "blob" || info.size > most_each || info.size > most_all) continue;
      most_all -= info.size;
      wanted.push_back(asked[i]);
    }
    BlobTexts texts(wanted, most_each);
    if (auto status = mirror_->ReadBlobs(wanted, &texts, stop); !status.ok()) return status;
    return texts.Take();
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
    for (absl::string_view cover : manifest->covers) {
      if (!absl::ConsumePrefix(&cover, kLfsCover)) continue;
      return absl::StrCat("\"", cover,
                          "\" is a pointer of git LFS, and was published as one: the content is "
                          "not in the repository");
    }
    return "";
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
    if (auto status = FetchFiles(*entries, stop); !status.ok()) return Prefixed(revision, status);
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
      covers.push_back(absl::StrCat(kLfsCover, EscapeText(pointer)));
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

  // Local requests for a fetched commit fail only if the mirror is damaged.
  static absl::Status OfMirror(const absl::Status& status) {
    const bool damage = absl::IsInternal(status) || absl::IsNotFound(status);
    return damage ? absl::DataLossError(status.message()) : status;
  }

  // Makes sure that the mirror has all files, and that they are not too large, before any is
  // written.
  absl::Status FetchFiles(const std::vector<TreeEntry>& entries, const std::stop_token& stop) {
    int64_t bytes_left = service_.max_bytes;
    std::vector<TreeEntry> missing;
    auto status = CountFiles(entries, &bytes_left, &missing, stop);
    if (!status.ok() || missing.empty()) return status;
    status = mirror_->FetchBlobs(OidsOf(missing), bytes_left, stop);
    std::vector<TreeEntry> still_missing;
    if (status.ok()) status = CountFiles(missing, &bytes_left, &still_missing, stop);
    if (!status.ok() || still_missing.empty()) return status;
    return absl::DataLossError("the mirror lacks files that the upstream claims to have sent");
  }

  // Subtracts the sizes of `entries`, and adds those that the mirror does not have to `missing`.
  absl::Status CountFiles(const std::vector<TreeEntry>& entries, int64_t* bytes_left,
                          std::vector<TreeEntry>* missing, const std::stop_token& stop) {
    const auto infos = mirror_->Info(OidsOf(entries), stop);
    if (!infos.ok()) return OfMirror(infos.status());
    for (size_t i = 0; i < entries.size(); ++i) {
      const ObjectInfo& info = (*infos)[i];
      if (info.type.empty()) {
        missing->push_back(entries[i]);
      } else if (info.type != "blob") {
        return RefuseType(entries[i], info.type);
      } else if (info.size > *bytes_left) {
        return RefuseTooLarge(entries[i].path, info.size);
      } else {
        *bytes_left -= info.size;
      }
    }
    return absl::OkStatus();
  }

  static std::vector<std::string> OidsOf(const std::vector<TreeEntry>& entries) {
    std::vector<std::string> oids;
    oids.reserve(entries.size());
    for (const TreeEntry& entry : entries) oids.push_back(entry.oid);
    return oids;
  }

  absl::StatusOr<std::string> OnlyOne(const std::string& prefix, std::vector<std::string> found) {
    if (found.size() == 1) return std::move(found.front());
    if (found.size() > 5) found.resize(5);
    return MakeError(
        Reason::kRevisionAmbiguous,
        absl::StrCat(prefix, " is ambiguous: ", absl::StrJoin(found, ", "), "; give more digits"),
        {{"revision", prefix}});
  }

  // Fetches new commits of the upstream, and looks again.
  absl::StatusOr<std::string> ResolveUpstream(const std::string& wanted,
                                              const std::stop_token& stop) {
    std::set<std::string> branches = mirror_->Followed();
    branches.insert(service_.branch);
    const auto newest = mirror_->Newest(branches, stop);
    if (!newest.ok()) return newest.status();
    for (const auto& [branch, tip] : *newest) {
      if (!tip.ok()) continue;
      if (auto status = mirror_->FetchCommit(branch, *tip, stop); !status.ok()) return status;
    }
    auto found = mirror_->CommitsWithPrefix(wanted, stop);
    if (!found.ok()) return found.status();
    if (!found->empty()) return OnlyOne(wanted, *std::move(found));
    // A commit that is on no branch any more can only be fetched by its full name.
    const bool whole = wanted.size() == kShortHash || wanted.size() == kLongHash;
    if (whole && mirror_->FetchCommit("", wanted, stop).ok()) return wanted;
    return MakeError(
        Reason::kRevisionUnknown,
        absl::StrCat("neither this host nor ", mirror_->name(), " has a commit ", wanted),
        {{"revision", wanted}, {"upstream", mirror_->name()}});
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
  std::vector<std::string> links_, covers_;
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
