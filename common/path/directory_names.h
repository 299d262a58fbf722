#ifndef GITOPS_COMMON_PATH_DIRECTORY_NAMES_H_
#define GITOPS_COMMON_PATH_DIRECTORY_NAMES_H_

#include <dirent.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace gitops {

// A name in a directory, and what it was when it was read.
struct DirectoryEntry {
  std::string name;
  unsigned char type = DT_UNKNOWN;  // DT_DIR, DT_REG…; DT_UNKNOWN on some file systems
};

// Reads the names of a directory one after the other, without "." and "..", in no order. Not
// thread-safe.
class DirectoryReader {
 public:
  // Reads the directory that is open as `directory`, through a descriptor of its own: `directory`
  // may be O_PATH, and keeps its position.
  static absl::StatusOr<DirectoryReader> Open(int directory);
  // Nothing at the end. An error while reading is never taken for the end.
  absl::StatusOr<std::optional<DirectoryEntry>> Next();

 private:
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  explicit DirectoryReader(DIR* stream) : stream_(stream) {}
  std::unique_ptr<DIR, Close> stream_;
};

// All names of the directory that is open as `directory` (O_PATH will do), in no order.
absl::StatusOr<std::vector<std::string>> DirectoryNames(int directory);

// Calls `visit` for each entry, which it may remove, and ends at the first error. One entry at a
// time is held in memory. OK: the listing was complete; a directory that was removed has no
// entries.
absl::Status ForEachEntry(int directory,
                          absl::FunctionRef<absl::Status(const DirectoryEntry&)> visit);

// Whether an entry of an open directory is itself a directory; false if it no longer exists.
bool IsDirectory(int directory, const DirectoryEntry& entry);

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_DIRECTORY_NAMES_H_
