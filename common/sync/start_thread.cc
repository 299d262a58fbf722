#include "common/sync/start_thread.h"

#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gitops {

absl::StatusOr<std::thread> StartThread(absl::string_view purpose, std::function<void()> run) {
  try {
    return std::thread(std::move(run));
  } catch (const std::system_error& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot start a thread to ", purpose, ": ", error.code().message()));
  }
}

}  // namespace gitops
