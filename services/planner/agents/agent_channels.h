#ifndef GITOPS_SERVICES_PLANNER_AGENTS_AGENT_CHANNELS_H_
#define GITOPS_SERVICES_PLANNER_AGENTS_AGENT_CHANNELS_H_

#include <grpcpp/channel.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/channel.h"
#include "common/sync/mutex.h"
#include "gitops/v1/agent.grpc.pb.h"
#include "gitops/v1/operation.grpc.pb.h"

namespace gitops {

// A channel to one agent, shared by those who call it.
class AgentChannel {
 public:
  explicit AgentChannel(const std::shared_ptr<grpc::Channel>& channel)
      : operations_(v1::OperationService::NewStub(channel)),
        services_(v1::AgentService::NewStub(channel)) {}

  v1::OperationService::Stub& operations() { return *operations_; }
  v1::AgentService::Stub& services() { return *services_; }

  // When the agent last answered; InfinitePast: never on this channel.
  absl::Time heard() const {
    const int64_t micros = heard_.load(std::memory_order_relaxed);
    return micros == kNever ? absl::InfinitePast() : absl::FromUnixMicros(micros);
  }
  void SetHeard(absl::Time now) {
    heard_.store(absl::ToUnixMicros(now), std::memory_order_relaxed);
  }

 private:
  const std::unique_ptr<v1::OperationService::Stub> operations_;
  const std::unique_ptr<v1::AgentService::Stub> services_;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::min();
  std::atomic<int64_t> heard_{kNever};
};

// The channels to agents by address. Those that nobody uses are dropped after some minutes, and
// earlier where there are many. Any thread.
class AgentChannels {
 public:
  // `options` are those of every channel; the address is filled in here.
  AgentChannels(ChannelOptions options, size_t most_idle = 4000,
                absl::Duration idle_timeout = absl::Minutes(5))
      : options_(std::move(options)), most_idle_(most_idle), idle_timeout_(idle_timeout) {}

  // As Dial.
  absl::StatusOr<std::shared_ptr<AgentChannel>> Get(const std::string& address, absl::Time now);
  // The next Get makes a new channel: this one does not reach its agent.
  void Drop(const std::string& address, const std::shared_ptr<AgentChannel>& channel);
  size_t size();

 private:
  struct Entry {
    std::shared_ptr<AgentChannel> channel;
    absl::Time used;
  };
  using Dropped = std::vector<std::shared_ptr<AgentChannel>>;

  std::shared_ptr<AgentChannel> Find(const std::string& address, absl::Time now);
  // Takes out what is idle for too long, and the longest idle beyond the limit.
  Dropped Sweep(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ChannelOptions options_;
  const size_t most_idle_;
  const absl::Duration idle_timeout_;
  Mutex mutex_;
  std::map<std::string, Entry> channels_ ABSL_GUARDED_BY(mutex_);
  absl::Time swept_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_AGENTS_AGENT_CHANNELS_H_
