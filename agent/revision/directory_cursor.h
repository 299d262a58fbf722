#ifndef GITOPS_AGENT_REVISION_DIRECTORY_CURSOR_H_
#define GITOPS_AGENT_REVISION_DIRECTORY_CURSOR_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"
#include "common/path/split_path.h"

namespace gitops {

// Opens directories beneath an open one, without following symlinks or crossing mount points, and
// keeps the last one open: ordered paths cost one open per directory.
class DirectoryCursor {
 public:
  explicit DirectoryCursor(int root) : root_(root) {}

  // The descriptor is valid until the next call. Errors are those of open(2).
  absl::StatusOr<int> Open(absl::string_view directory);

 private:
  const int root_;
  std::string path_;
  Fd current_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_DIRECTORY_CURSOR_H_
