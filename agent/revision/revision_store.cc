#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/revision/manifest_file.h"
#include "agent/revision/revision.h"
#include "agent/revision/revision_writer.h"
#include "common/mount/owned_mounts.h"
#include "common/path/beneath.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

bool IsPlainName(absl::string_view name) {
  return !name.empty() && name.front() != '.' && name.front() != '-' &&
         !absl::EndsWith(name, kManifestSuffix) &&
         std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c == '/' || c <= ' ' || c == 0x7f; });
}

absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& directory) {
  DIR* stream = opendir(directory.c_str());
  if (stream == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot list ", directory));
  }
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream)) names.emplace_back(entry->d_name);
  closedir(stream);
  return names;
}

absl::Status MakeDirectory(const std::string& path) {
  for (size_t slash = 1; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", part));
    }
  }
  return absl::OkStatus();
}

class DiskRevisionStore final : public RevisionStore {
 public:
  DiskRevisionStore(std::string root, Fd fd) : root_(std::move(root)), fd_(std::move(fd)) {}

  // Reads the existing revisions and removes the remains of interrupted writes.
  absl::Status Load() {
    const auto names = NamesIn(root_);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      if (absl::StartsWith(name, kNewPrefix)) {
        if (auto status = RemoveTree(absl::StrCat(root_, "/", name)); !status.ok()) return status;
        continue;
      }
      NoteReplaced(name);
      absl::string_view revision = name;
      if (!absl::ConsumeSuffix(&revision, kManifestSuffix)) continue;
      const auto stored = ReadStored(std::string(revision));
      if (!stored.ok() || !IsDirectory(std::string(revision))) {
        // Without a readable manifest it does not count as prepared, and is written again on
        // demand.
        unlinkat(fd_.get(), name.c_str(), 0);
        continue;
      }
      MutexLock lock(mutex_);
      sequences_[std::string(revision)] = stored->sequence;
      last_sequence_ = std::max(last_sequence_, stored->sequence);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Writer>> Write(const std::string& revision,
                                                bool replace) override {
    if (!IsPlainName(revision)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", revision, "\" cannot name a revision's directory"));
    }
    if (!replace && Has(revision)) {
      return absl::AlreadyExistsError(absl::StrCat("revision ", revision, " is in ", root_));
    }
    const int64_t sequence = ++last_sequence_;
    return NewRevisionWriter({.root_fd = fd_.get(),
                              .root = root_,
                              .revision = revision,
                              .sequence = sequence,
                              .on_finish = [this, revision, sequence] {
                                MutexLock lock(mutex_);
                                sequences_[revision] = sequence;
                              }});
  }

  bool Has(const std::string& revision) const override {
    MutexLock lock(mutex_);
    return sequences_.contains(revision) && IsDirectory(revision);
  }

  std::string Path(const std::string& revision) const override {
    return absl::StrCat(root_, "/", revision);
  }

  absl::StatusOr<Manifest> ReadManifest(const std::string& revision) const override {
    auto stored = ReadStored(revision);
    if (!stored.ok()) return stored.status();
    return std::move(stored->manifest);
  }

  std::vector<std::string> List() const override {
    std::vector<std::pair<int64_t, std::string>> ordered;
    MutexLock lock(mutex_);
    for (const auto& [revision, sequence] : sequences_) {
      if (IsDirectory(revision)) ordered.emplace_back(sequence, revision);
    }
    std::sort(ordered.rbegin(), ordered.rend());
    std::vector<std::string> revisions;
    for (auto& [sequence, revision] : ordered) revisions.push_back(std::move(revision));
    return revisions;
  }

  absl::Status Prune(int keep, const std::set<std::string>& in_use) override {
    const auto mounted = MountedEntries(fd_.get());
    if (!mounted.ok()) return mounted.status();
    const std::vector<std::string> revisions = List();
    for (size_t i = static_cast<size_t>(std::max(keep, 0)); i < revisions.size(); ++i) {
      const std::string& revision = revisions[i];
      if (in_use.contains(revision) || mounted->contains(revision)) continue;
      if (auto status = Remove(revision); !status.ok()) return status;
    }
    return RemoveReplaced(*mounted);
  }

 private:
  // The number of a directory that was moved aside (".old-7-REVISION") must not be reused.
  void NoteReplaced(absl::string_view name) {
    int64_t sequence = 0;
    if (absl::ConsumePrefix(&name, kOldPrefix) &&
        absl::SimpleAtoi(name.substr(0, name.find('-')), &sequence)) {
      last_sequence_ = std::max(last_sequence_, sequence);
    }
  }

  bool IsDirectory(const std::string& name) const {
    struct stat stat {};
    return fstatat(fd_.get(), name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(stat.st_mode);
  }

  absl::StatusOr<StoredManifest> ReadStored(const std::string& revision) const {
    const std::string file = absl::StrCat(root_, "/", revision, kManifestSuffix);
    std::ifstream stream(file);
    if (!stream) {
      return absl::NotFoundError(
          absl::StrCat("revision ", revision, " is not prepared in ", root_));
    }
    std::ostringstream text;
    text << stream.rdbuf();
    return DecodeManifest(text.str(), file);
  }

  // The manifest is removed first, so that an interrupted removal leaves no valid revision.
  absl::Status Remove(const std::string& revision) {
    {
      MutexLock lock(mutex_);
      sequences_.erase(revision);
    }
    unlinkat(fd_.get(), (revision + kManifestSuffix).c_str(), 0);
    return RemoveTree(Path(revision));
  }

  absl::Status RemoveReplaced(const std::set<std::string>& mounted) const {
    const auto names = NamesIn(root_);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      if (!absl::StartsWith(name, kOldPrefix) || mounted.contains(name)) continue;
      if (auto status = RemoveTree(Path(name)); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  const std::string root_;
  const Fd fd_;
  mutable Mutex mutex_;
  std::map<std::string, int64_t> sequences_ ABSL_GUARDED_BY(mutex_);  // of prepared revisions
  int64_t last_sequence_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RevisionStore>> RevisionStore::Open(std::string root) {
  if (!absl::StartsWith(root, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("the directory for revisions, \"", root, "\", must be an absolute path"));
  }
  if (auto status = MakeDirectory(root); !status.ok()) return status;
  Fd fd(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", root));
  auto store = std::make_unique<DiskRevisionStore>(std::move(root), std::move(fd));
  if (auto status = store->Load(); !status.ok()) return status;
  return store;
}

}  // namespace gitops
