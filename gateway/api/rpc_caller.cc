#include "gateway/api/rpc_caller.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/address.h"
#include "common/rpc/status.h"
#include "common/rpc/unary_call.h"
#include "common/sync/hand_over.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

using google::protobuf::MethodDescriptor;
using Message = RpcCaller::Message;

std::string PathOf(const MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

// What the server answered has details (ToGrpcStatus), what gRPC found has none.
absl::Status Explain(const grpc::Status& status, const Backend& backend, absl::Duration timeout,
                     bool cancelled) {
  if (status.ok()) return absl::OkStatus();
  if (!status.error_details().empty() || cancelled) return FromGrpcStatus(status);
  const std::string who = absl::StrCat("the ", backend.name, " at ", backend.address);
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::DeadlineExceededError(
          absl::StrCat("no answer from ", who, " within ", absl::FormatDuration(timeout)));
    case grpc::StatusCode::CANCELLED:  // by the server's end
    case grpc::StatusCode::UNAVAILABLE:
      backend.ResetBackoff();
      return MakeError(backend.unreachable,
                       absl::StrCat("cannot reach ", who, ": ", status.error_message(), " (is ",
                                    backend.program, " running there?)"));
    default:
      return FromGrpcStatus(status);
  }
}

// The parts that all calls have.
class Base {
 protected:
  Base(RpcCaller* caller, std::shared_ptr<const Backend> backend, const MethodDescriptor& method,
       std::unique_ptr<Message> request, const RpcCaller::Options& options)
      : ticket_(caller),
        backend_(std::move(backend)),
        path_(PathOf(method)),
        request_(std::move(request)),
        response_(NewMessage(*method.output_type())),
        timeout_(options.timeout) {
    SetTimeout(context_, options.timeout);
    for (auto [name, value] : options.metadata) {
      // gRPC aborts the process over other metadata.
      for (char& c : value) {
        if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
      }
      context_.AddMetadata(name, value);
    }
  }

  // Before gRPC gets the call, and first when it gives it back.
  void ToGrpc() { HandOver(this); }
  void FromGrpc() { TakeOver(this); }

  void CancelContext() {
    cancelled_ = true;
    context_.TryCancel();
  }
  absl::Status Explained(const grpc::Status& status) const {
    return Explain(status, *backend_, timeout_, cancelled_);
  }

  const RpcCaller::Ticket ticket_;
  const std::shared_ptr<const Backend> backend_;
  const std::string path_;
  const std::unique_ptr<Message> request_;
  std::unique_ptr<Message> response_;
  const absl::Duration timeout_;
  grpc::ClientContext context_;

 private:
  std::atomic<bool> cancelled_ = false;
};

class UnaryCall final : private Base,
                        public RpcCall,
                        public std::enable_shared_from_this<UnaryCall> {
 public:
  UnaryCall(RpcCaller* caller, std::shared_ptr<const Backend> backend,
            const MethodDescriptor& method, std::unique_ptr<Message> request,
            const RpcCaller::Options& options, RpcCaller::Done done)
      : Base(caller, std::move(backend), method, std::move(request), options),
        done_(std::move(done)) {}

  void Start() {
    self_ = shared_from_this();
    Message* const request = request_.get();
    Message* const response = response_.get();
    const std::string path = path_;
    const std::shared_ptr<Backend::Stub> stub = backend_->StubNow();
    ToGrpc();
    stub->UnaryCall(&context_, path, {}, request, response,
                    [this](const grpc::Status& status) { Finish(status); });
  }

  void Cancel() override { CancelContext(); }

 private:
  void Finish(const grpc::Status& status) {
    FromGrpc();
    const std::shared_ptr<UnaryCall> self = std::move(self_);
    const RpcCaller::Done done = std::exchange(done_, nullptr);
    if (absl::Status error = Explained(status); !error.ok()) {
      return done(std::move(error));
    }
    done(std::move(response_));
  }

  RpcCaller::Done done_;
  std::shared_ptr<UnaryCall> self_;  // until gRPC is done with it
};

