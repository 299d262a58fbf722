#include "common/path/directory_names.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/path/fd.h"

namespace gitops {

absl::StatusOr<DirectoryReader> DirectoryReader::Open(int directory) {
  // fdopendir takes ownership, and a copy by dup would share the position.
  Fd again(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* const stream = again ? ::fdopendir(again.get()) : nullptr;
  if (stream == nullptr) return absl::ErrnoToStatus(errno, "cannot open a directory to list it");
  again.Release();
  return DirectoryReader(stream);
}

absl::StatusOr<std::optional<DirectoryEntry>> DirectoryReader::Next() {
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(stream_.get());
    if (entry == nullptr) {
      if (errno != 0) return absl::ErrnoToStatus(errno, "cannot list a directory to its end");
      return std::nullopt;
    }
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") return DirectoryEntry{std::string(name), entry->d_type};
  }
}

absl::StatusOr<std::vector<std::string>> DirectoryNames(int directory) {
  absl::StatusOr<DirectoryReader> reader = DirectoryReader::Open(directory);
  if (!reader.ok()) return reader.status();
  std::vector<std::string> names;
  while (true) {
    absl::StatusOr<std::optional<DirectoryEntry>> entry = reader->Next();
    if (!entry.ok()) return entry.status();
    if (!*entry) return names;
    names.push_back(std::move((*entry)->name));
  }
}

absl::Status ForEachEntry(int directory,
                          absl::FunctionRef<absl::Status(const DirectoryEntry&)> visit) {
  absl::StatusOr<DirectoryReader> reader = DirectoryReader::Open(directory);
  if (absl::IsNotFound(reader.status())) return absl::OkStatus();
  if (!reader.ok()) return reader.status();
  while (true) {
    const absl::StatusOr<std::optional<DirectoryEntry>> entry = reader->Next();
    if (absl::IsNotFound(entry.status())) return absl::OkStatus();
    if (!entry.ok()) return entry.status();
    if (!*entry) return absl::OkStatus();
    if (absl::Status status = visit(**entry); !status.ok()) return status;
  }
}

bool IsDirectory(int directory, const DirectoryEntry& entry) {
  if (entry.type != DT_UNKNOWN) return entry.type == DT_DIR;
  struct stat stat = {};
  return ::fstatat(directory, entry.name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(stat.st_mode);
}

}  // namespace gitops
