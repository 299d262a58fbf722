#ifndef GITOPS_COMMON_GIT_ACCOUNT_H_
#define GITOPS_COMMON_GIT_ACCOUNT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace gitops {

// The account that git runs as and that owns the files.
struct Account {
  std::string name;  // empty: this process's account
  int64_t uid = -1;  // -1: this process's account; no change is needed
  int64_t gid = -1;
};

// Looks `user` up (empty: this process's account) at every call, since a package may create
// it later. FAILED_PRECONDITION: there is no such account, or only root could become it.
absl::StatusOr<Account> FindAccount(const std::string& user);

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_ACCOUNT_H_
