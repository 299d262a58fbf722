#include "common/git/account.h"

#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/account/lookup.h"

namespace gitops {

absl::StatusOr<Account> FindAccount(const std::string& user) {
  if (user.empty()) return Account{};
  const absl::StatusOr<UserAccount> found = LookUpUser(user);
  if (!found.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(found.status().message(), "; create it, or change the service's user"));
  }
  if (found->uid == geteuid()) return Account{};
  if (geteuid() != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("git cannot run as \"", user,
                     "\": this program is not root; run it as root or as that account"));
  }
  return Account{.name = user,
                 .uid = static_cast<int64_t>(found->uid),
                 .gid = static_cast<int64_t>(found->gid)};
}

}  // namespace gitops
