#ifndef GITOPS_COMMON_PATH_SPLIT_PATH_H_
#define GITOPS_COMMON_PATH_SPLIT_PATH_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace gitops {

// Everything before the last name, without the slash between, and the last name. The first part is
// "" for a single name, and "/" for a name in the root directory. `path` does not end in a slash.
std::pair<absl::string_view, absl::string_view> SplitPath(absl::string_view path);

// `name` in `directory`; a name alone where that is "".
std::string JoinPath(absl::string_view directory, absl::string_view name);

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_SPLIT_PATH_H_
