#ifndef GITOPS_AGENT_PUBLISH_UNTRACKED_H_
#define GITOPS_AGENT_PUBLISH_UNTRACKED_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// The properties by which a change of a node is detected. Default: it does not exist.
struct Stamp {
  bool exists = false;
  bool directory = false;
  uint64_t inode = 0, links = 0;
  int64_t mtime_ns = 0, ctime_ns = 0;
  uint64_t print = 0;  // of all that changes with the content or the access, also of these times

  static Stamp Of(const struct stat& stat);
};

// The stamp of `name` in an open directory. Symlinks are not followed. An error other than that it
// does not exist is an error.
absl::StatusOr<Stamp> StampOf(int directory, const std::string& name);

// Opens the directory `path` (at most 4,095 bytes) beneath `root`, to list it. NOT_FOUND: it does
// not exist, or is reached through a symlink, another kind of node, or a mount point. Any other
// code is a failure to find out.
absl::StatusOr<Fd> OpenDirectory(int root, const std::string& path);

// A directory of the published revision, as it was before it was listed.
struct CarriedDirectory {
  static constexpr int64_t kUnsettled = -1;

  std::string name;
  uint32_t parent = 0;                     // an index of Untracked::directories
  uint32_t first_child = 0, children = 0;  // indexes of Untracked::directories
  uint32_t first_file = 0, files = 0;      // indexes of Untracked::files
  int level = 0;
  uint64_t inode = 0;
  // kUnsettled: a change may not show in them.
  int64_t mtime_ns = kUnsettled, ctime_ns = kUnsettled;
  bool gone = false;
  bool copies = false;  // holds copies of files, which do not change with them
  bool filled = false;  // in the next revision it gets the times of this one

  // Takes inode and times from the open directory.
  void NoteStamp(int directory);
  bool HasChanged(const Stamp& now) const;
};

// A node that is not a directory, as it was carried over.
struct CarriedFile {
  uint64_t name = 0;          // its hash
  uint64_t inode = 0;         // in the next revision
  uint64_t from = 0, to = 0;  // prints
  int64_t mtime_ns = 0;       // in the next revision
  bool linked = false;
};

uint64_t HashOf(const std::string& name);

// What was carried over, by its directory.
struct Untracked {
  std::vector<CarriedDirectory> directories;  // the first is the root
  std::vector<CarriedFile> files;             // those of one directory are together

  using ByName = absl::flat_hash_map<uint64_t, const CarriedFile*>;

  std::string PathOf(uint32_t directory) const;
  ByName FilesOf(uint32_t directory) const;
  // Hashes of the names of the directories in it.
  absl::flat_hash_set<uint64_t> ChildrenOf(uint32_t directory) const;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_UNTRACKED_H_
