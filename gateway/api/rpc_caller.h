#ifndef GITOPS_GATEWAY_API_RPC_CALLER_H_
#define GITOPS_GATEWAY_API_RPC_CALLER_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/channel.h"
#include "common/rpc/error.h"
#include "common/sync/mutex.h"

namespace gitops {

// A server that the gateway calls. Its channel reconnects by itself. Thread-safe.
struct Backend {
  using Stub = grpc::TemplatedGenericStub<google::protobuf::Message, google::protobuf::Message>;

  std::string name;     // for messages: "planner"
  std::string program;  // "gitops-planner"
  std::string address;
  Reason unreachable = Reason::kUnavailable;

  // Does not connect yet. Errors are those of Dial.
  static absl::StatusOr<std::shared_ptr<Backend>> New(std::string name, std::string program,
                                                      Reason unreachable, ChannelOptions options);

  // For a call that begins now. The program's unix socket is taken as soon as it may be opened.
  std::shared_ptr<Stub> StubNow() const;
  // The next call connects at once, however often that has failed.
  void ResetBackoff() const;

  ChannelOptions options;
  std::string socket;  // see LocalSocketFor()
  mutable Mutex mutex;
  // Both stay: gRPC's own threads call this, and cannot release a channel.
  std::shared_ptr<grpc::Channel> first_channel ABSL_GUARDED_BY(mutex);
  std::shared_ptr<Stub> first ABSL_GUARDED_BY(mutex);
  // Null: not yet.
  mutable std::shared_ptr<grpc::Channel> socket_channel ABSL_GUARDED_BY(mutex);
  mutable std::shared_ptr<Stub> over_socket ABSL_GUARDED_BY(mutex);
};

// A call in progress.
class RpcCall {
 public:
  virtual ~RpcCall() = default;
  // Ends the call soon, with CANCELLED. Thread-safe; may be called late and repeatedly.
  virtual void Cancel() = 0;
};

// A call whose answer is a stream.
class RpcStream : public RpcCall {
 public:
  // Asks for the next message. Called once after each message, on any thread, also after Cancel().
  virtual void Next() = 0;
  // The stream itself, for callbacks that call Next() later.
  virtual std::shared_ptr<RpcStream> Self() = 0;
};

// Cancels what a request is waiting for. Thread-safe.
class Cancellation {
 public:
  void Cancel();
  // Cancels `call`, instead of the one before, from now on; at once if Cancel() was called.
  void Follow(const std::shared_ptr<RpcCall>& call);
  bool cancelled() const {
    MutexLock lock(mutex_);
    return cancelled_;
  }

 private:
  mutable Mutex mutex_;
  std::weak_ptr<RpcCall> call_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

// Makes calls of any RPC, by its descriptor, without waiting for their ends. Callbacks come on
// gRPC's threads and must not block. Thread-safe.
class RpcCaller {
 public:
  using Message = google::protobuf::Message;
  struct Options {
    absl::Duration timeout = absl::InfiniteDuration();
    std::vector<std::pair<std::string, std::string>> metadata;
    // Follows the call before it starts; null: none. The callbacks of a call may make the next one
    // before Unary() returns.
    std::shared_ptr<Cancellation> cancellation;
  };

  RpcCaller() = default;
  // Waits until all calls have ended; cancel them before.
  ~RpcCaller();
  RpcCaller(const RpcCaller&) = delete;
  RpcCaller& operator=(const RpcCaller&) = delete;

  // `done` gets the answer, or the server's error; or Backend::unreachable if there was none, or
  // DEADLINE_EXCEEDED, both with messages that name the server.
  using Done = std::function<void(absl::StatusOr<std::unique_ptr<Message>>)>;
  std::shared_ptr<RpcCall> Unary(std::shared_ptr<const Backend> backend,
                                 const google::protobuf::MethodDescriptor& method,
                                 std::unique_ptr<Message> request, const Options& options,
                                 Done done);

  struct Observer {
    // A message, valid during the call. The next one comes after Next().
    std::function<void(RpcStream&, const Message&)> on_message;
    // The end, once; nothing is called after it. Errors as above.
    std::function<void(absl::Status)> on_end;
  };
  std::shared_ptr<RpcStream> Stream(std::shared_ptr<const Backend> backend,
                                    const google::protobuf::MethodDescriptor& method,
                                    std::unique_ptr<Message> request, const Options& options,
                                    Observer observer);

  // Counts a call for the destructor.
  class Ticket {
   public:
    explicit Ticket(RpcCaller* caller);
    ~Ticket();
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

   private:
    RpcCaller* const caller_;
  };

 private:
  Mutex mutex_;
  CondVar ended_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

// An empty message of a type of the API.
std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_RPC_CALLER_H_
