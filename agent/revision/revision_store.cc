#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/revision/flusher.h"
#include "agent/revision/manifest_file.h"
#include "agent/revision/revision.h"
#include "agent/revision/revision_name.h"
#include "agent/revision/revision_on_disk.h"
#include "agent/revision/revision_writer.h"
#include "common/log/log.h"
#include "common/mount/owned_mounts.h"
#include "common/path/remove_tree.h"

namespace gitops {
namespace {

constexpr size_t kFormerHead = 128;
// Entries of one directory that a call removes: its user may hold it open, and add to it for ever.
constexpr int64_t kMaxRemoved = 2'000'000;

// The directories in which files of the service may be that are nowhere else.
absl::StatusOr<std::set<std::string>> InUseAt(const ServiceDirectory& service, const Fd& root) {
  std::set<std::string> directories;
  const absl::StatusOr<std::string> last = PublishedAt(service, root);
  if (!last.ok() && !absl::IsNotFound(last.status())) return last.status();
  if (last.ok()) directories.insert(*last);
  const absl::StatusOr<std::vector<LeftBehind>> behind = LeftBehindAt(service, root);
  if (!behind.ok()) return behind.status();
  for (const LeftBehind& one : *behind) directories.insert(one.directory);
  return directories;
}

}  // namespace

// Shared with holds, which may outlive the store.
struct RevisionStore::Holds {
  Mutex mutex;
  std::map<std::string, int> counts ABSL_GUARDED_BY(mutex);
};

absl::StatusOr<std::unique_ptr<RevisionStore>> RevisionStore::Open(std::string root,
                                                                   StoreAccess access) {
  if (!absl::StartsWith(root, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("the directory for revisions, \"", root, "\", must be an absolute path"));
  }
  std::unique_ptr<RevisionStore> store(new RevisionStore(std::move(root), access));
  if (auto status = store->Load(); !status.ok()) return status;
  return store;
}

RevisionStore::RevisionStore(std::string root, StoreAccess access)
    : access_(access), service_(std::move(root), access), holds_(std::make_shared<Holds>()) {}

absl::Status RevisionStore::Load() {
  absl::StatusOr<Fd> root = service_.Establish();
  if (!root.ok()) return root.status();
  const auto names = service_.Names(*root);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    NoteSequence(SequenceIn(name));
    absl::Status status;
    if (absl::StartsWith(name, kNewPrefix) || name == kStageName) {
      RemoveRemains(service_, *root, name);
    } else if (absl::EndsWith(name, kManifestSuffix)) {
      status = LoadFormer(*root, std::string(absl::StripSuffix(name, kManifestSuffix)));
    } else if (const auto parsed = ParseRevisionName(name)) {
      status = LoadDirectory(*root, name, parsed->sequence);
    }
    if (!status.ok()) return status;
  }
  MutexLock lock(mutex_);
  std::sort(known_.begin(), known_.end());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RevisionWriter>> RevisionStore::Write(const std::string& revision) {
  if (!IsRevisionName(revision)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", revision, "\" cannot name a revision's directory"));
  }
  const int64_t sequence = NextSequence();
  return RevisionWriter::Begin(
      {.service = service_, .revision = revision, .sequence = sequence, .on_finish = [=, this] {
         const std::string directory = absl::StrCat(revision, "-", sequence);
         {
           MutexLock lock(mutex_);
           known_.push_back({sequence, directory, /*ready=*/true});
           std::sort(known_.begin(), known_.end());
         }
         FlushSoon(directory);
       }});
}

absl::StatusOr<std::string> RevisionStore::Newest(const std::string& revision) const {
  const absl::StatusOr<Fd> root = service_.Open();
  for (const Known& known : Snapshot()) {
    if (!known.ready || RevisionOf(known.directory) != revision) continue;
    const absl::Status status = LookAt(service_, root, known.directory);
    if (status.ok()) return known.directory;
    if (!absl::IsNotFound(status)) return status;
  }
  return absl::NotFoundError(
      absl::StrCat("revision ", revision, " is not prepared in ", service_.path()));
}

