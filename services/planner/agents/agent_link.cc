#include "services/planner/agents/agent_link.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "common/rpc/tls_diagnosis.h"

namespace gitops {
namespace {

// An agent that answered this recently is assumed to be running.
constexpr absl::Duration kHeardLately = absl::Seconds(5);
constexpr absl::Duration kAskEvery = absl::Milliseconds(200);
constexpr absl::Duration kSweepEvery = absl::Minutes(1);
// The status of a failed action has its moves and output so far: kMaxActionDetails in base64.
constexpr int kMaxMetadataBytes = 1 << 20;
static_assert(kMaxMetadataBytes > kMaxActionDetails / 3 * 4 + kMaxEncodedMessage);

ChannelOptions ChannelsAs(const AgentCallerOptions& options) {
  ChannelOptions channels;
  channels.insecure = options.insecure;
  channels.tls_dir = options.tls_dir;
  channels.connect_timeout = options.connect_timeout;
  channels.keepalive = options.keepalive;
  channels.keepalive_timeout = options.keepalive_timeout;
  channels.max_metadata_bytes = kMaxMetadataBytes;
  channels.idle_timeout = absl::Minutes(5);
  channels.reconnects = false;
  return channels;
}

absl::Status Unreachable(const AgentCallerOptions& options, const std::string& address,
                         absl::Duration timeout, const grpc::Status& status) {
  const bool late = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  ChannelOptions channel = ChannelsAs(options);
  channel.address = address;
  channel.default_port = kAgentPort;
  const std::string cause = late ? "" : DiagnoseConnection(channel, status.error_message());
  if (!cause.empty()) {
    return MakeError(Reason::kHostUnreachable,
                     absl::StrCat("cannot reach the agent at ", address, ": ", cause));
  }
  return MakeError(
      Reason::kHostUnreachable,
      absl::StrCat("cannot reach the agent at ", address, ": ",
                   late ? absl::StrCat("no answer within ", absl::FormatDuration(timeout))
                        : status.error_message(),
                   " (is gitops-agent running there, and listening on that address?)"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<AgentPeer>> AgentPeers::Get(const AgentAddress& address,
                                                           SteadyTime now) {
  const bool tls = !options_.tls_dir.empty();
  const std::string key = tls ? absl::StrCat(address.host, " ", address.address) : address.address;
  if (std::shared_ptr<AgentPeer> known = Find(key, now)) return known;
  if (tls && address.host.empty()) {
    return absl::InternalError(absl::StrCat("no host is known for the agent at ", address.address));
  }
  // Channels are created and closed without the lock, since both take time.
  PeerOptions options;
  options.channel = options_;
  options.channel.address = address.address;
  options.channel.server = ServerIdentity{.role = Role::kAgent, .name = address.host};
  options.channel.default_port = kAgentPort;
  options.name = "agent";
  options.program = "gitops-agent";
  options.unreachable = Reason::kHostUnreachable;
  options.clock = clock_;
  absl::StatusOr<std::unique_ptr<AgentPeer>> made = AgentPeer::New(std::move(options));
  if (!made.ok()) return made.status();
  std::shared_ptr<AgentPeer> peer = *std::move(made);
  Dropped dropped;
  MutexLock lock(mutex_);
  const auto [entry, is_new] = peers_.try_emplace(key, Entry{peer, now});
  if (is_new) dropped = Sweep(now);
  return entry->second.peer;
}

std::shared_ptr<AgentPeer> AgentPeers::Find(const std::string& key, SteadyTime now) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(key);
  if (found == peers_.end()) return nullptr;
  found->second.used = now;
  return found->second.peer;
}

size_t AgentPeers::size() {
  MutexLock lock(mutex_);
  return peers_.size();
}

AgentPeers::Dropped AgentPeers::Sweep(SteadyTime now) {
  Dropped dropped;
  const bool many = peers_.size() > most_idle_;
  if (!many && now - swept_ < kSweepEvery) return dropped;
  swept_ = now;
  std::vector<std::pair<SteadyTime, std::string>> idle;
  for (const auto& [address, entry] : peers_) {
    if (entry.peer.use_count() == 1) idle.emplace_back(entry.used, address);
  }
  std::sort(idle.begin(), idle.end());
  // Some more than needed, so that not every further Get sweeps.
  size_t surplus = many ? idle.size() / 10 + 1 : 0;
  for (const auto& [used, address] : idle) {
    if (surplus == 0 && now - used < idle_timeout_) break;
    if (surplus > 0) --surplus;
    const auto found = peers_.find(address);
    dropped.push_back(std::move(found->second.peer));
    peers_.erase(found);
  }
  return dropped;
}

AgentLink::AgentLink(const AgentCallerOptions& options)
    : options_(options), agents_(ChannelsAs(options), options.clock) {}

absl::StatusOr<v1::GetHostStatusResponse> AgentLink::Ask(const AgentAddress& address,
                                                         absl::Duration timeout,
                                                         const GiveUp& give_up) {
  Agent reached;
  return AskFor(address, timeout, give_up, reached);
}

absl::StatusOr<AgentLink::Agent> AgentLink::Reach(const AgentAddress& address,
                                                  const GiveUp& give_up) {
  absl::StatusOr<Agent> agent = agents_.Get(address, Now());
  if (!agent.ok() || (*agent)->SinceHeard() < kHeardLately) return agent;
  Agent reached;
  const auto status = AskFor(address, options_.connect_timeout, give_up, reached);
  // Any answer proves that it is running.
  if (reached != nullptr) return reached;
  return status.status();
}

absl::StatusOr<v1::GetHostStatusResponse> AgentLink::AskFor(const AgentAddress& address,
                                                            absl::Duration timeout,
                                                            const GiveUp& give_up, Agent& reached) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    const absl::StatusOr<Agent> agent = agents_.Get(address, Now());
    if (!agent.ok()) return agent.status();
    const bool used_before = (*agent)->SinceHeard() != absl::InfiniteDuration();
    v1::GetHostStatusResponse response;
    const PeerResult result =
        (*agent)->CallRaw(&v1::OperationService::StubInterface::async_interface::GetHostStatus,
                          v1::GetHostStatusRequest(), response,
                          {.timeout = deadline - absl::Now(), .give_up = give_up});
    if (result.gave_up) {
      return absl::CancelledError(
          absl::StrCat("gave up waiting for the agent at ", address.address));
    }
    if (!result.silent) {
      reached = *agent;
      if (!result.status.ok()) return FromGrpcStatus(result.status);
      return response;
    }
    // The agent may have restarted since the old connection was made, so try a new one.
    const bool late = result.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    if (late || !used_before) return Unreachable(options_, address, timeout, result.status);
  }
}

bool AgentLink::Pause(SteadyTime until, const GiveUp& give_up) const {
  Mutex mutex;
  CondVar never;
  while (!give_up || !give_up()) {
    if (Now() >= until) return true;
    MutexLock lock(mutex);
    options_.clock->WaitUntil(mutex, never, std::min(until, Now() + kAskEvery));
  }
  return false;
}

}  // namespace gitops
