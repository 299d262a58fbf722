#include "agent/revision/revision_writer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/revision/manifest_file.h"
#include "agent/revision/revision_name.h"
#include "common/clock/boot_id.h"
#include "common/path/beneath.h"
#include "common/path/remove_tree.h"
#include "common/path/split_path.h"
#include "common/path/write_all.h"
#include "common/rpc/state_reason.h"

namespace gitops {
namespace {

constexpr mode_t kDirectoryMode = 0755;

// Opens directories beneath an open one, and keeps the last one open: ordered paths cost one open
// per directory.
class DirectoryCursor {
 public:
  explicit DirectoryCursor(int root) : root_(root) {}

  // The descriptor is valid until the next call. Errors are those of open(2).
  absl::StatusOr<int> Open(absl::string_view directory) {
    if (directory.empty()) return root_;
    if (current_ && path_ == directory) return current_.get();
    auto opened = OpenBeneath(root_, std::string(directory), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                              RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    if (!opened.ok()) return opened.status();
    current_ = *std::move(opened);
    path_ = std::string(directory);
    return current_.get();
  }

 private:
  const int root_;
  std::string path_;
  Fd current_;
};

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

// Makes a directory that only root can reach, and opens it.
absl::StatusOr<Fd> MakeOwn(const WriterPlace& place, const Fd& parent, const std::string& name,
                           const std::string& path) {
  if (mkdirat(parent.get(), name.c_str(), 0700) != 0) {
    return place.service.Failed(errno, "create", path);
  }
  Fd made(openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return place.service.Failed(errno, "open", path);
  return made;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RevisionWriter>> RevisionWriter::Begin(WriterPlace place) {
  absl::StatusOr<Fd> root = place.service.Open(/*create=*/true);
  if (!root.ok()) return root.status();
  const std::string name = absl::StrCat(kNewPrefix, place.sequence);
  absl::StatusOr<Fd> wrapper = MakeOwn(place, *root, name, name);
  if (!wrapper.ok()) return wrapper.status();
  absl::StatusOr<Fd> tree = MakeOwn(place, *wrapper, kTreeName, absl::StrCat(name, "/tree"));
  if (!tree.ok()) {
    RemoveTreeAt(root->get(), name).IgnoreError();
    return tree.status();
  }
  return std::unique_ptr<RevisionWriter>(new RevisionWriter(std::move(place), *std::move(root),
                                                            *std::move(wrapper), *std::move(tree)));
}

RevisionWriter::RevisionWriter(WriterPlace place, Fd root, Fd wrapper, Fd tree)
    : place_(std::move(place)),
      draft_(absl::StrCat(kNewPrefix, place_.sequence)),
      name_(absl::StrCat(place_.revision, "-", place_.sequence)),
      root_(std::move(root)),
      wrapper_(std::move(wrapper)),
      tree_(std::move(tree)) {}

RevisionWriter::~RevisionWriter() {
  if (!finished_) RemoveTreeAt(root_.get(), draft_).IgnoreError();
}

absl::Status RevisionWriter::Finish(int64_t uid, int64_t gid) {
  std::vector<ManifestEntry>& entries = manifest_.entries;
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  auto boot = ReadKernelBootId();
  if (!boot.ok()) return boot.status();
  manifest_.boot_id = *std::move(boot);
  if (auto status = HandOverFiles(uid, gid); !status.ok()) return status;
  if (auto status = HandOverDirectories(uid, gid); !status.ok()) return status;
  if (auto status = WriteManifest(); !status.ok()) return status;
  if (renameat2(root_.get(), draft_.c_str(), root_.get(), name_.c_str(), RENAME_NOREPLACE) != 0) {
    return Failed(errno, "name", name_);
  }
  finished_ = true;
  place_.on_finish();
  return absl::OkStatus();
}

absl::Status RevisionWriter::Failed(int error, absl::string_view what,
                                    absl::string_view path) const {
  return FileStatus(error, absl::StrCat("writing revision ", place_.revision, ": cannot ", what,
                                        " ", place_.service.PathOf(path)));
}

absl::Status RevisionWriter::HandOverFiles(int64_t uid, int64_t gid) {
  DirectoryCursor cursor(tree_.get());
  for (ManifestEntry& entry : manifest_.entries) {
    const auto [parent, name] = SplitPath(entry.path);
    const auto directory = cursor.Open(parent);
    if (!directory.ok()) return directory.status();
    if (auto status = HandOverFile(*directory, std::string(name), uid, gid, &entry); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status RevisionWriter::HandOverFile(int directory, const std::string& name, int64_t uid,
                                          int64_t gid, ManifestEntry* entry) const {
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
  entry->mtime_ns = absl::ToUnixNanos(absl::TimeFromTimespec(stat.st_mtim));
  entry->ctime_ns = absl::ToUnixNanos(absl::TimeFromTimespec(stat.st_ctim));
  entry->inode = stat.st_ino;
  return absl::OkStatus();
}

absl::Status RevisionWriter::HandOverDirectories(int64_t uid, int64_t gid) {
  const std::set<std::string> directories = DirectoriesOf(manifest_.entries);
  DirectoryCursor cursor(tree_.get());
  // Deepest first, so that nothing beneath a directory of another account is changed any more.
  for (auto it = directories.rbegin(); it != directories.rend(); ++it) {
    const auto directory = cursor.Open(*it);
    if (!directory.ok()) return directory.status();
    if (auto status = HandOverDirectory(*directory, uid, gid, *it); !status.ok()) return status;
  }
  return HandOverDirectory(tree_.get(), uid, gid, name_);
}

absl::Status RevisionWriter::HandOverDirectory(int directory, int64_t uid, int64_t gid,
                                               absl::string_view path) const {
  if ((uid >= 0 || gid >= 0) &&
      fchown(directory, static_cast<uid_t>(uid), static_cast<gid_t>(gid)) != 0) {
    return Failed(errno, "change the owner of", path);
  }
  if (fchmod(directory, kDirectoryMode) != 0) return Failed(errno, "change the mode of", path);
  return absl::OkStatus();
}

absl::Status RevisionWriter::WriteManifest() const {
  const std::string path = absl::StrCat(draft_, "/", kManifestName);
  const auto text = EncodeManifest(place_.revision, manifest_);
  if (!text.ok()) return text.status();
  const Fd file(openat(wrapper_.get(), kManifestName,
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return Failed(errno, "create", path);
  const int error = WriteAll(file.get(), *text);
  return error == 0 ? absl::OkStatus() : Failed(error, "write", path);
}

}  // namespace gitops
