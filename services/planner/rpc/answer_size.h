#ifndef GITOPS_SERVICES_PLANNER_RPC_ANSWER_SIZE_H_
#define GITOPS_SERVICES_PLANNER_RPC_ANSWER_SIZE_H_

#include <cstddef>

#include "gitops/v1/deployment.pb.h"

namespace gitops {

// The largest answer, well below the limit of clients.
inline constexpr size_t kMostAnswerSize = 12 << 20;
// The largest page of hosts or services: gRPC clients accept 4 MiB by default.
inline constexpr size_t kMostPageSize = 3 << 20;

// The room left on a page: items and bytes.
class PageRoom {
 public:
  explicit PageRoom(int items, size_t bytes = kMostPageSize) : items_(items), most_bytes_(bytes) {}
  // Takes room for one more item. False: the page is full. The first always fits.
  bool Take(size_t bytes) {
    bytes_ += bytes + kFraming;
    if (taken_ == items_ || (taken_ > 0 && bytes_ > most_bytes_)) return false;
    ++taken_;
    return true;
  }

 private:
  static constexpr size_t kFraming = 8;  // of a repeated field: tag and length, at most

  const int items_;
  const size_t most_bytes_;
  int taken_ = 0;
  size_t bytes_ = 1 << 10;  // for the token of the next page
};

// Shortens the bodies of all hook calls as far as needed, with a note in each, until `deployment`,
// which has no hosts, takes at most `most` bytes.
void FitAnswer(v1::Deployment& deployment, size_t most = kMostAnswerSize);
// Does the same for the outputs and hook calls of a host's steps. If that is not enough, removes
// the steps, and says so in the host's message.
void FitAnswer(v1::HostDeployment& host, size_t most = kMostAnswerSize);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_ANSWER_SIZE_H_
