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

// For tests: a hook endpoint over real HTTP that records its requests and gives scripted answers.
class HookEndpoint {
 public:
  using Request = RawConnection::Request;
  // The answer to one request.
  struct Answer {
    int status = 200;
    std::optional<std::string> body;  // unset: the body of the request
    std::string headers;              // whole lines
    // If set, handles the connection instead of all that.
    std::function<void(RawConnection&)> raw;
  };

  // Answers requests in the order of `script`; after its end, with its last element.
  explicit HookEndpoint(std::vector<Answer> script, RawServerOptions tls = {});
  // Answers every request with the result of `decide`, which is called on several threads.
  explicit HookEndpoint(std::function<Answer(const Request&)> decide, RawServerOptions tls = {});

  // "http://127.0.0.1:PORT/hook", or https:// with localhost.
  std::string url() const;
  std::vector<Request> requests() const;
  // Waits for `count` requests. Returns false after 20 s.
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
// Answers with the payload of the request.
HookEndpoint::Answer Agrees();
HookEndpoint::Answer Does(std::function<void(RawConnection&)> raw);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_TESTING_HOOK_ENDPOINT_H_
