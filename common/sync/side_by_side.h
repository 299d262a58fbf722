#ifndef GITOPS_COMMON_SYNC_SIDE_BY_SIDE_H_
#define GITOPS_COMMON_SYNC_SIDE_BY_SIDE_H_

#include <functional>

namespace gitops {

// Calls `run` for 0 to `count` - 1, started in order, at most `most` at a time, on its own threads
// and the caller's; returns when all calls have returned. If no more threads can be created,
// continues with the existing ones.
void SideBySide(int count, int most, const std::function<void(int)>& run);

}  // namespace gitops

#endif  // GITOPS_COMMON_SYNC_SIDE_BY_SIDE_H_
