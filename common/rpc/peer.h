#ifndef GITOPS_COMMON_RPC_PEER_H_
#define GITOPS_COMMON_RPC_PEER_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

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
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
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

struct CallOptions {
  absl::Duration timeout = absl::InfiniteDuration();
  // Called a few times a second; true cancels the call. May be empty.
  std::function<bool()> give_up;
  // Printable ASCII only.
  std::vector<std::pair<std::string, std::string>> metadata;
};

// What became of a call.
struct PeerResult : UnaryResult {
  // The server did not answer, or not in time: the status is gRPC's own.
  bool silent = false;
};

// Whether a Peer's status says that the server was not reached, as opposed to what it answered.
bool IsUnreachable(const absl::Status& status);

// The part of Peer that does not depend on the services called.
class PeerBase {
 public:
  virtual ~PeerBase() = default;
  PeerBase(const PeerBase&) = delete;
  PeerBase& operator=(const PeerBase&) = delete;

  const std::string& address() const { return options_.channel.address; }

  // The time since the last answer on the present connection. InfiniteDuration: none yet, or the
  // clock was set back since.
  absl::Duration SinceHeard() const;
  // Tries to connect at once, whatever failed before. True: connected within `patience`.
  bool Reconnect(absl::Duration patience);

 protected:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::min();
  struct Connection {
    std::shared_ptr<grpc::Channel> channel;
    std::shared_ptr<void> stubs;
    std::atomic<int64_t> heard = kNever;  // microseconds since 1970
  };

  explicit PeerBase(PeerOptions options);

  virtual std::shared_ptr<void> NewStubs(const std::shared_ptr<grpc::Channel>& channel) = 0;

  // The present connection, or a new one. Errors as Dial's.
  absl::StatusOr<std::shared_ptr<Connection>> Get();
  static void Prepare(grpc::ClientContext& context, const CallOptions& options);
  // To be called after each call: drops a connection that failed or hangs.
  PeerResult Note(const std::shared_ptr<Connection>& connection, UnaryResult result);
  // The status of a call that failed.
  absl::Status Explain(const PeerResult& result, const CallOptions& options) const;

 private:
  const PeerOptions options_;
  mutable Mutex mutex_;
  std::shared_ptr<Connection> connection_ ABSL_GUARDED_BY(mutex_);
};

// A server that this program calls, over one connection that is dialled again after a failure. The
// connection is made by the first call and kept while it works; a call that fails for lack of an
// answer drops it, and the next call dials anew at once. A call is never repeated: callers that may
// repeat one pace themselves by common/retry/backoff.h. Thread-safe; calls run side by side.
//
// Calls block the caller's thread, which also releases a connection that was dropped; so do not
// call from gRPC's callback threads, nor destroy a Peer there: gRPC does not survive the release of
// its last channel on one of them.
template <typename... Services>
class Peer final : public PeerBase {
 public:
  template <typename Async, typename Request, typename Response>
  using Method = void (Async::*)(grpc::ClientContext*, const Request*, Response*,
                                 std::function<void(grpc::Status)>);

  // Does not connect yet. Errors as Dial's.
  static absl::StatusOr<std::unique_ptr<Peer>> New(PeerOptions options) {
    std::unique_ptr<Peer> peer(new Peer(std::move(options)));
    // Dialled now, so that a bad address is reported at once.
    if (const auto connection = peer->Get(); !connection.ok()) return connection.status();
    return peer;
  }

  // Makes one call: `method` as in &v1::AgentService::StubInterface::async_interface::GetService.
  // UNAVAILABLE and IsUnreachable(): it could not be reached, or went away during the call;
  // DEADLINE_EXCEEDED: no answer within the timeout; CANCELLED: `give_up` said so. These messages
  // name the peer and its address. Any other status is the server's. Errors of Dial.
  template <typename Async, typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Async, Request, Response> method, const Request& request,
                                const CallOptions& options = {}) {
    const auto connection = Get();
    if (!connection.ok()) return connection.status();
    Response response;
    const PeerResult result = CallOn(*connection, method, request, response, options);
    if (!result.status.ok()) return Explain(result, options);
    return response;
  }

  // The same for callers that tell gRPC's statuses apart themselves.
  template <typename Async, typename Request, typename Response>
  PeerResult CallRaw(Method<Async, Request, Response> method, const Request& request,
                     Response& response, const CallOptions& options = {}) {
    const auto connection = Get();
    if (!connection.ok()) {
      PeerResult failed;
      failed.status = ToGrpcStatus(connection.status());
      return failed;
    }
    return CallOn(*connection, method, request, response, options);
  }

  // Reads a stream of answers: calls `seen` for each until it answers false (then OK) or the stream
  // ends: OK too where the server ended it, else as Call. `method` as in
  // &v1::AgentService::Stub::WatchServices. `give_up` is asked between answers only.
  template <typename Stub, template <typename> typename Reader, typename Request, typename Response>
  absl::Status Read(std::unique_ptr<Reader<Response>> (Stub::*method)(grpc::ClientContext*,
                                                                      const Request&),
                    const Request& request, const CallOptions& options,
                    const std::function<bool(Response&)>& seen) {
    const auto connection = Get();
    if (!connection.ok()) return connection.status();
    grpc::ClientContext context;
    Prepare(context, options);
    Stub& stub = *std::get<std::unique_ptr<Stub>>(StubsOf(**connection));
    const std::unique_ptr<Reader<Response>> reader = (stub.*method)(&context, request);
    Response response;
    bool wanted = true;
    UnaryResult result;
    while (wanted && !result.gave_up && reader->Read(&response)) {
      wanted = seen(response);
      result.gave_up = options.give_up && options.give_up();
    }
    if (!wanted || result.gave_up) context.TryCancel();
    result.status = reader->Finish();
    if (!wanted) return absl::OkStatus();
    const PeerResult noted = Note(*connection, std::move(result));
    return noted.status.ok() ? absl::OkStatus() : Explain(noted, options);
  }

 private:
  using Stubs = std::tuple<std::unique_ptr<typename Services::Stub>...>;

  explicit Peer(PeerOptions options) : PeerBase(std::move(options)) {}

  std::shared_ptr<void> NewStubs(const std::shared_ptr<grpc::Channel>& channel) override {
    return std::make_shared<Stubs>(Services::NewStub(channel)...);
  }

  static Stubs& StubsOf(const Connection& connection) {
    return *static_cast<Stubs*>(connection.stubs.get());
  }

  template <typename Async, typename Request, typename Response>
  PeerResult CallOn(const std::shared_ptr<Connection>& connection,
                    Method<Async, Request, Response> method, const Request& request,
                    Response& response, const CallOptions& options) {
    grpc::ClientContext context;
    Prepare(context, options);
    Async* async = nullptr;
    std::apply([&](auto&... stub) { (Choose(*stub, async), ...); }, StubsOf(*connection));
    return Note(connection,
                AwaitUnary(context, options.give_up, [&](std::function<void(grpc::Status)> done) {
                  (async->*method)(&context, &request, &response, std::move(done));
                }));
  }

  template <typename Stub, typename Async>
  static void Choose(Stub& stub, Async*& async) {
    if constexpr (std::is_convertible_v<decltype(stub.async()), Async*>) async = stub.async();
  }
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PEER_H_
