#include "services/planner/record/random_token.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace gitops {

absl::StatusOr<std::string> RandomToken() {
  std::string bytes(16, '\0');
  // So few bytes come whole, or not at all.
  ssize_t got = 0;
  do {
    got = ::getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) {
    return absl::UnavailableError(
        absl::StrCat("take a token from the system's random source: ", std::strerror(errno)));
  }
  return absl::BytesToHexString(bytes);
}

}  // namespace gitops
