#ifndef GITOPS_COMMON_SYNC_SIDE_BY_SIDE_H_
#define GITOPS_COMMON_SYNC_SIDE_BY_SIDE_H_

#include <functional>

namespace gitops {

// Runs `run` for 0 to `count` - 1, at most `most` at a time, each begun in order, in threads of its
// own (one of them the caller's); returns when all have returned. Where the system gives no more
// threads, goes on with those that there are.
void SideBySide(int count, int most, const std::function<void(int)>& run);

}  // namespace gitops

#endif  // GITOPS_COMMON_SYNC_SIDE_BY_SIDE_H_
