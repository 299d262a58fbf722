#ifndef GITOPS_COMMON_RPC_STREAM_CALL_H_
#define GITOPS_COMMON_RPC_STREAM_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <utility>

#include "common/rpc/handover.h"
#include "common/rpc/unary_call.h"

namespace gitops {

template <typename Response>
class StreamReader final : public grpc::ClientReadReactor<Response> {
 public:
  void OnReadDone(bool ok) override { read.Set(ok); }
  void OnDone(const grpc::Status& status) override { end.Set(status); }

  Handover<bool> read;  // false: there is no further answer
  Handover<grpc::Status> end;
};

// Reads a stream of answers in the caller's thread: calls `seen` for each one until it returns
// false, then cancels the call and returns OK, or until the stream ends. `start` begins the call
// with a callback stub:
//   ReadStream<Thing>(context, give_up, [&](auto* reader) {
//     stub->async()->WatchThings(&context, &request, reader);
//   }, seen);
// `give_up` as in AwaitUnary. What `start` refers to is no longer used when this returns.
template <typename Response>
UnaryResult ReadStream(grpc::ClientContext& context, const std::function<bool()>& give_up,
                       const std::function<void(grpc::ClientReadReactor<Response>*)>& start,
                       const std::function<bool(Response&)>& seen) {
  StreamReader<Response> reader;
  start(&reader);
  // Later reads begin outside of gRPC's calls: the stream must not be done before the last of them.
  reader.AddHold();
  Response response;
  reader.StartRead(&response);
  reader.StartCall();
  UnaryResult result;
  bool wanted = true;
  while (true) {
    if (!reader.read.Await(give_up)) {
      result.gave_up = true;
      context.TryCancel();
    }
    if (!reader.read.Take() || result.gave_up) break;
    wanted = seen(response);
    if (!wanted) break;
    reader.StartRead(&response);
  }
  if (!wanted) context.TryCancel();
  reader.RemoveHold();
  grpc::Status ended = reader.end.Take();
  if (wanted) result.status = std::move(ended);
  if (result.status.error_code() != grpc::StatusCode::CANCELLED) result.gave_up = false;
  return result;
}

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_STREAM_CALL_H_
