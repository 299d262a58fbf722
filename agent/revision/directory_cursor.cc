#include "agent/revision/directory_cursor.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include "common/path/beneath.h"

namespace gitops {

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
