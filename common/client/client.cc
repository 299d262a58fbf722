#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/client/calls.h"
#include "common/rpc/user_metadata.h"
#include "common/text/random_hex.h"
#include "common/trace/traceparent.h"

namespace gitops {

PeerOptions PeerOptionsFor(const ClientOptions& options, const std::string& name,
                           const std::string& program, int default_port) {
  PeerOptions peer;
  peer.channel.address = options.address;
  peer.channel.default_port = default_port;
  peer.channel.insecure = options.insecure;
  peer.channel.tls_dir = options.tls_dir;
  peer.channel.server = options.server;
  peer.name = name;
  peer.program = program;
  return peer;
}

std::vector<std::pair<std::string, std::string>> MetadataFor(const Caller& caller) {
  std::vector<std::pair<std::string, std::string>> metadata;
  for (const auto& [name, value] : {std::pair(kUserMetadata, &caller.user),
                                    std::pair(kOnBehalfOfMetadata, &caller.on_behalf_of),
                                    std::pair(kOnBehalfOfRoleMetadata, &caller.role),
                                    std::pair(kTraceparent, &caller.traceparent)}) {
    if (!value->empty()) metadata.emplace_back(name, *value);
  }
  return metadata;
}

CallOptions CallOptionsFor(const Caller& caller, absl::Duration timeout) {
  if (caller.deadline != absl::InfiniteFuture()) timeout = caller.deadline - absl::Now();
  return {.timeout = timeout, .give_up = caller.give_up, .metadata = MetadataFor(caller)};
}

std::string NewRequestId() { return RandomHex(32); }

}  // namespace gitops
