#ifndef GITOPS_COMMON_ACCOUNT_LOOKUP_H_
#define GITOPS_COMMON_ACCOUNT_LOOKUP_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace gitops {

// What this host's name service (files, LDAP…) knows of accounts, asked anew each time: a package
// may make one later. Errors: NOT_FOUND: there is none of this name; UNAVAILABLE: the name service
// cannot say. Messages name it. Any thread.

struct UserAccount {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
  std::string home;
};
absl::StatusOr<UserAccount> LookUpUser(const std::string& name);
absl::StatusOr<gid_t> LookUpGroup(const std::string& name);

// As chown(1) takes an owner: a name, and where there is none of it, a number. NOT_FOUND also: it
// is neither, or the number that chown(2) takes for "leave it as it is".
absl::StatusOr<uid_t> UserIdOf(const std::string& name_or_number);
absl::StatusOr<gid_t> GroupIdOf(const std::string& name_or_number);

}  // namespace gitops

#endif  // GITOPS_COMMON_ACCOUNT_LOOKUP_H_
