#ifndef GITOPS_COMMON_ACCOUNT_LOOKUP_H_
#define GITOPS_COMMON_ACCOUNT_LOOKUP_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace gitops {

// Accounts of this host's name service (files, LDAP…). Never cached, since a package may create an
// account later. Errors: NOT_FOUND: there is no such account; UNAVAILABLE: the name service does
// not answer. Messages name the account. Thread-safe.

struct UserAccount {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
  std::string home;
};
absl::StatusOr<UserAccount> LookUpUser(const std::string& name);
absl::StatusOr<UserAccount> LookUpUser(uid_t uid);
absl::StatusOr<gid_t> LookUpGroup(const std::string& name);

// An owner as in chown(1): a name, or, if there is no such name, a number. NOT_FOUND also for text
// that is neither, and for the number that means "unchanged" in chown(2).
absl::StatusOr<uid_t> UserIdOf(const std::string& name_or_number);
absl::StatusOr<gid_t> GroupIdOf(const std::string& name_or_number);

}  // namespace gitops

#endif  // GITOPS_COMMON_ACCOUNT_LOOKUP_H_
