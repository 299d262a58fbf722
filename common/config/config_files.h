#ifndef GITOPS_COMMON_CONFIG_CONFIG_FILES_H_
#define GITOPS_COMMON_CONFIG_CONFIG_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// A fleet config as it was read: its file, and the files that it includes.
struct ConfigFiles {
  struct File {
    std::string path;  // as messages name it, and for relative paths
    std::string text;
  };
  File main;
  std::vector<File> included;  // in the order in which they are included, each once

  // All texts as one, which changes with each of them: the text of the main file, if it includes
  // none.
  std::string Packed() const;
  // The reverse; `file` is the path of the main file.
  static ConfigFiles Unpack(const std::string& file, absl::string_view packed);
};

// The result of reading a config.
struct ConfigReading {
  // Errors of the main file are those of ReadConfigText. INVALID_ARGUMENT: it breaks a rule of
  // `include`, with file and line. Other errors of included files may end by themselves.
  absl::StatusOr<ConfigFiles> files;
  // Whether the main file could be read.
  bool has_main = false;
  // Paths of files and directories whose change may change the result, besides the main file.
  std::vector<std::string> watched;
};

// Rules of `include`: paths are relative to the file they stand in, with globs, and stay beneath
// the directory of the main file; no symbolic links there; regular files of at most 1 MiB, at most
// 1,000 of them; no cycles.
ConfigReading ReadConfigFiles(const std::string& file);

inline constexpr size_t kMaxIncluded = 1000;
inline constexpr size_t kMaxIncludedBytes = 1 << 20;

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_CONFIG_FILES_H_
