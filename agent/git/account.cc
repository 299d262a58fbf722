#include "agent/git/account.h"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gitops {

absl::StatusOr<Account> FindAccount(const std::string& user) {
  if (user.empty()) return Account{};
  std::vector<char> buffer(1 << 10);
  struct passwd entry {};
  struct passwd* found = nullptr;
  int error = 0;
  while ((error = getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
         ERANGE) {
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is no account \"", user,
                     "\" on this host; create it, or change the service's user"));
  }
  if (entry.pw_uid == geteuid()) return Account{};
  if (geteuid() != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("git cannot run as \"", user,
                     "\": the agent is not root; run it as root or as that account"));
  }
  return Account{.name = user,
                 .uid = static_cast<int64_t>(entry.pw_uid),
                 .gid = static_cast<int64_t>(entry.pw_gid)};
}

}  // namespace gitops
