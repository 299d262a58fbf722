#include "agent/git/git_source.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <stop_token>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/git/blob_stream.h"
#include "agent/git/checkout.h"
#include "agent/git/tree_check.h"
#include "common/crash/crash_point.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr size_t kMinPrefix = 4;
constexpr size_t kShortHash = 40, kLongHash = 64;

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
            std::shared_ptr<RevisionStore> store)
      : service_(std::move(service)), mirror_(std::move(mirror)), store_(std::move(store)) {
    for (const DirectorySpec& spec : service_.directories) {
      links_.push_back(spec.link);
      covers_.push_back(absl::StrCat(spec.file ? "file " : "dir ", spec.link, " ", spec.local));
    }
  }

  absl::Status Prepare(const std::string& revision, bool afresh, std::stop_token stop) override {
    const Interruptible until(this, std::move(stop));
    if (!afresh && IsReady(revision)) return absl::OkStatus();
    bool damaged = false;
    absl::Status status = TryPrepare(revision, &damaged);
    if (!damaged) return status;
    // The mirror lacks objects that it should have: retry with a new mirror.
    if (auto repaired = mirror_->Repair(&interruption_); !repaired.ok()) return repaired;
    return TryPrepare(revision, &damaged);
  }

  absl::StatusOr<std::string> Resolve(absl::string_view prefix, std::stop_token stop) override {
    const Interruptible until(this, std::move(stop));
    const std::string wanted = absl::AsciiStrToLower(prefix);
    if (wanted.size() < kMinPrefix || wanted.size() > kLongHash ||
        !std::all_of(wanted.begin(), wanted.end(), absl::ascii_isxdigit)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", prefix, "\" is not a commit: give 4 or more hexadecimal digits"));
    }
    std::vector<std::string> found;
    for (const std::string& revision : store_->List()) {
      if (absl::StartsWith(revision, wanted)) found.push_back(revision);
    }
    if (!found.empty()) return OnlyOne(wanted, std::move(found));
    if (auto local = mirror_->CommitsWithPrefix(wanted); local.ok() && !local->empty()) {
      return OnlyOne(wanted, *std::move(local));
    }
    return ResolveUpstream(wanted);
  }

  absl::StatusOr<bool> SameContent(const std::string& a, const std::string& b,
                                   std::stop_token stop) override {
    const Interruptible until(this, std::move(stop));
    if (a == b) return true;
    if (IsReady(a) && IsReady(b)) return SameByListing(a, b);
    auto same = SameByMirror(a, b);
    if (!absl::IsDataLoss(same.status())) return same;
    if (auto repaired = mirror_->Repair(&interruption_); !repaired.ok()) return repaired;
    return SameByMirror(a, b);
  }

  std::vector<std::string> Ready() override { return store_->List(); }

  absl::Status Prune(int keep, const std::set<std::string>& in_use, std::stop_token) override {
    mirror_->Maintain();
    return store_->Prune(keep, in_use);
  }

 private:
  // While it exists, a stop request raises the interruption.
  class Interruptible {
   public:
    Interruptible(GitSource* source, std::stop_token stop)
        : source_(source), raise_(std::in_place, std::move(stop), Raise{source}) {}
    ~Interruptible() {
      raise_.reset();
      source_->interruption_.Clear();
    }

   private:
    struct Raise {
      GitSource* source;
      void operator()() const { source->interruption_.Raise(); }
    };
    GitSource* const source_;
    std::optional<std::stop_callback<Raise>> raise_;
  };

  // Whether it is on disk with everything that the service needs now; its configured directories
  // may have been different when it was written.
  bool IsReady(const std::string& revision) const {
    const auto manifest = ManifestOf(revision);
    if (!manifest.ok()) return false;
    const std::set<std::string> covered(manifest->covers.begin(), manifest->covers.end());
    return std::all_of(covers_.begin(), covers_.end(),
                       [&](const std::string& cover) { return covered.contains(cover); });
  }

  absl::StatusOr<Manifest> ManifestOf(const std::string& revision) const {
    const auto directory = store_->Newest(revision);
    if (!directory.ok()) return directory.status();
    return store_->ReadManifest(*directory);
  }

  // `damaged`: the failure is the mirror's.
  absl::Status TryPrepare(const std::string& revision, bool* damaged) {
    *damaged = false;
    const auto account = mirror_->account();
    if (!account.ok()) return account.status();
    if (auto status = mirror_->FetchCommit(service_.branch, revision, &interruption_);
        !status.ok()) {
      *damaged = absl::IsDataLoss(status);
      return status;
    }
    CrashPoint("after-fetch");
    auto entries = TakeListing(revision);
    if (!entries.ok()) {
      *damaged = IsMirrorsFault(entries.status());
      return Prefixed(revision, entries.status());
    }
    if (auto status = CheckTree(*entries, service_.directories); !status.ok()) {
      return Prefixed(revision, status);
    }
    auto writer = store_->Write(revision);
    if (!writer.ok()) return writer.status();
    if (auto status = WriteFiles(*entries, (*writer)->directory(), damaged); !status.ok()) {
      return Prefixed(revision, status);
    }
    for (const TreeEntry& entry : *entries) {
      (*writer)->Add({.path = entry.path, .mode = entry.mode, .oid = entry.oid});
    }
    (*writer)->Cover(covers_);
    CrashPoint("before-revision-commit");
    if (auto status = (*writer)->Finish(account->uid, account->gid); !status.ok()) return status;
    CrashPoint("after-checkout");
    return absl::OkStatus();
  }

  // Local commands on a fetched commit fail only if the mirror is damaged.
  static bool IsMirrorsFault(const absl::Status& status) {
    return absl::IsDataLoss(status) || absl::IsInternal(status) || absl::IsNotFound(status);
  }

  absl::Status WriteFiles(const std::vector<TreeEntry>& entries, int directory, bool* damaged) {
    Checkout checkout(directory, entries, service_.max_bytes);
    std::vector<size_t> wanted(entries.size());
    std::iota(wanted.begin(), wanted.end(), 0);
    if (auto status = ReadInto(&checkout, entries, wanted, damaged); !status.ok()) return status;
    if (const auto missing = checkout.TakeMissing(); !missing.empty()) {
      const auto status =
          mirror_->FetchBlobs(OidsOf(entries, missing), checkout.bytes_left(), &interruption_);
      if (!status.ok()) return status;
      if (auto read = ReadInto(&checkout, entries, missing, damaged); !read.ok()) return read;
      if (!checkout.TakeMissing().empty()) {
        *damaged = true;
        return absl::DataLossError("the mirror lacks files that the upstream claims to have sent");
      }
    }
    return checkout.MakeSymlinks(service_.directories);
  }

  absl::Status ReadInto(Checkout* checkout, const std::vector<TreeEntry>& entries,
                        const std::vector<size_t>& wanted, bool* damaged) {
    checkout->Expect(wanted);
    BlobStream stream(checkout);
    absl::Status refused;  // by us, rather than by git
    const absl::Status status =
        mirror_->ReadBlobs(OidsOf(entries, wanted),
                           [&](absl::string_view piece) { return refused = stream.Add(piece); });
    if (!refused.ok()) return refused;
    if (!status.ok()) {
      *damaged = IsMirrorsFault(status);
      return status;
    }
    if (checkout->complete() && stream.complete()) return absl::OkStatus();
    *damaged = true;
    return absl::DataLossError("git cat-file ended early");
  }

  static std::vector<std::string> OidsOf(const std::vector<TreeEntry>& entries,
                                         const std::vector<size_t>& indices) {
    std::vector<std::string> oids;
    oids.reserve(indices.size());
    for (const size_t index : indices) oids.push_back(entries[index].oid);
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
  absl::StatusOr<std::string> ResolveUpstream(const std::string& wanted) {
    std::set<std::string> branches = mirror_->Followed();
    branches.insert(service_.branch);
    const auto newest = mirror_->Newest(branches);
    if (!newest.ok()) return newest.status();
    for (const auto& [branch, tip] : *newest) {
      if (!tip.ok()) continue;
      if (auto status = mirror_->FetchCommit(branch, *tip, &interruption_); !status.ok())
        return status;
    }
    auto found = mirror_->CommitsWithPrefix(wanted);
    if (!found.ok()) return found.status();
    if (!found->empty()) return OnlyOne(wanted, *std::move(found));
    // A commit that is on no branch any more can only be fetched by its full name.
    const bool whole = wanted.size() == kShortHash || wanted.size() == kLongHash;
    if (whole && mirror_->FetchCommit("", wanted, &interruption_).ok()) return wanted;
    return MakeError(
        Reason::kRevisionUnknown,
        absl::StrCat("neither this host nor ", mirror_->name(), " has a commit ", wanted),
        {{"revision", wanted}, {"upstream", mirror_->name()}});
  }

  absl::StatusOr<bool> SameByMirror(const std::string& a, const std::string& b) {
    for (const std::string& revision : {a, b}) {
      const absl::Status status = mirror_->FetchCommit(service_.branch, revision, &interruption_);
      // A revision on disk can be compared by its manifest.
      if (status.ok()) continue;
      if (absl::IsDataLoss(status) || !IsReady(revision)) return status;
      return SameByListing(a, b);
    }
    const auto changed = mirror_->ChangedPaths(a, b);
    if (!changed.ok()) return SameByListing(a, b);
    // For most services this one result, shared by all, decides.
    const bool near = std::any_of((*changed)->begin(), (*changed)->end(), [&](const auto& path) {
      return std::any_of(links_.begin(), links_.end(), [&](const std::string& link) {
        return link == "." || IsBeneathLink(link, path);
      });
    });
    if (!near) return true;
    // The published revision has a manifest, and Prepare needs the listing of the other one next.
    return SameByListing(a, b);
  }

  // The files of a commit in the mirror; the last listing is cached.
  absl::StatusOr<std::vector<TreeEntry>> TakeListing(const std::string& revision) {
    if (listed_revision_ == revision) {
      listed_revision_.clear();
      return std::exchange(listing_, {});
    }
    return mirror_->List(revision, links_, service_.max_files);
  }

  absl::StatusOr<bool> SameByListing(const std::string& a, const std::string& b) {
    const auto content_a = ContentOfRevision(a);
    if (!content_a.ok()) return content_a.status();
    const auto content_b = ContentOfRevision(b);
    if (!content_b.ok()) return content_b.status();
    return *content_a == *content_b;
  }

  absl::StatusOr<Content> ContentOfRevision(const std::string& revision) {
    if (IsReady(revision)) {
      const auto manifest = ManifestOf(revision);
      if (manifest.ok()) return ContentOf(manifest->entries, links_);
    }
    if (auto status = mirror_->FetchCommit(service_.branch, revision, &interruption_); !status.ok())
      return status;
    auto entries = TakeListing(revision);
    if (!entries.ok()) {
      return absl::IsNotFound(entries.status()) || absl::IsInternal(entries.status())
                 ? absl::DataLossError(entries.status().message())
                 : Prefixed(revision, entries.status());
    }
    Content content = ContentOf(*entries, links_);
    listing_ = *std::move(entries);
    listed_revision_ = revision;
    return content;
  }

  const ServiceSpec service_;
  const std::shared_ptr<GitMirror> mirror_;
  const std::shared_ptr<RevisionStore> store_;
  std::vector<std::string> links_, covers_;
  // Of listed_revision_, if that is not empty.
  std::vector<TreeEntry> listing_;
  std::string listed_revision_;
  Interruption interruption_;
};

}  // namespace

std::unique_ptr<Source> NewGitSource(ServiceSpec service, std::shared_ptr<GitMirror> mirror,
                                     std::shared_ptr<RevisionStore> store) {
  return std::make_unique<GitSource>(std::move(service), std::move(mirror), std::move(store));
}

}  // namespace gitops
