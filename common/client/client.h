#ifndef GITOPS_COMMON_CLIENT_CLIENT_H_
#define GITOPS_COMMON_CLIENT_CLIENT_H_

#include <functional>
#include <string>

#include "absl/time/time.h"

namespace gitops {

// For whom a client makes its calls, and how long they may take. A value.
struct Caller {
  std::string user;  // the program that calls, or who runs it: "alice@laptop", "the gateway"
  // For whom a server calls: OnBehalfOfText() of its own caller. Empty: for itself.
  std::string on_behalf_of;
  std::string traceparent;  // empty: none is sent, and the server begins a trace
  // The end of all calls together. Without one, each call has the time limit of its kind.
  absl::Time deadline = absl::InfiniteFuture();
  // Called a few times a second by the thread that calls; true cancels the call. May be empty.
  std::function<bool()> give_up;
};

struct ClientOptions {
  std::string address;  // "ops1", "ops1:8001", "unix:/path"
  bool insecure = false;
  std::string tls_dir;
  Caller caller;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLIENT_CLIENT_H_
