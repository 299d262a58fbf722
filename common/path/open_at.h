#ifndef GITOPS_COMMON_PATH_OPEN_AT_H_
#define GITOPS_COMMON_PATH_OPEN_AT_H_

#include <cstdint>
#include <string>

namespace gitops {

// openat2(2), for which glibc has no function, with O_CLOEXEC added, repeated if the kernel asks
// for it. Returns the descriptor, or -1 with errno set.
int OpenAt(int root, const std::string& path, int flags, int mode, uint64_t resolve);

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_OPEN_AT_H_
