#include "agent/revision/revision_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/revision/directory_cursor.h"
#include "agent/revision/manifest_file.h"
#include "common/path/beneath.h"

namespace gitops {
namespace {

constexpr mode_t kDirectoryMode = 0755;

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::string BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

// Every directory with an entry, except the top one, parents first.
std::set<std::string> DirectoriesOf(const std::vector<ManifestEntry>& entries) {
  std::set<std::string> directories;
  for (const ManifestEntry& entry : entries) {
    absl::string_view directory = SplitPath(entry.path).first;
    while (!directory.empty() && directories.emplace(directory).second) {
      directory = SplitPath(directory).first;
    }
  }
  return directories;
}

class RevisionWriter final : public RevisionStore::Writer {
 public:
  RevisionWriter(WriterPlace place, std::string name, Fd directory)
      : place_(std::move(place)), name_(std::move(name)), directory_(std::move(directory)) {
    stored_.sequence = place_.sequence;
  }

  ~RevisionWriter() override {
    if (finished_) return;
    directory_.Close();
    RemoveTree(absl::StrCat(place_.root, "/", name_)).IgnoreError();
    unlinkat(place_.root_fd, ManifestDraft().c_str(), 0);
  }

  int directory() const override { return directory_.get(); }

  void Add(ManifestEntry entry) override { stored_.manifest.entries.push_back(std::move(entry)); }

  void Cover(std::vector<std::string> covers) override {
    stored_.manifest.covers = std::move(covers);
  }

  absl::Status Finish(int64_t uid, int64_t gid) override {
    std::vector<ManifestEntry>& entries = stored_.manifest.entries;
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    stored_.manifest.boot_id = BootId();
    if (auto status = HandOverFiles(uid, gid); !status.ok()) return status;
    if (auto status = HandOverDirectories(uid, gid); !status.ok()) return status;
    if (auto status = WriteManifestDraft(); !status.ok()) return status;
    // One flush of the file system costs less than one fsync for each of hundreds of files.
    if (syncfs(directory_.get()) != 0) return Failed(errno, "flush to disk", name_);
    if (auto status = Name(); !status.ok()) return status;
    finished_ = true;
    if (fsync(place_.root_fd) != 0) return Failed(errno, "flush to disk", ".");
    place_.on_finish();
    return absl::OkStatus();
  }

 private:
  std::string ManifestDraft() const { return absl::StrCat(name_, kManifestSuffix); }

  absl::Status Failed(int error, absl::string_view what, absl::string_view path) const {
    return absl::ErrnoToStatus(error, absl::StrCat("writing revision ", place_.revision,
                                                   ": cannot ", what, " ", place_.root, "/", path));
  }

