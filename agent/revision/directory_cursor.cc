#include "agent/revision/directory_cursor.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include "common/path/beneath.h"

namespace gitops {

std::pair<absl::string_view, absl::string_view> SplitPath(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

absl::StatusOr<int> DirectoryCursor::Open(absl::string_view directory) {
  if (directory.empty()) return root_;
  if (current_ && path_ == directory) return current_.get();
  auto opened = OpenBeneath(root_, std::string(directory), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                            RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (!opened.ok()) return opened.status();
  current_ = *std::move(opened);
  path_ = std::string(directory);
  return current_.get();
}

}  // namespace gitops
