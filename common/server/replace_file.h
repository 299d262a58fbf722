#ifndef GITOPS_COMMON_SERVER_REPLACE_FILE_H_
#define GITOPS_COMMON_SERVER_REPLACE_FILE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Writes `text` to the file `path`, whole or not at all, also if the system crashes. Its mode is
// `mode`, whatever the umask. Errors by errno; the message names the path.
absl::Status ReplaceFile(const std::string& path, absl::string_view text, mode_t mode);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_REPLACE_FILE_H_
