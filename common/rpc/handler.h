#ifndef GITOPS_COMMON_RPC_HANDLER_H_
#define GITOPS_COMMON_RPC_HANDLER_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>

#include <chrono>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/gate.h"
#include "common/rpc/watch_stream.h"
#include "common/rpc/watches.h"

namespace gitops {

// What handlers of gRPC services have in common.

// Moves the value of a StatusOr to `to`.
template <typename Message>
absl::Status Answer(absl::StatusOr<Message> from, Message* to) {
  if (!from.ok()) return from.status();
  *to = *std::move(from);
  return absl::OkStatus();
}

// Whether the caller no longer waits. Must not outlive the call.
inline std::function<bool()> CancelledIn(const grpc::ServerContextBase& context) {
  return [&context] { return context.IsCancelled(); };
}

// Whether a stream goes on. Must not outlive the call. One thread.
class StreamCaller {
 public:
  StreamCaller(const RpcGate& gate, const grpc::ServerContextBase& context)
      : gate_(gate), context_(context) {}

  // Whether the stream must end: the caller no longer waits, or, which is asked once a second, its
  // certificate was revoked.
  bool Gone() {
    const auto now = std::chrono::steady_clock::now();
    if (refused_.ok() && now - asked_ >= std::chrono::seconds(1)) {
      asked_ = now;
      refused_ = gate_.CheckCaller(context_);
    }
    return !refused_.ok() || context_.IsCancelled();
  }
  // The status of the stream: why the caller is refused, else `ended`.
  absl::Status StatusOf(const absl::Status& ended) const {
    return refused_.ok() ? ended : refused_;
  }

 private:
  const RpcGate& gate_;
  const grpc::ServerContextBase& context_;
  std::chrono::steady_clock::time_point asked_ = std::chrono::steady_clock::now();
  absl::Status refused_;
};

// Cancels the stream of a client that stops reading. Answers that come together (`more`) are sent
// together, but not the first one: gRPC does not send the headers while an answer is held back, and
// Write() would wait for them.
template <typename Response>
typename WatchStream<Response>::Write WriteTo(grpc::ServerWriter<Response>& writer,
                                              Watches::Place& place) {
  return [&writer, &place, begun = false](const Response& response, bool more) mutable {
    const bool together = std::exchange(begun, true) && more;
    const auto hint = together ? grpc::WriteOptions().set_buffer_hint() : grpc::WriteOptions();
    return place.Write([&] { return writer.Write(response, hint); });
  };
}

// Serves a watch with keys of type Key, for which it takes a place in `watches`. `make` returns the
// watch, which sends its answers with the function that it gets. `gather` as for Changes. Errors as
// Watches::Enter and Follow; UNAUTHENTICATED: the caller's certificate was revoked.
template <typename Key, typename Response, typename Make>
absl::Status ServeWatch(const RpcGate& gate, Watches& watches, grpc::ServerContext& context,
                        grpc::ServerWriter<Response>& writer, const Make& make,
                        std::chrono::milliseconds gather = std::chrono::milliseconds(0)) {
  Changes<Key> changes(gather);
  const auto place = watches.Enter(
      {.close = [&changes] { changes.Close(); }, .cancel = [&context] { context.TryCancel(); }});
  if (!place.ok()) return place.status();
  auto watch = make(WriteTo(writer, **place));
  StreamCaller caller(gate, context);
  return caller.StatusOf(Follow(watch, changes, [&caller] { return caller.Gone(); }));
}

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_HANDLER_H_
