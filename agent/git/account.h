#ifndef GITOPS_AGENT_GIT_ACCOUNT_H_
#define GITOPS_AGENT_GIT_ACCOUNT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace gitops {

// The account that git runs as and files belong to.
struct Account {
  std::string name;  // empty: the agent's own
  int64_t uid = -1;  // -1: the agent's own, nothing is to be changed
  int64_t gid = -1;
};

// Looks `user` up (empty: the agent's own) each time it is asked: a package may create it later.
// FAILED_PRECONDITION: there is no such account, or only root could become it.
absl::StatusOr<Account> FindAccount(const std::string& user);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_ACCOUNT_H_