class StreamCall final : private Base,
                         public RpcStream,
                         public grpc::ClientBidiReactor<Message, Message>,
                         public std::enable_shared_from_this<StreamCall> {
 public:
  StreamCall(RpcCaller* caller, std::shared_ptr<const Backend> backend,
             const MethodDescriptor& method, std::unique_ptr<Message> request,
             const RpcCaller::Options& options, RpcCaller::Observer observer)
      : Base(caller, std::move(backend), method, std::move(request), options),
        observer_(std::move(observer)) {}

  void Start() {
    self_ = shared_from_this();
    backend_->StubNow()->PrepareBidiStreamingCall(&context_, path_, {}, this);
    StartWriteLast(request_.get(), grpc::WriteOptions());
    // Reads begin outside of gRPC's calls: the stream must not be done before the last of them.
    AddHold();
    StartRead(response_.get());
    ToGrpc();
    StartCall();
  }

  void Cancel() override { CancelContext(); }
  void Next() override {
    Message* const response = response_.get();
    ToGrpc();
    StartRead(response);
  }
  std::shared_ptr<RpcStream> Self() override { return shared_from_this(); }

  void OnReadDone(bool ok) override {
    FromGrpc();
    if (!ok) return RemoveHold();
    observer_.on_message(*this, *response_);
  }
  void OnDone(const grpc::Status& status) override {
    FromGrpc();
    // Destroyed last: the caller may be destroyed after it, with what the observer still uses.
    const std::shared_ptr<StreamCall> self = std::move(self_);
    const RpcCaller::Observer observer = std::exchange(observer_, {});
    observer.on_end(Explained(status));
  }

 private:
  RpcCaller::Observer observer_;
  std::shared_ptr<StreamCall> self_;  // until gRPC is done with it
};

}  // namespace

absl::StatusOr<std::shared_ptr<Backend>> Backend::New(std::string name, std::string program,
                                                      Reason unreachable, ChannelOptions options) {
  if (!options.server.has_value()) options.server = ServerOf(program);
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Dial(options);
  if (!channel.ok()) return channel.status();
  auto backend = std::make_shared<Backend>();
  backend->name = std::move(name);
  backend->program = std::move(program);
  backend->address = options.address;
  backend->unreachable = unreachable;
  backend->socket = LocalSocketFor(options);
  backend->options = std::move(options);
  MutexLock lock(backend->mutex);
  backend->first = std::make_shared<Stub>(*channel);
  backend->first_channel = *std::move(channel);
  return backend;
}

std::shared_ptr<Backend::Stub> Backend::StubNow() const {
  MutexLock lock(mutex);
  if (over_socket != nullptr) return over_socket;
  if (socket.empty() || !CanOpenSocket(socket)) return first;
  ChannelOptions to_socket = options;
  to_socket.address = absl::StrCat("unix:", socket);
  auto channel = Dial(to_socket);
  if (!channel.ok()) return first;
  over_socket = std::make_shared<Stub>(*channel);
  socket_channel = *std::move(channel);
  return over_socket;
}

void Backend::ResetBackoff() const {
  MutexLock lock(mutex);
  for (const auto& channel : {first_channel, socket_channel}) {
    if (channel != nullptr) grpc::experimental::ChannelResetConnectionBackoff(channel.get());
  }
}

RpcCaller::~RpcCaller() {
  MutexLock lock(mutex_);
  while (calls_ > 0) ended_.Wait(mutex_);
}

RpcCaller::Ticket::Ticket(RpcCaller* caller) : caller_(caller) {
  MutexLock lock(caller_->mutex_);
  ++caller_->calls_;
}

RpcCaller::Ticket::~Ticket() {
  MutexLock lock(caller_->mutex_);
  if (--caller_->calls_ == 0) caller_->ended_.NotifyAll();
}

std::shared_ptr<RpcCall> RpcCaller::Unary(std::shared_ptr<const Backend> backend,
                                          const MethodDescriptor& method,
                                          std::unique_ptr<Message> request, const Options& options,
                                          Done done) {
  const auto call = std::make_shared<UnaryCall>(this, std::move(backend), method,
                                                std::move(request), options, std::move(done));
  if (options.cancellation != nullptr) options.cancellation->Follow(call);
  call->Start();
  return call;
}

std::shared_ptr<RpcStream> RpcCaller::Stream(std::shared_ptr<const Backend> backend,
                                             const MethodDescriptor& method,
                                             std::unique_ptr<Message> request,
                                             const Options& options, Observer observer) {
  const auto call = std::make_shared<StreamCall>(this, std::move(backend), method,
                                                 std::move(request), options, std::move(observer));
  if (options.cancellation != nullptr) options.cancellation->Follow(call);
  call->Start();
  return call;
}

std::unique_ptr<Message> NewMessage(const google::protobuf::Descriptor& type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

void Cancellation::Cancel() {
  std::shared_ptr<RpcCall> call;
  {
    MutexLock lock(mutex_);
    cancelled_ = true;
    call = call_.lock();
  }
  if (call != nullptr) call->Cancel();
}

void Cancellation::Follow(const std::shared_ptr<RpcCall>& call) {
  {
    MutexLock lock(mutex_);
    call_ = call;
    if (!cancelled_) return;
  }
  call->Cancel();
}

}  // namespace gitops
