#include "common/text/random_hex.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/escaping.h"

namespace gitops {

std::string RandomHex(int digits) {
  std::string bytes((digits + 1) / 2, '\0');
  for (size_t filled = 0; filled < bytes.size();) {
    const ssize_t got = ::getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    if (got < 0 && errno != EINTR) {
      std::perror("cannot read the system's random source");
      std::abort();
    }
    if (got > 0) filled += static_cast<size_t>(got);
  }
  return absl::BytesToHexString(bytes).substr(0, digits);
}

}  // namespace gitops
