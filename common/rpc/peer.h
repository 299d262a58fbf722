#ifndef GITOPS_COMMON_RPC_PEER_H_
#define GITOPS_COMMON_RPC_PEER_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/status.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "common/rpc/stream_call.h"
#include "common/rpc/unary_call.h"
#include "common/sync/mutex.h"

namespace gitops {

struct PeerOptions {
  // `own_connection` is always set: a peer decides itself when to redial.
  ChannelOptions channel;
  // For messages: "hook dispatcher", and the program that should serve: "gitops-hook-dispatcher".
  std::string name;
  std::string program;
  // The reason of the error that says that it cannot be reached.
  Reason unreachable = Reason::kUnavailable;
  Clock* clock = Clock::System();  // for SinceHeard; not owned
};

// &v1::AgentService::StubInterface::async_interface::GetService, and ::WatchServices.
template <typename Async, typename Request, typename Response>
using UnaryMethod = void (Async::*)(grpc::ClientContext*, const Request*, Response*,
                                    std::function<void(grpc::Status)>);
template <typename Async, typename Request, typename Response>
using StreamMethod = void (Async::*)(grpc::ClientContext*, const Request*,
                                     grpc::ClientReadReactor<Response>*);

struct CallOptions {
  absl::Duration timeout = absl::InfiniteDuration();
  // Called a few times a second by the thread that calls; true cancels the call. May be empty.
  std::function<bool()> give_up;
  // In values, a '?' is sent for each byte that is not printable ASCII.
  std::vector<std::pair<std::string, std::string>> metadata;
};

// The outcome of a call.
struct PeerResult : UnaryResult {
  // The server did not answer, or not in time: the status is gRPC's own.
  bool silent = false;
};

// Whether a Peer's status means that the server could not be reached, or that its address is
// unusable, as opposed to an error of the server.
bool IsUnreachable(const absl::Status& status);
// Makes it mean that, also for the callers of a server that returns it. Not for OK.
absl::Status AsUnreachable(absl::Status status);

// The part of Peer that does not depend on the services called.
class PeerBase {
 public:
  virtual ~PeerBase() = default;
  PeerBase(const PeerBase&) = delete;
  PeerBase& operator=(const PeerBase&) = delete;

  const std::string& address() const { return options_.channel.address; }

  // The time since the last answer on the current connection. InfiniteDuration: none yet, or the
  // clock was set back since.
  absl::Duration SinceHeard() const;

 protected:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::min();
  // How long CallRepeatable tries again after the connection broke.
  static constexpr absl::Duration kLostAnswerPatience = absl::Seconds(10);
  struct Connection {
    std::shared_ptr<grpc::Channel> channel;
    std::shared_ptr<void> stubs;
    std::atomic<int64_t> heard = kNever;  // microseconds since 1970
    bool over_socket = false;             // over socket_
  };

  explicit PeerBase(PeerOptions options);

  virtual std::shared_ptr<void> NewStubs(const std::shared_ptr<grpc::Channel>& channel) = 0;

  // The current connection, or a new one. Errors are those of Dial.
  absl::StatusOr<std::shared_ptr<Connection>> Get();
  // The same for one call. DEADLINE_EXCEEDED: no time is left for it; gRPC might still make it.
  absl::StatusOr<std::shared_ptr<Connection>> GetFor(const CallOptions& options);
  static void Prepare(grpc::ClientContext& context, const CallOptions& options);
  // Call it after each call: drops a connection that failed or hangs.
  PeerResult Note(const std::shared_ptr<Connection>& connection, UnaryResult result);
  // The status of a call that failed.
  absl::Status Explain(const PeerResult& result, const CallOptions& options) const;
  // Whether there is a connection, after one attempt to make it.
  bool Connect(const CallOptions& options);
  // Waits before the next attempt. Returns false if that would start after `end`, or if the caller
  // gave up.
  static bool PauseAfter(int failures, absl::Time end, const std::function<bool()>& give_up);

 private:
  const PeerOptions options_;
  const std::string socket_;  // see LocalSocketFor()
  mutable Mutex mutex_;
  std::shared_ptr<Connection> connection_ ABSL_GUARDED_BY(mutex_);
};

// A server that this program calls, over one connection that is dialled again after a failure. The
// connection is made by the first call and kept while it works; a call that gets no answer drops
// it, and the next call dials anew at once. Callers that call again after a failure pace themselves
// with a back-off of common/retry/backoff.h; CallRepeatable has its own. Thread-safe; calls run
// side by side.
//
// Calls block the caller's thread, which also releases a connection that was dropped. So do not
// call from gRPC's callback threads, and do not destroy a Peer there: gRPC does not survive the
// release of its last channel on one of them.
template <typename... Services>
class Peer final : public PeerBase {
 public:
  template <typename Async, typename Request, typename Response>
  using Method = UnaryMethod<Async, Request, Response>;

