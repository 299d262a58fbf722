#ifndef GITOPS_CTL_CLIENT_CONNECTION_H_
#define GITOPS_CTL_CLIENT_CONNECTION_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/status.h"

namespace gitops::ctl {

struct ConnectionOptions {
  std::string address;  // "web1:8004", "unix:/path"
  int default_port = 0;
  std::string program;  // what should listen there: "gitops-agent"
  bool insecure = false;
  // On whose behalf: see UserAtHost().
  std::string user;
  // What one answer may hold.
  int max_answer_bytes = 16 << 20;
  // For the whole command, from now on. Without it, each kind of call has its own bound.
  std::optional<absl::Duration> timeout;
  // Whether INVALID_ARGUMENT is the user's fault (exit code kUsage).
  bool bad_request_is_usage = false;
};

// How long a call may take, and what to say when it took longer.
struct CallKind {
  absl::Duration bound;
  const char* late_hint;
};
inline constexpr CallKind kReadCall = {absl::Seconds(30), "--timeout sets another limit"};
// These wait for a publication and its unit, or for hooks.
inline constexpr CallKind kMoveCall = {absl::Minutes(5), "what had begun there goes on"};
// Ends by --timeout alone.
inline constexpr CallKind kWatchCall = {absl::InfiniteDuration(), ""};

// What all calls to a server share: who asks, by when, and how failures are told. Not thread-safe.
class Connection {
 public:
  // Does not connect yet. Fails with exit code kUsage for a bad address, kUnreachable where plain
  // text is refused.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const ConnectionOptions& options);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  void Prepare(grpc::ClientContext& context, const CallKind& kind) const;
  // A status that only says that the server was not reached gets the exit code for that; gRPC uses
  // the same codes for what it found itself as for what the server answered.
  absl::Status Explain(absl::Status status, const CallKind& kind) const;
  // What is left of the timeout; infinite without one.
  absl::Duration Remaining() const;
  // Tries to connect at once, whatever failed before, and waits for that, a moment at most.
  void ReconnectNow() const;

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, const CallKind& kind) const {
    grpc::ClientContext context;
    Prepare(context, kind);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return Explain(FromGrpcStatus(status), kind);
    return response;
  }

  // Calls `seen` for each answer until it returns false (then OK), or the stream ends: UNAVAILABLE
  // where the server ended it, else its status.
  template <typename Stub, typename Reader, typename Request, typename Seen>
  absl::Status Watch(Stub& stub, Reader (Stub::*method)(grpc::ClientContext*, const Request&),
                     const Request& request, const Seen& seen) const {
    bool wanted = true;
    absl::Status ended = Stream(stub, method, request, kWatchCall,
                                [&](const auto& response) { return wanted = seen(response); });
    if (wanted && ended.ok()) return absl::UnavailableError("the server ended the watch");
    return ended;
  }

  // Calls `seen` for each answer until it returns false (then OK), or the stream ends, with its
  // status.
  template <typename Stub, typename Reader, typename Request, typename Seen>
  absl::Status Stream(Stub& stub, Reader (Stub::*method)(grpc::ClientContext*, const Request&),
                      const Request& request, const CallKind& kind, const Seen& seen) const {
    grpc::ClientContext context;
    Prepare(context, kind);
    const Reader reader = (stub.*method)(&context, request);
    return ReadAll(*reader, context, kind, seen);
  }

  // All pages of a list, up to `most` elements (0: all).
  template <typename Element, typename Stub, typename Request, typename Response, typename Elements>
  absl::StatusOr<std::vector<Element>> AllPages(
      Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
      Request request, const Elements& elements_of, size_t most = 0) const {
    std::vector<Element> all;
    while (true) {
      absl::StatusOr<Response> page = Call(stub, method, request, kReadCall);
      if (!page.ok()) return page.status();
      for (Element& element : *elements_of(*page)) {
        if (most == 0 || all.size() < most) all.push_back(std::move(element));
      }
      if (page->next_page_token().empty() || all.size() == most) return all;
      if (page->next_page_token() == request.page_token()) {
        return absl::InternalError("the server answers the same page again and again");
      }
      request.set_page_token(page->next_page_token());
    }
  }

 private:
  Connection(std::shared_ptr<grpc::Channel> channel, const ConnectionOptions& options);

  // A grpc::ClientReader, which hides the type of its answers.
  template <template <typename> typename GrpcReader, typename Response, typename Seen>
  absl::Status ReadAll(GrpcReader<Response>& reader, grpc::ClientContext& context,
                       const CallKind& kind, const Seen& seen) const {
    Response response;
    bool wanted = true;
    while (wanted && reader.Read(&response)) wanted = seen(response);
    if (!wanted) context.TryCancel();
    const grpc::Status status = reader.Finish();
    if (!wanted || status.ok()) return absl::OkStatus();
    return Explain(FromGrpcStatus(status), kind);
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const ConnectionOptions options_;
  const absl::Time start_;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLIENT_CONNECTION_H_
