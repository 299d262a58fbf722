#include "common/server/state_directory.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace gitops {

absl::StatusOr<std::unique_ptr<Store>> OpenStateStore(const std::string& directory,
                                                      const std::string& file, Clock* clock,
                                                      mode_t mode, KeptChanges kept) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (!error && chmod(directory.c_str(), mode) != 0) error.assign(errno, std::generic_category());
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("--state-dir: cannot create ", directory, ": ", error.message(),
                     "; use a directory that this account can write"));
  }
  auto store = OpenSqliteStore({.path = absl::StrCat(directory, "/", file), .clock = clock},
                               std::move(kept));
  if (!absl::IsFailedPrecondition(store.status())) return store;
  return absl::UnavailableError(store.status().message());
}

}  // namespace gitops
