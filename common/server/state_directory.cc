#include "common/server/state_directory.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace gitops {

absl::Status MakeStateDirectory(const std::string& path, mode_t mode) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error && chmod(path.c_str(), mode) != 0) error.assign(errno, std::generic_category());
  if (!error) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--state-dir: cannot create ", path, ": ", error.message(),
                   "; use a directory that this account can write"));
}

}  // namespace gitops
