#include "common/sync/start_thread.h"

#include <atomic>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gitops {

namespace {

std::atomic<int> starts_to_fail = 0;

}  // namespace

void FailThreadStarts(int count) { starts_to_fail = count; }

absl::StatusOr<std::thread> StartThread(absl::string_view purpose, std::function<void()> run) {
  try {
    if (starts_to_fail > 0 && starts_to_fail-- > 0) {
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    }
    return std::thread(std::move(run));
  } catch (const std::system_error& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot start a thread to ", purpose, ": ", error.code().message()));
  }
}

}  // namespace gitops
