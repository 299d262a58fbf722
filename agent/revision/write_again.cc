#include "agent/revision/write_again.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/revision/revision_writer.h"
#include "common/git/object_hash.h"
#include "common/path/beneath.h"
#include "common/path/split_path.h"
#include "common/path/write_all.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr uint32_t kSymlinkMode = 0120000;

absl::Status Changed(const ManifestEntry& entry) {
  return absl::DataLossError(
      absl::StrCat("\"", EscapeText(entry.path), "\" is not as it was written"));
}

absl::Status Failed(int error, absl::string_view what, const ManifestEntry& entry) {
  return FileStatus(error, absl::StrCat("cannot ", what, " \"", EscapeText(entry.path), "\""));
}

absl::Status CopySymlink(const ManifestEntry& entry, int from, int above, const std::string& name,
                         ObjectHash& hash) {
  char text[PATH_MAX];
  const ssize_t length = ::readlinkat(from, "", text, sizeof text);
  if (length != entry.size) return Changed(entry);
  const std::string target(text, static_cast<size_t>(length));
  hash.Update(target);
  if (::symlinkat(target.c_str(), above, name.c_str()) == 0) return absl::OkStatus();
  return Failed(errno, "create the symlink", entry);
}

absl::Status CopyFile(const ManifestEntry& entry, int from, int above, const std::string& name,
                      ObjectHash& hash, const std::stop_token& stop) {
  struct stat stat = {};
  if (::fstat(from, &stat) != 0) return Failed(errno, "stat", entry);
  if (!S_ISREG(stat.st_mode) || stat.st_size != entry.size) return Changed(entry);
  const Fd target(
      ::openat(above, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, entry.mode & 0777));
  if (!target) return Failed(errno, "create", entry);
  char buffer[64 << 10];
  for (int64_t left = entry.size; left > 0;) {
    if (stop.stop_requested()) return absl::CancelledError("stopped");
    const ssize_t length = ::read(from, buffer, sizeof buffer);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return Failed(errno, "read", entry);
    left -= length;
    if (length == 0 || left < 0) return Changed(entry);
    const absl::string_view piece(buffer, static_cast<size_t>(length));
    hash.Update(piece);
    const int error = WriteAll(target.get(), piece);
    if (error != 0) return Failed(error, "write", entry);
  }
  return absl::OkStatus();
}

absl::Status Copy(const ManifestEntry& entry, int from, int to, const std::stop_token& stop) {
  const bool symlink = entry.mode == kSymlinkMode;
  const auto [parent, name] = SplitPath(entry.path);
  absl::StatusOr<Fd> above = MakeDirectoriesBeneath(to, parent, 0755);
  if (!above.ok()) return above.status();
  absl::StatusOr<Fd> source =
      OpenBeneath(from, entry.path, O_NOFOLLOW | (symlink ? O_PATH : O_RDONLY | O_NONBLOCK), 0,
                  RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (!source.ok()) return source.status();
  ObjectHash hash("blob", entry.size, entry.oid.size());
  absl::Status status =
      symlink ? CopySymlink(entry, source->get(), above->get(), std::string(name), hash)
              : CopyFile(entry, source->get(), above->get(), std::string(name), hash, stop);
  return status.ok() && hash.Finish() != entry.oid ? Changed(entry) : status;
}

}  // namespace

absl::StatusOr<std::string> WriteAgain(RevisionStore& store, const std::string& directory,
                                       int64_t uid, int64_t gid, const std::stop_token& stop) {
  const RevisionHold hold = store.Hold(directory);
  absl::StatusOr<Manifest> manifest = store.ReadManifest(directory);
  if (!manifest.ok()) return manifest.status();
  absl::StatusOr<Fd> from = store.OpenTree(directory);
  if (!from.ok()) return from.status();
  auto writer = store.Write(RevisionStore::RevisionOf(directory));
  if (!writer.ok()) return writer.status();
  for (ManifestEntry& entry : manifest->entries) {
    absl::Status status = Copy(entry, from->get(), (*writer)->directory(), stop);
    if (!status.ok()) return status;
    (*writer)->Add(std::move(entry));
  }
  (*writer)->Cover(std::move(manifest->covers));
  if (absl::Status status = (*writer)->Finish(uid, gid); !status.ok()) return status;
  return (*writer)->name();
}

}  // namespace gitops