  // Does not connect yet. Errors are those of Dial.
  static absl::StatusOr<std::unique_ptr<Peer>> New(PeerOptions options) {
    std::unique_ptr<Peer> peer(new Peer(std::move(options)));
    // Dialled now, so that a bad address is reported at once.
    if (const auto connection = peer->Get(); !connection.ok()) return connection.status();
    return peer;
  }

  // Makes one call. UNAVAILABLE and IsUnreachable(): the server could not be reached, or was lost
  // during the call; DEADLINE_EXCEEDED: no answer within the timeout; CANCELLED: `give_up` returned
  // true. These messages name the peer and its address. Any other status is the server's, or
  // Dial's.
  template <typename Async, typename Request, typename Response>
  absl::StatusOr<Response> Call(UnaryMethod<Async, Request, Response> method,
                                const Request& request, const CallOptions& options = {}) {
    const auto connection = GetFor(options);
    if (!connection.ok()) return connection.status();
    Response response;
    const PeerResult result = CallOn(*connection, method, request, response, options);
    if (!result.status.ok()) return Explain(result, options);
    return response;
  }

  // The same for callers that tell gRPC's statuses apart themselves.
  template <typename Async, typename Request, typename Response>
  PeerResult CallRaw(UnaryMethod<Async, Request, Response> method, const Request& request,
                     Response& response, const CallOptions& options = {}) {
    const auto connection = Get();
    if (!connection.ok()) {
      PeerResult failed;
      failed.status = ToGrpcStatus(connection.status());
      return failed;
    }
    return CallOn(*connection, method, request, response, options);
  }

  // As Call, for a request that may be sent twice because it has a request_id: if the connection
  // breaks before the answer comes, the request is sent again, with back-off, for 10 s at most. A
  // server that cannot be reached in the first place fails the call at once.
  template <typename Async, typename Request, typename Response>
  absl::StatusOr<Response> CallRepeatable(UnaryMethod<Async, Request, Response> method,
                                          const Request& request, CallOptions options = {}) {
    const absl::Time deadline = absl::Now() + options.timeout;
    const bool connected = Connect(options);
    absl::StatusOr<Response> response = Call(method, request, options);
    const absl::Time end = std::min(absl::Now() + kLostAnswerPatience, deadline);
    for (int failures = 1; connected && IsUnreachable(response.status()) &&
                           PauseAfter(failures, end, options.give_up);
         ++failures) {
      options.timeout = deadline - absl::Now();
      response = Call(method, request, options);
    }
    return response;
  }

  // Reads a stream of answers: calls `seen` for each until it returns false (then OK) or the stream
  // ends: also OK if the server ended it so, otherwise the errors of Call.
  template <typename Async, typename Request, typename Response>
  absl::Status Read(StreamMethod<Async, Request, Response> method, const Request& request,
                    const CallOptions& options,
                    const std::type_identity_t<std::function<bool(Response&)>>& seen) {
    const auto connection = GetFor(options);
    if (!connection.ok()) return connection.status();
    grpc::ClientContext context;
    Prepare(context, options);
    Async* const async = AsyncOf<Async>(**connection);
    const PeerResult result = Note(*connection, ReadStream<Response>(
                                                    context, options.give_up,
                                                    [&](grpc::ClientReadReactor<Response>* reader) {
                                                      (async->*method)(&context, &request, reader);
                                                    },
                                                    seen));
    return result.status.ok() ? absl::OkStatus() : Explain(result, options);
  }

 private:
  using Stubs = std::tuple<std::unique_ptr<typename Services::Stub>...>;

  explicit Peer(PeerOptions options) : PeerBase(std::move(options)) {}

  std::shared_ptr<void> NewStubs(const std::shared_ptr<grpc::Channel>& channel) override {
    return std::make_shared<Stubs>(Services::NewStub(channel)...);
  }

  template <typename Async, typename Request, typename Response>
  PeerResult CallOn(const std::shared_ptr<Connection>& connection,
                    UnaryMethod<Async, Request, Response> method, const Request& request,
                    Response& response, const CallOptions& options) {
    grpc::ClientContext context;
    Prepare(context, options);
    Async* const async = AsyncOf<Async>(*connection);
    return Note(connection,
                AwaitUnary(context, options.give_up, [&](std::function<void(grpc::Status)> done) {
                  (async->*method)(&context, &request, &response, std::move(done));
                }));
  }

  // The stub of the service that has these methods.
  template <typename Async>
  static Async* AsyncOf(const Connection& connection) {
    Async* async = nullptr;
    const auto choose = [&](auto& stub) {
      if constexpr (std::is_convertible_v<decltype(stub.async()), Async*>) async = stub.async();
    };
    std::apply([&](auto&... stub) { (choose(*stub), ...); },
               *static_cast<Stubs*>(connection.stubs.get()));
    return async;
  }
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PEER_H_