  absl::Status HandOverFiles(int64_t uid, int64_t gid) {
    DirectoryCursor cursor(directory_.get());
    for (ManifestEntry& entry : stored_.manifest.entries) {
      const auto [parent, name] = SplitPath(entry.path);
      const auto directory = cursor.Open(parent);
      if (!directory.ok()) return directory.status();
      if (auto status = HandOverFile(*directory, std::string(name), uid, gid, &entry);
          !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status HandOverFile(int directory, const std::string& name, int64_t uid, int64_t gid,
                            ManifestEntry* entry) const {
    struct stat stat {};
    if ((uid >= 0 || gid >= 0) && fchownat(directory, name.c_str(), static_cast<uid_t>(uid),
                                           static_cast<gid_t>(gid), AT_SYMLINK_NOFOLLOW) != 0) {
      return Failed(errno, "change the owner of", entry->path);
    }
    if (fstatat(directory, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
      return Failed(errno, "stat", entry->path);
    }
    const mode_t wanted = entry->mode & 07777;
    if (S_ISREG(stat.st_mode) && (stat.st_mode & 07777) != wanted) {
      // It was created under another umask.
      const Fd file(openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
      if (!file || fchmod(file.get(), wanted) != 0 || fstat(file.get(), &stat) != 0) {
        return Failed(errno, "change the mode of", entry->path);
      }
    }
    entry->size = stat.st_size;
    entry->mtime_ns = Nanoseconds(stat.st_mtim);
    entry->ctime_ns = Nanoseconds(stat.st_ctim);
    entry->inode = stat.st_ino;
    return absl::OkStatus();
  }

  absl::Status HandOverDirectories(int64_t uid, int64_t gid) {
    const std::set<std::string> directories = DirectoriesOf(stored_.manifest.entries);
    DirectoryCursor cursor(directory_.get());
    // Deepest first, so that nothing beneath a directory of another account is changed any more.
    for (auto it = directories.rbegin(); it != directories.rend(); ++it) {
      const auto directory = cursor.Open(*it);
      if (!directory.ok()) return directory.status();
      if (auto status = HandOverDirectory(*directory, uid, gid, *it); !status.ok()) return status;
    }
    return HandOverDirectory(directory_.get(), uid, gid, name_);
  }

  absl::Status HandOverDirectory(int directory, int64_t uid, int64_t gid,
                                 absl::string_view path) const {
    if ((uid >= 0 || gid >= 0) &&
        fchown(directory, static_cast<uid_t>(uid), static_cast<gid_t>(gid)) != 0) {
      return Failed(errno, "change the owner of", path);
    }
    if (fchmod(directory, kDirectoryMode) != 0) return Failed(errno, "change the mode of", path);
    return absl::OkStatus();
  }

  absl::Status WriteManifestDraft() const {
    const auto text = EncodeManifest(stored_);
    if (!text.ok()) return text.status();
    const Fd file(openat(place_.root_fd, ManifestDraft().c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file) return Failed(errno, "create", ManifestDraft());
    absl::string_view rest = *text;
    while (!rest.empty()) {
      const ssize_t written = write(file.get(), rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed(errno, "write", ManifestDraft());
      rest.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  // The manifest gets its name last: a directory without one does not count as prepared.
  absl::Status Name() const {
    const std::string manifest = place_.revision + kManifestSuffix;
    const char* const revision = place_.revision.c_str();
    unlinkat(place_.root_fd, manifest.c_str(), 0);
    if (renameat2(place_.root_fd, name_.c_str(), place_.root_fd, revision, RENAME_NOREPLACE) != 0) {
      if (errno != EEXIST) return Failed(errno, "name", place_.revision);
      if (auto status = Exchange(); !status.ok()) return status;
    }
    if (renameat(place_.root_fd, ManifestDraft().c_str(), place_.root_fd, manifest.c_str()) != 0) {
      return Failed(errno, "name", manifest);
    }
    return absl::OkStatus();
  }

  // Replaces a directory of the same name, which is moved aside, since it may be published.
  absl::Status Exchange() const {
    const std::string aside = absl::StrCat(kOldPrefix, place_.sequence, "-", place_.revision);
    const char* const revision = place_.revision.c_str();
    const int root = place_.root_fd;
    if (renameat2(root, name_.c_str(), root, revision, RENAME_EXCHANGE) == 0) {
      if (renameat(root, name_.c_str(), root, aside.c_str()) == 0) return absl::OkStatus();
      return Failed(errno, "move the previous revision aside", place_.revision);
    }
    // Not every file system supports the exchange.
    if (renameat(root, revision, root, aside.c_str()) != 0 ||
        renameat(root, name_.c_str(), root, revision) != 0) {
      return Failed(errno, "replace", place_.revision);
    }
    return absl::OkStatus();
  }

  const WriterPlace place_;
  const std::string name_;
  Fd directory_;
  StoredManifest stored_;
  bool finished_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RevisionStore::Writer>> NewRevisionWriter(WriterPlace place) {
  std::string name = absl::StrCat(kNewPrefix, place.sequence);
  if (mkdirat(place.root_fd, name.c_str(), 0700) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", place.root, "/", name));
  }
  Fd directory(
      openat(place.root_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", place.root, "/", name));
  }
  return std::unique_ptr<RevisionStore::Writer>(
      std::make_unique<RevisionWriter>(std::move(place), std::move(name), std::move(directory)));
}

}  // namespace gitops
