#ifndef GITOPS_EXAMPLES_HOOKS_SERVER_H_
#define GITOPS_EXAMPLES_HOOKS_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/http/server.h"
#include "common/log/secret.h"
#include "examples/hooks/hook.h"

namespace gitops::examples {

// Serves the hooks over HTTP on `listen`: POST with a JSON payload of at most 1 MiB to a hook's
// path. If `key` is not empty, a request without the X-Signature of this key gets 401.
// Errors are those of HttpServer::Start.
absl::StatusOr<std::unique_ptr<HttpServer>> ServeHooks(const std::string& listen, Hooks hooks,
                                                       Secret key);

}  // namespace gitops::examples

#endif  // GITOPS_EXAMPLES_HOOKS_SERVER_H_
