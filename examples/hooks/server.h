#ifndef GITOPS_EXAMPLES_HOOKS_SERVER_H_
#define GITOPS_EXAMPLES_HOOKS_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/log/secret.h"
#include "examples/hooks/hook.h"

namespace gitops::examples {

struct ServerOptions {
  std::string listen;  // "HOST:PORT"; port 0 picks one
  Hooks hooks;
  // Where it is not empty, a request without the X-Signature of this key is answered 401.
  Secret key;
};

// Serves the hooks over HTTP: POST with a JSON payload to a hook's path. Bodies beyond 1 MiB are
// refused (413), other methods (405), other paths (404).
class Server {
 public:
  // INVALID_ARGUMENT: a bad address; UNAVAILABLE: it cannot be bound.
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options);
  // Waits for the requests under way.
  virtual ~Server() = default;
  // "HOST:PORT", with the port that was picked.
  virtual const std::string& address() const = 0;
};

}  // namespace gitops::examples

#endif  // GITOPS_EXAMPLES_HOOKS_SERVER_H_
