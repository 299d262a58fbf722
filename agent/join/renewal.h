#ifndef GITOPS_AGENT_JOIN_RENEWAL_H_
#define GITOPS_AGENT_JOIN_RENEWAL_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/channel.h"
#include "common/schedule/scheduler.h"

namespace gitops {

struct RenewalOptions {
  std::string planner;  // its address; default port 8001
  std::string tls_dir;
  // Not owned.
  Clock* clock = nullptr;
};

// Renews the certificate of a host that joined (join.h), at two thirds of its life, with a new key
// each time, over the planner's connection with the present one. Until the next one is on disk, the
// present one stays in force. Failures are logged and tried again with back-off. Takes up new
// authorities for which a trusted one vouches. Destroying it waits for a call in progress, which
// takes 15 s at most.
class Renewal {
 public:
  explicit Renewal(RenewalOptions options);

 private:
  absl::Time Step();
  absl::Status Renew(const std::string& holder);

  const RenewalOptions options_;
  const ChannelOptions channel_;
  int failures_ = 0;
  std::string fault_;  // that is logged
  const std::unique_ptr<Scheduler> scheduler_;
  const std::unique_ptr<Scheduler::Job> job_;  // destroyed first
};

// When a certificate is to be renewed.
absl::Time RenewalTime(absl::Time not_before, absl::Time not_after);

}  // namespace gitops

#endif  // GITOPS_AGENT_JOIN_RENEWAL_H_
