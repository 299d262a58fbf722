#include "ctl/gateway/gateway_proxy.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/api/api_files.h"
#include "common/api/http_routes.h"
#include "common/http/client.h"
#include "common/json/json.h"
#include "common/json/json_guard.h"
#include "common/rpc/peer.h"
#include "common/rpc/status.h"
#include "common/sync/hand_over.h"
#include "common/sync/mutex.h"
#include "ctl/gateway/rest_request.h"

namespace gitops::ctl {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;

// A plan, or a deployment, of 100,000 hosts.
constexpr int kMostAnswerBytes = 64 << 20;

const HttpRoutes& Table() {
  static const auto& table = *new HttpRoutes(*HttpRoutes::Compile(ApiServices()));
  return table;
}

const RpcRoute* RouteOf(const std::string& method) {
  for (const RpcRoute& route : Table().routes()) {
    if (absl::StrCat("/", route.method->service()->full_name(), "/", route.method->name()) ==
        method) {
      return &route;
    }
  }
  return nullptr;
}

std::unique_ptr<Message> NewMessage(const google::protobuf::Descriptor& type) {
  return std::unique_ptr<Message>(MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

bool Parse(const grpc::ByteBuffer& buffer, Message& message) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return false;
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return message.ParseFromString(bytes);
}

// One call of a client. Lives until gRPC and its thread are done with it.
class Call final : public grpc::ServerGenericBidiReactor,
                   public std::enable_shared_from_this<Call> {
 public:
  using Serve = std::function<absl::Status(Call&)>;

  static Call* Begin(grpc::GenericCallbackServerContext* context, Serve serve) {
    const std::shared_ptr<Call> call(new Call(context, std::move(serve)));
    call->self_ = call;
    HandOver(call.get());
    call->StartRead(&call->request_);
    return call.get();
  }

  const grpc::ByteBuffer& request() const { return request_; }
  std::string method() const { return context_->method(); }
  absl::Duration remaining() const { return absl::FromChrono(context_->deadline()) - absl::Now(); }
  bool cancelled() const { return cancelled_; }

  // Sends a message and waits until it is sent. Returns false if the client is gone.
  bool Send(const Message& message) {
    const grpc::Slice slice(message.SerializeAsString());
    answer_ = grpc::ByteBuffer(&slice, 1);
    {
      MutexLock lock(mutex_);
      sending_ = true;
    }
    HandOver(this);
    StartWrite(&answer_);
    MutexLock lock(mutex_);
    while (sending_) sent_.Wait(mutex_);
    return sent_well_ && !cancelled_;
  }

 private:
  Call(grpc::GenericCallbackServerContext* context, Serve serve)
      : context_(context), serve_(std::move(serve)) {}

  void OnReadDone(bool ok) override {
    TakeOver(this);
    if (!ok) return End(grpc::Status(grpc::StatusCode::INTERNAL, "the request was lost"));
    // The HTTP client blocks.
    std::thread([self = shared_from_this()] {
      self->End(ToGrpcStatus(self->serve_(*self)));
    }).detach();
  }
  void OnWriteDone(bool ok) override {
    TakeOver(this);
    MutexLock lock(mutex_);
    sending_ = false;
    sent_well_ = ok;
    sent_.NotifyAll();
  }
  void OnCancel() override {
    TakeOver(this);
    cancelled_ = true;
  }
  void OnDone() override {
    TakeOver(this);
    self_.reset();
  }
  void End(const grpc::Status& status) {
    HandOver(this);
    Finish(status);
  }

  grpc::GenericCallbackServerContext* const context_;
  const Serve serve_;
  grpc::ByteBuffer request_, answer_;
  std::atomic<bool> cancelled_ = false;
  Mutex mutex_;
  CondVar sent_;
  bool sending_ ABSL_GUARDED_BY(mutex_) = false;
  bool sent_well_ ABSL_GUARDED_BY(mutex_) = true;
  std::shared_ptr<Call> self_;
};

// The lines of a stream: messages, and at its end possibly {"error": PROBLEM}.
class Lines {
 public:
  Lines(const MethodDescriptor& method, Call& call) : method_(method), call_(call) {}

  bool Take(absl::string_view piece) {
    absl::StrAppend(&pending_, piece);
    size_t end = 0;
    while (status_.ok() && (end = pending_.find('\n')) != std::string::npos) {
      TakeLine(absl::string_view(pending_).substr(0, end));
      pending_.erase(0, end + 1);
    }
    if (status_.ok() && pending_.size() > kMostAnswerBytes) {
      status_ = absl::ResourceExhaustedError("the gateway sent a message that is too long");
    }
    return status_.ok() && !call_.cancelled();
  }
  const absl::Status& status() const { return status_; }

 private:
  void TakeLine(absl::string_view line) {
    if (line.empty()) return;
    if (absl::StartsWith(line, "{\"error\":")) {
      line.remove_prefix(strlen("{\"error\":"));
      status_ = ErrorOfProblem(line.substr(0, line.rfind('}')), 500);
      return;
    }
    const std::unique_ptr<Message> message = NewMessage(*method_.output_type());
    status_ = FromJson(line, message.get(), {.bytes = kMostAnswerBytes});
    if (status_.ok() && !call_.Send(*message)) status_ = absl::CancelledError("the client is gone");
  }

  const MethodDescriptor& method_;
  Call& call_;
  std::string pending_;
  absl::Status status_;
};

class ProxyService final : public grpc::CallbackGenericService {
 public:
  explicit ProxyService(GatewayProxyOptions options) : options_(std::move(options)) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return Call::Begin(context, [self = shared_](Call& call) { return self->Serve(call); });
  }

 private:
  // What the threads of calls use; it may outlive the service.
  struct Shared {
    absl::Status Serve(Call& call) const;
    absl::Status ServeUnary(const RpcRoute& route, HttpRequest http, Call& call) const;
    absl::Status ServeStream(const RpcRoute& route, HttpRequest http, Call& call) const;
    HttpRequest RequestFor(const RestRequest& rest, Call& call) const;
    absl::StatusOr<HttpResponse> Ask(const HttpRequest& http) const;

    const GatewayProxyOptions options;
    const std::unique_ptr<HttpClient> client = NewHttpClient();
  };

  const GatewayProxyOptions options_;
  const std::shared_ptr<const Shared> shared_{new Shared{options_}};
};

absl::Status ProxyService::Shared::Serve(Call& call) const {
  const RpcRoute* route = RouteOf(call.method());
  if (route == nullptr) {
    return absl::UnimplementedError(absl::StrCat("the gateway has no ", call.method()));
  }
  const std::unique_ptr<Message> request = NewMessage(*route->method->input_type());
  if (!Parse(call.request(), *request)) return absl::InternalError("the request is damaged");
  const absl::StatusOr<RestRequest> rest = ToRest(*route, *request, options.host);
  if (!rest.ok()) return rest.status();
  HttpRequest http = RequestFor(*rest, call);
  return route->method->server_streaming() ? ServeStream(*route, std::move(http), call)
                                           : ServeUnary(*route, std::move(http), call);
}

HttpRequest ProxyService::Shared::RequestFor(const RestRequest& rest, Call& call) const {
  HttpRequest http;
  http.method = rest.method;
  http.url = absl::StrCat(absl::StripSuffix(options.url, "/"), rest.target);
  http.body = rest.body;
  if (!rest.body.empty()) http.headers.emplace_back("Content-Type", "application/json");
  if (!options.token.empty()) {
    http.headers.emplace_back("Authorization", absl::StrCat("Bearer ", options.token.Reveal()));
  }
  if (!options.tls_dir.empty()) {
    http.ca_file = absl::StrCat(options.tls_dir, "/ca.crt");
    const std::string certificate = absl::StrCat(options.tls_dir, "/tls.crt");
    std::error_code ignored;
    if (std::filesystem::exists(certificate, ignored)) {
      http.certificate_file = certificate;
      http.key_file = absl::StrCat(options.tls_dir, "/tls.key");
    }
  }
  http.timeout = call.remaining();
  http.max_body = kMostAnswerBytes;
  http.give_up = [&call] { return call.cancelled(); };
  return http;
}

absl::StatusOr<HttpResponse> ProxyService::Shared::Ask(const HttpRequest& http) const {
  absl::StatusOr<HttpResponse> response = client->Do(http);
  if (response.ok()) return response;
  const absl::Status& error = response.status();
  if (!absl::IsUnavailable(error) && !absl::IsAborted(error)) return error;
  return AsUnreachable(absl::UnavailableError(
      absl::StrCat("cannot reach the gateway: ", error.message(), "; --gateway names it")));
}

absl::Status ProxyService::Shared::ServeUnary(const RpcRoute& route, HttpRequest http,
                                              Call& call) const {
  const absl::StatusOr<HttpResponse> response = Ask(http);
  if (!response.ok()) return response.status();
  if (response->status / 100 != 2) return ErrorOf(*response);
  const std::unique_ptr<Message> answer = NewMessage(*route.method->output_type());
  const absl::Status read = FromJson(response->body, answer.get(), {.bytes = kMostAnswerBytes});
  if (!read.ok()) {
    return absl::InternalError(
        absl::StrCat("the gateway's answer is of another version, or of "
                     "another server: ",
                     read.message()));
  }
  call.Send(*answer);
  return absl::OkStatus();
}

absl::Status ProxyService::Shared::ServeStream(const RpcRoute& route, HttpRequest http,
                                               Call& call) const {
  Lines lines(*route.method, call);
  http.headers.emplace_back("Accept", "application/x-ndjson");
  http.receive = [&lines](absl::string_view piece) { return lines.Take(piece); };
  const absl::StatusOr<HttpResponse> response = Ask(http);
  if (!lines.status().ok()) return lines.status();
  if (!response.ok()) return response.status();
  return response->status / 100 == 2 ? absl::OkStatus() : ErrorOf(*response);
}

class GatewayProxyImpl final : public GatewayProxy {
 public:
  GatewayProxyImpl(GatewayProxyOptions options, std::string directory)
      : service_(std::move(options)),
        directory_(std::move(directory)),
        address_(absl::StrCat("unix:", directory_, "/gateway.sock")) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterCallbackGenericService(&service_);
    builder.SetMaxReceiveMessageSize(kMostAnswerBytes);
    server_ = builder.BuildAndStart();
  }
  ~GatewayProxyImpl() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  bool serves() const { return server_ != nullptr; }
  const std::string& address() const override { return address_; }

 private:
  ProxyService service_;
  const std::string directory_;
  const std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GatewayProxy>> GatewayProxy::Start(GatewayProxyOptions options) {
  const char* const base = getenv("TMPDIR");
  std::string directory = absl::StrCat(base == nullptr ? "/tmp" : base, "/gitopsctl.XXXXXX");
  if (mkdtemp(directory.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot create a directory in ",
                                               base == nullptr ? "/tmp" : base, ": ",
                                               strerror(errno), "; TMPDIR names another place"));
  }
  auto proxy = std::make_unique<GatewayProxyImpl>(std::move(options), std::move(directory));
  if (!proxy->serves()) {
    return absl::InternalError(absl::StrCat("cannot listen on ", proxy->address()));
  }
  return proxy;
}

}  // namespace gitops::ctl
