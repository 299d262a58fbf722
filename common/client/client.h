#ifndef GITOPS_COMMON_CLIENT_CLIENT_H_
#define GITOPS_COMMON_CLIENT_CLIENT_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/rpc/channel.h"

namespace gitops {

// The caller for whom a client makes its calls, and their time limit.
struct Caller {
  std::string user;  // the user or program that calls: "alice@laptop", "the gateway"
  // If a server calls for its own caller: OnBehalfOfText() of that caller. Empty: for itself.
  std::string on_behalf_of;
  // That caller's role, which counts instead of this program's: "viewer". Only gateways are
  // believed.
  std::string role = {};
  std::string traceparent;  // empty: none is sent, and the server starts a trace
  // The end of all calls together. Without one, each call has the time limit of its kind.
  absl::Time deadline = absl::InfiniteFuture();
  // Called a few times a second by the thread that calls; true cancels the call. May be empty.
  std::function<bool()> give_up;
};

// Time limits of calls whose caller has no deadline.
inline constexpr absl::Duration kReadTimeout = absl::Seconds(30);
// These wait for a publication and its unit, or for hooks.
inline constexpr absl::Duration kMoveTimeout = absl::Minutes(5);

// The metadata of a call for this caller.
std::vector<std::pair<std::string, std::string>> MetadataFor(const Caller& caller);

struct ClientOptions {
  std::string address;  // "ops1", "ops1:8001", "unix:/path"
  bool insecure = false;
  std::string tls_dir;
  // With TLS: whom to talk to. None: any server of the client's kind.
  std::optional<ServerIdentity> server = std::nullopt;
  Caller caller;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLIENT_CLIENT_H_