absl::StatusOr<std::vector<std::string>> RevisionStore::Directories() const {
  std::vector<std::string> directories;
  const absl::StatusOr<Fd> root = service_.Open();
  for (const Known& known : Snapshot()) {
    const absl::Status status = LookAt(service_, root, known.directory);
    if (status.ok()) directories.push_back(known.directory);
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return directories;
}

std::vector<std::string> RevisionStore::List() const {
  std::vector<std::string> revisions;
  std::set<std::string> seen;
  const absl::StatusOr<Fd> root = service_.Open();
  for (const Known& known : Snapshot()) {
    if (!known.ready || absl::IsNotFound(LookAt(service_, root, known.directory))) continue;
    std::string revision = RevisionOf(known.directory);
    if (seen.insert(revision).second) revisions.push_back(std::move(revision));
  }
  return revisions;
}

absl::StatusOr<Fd> RevisionStore::OpenTree(const std::string& directory) const {
  absl::StatusOr<Fd> root = service_.Open();
  if (!root.ok()) return root.status();
  return OpenTreeAt(service_, *root, directory);
}

absl::StatusOr<Manifest> RevisionStore::ReadManifest(const std::string& directory) const {
  absl::StatusOr<Fd> root = service_.Open();
  if (!root.ok()) return root.status();
  return ReadManifestAt(service_, *root, directory);
}

absl::StatusOr<Fd> RevisionStore::OpenStage() {
  absl::StatusOr<Fd> root = service_.Open(/*create=*/true);
  if (!root.ok()) return root.status();
  if (::mkdirat(root->get(), kStageName, 0700) != 0 && errno != EEXIST) {
    return service_.Failed(errno, "create", kStageName);
  }
  absl::StatusOr<Fd> own = service_.OpenOwn(*root, kStageName);
  if (!own.ok()) return own;
  Fd stage(::openat(own->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!stage) return service_.Failed(errno, "open", kStageName);
  return stage;
}

absl::Status RevisionStore::Publishable(const std::string& directory) {
  if (access_ == StoreAccess::kMounts || IsFormerName(directory)) return absl::OkStatus();
  absl::StatusOr<Fd> root = service_.Open();
  return root.ok() ? MakePassable(service_, *root, directory) : root.status();
}

absl::Status RevisionStore::NotePublished(const std::string& directory) {
  absl::StatusOr<Fd> root = service_.Open();
  if (!root.ok()) return root.status();
  const absl::StatusOr<std::string> noted = PublishedAt(service_, *root);
  if (noted.ok() && *noted == directory) return absl::OkStatus();
  return NotePublishedAt(service_, *root, directory, absl::StrCat(kNewPrefix, NextSequence()));
}

absl::StatusOr<std::string> RevisionStore::LastPublished() const {
  absl::StatusOr<Fd> root = service_.Open();
  if (!root.ok()) return root.status();
  return PublishedAt(service_, *root);
}

absl::Status RevisionStore::NoteLeftBehind(const std::vector<LeftBehind>& all) {
  absl::StatusOr<Fd> root = service_.Open();
  if (!root.ok()) return root.status();
  return NoteLeftBehindAt(service_, *root, all, absl::StrCat(kNewPrefix, NextSequence()));
}

absl::StatusOr<std::vector<LeftBehind>> RevisionStore::WhatIsLeftBehind() const {
  absl::StatusOr<Fd> root = service_.Open();
  if (absl::IsNotFound(root.status())) return std::vector<LeftBehind>();
  if (!root.ok()) return root.status();
  return LeftBehindAt(service_, *root);
}

RevisionHold RevisionStore::Hold(const std::string& directory) {
  {
    MutexLock lock(holds_->mutex);
    ++holds_->counts[directory];
  }
  return RevisionHold(nullptr, [holds = holds_, directory](void*) {
    MutexLock lock(holds->mutex);
    if (--holds->counts[directory] == 0) holds->counts.erase(directory);
  });
}

absl::Status RevisionStore::Prune(int keep, const std::set<std::string>& in_use,
                                  const std::stop_token& stop) {
  absl::StatusOr<Fd> root = service_.Open();
  if (absl::IsNotFound(root.status())) return absl::OkStatus();
  if (!root.ok()) return root.status();
  absl::StatusOr<std::vector<std::string>> remains = RemainsAt(service_, *root);
  if (!remains.ok()) return remains.status();
  std::vector<std::string> candidates = Superfluous(root, keep, in_use);
  if (candidates.empty() && remains->empty()) return absl::OkStatus();
  const auto mounted = MountedEntries(root->get());
  if (!mounted.ok()) return mounted.status();
  const absl::StatusOr<std::set<std::string>> service_has = InUseAt(service_, *root);
  if (!service_has.ok()) return service_has.status();
  absl::Status result;
  for (const std::string& directory : candidates) {
    if (mounted->contains(directory) || service_has->contains(directory)) continue;
    result.Update(MoveAway(*root, directory, &*remains));
  }
  for (const std::string& name : *remains) {
    if (mounted->contains(name)) continue;
    int64_t entries = kMaxRemoved;
    absl::Status removed = RemoveTreeAt(root->get(), name, {.stop = stop, .entries = &entries});
    if (absl::IsCancelled(removed)) return removed;
    result.Update(removed);
  }
  return result;
}

int64_t RevisionStore::NextSequence() {
  MutexLock lock(mutex_);
  return ++last_sequence_;
}

void RevisionStore::NoteSequence(int64_t sequence) {
  MutexLock lock(mutex_);
  last_sequence_ = std::max(last_sequence_, sequence);
}

void RevisionStore::FlushSoon(const std::string& directory) const {
  if (access_ == StoreAccess::kMounts) Flusher::Shared().Add(service_.path(), directory);
}

std::vector<RevisionStore::Known> RevisionStore::Snapshot() const {
  MutexLock lock(mutex_);
  return known_;
}

absl::Status RevisionStore::LoadDirectory(const Fd& root, const std::string& directory,
                                          int64_t sequence) {
  absl::StatusOr<Fd> own = service_.OpenOwn(root, directory);
  if (absl::IsFailedPrecondition(own.status())) {
    LogWarning("not used as a prepared revision", {{"error", std::string(own.status().message())}});
    return absl::OkStatus();
  }
  if (absl::IsNotFound(own.status())) return absl::OkStatus();
  if (!own.ok()) return own.status();
  absl::StatusOr<bool> ready = service_.Has(*own, kDurableName);
  if (!ready.ok()) return ready.status();
  if (!*ready) {
    const absl::StatusOr<Written> written = VerifyAt(service_, root, directory);
    if (!written.ok()) return written.status();
    *ready = *written != Written::kNot;
    if (*written == Written::kInThisBoot) FlushSoon(directory);
  }
  MutexLock lock(mutex_);
  known_.push_back({sequence, directory, *ready});
  return absl::OkStatus();
}

absl::Status RevisionStore::LoadFormer(const Fd& root, const std::string& revision) {
  if (!IsRevisionName(revision) || !IsFormerName(revision)) return absl::OkStatus();
  const auto head = service_.ReadFile(root, ManifestIn(revision), kFormerHead);
  if (absl::IsNotFound(head.status()) || absl::IsFailedPrecondition(head.status())) {
    return absl::OkStatus();
  }
  if (!head.ok()) return head.status();
  const int64_t sequence = FormerSequence(*head);
  NoteSequence(sequence);
  MutexLock lock(mutex_);
  known_.push_back({sequence, revision, /*ready=*/sequence > 0});
  return absl::OkStatus();
}

std::vector<std::string> RevisionStore::Superfluous(const absl::StatusOr<Fd>& root, int keep,
                                                    const std::set<std::string>& in_use) const {
  std::vector<std::string> superfluous;
  std::set<std::string> seen, ready;
  for (const Known& known : Snapshot()) {
    if (absl::IsNotFound(LookAt(service_, root, known.directory))) {
      superfluous.push_back(known.directory);
      continue;
    }
    const std::string revision = RevisionOf(known.directory);
    const bool used = in_use.contains(revision);
    // One that is not ready may have files of the service, until another has taken them over.
    const bool newest = seen.insert(revision).second;
    bool kept = used && newest;
    if (known.ready && ready.insert(revision).second) {
      kept = used || ready.size() <= static_cast<size_t>(std::max(keep, 0));
    }
    if (!kept) superfluous.push_back(known.directory);
  }
  return superfluous;
}

absl::Status RevisionStore::MoveAway(const Fd& root, const std::string& directory,
                                     std::vector<std::string>* remains) {
  const std::string aside = absl::StrCat(kDelPrefix, NextSequence());
  MutexLock lock(holds_->mutex);
  if (holds_->counts.contains(directory)) return absl::OkStatus();
  // First, so that an interruption here leaves nothing that looks complete.
  if (IsFormerName(directory) && ::unlinkat(root.get(), ManifestIn(directory).c_str(), 0) != 0 &&
      errno != ENOENT) {
    return service_.Failed(errno, "remove", ManifestIn(directory));
  }
  if (::renameat2(root.get(), directory.c_str(), root.get(), aside.c_str(), RENAME_NOREPLACE) ==
      0) {
    remains->push_back(aside);
  } else if (errno != ENOENT) {
    return service_.Failed(errno, "remove", directory);
  }
  Forget(directory);
  return absl::OkStatus();
}

void RevisionStore::Forget(const std::string& directory) {
  MutexLock lock(mutex_);
  std::erase_if(known_, [&](const Known& known) { return known.directory == directory; });
}

}  // namespace gitops
