#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_TESTING_HOOK_ENDPOINT_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_TESTING_HOOK_ENDPOINT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/http/raw_server.h"
#include "common/sync/mutex.h"

namespace gitops {

// For tests: an endpoint of hooks over real HTTP, which keeps what it is asked and answers as told.
class HookEndpoint {
 public:
  using Request = RawConnection::Request;
  // How one request is answered.
  struct Answer {
    int status = 200;
    std::optional<std::string> body;  // none: that of the request
    std::string headers;              // whole lines
    // Instead of all that: what to do with the connection.
    std::function<void(RawConnection&)> raw;
  };

  // Answers request by request as `script` says; after its end, as its last element does.
  explicit HookEndpoint(std::vector<Answer> script, RawServerOptions tls = {});
  // Every answer is what `decide` makes of the request; called from several threads.
  explicit HookEndpoint(std::function<Answer(const Request&)> decide, RawServerOptions tls = {});

  // "http://127.0.0.1:PORT/hook", or https:// with localhost.
  std::string url() const;
  std::vector<Request> requests() const;
  // Until `count` requests have come; false: not within 20 s.
  bool AwaitRequests(size_t count) const;
  int connections() const { return server_->connections(); }

 private:
  void Serve(RawConnection& connection);

  const std::function<Answer(const Request&)> decide_;
  const bool tls_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::vector<Request> requests_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RawServer> server_;
};

// An answer with that status and body.
HookEndpoint::Answer Says(int status, std::string body, std::string headers = "");
// 200 with that body.
HookEndpoint::Answer Says(std::string body);
// The payload as it came.
HookEndpoint::Answer Agrees();
HookEndpoint::Answer Does(std::function<void(RawConnection&)> raw);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_TESTING_HOOK_ENDPOINT_H_
