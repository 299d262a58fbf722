#ifndef GITOPS_COMMON_SYNC_START_THREAD_H_
#define GITOPS_COMMON_SYNC_START_THREAD_H_

#include <functional>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// std::thread's constructor as a status. UNAVAILABLE: the host gives this program no more threads;
// the message is "cannot start a thread to PURPOSE: CAUSE".
absl::StatusOr<std::thread> StartThread(absl::string_view purpose, std::function<void()> run);

// For tests: the next `count` calls of StartThread in this process fail.
void FailThreadStarts(int count);

}  // namespace gitops

#endif  // GITOPS_COMMON_SYNC_START_THREAD_H_
