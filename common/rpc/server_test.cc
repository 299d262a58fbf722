#include "common/rpc/server.h"

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/rpc/error.h"
#include "common/rpc/gate.h"
#include "common/rpc/status.h"
#include "common/rpc/user_metadata.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::Not;

// Fills both limits: a message that grows by percent-encoding, and more details than are sent.
absl::Status LargestError() {
  absl::Status error = absl::InternalError(std::string(100'000, '\n'));
  for (int i = 0; i < 200; ++i) AddFieldViolation(absl::StrCat("a", i), "is wrong", error);
  return error;
}

// Answers GetService with the status, or the caller, that the name asks for; WatchServices stays
// open until it is cancelled.
class FakeAgent : public v1::AgentService::Service {
 public:
  grpc::Status GetService(grpc::ServerContext* context, const v1::GetServiceRequest* request,
                          v1::GetServiceResponse* response) override {
    if (request->service() == "throw") throw std::runtime_error("a bug");
    if (request->service() == "missing") {
      return ToGrpcStatus(absl::NotFoundError("no service \xFF \"missing\" here"));
    }
    if (request->service() == "verbose") return ToGrpcStatus(LargestError());
    response->mutable_service()->set_service(PrincipalText(PrincipalOf(*context)));
    return grpc::Status::OK;
  }

  grpc::Status WatchServices(grpc::ServerContext* context, const v1::WatchServicesRequest*,
                             grpc::ServerWriter<v1::WatchServicesResponse>* writer) override {
    writer->Write(v1::WatchServicesResponse());
    MutexLock lock(mutex_);
    while (!context->IsCancelled()) {
      tick_.WaitUntil(mutex_, steady_clock::now() + std::chrono::milliseconds(5));
    }
    ++cancelled_;
    return grpc::Status::CANCELLED;
  }

  int cancelled() {
    MutexLock lock(mutex_);
    return cancelled_;
  }

 private:
  Mutex mutex_;
  CondVar tick_;
  int cancelled_ ABSL_GUARDED_BY(mutex_) = 0;
};

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
}

grpc::ByteBuffer Bytes(const std::string& text) {
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

std::string Text(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Dump(&slices).ok()) return text;
  for (const grpc::Slice& slice : slices)
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

// One message out, one back, for the protocols of gRPC's own whose protos Debian does not ship.
absl::StatusOr<std::string> RawCall(const std::shared_ptr<grpc::Channel>& channel,
                                    const std::string& method, const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  SetDeadline(context);
  grpc::CompletionQueue queue;
  void* tag = nullptr;
  bool ok = false;
  auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  if (ok) {
    call->WriteLast(Bytes(request), grpc::WriteOptions(), nullptr);
    queue.Next(&tag, &ok);
  }
  grpc::ByteBuffer answer;
  call->Read(&answer, nullptr);
  queue.Next(&tag, &ok);
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  if (!status.ok()) return FromGrpcStatus(status);
  return Text(answer);
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : socket_(absl::StrCat("/tmp/gitops_server_", getpid())) { unlink(socket_.c_str()); }
  ~ServerTest() override { unlink(socket_.c_str()); }

  RpcServerOptions Options(const std::string& listen = "127.0.0.1:0") {
    RpcServerOptions options;
    options.listen = listen;
    options.services = {&agent_};
    options.metrics = &metrics_;
    return options;
  }

  void Start(const RpcServerOptions& options) {
    absl::StatusOr<std::unique_ptr<RpcServer>> server = RpcServer::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Dial({.address = server_->address()});
    ASSERT_TRUE(channel.ok()) << channel.status();
    channel_ = *channel;
    stub_ = v1::AgentService::NewStub(channel_);
  }

  absl::StatusOr<std::string> Get(const std::string& name, const std::string& user = "") {
    grpc::ClientContext context;
    SetDeadline(context);
    if (!user.empty()) context.AddMetadata(kUserMetadata, user);
    v1::GetServiceRequest request;
    request.set_service(name);
    v1::GetServiceResponse response;
    const grpc::Status status = stub_->GetService(&context, request, &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response.service().service();
  }

  std::string Health(const std::string& service) {
    const std::string request =
        service.empty() ? "" : absl::StrCat("\x0a", std::string(1, service.size()), service);
    const auto answer = RawCall(channel_, "/grpc.health.v1.Health/Check", request);
    if (!answer.ok()) return answer.status().ToString();
    if (*answer == "\x08\x01") return "SERVING";
    return *answer == "\x08\x02" ? "NOT_SERVING" : "something else";
  }

  // Opens a stream that has begun, on this channel.
  std::unique_ptr<grpc::ClientReader<v1::WatchServicesResponse>> Watch(
      grpc::ClientContext& context) {
    SetDeadline(context);
    auto reader = stub_->WatchServices(&context, v1::WatchServicesRequest());
    v1::WatchServicesResponse first;
    EXPECT_TRUE(reader->Read(&first));
    return reader;
  }

  const std::string socket_;
  FakeAgent agent_;
  Metrics metrics_{"test"};
  std::unique_ptr<RpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::AgentService::Stub> stub_;
};

TEST_F(ServerTest, ServesOnAPortThatItPickedAndTells) {
  Start(Options());
  EXPECT_THAT(server_->address(), ::testing::MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  EXPECT_EQ(*Get("x", "alice@laptop"), "alice@laptop (ipv4:127.0.0.1, not authenticated)");
}

TEST_F(ServerTest, LocalhostIsOneAddress) {
  Start(Options("localhost:0"));
  EXPECT_THAT(server_->address(), HasSubstr("127.0.0.1:"));
  EXPECT_TRUE(Get("x").ok());
}

TEST_F(ServerTest, ServesOnIpv6) {
  if (access("/proc/net/if_inet6", F_OK) != 0) GTEST_SKIP() << "no IPv6 on this machine";
  Start(Options("[::1]:0"));
  EXPECT_EQ(*Get("x"), "unnamed (ipv6:::1, not authenticated)");
}

TEST_F(ServerTest, EveryInterfaceNeedsInsecureAndIsDialledOnLoopback) {
  for (const char* listen : {":0", "0.0.0.0:0", "[::]:0"}) {
    const auto refused = RpcServer::Start(Options(listen));
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition) << listen;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("--insecure"));
    RpcServerOptions options = Options(listen);
    options.insecure = true;
    options.metrics = nullptr;
    Start(options);
    EXPECT_THAT(server_->address(), HasSubstr("127.0.0.1:"));
    EXPECT_TRUE(Get("x").ok()) << listen;
  }
}

TEST_F(ServerTest, BusyPortIsAnErrorThatNamesIt) {
  Start(Options());
  const auto second = RpcServer::Start(Options(server_->address()));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(server_->address()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("Address already in use"));
}

TEST_F(ServerTest, BadAddressAndFilesThatAreMissingAreRefused) {
  EXPECT_EQ(RpcServer::Start(Options("nonsense")).status().code(),
            absl::StatusCode::kInvalidArgument);
  RpcServerOptions options = Options();
  options.tls_dir = "/no/such";
  EXPECT_EQ(RpcServer::Start(options).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ServerTest, UnixSocketServesItsOwnersOnlyAndIsTakenOverWhenStale) {
  Start(Options("unix:" + socket_));
  EXPECT_TRUE(Get("x").ok());
  struct stat info;
  ASSERT_EQ(stat(socket_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  EXPECT_EQ(RpcServer::Start(Options("unix:" + socket_)).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Get("x").ok()) << "the second must not take the first one's socket away";

  // As kill -9 leaves it: a name that nobody listens on.
  const std::string kept = socket_ + ".kept";
  ASSERT_EQ(link(socket_.c_str(), kept.c_str()), 0);
  server_.reset();
  ASSERT_EQ(rename(kept.c_str(), socket_.c_str()), 0);
  Start(Options("unix:" + socket_));
  EXPECT_TRUE(Get("x").ok());
}

TEST_F(ServerTest, UnixSocketInAFolderThatIsNotThereIsAnErrorThatSaysSo) {
  const auto server = RpcServer::Start(Options("unix:/tmp/no/such/folder/a.sock"));
  EXPECT_EQ(server.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(server.status().message()), HasSubstr("No such file or directory"));
}

TEST_F(ServerTest, HealthFollowsSetServing) {
  Start(Options());
  EXPECT_EQ(Health(""), "NOT_SERVING");
  EXPECT_EQ(Health("gitops.v1.AgentService"), "NOT_SERVING");
  server_->SetServing(true);
  EXPECT_EQ(Health(""), "SERVING");
  EXPECT_EQ(Health("gitops.v1.AgentService"), "SERVING");
  server_->SetServing(false);
  EXPECT_EQ(Health(""), "NOT_SERVING");
  EXPECT_THAT(Health("no.such.Service"), HasSubstr("NOT_FOUND"));
}

TEST_F(ServerTest, ReflectionListsTheServices) {
  Start(Options());
  // list_services = 7, an empty string.
  const auto answer =
      RawCall(channel_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              std::string("\x3a\x00", 2));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(*answer, HasSubstr("gitops.v1.AgentService"));
}

TEST_F(ServerTest, ErrorsArriveWithCodeMessageAndReason) {
  Start(Options());
  const absl::Status missing = Get("missing").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.message(), "no service \uFFFD \"missing\" here");
  EXPECT_TRUE(HasReason(missing, Reason::kNotFound));
}

TEST_F(ServerTest, LargestMessageAndLargestDetailsArriveTogether) {
  Start(Options());
  const grpc::Status sent = ToGrpcStatus(LargestError());
  ASSERT_GT(3 * sent.error_message().size(), kMaxEncodedMessage - 10);
  ASSERT_GT(sent.error_details().size(), kMaxErrorDetails - 100);
  const absl::Status received = Get("verbose").status();
  EXPECT_EQ(received, FromGrpcStatus(sent)) << "a large error became one of the transport";
  EXPECT_EQ(received.code(), absl::StatusCode::kInternal);
  EXPECT_GT(BadRequestOf(received).field_violations_size(), 20);
}

TEST_F(ServerTest, HandlerThatThrowsIsAnErrorAndTheServerGoesOn) {
  Start(Options());
  EXPECT_EQ(Get("throw").status().code(), absl::StatusCode::kUnknown);
  EXPECT_TRUE(Get("x").ok());
}

TEST_F(ServerTest, MessageOverTheLimitIsRefused) {
  RpcServerOptions options = Options();
  options.max_message_bytes = 1000;
  Start(options);
  EXPECT_TRUE(Get(std::string(900, 'x')).ok());
  EXPECT_EQ(Get(std::string(1100, 'x')).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Get("x").ok());
}

TEST_F(ServerTest, CallsAreCountedByMethodAndCode) {
  Start(Options());
  ASSERT_TRUE(Get("x").ok());
  ASSERT_TRUE(Get("x").ok());
  ASSERT_FALSE(Get("missing").ok());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(RawCall(channel_, absl::StrCat("/made.up/Method", i), "").status().code(),
              absl::StatusCode::kUnimplemented);
  }
  const std::string text = metrics_.Text();
  const std::string get = "grpc_method=\"GetService\",grpc_service=\"gitops.v1.AgentService\"";
  EXPECT_THAT(text,
              HasSubstr(absl::StrCat("grpc_server_handled_total{grpc_code=\"OK\",", get, "} 2\n")));
  EXPECT_THAT(text, HasSubstr(absl::StrCat("grpc_server_handled_total{grpc_code=\"NotFound\",", get,
                                           "} 1\n")));
  EXPECT_THAT(text, HasSubstr(absl::StrCat("grpc_server_handling_seconds_count{", get, "} 3\n")));
  EXPECT_THAT(text, Not(HasSubstr("made.up"))) << "a stranger must not make up series";
}

TEST_F(ServerTest, CancelledStreamEndsItsHandlerAndIsCounted) {
  Start(Options());
  {
    grpc::ClientContext context;
    auto reader = Watch(context);
    context.TryCancel();
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(Eventually([this] {
    return absl::StrContains(metrics_.Text(), "grpc_server_handled_total{grpc_code=\"Canceled\"");
  })) << metrics_.Text();
}

TEST_F(ServerTest, ThreadsAreBoundedAndCallsBeyondAreRefused) {
  RpcServerOptions options = Options();
  options.max_threads = 6;
  Start(options);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchServicesResponse>>> readers;
  grpc::StatusCode code = grpc::StatusCode::OK;
  while (code == grpc::StatusCode::OK && readers.size() < 20) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    SetDeadline(*contexts.back());
    readers.push_back(stub_->WatchServices(contexts.back().get(), v1::WatchServicesRequest()));
    v1::WatchServicesResponse first;
    if (!readers.back()->Read(&first)) code = readers.back()->Finish().error_code();
  }
  EXPECT_EQ(code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_LE(readers.size(), 7u);
  for (auto& context : contexts) context->TryCancel();
}

int ThreadsOfThisProcess() {
  int threads = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    threads += entry.is_directory() ? 1 : 0;
  }
  return threads;
}

TEST_F(ServerTest, IdleServerHasAHandfulOfThreads) {
  const int before = ThreadsOfThisProcess();
  Start(Options());
  ASSERT_TRUE(Get("x").ok());
  // Two that poll, one that serves, those for callbacks and timers; and the client's.
  EXPECT_LE(ThreadsOfThisProcess() - before, 16);
}

TEST_F(ServerTest, ShutdownCancelsWhatRunsAfterTheGraceAndWaitsForIt) {
  Start(Options());
  grpc::ClientContext context;
  auto reader = Watch(context);
  const auto begin = steady_clock::now();
  server_->Shutdown(absl::Milliseconds(100));
  EXPECT_EQ(agent_.cancelled(), 1) << "its handler has returned";
  EXPECT_GE(steady_clock::now() - begin, std::chrono::milliseconds(90));
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(10));
  v1::WatchServicesResponse next;
  EXPECT_FALSE(reader->Read(&next));
  EXPECT_FALSE(reader->Finish().ok());
  EXPECT_EQ(Get("x").status().code(), absl::StatusCode::kUnavailable);
  server_->Shutdown(absl::ZeroDuration());  // again is harmless
}

TEST_F(ServerTest, IdleServerStopsAtOnce) {
  Start(Options());
  ASSERT_TRUE(Get("x").ok());
  const auto begin = steady_clock::now();
  server_->Shutdown(absl::Seconds(60));
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace gitops
