#include "common/rpc/reflection_limit.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/metrics/metrics.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/testing/eventually.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {
namespace {

constexpr int kStreams = 1000, kConnections = 20, kThreads = 64, kFreezes = 50;
constexpr char kReflection[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
// A ServerReflectionRequest with list_services.
constexpr char kListServices[] = "\x3a\x01*";

class FakeAgent final : public v1::AgentService::Service {
  grpc::Status FreezeService(grpc::ServerContext*, const v1::FreezeServiceRequest*,
                             v1::FreezeServiceResponse*) override {
    return grpc::Status::OK;
  }
};

std::chrono::system_clock::time_point Soon() {
  return std::chrono::system_clock::now() + std::chrono::seconds(30);
}

class ReflectionLimitTest : public testing::Test {
 protected:
  struct Stream {
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call;
    bool begun = false;
    grpc::Status status;
  };

  void SetUp() override {
    auto server = RpcServer::Start({.listen = "127.0.0.1:0",
                                    .services = {&agent_},
                                    .metrics = &metrics_,
                                    .max_threads = kThreads});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::shared_ptr<grpc::Channel> Connect() {
    return *Dial({.address = server_->address(), .own_connection = true});
  }

  // Streams that ask for nothing. Their ends are counted by AwaitEnds().
  void OpenStreams(int count) {
    std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
    for (int i = 0; i < kConnections; ++i) {
      stubs.push_back(std::make_unique<grpc::GenericStub>(Connect()));
    }
    for (int i = 0; i < count; ++i) {
      Stream& stream = streams_.emplace_back();
      grpc::GenericStub& stub = *stubs[static_cast<size_t>(i % kConnections)];
      stream.call = stub.PrepareCall(&stream.context, kReflection, &queue_);
      stream.call->StartCall(&stream);
    }
  }

  bool AwaitEnds(int count) {
    while (count > 0) {
      void* tag = nullptr;
      bool ok = false;
      if (queue_.AsyncNext(&tag, &ok, Soon()) != grpc::CompletionQueue::GOT_EVENT) return false;
      auto* stream = static_cast<Stream*>(tag);
      if (stream->begun) {
        --count;
      } else {
        stream->begun = true;
        stream->call->Finish(&stream->status, stream);
      }
    }
    return true;
  }

  grpc::Status Freeze(v1::AgentService::Stub& stub) {
    grpc::ClientContext context;
    context.set_deadline(Soon());
    v1::FreezeServiceResponse response;
    return stub.FreezeService(&context, v1::FreezeServiceRequest(), &response);
  }

  // Reflection's answer to a request for the list of services; empty: an error.
  std::string ListServices() {
    grpc::GenericStub stub(Connect());
    grpc::ClientContext context;
    context.set_deadline(Soon());
    grpc::CompletionQueue queue;
    void* tag = nullptr;
    bool ok = false;
    auto call = stub.PrepareCall(&context, kReflection, &queue);
    call->StartCall(nullptr);
    queue.Next(&tag, &ok);
    const grpc::Slice request(kListServices);
    call->WriteLast(grpc::ByteBuffer(&request, 1), grpc::WriteOptions(), nullptr);
    queue.Next(&tag, &ok);
    grpc::ByteBuffer answer;
    call->Read(&answer, nullptr);
    queue.Next(&tag, &ok);
    grpc::Status status;
    call->Finish(&status, nullptr);
    queue.Next(&tag, &ok);
    grpc::Slice all;
    if (!status.ok() || !answer.DumpToSingleSlice(&all).ok()) return "";
    return std::string(reinterpret_cast<const char*>(all.begin()), all.size());
  }

  FakeAgent agent_;
  Metrics metrics_{"test"};
  std::unique_ptr<RpcServer> server_;
  grpc::CompletionQueue queue_;
  std::deque<Stream> streams_;
};

TEST_F(ReflectionLimitTest, ManyStreamsThatStayOpenRefuseNoOtherCallAndEndWithTheirClients) {
  auto stub = v1::AgentService::NewStub(Connect());
  OpenStreams(kStreams);
  ASSERT_TRUE(AwaitEnds(kStreams - kMaxReflectionStreams)) << "all but a few are refused";
  for (int i = 0; i < kFreezes; ++i) {
    const grpc::Status frozen = Freeze(*stub);
    ASSERT_TRUE(frozen.ok()) << frozen.error_message();
  }
  EXPECT_EQ(ListServices(), "") << "nor is another stream served";
  for (Stream& stream : streams_) stream.context.TryCancel();
  ASSERT_TRUE(AwaitEnds(kMaxReflectionStreams));
  EXPECT_TRUE(Eventually([this] { return absl::StrContains(ListServices(), "AgentService"); }));
}

}  // namespace
}  // namespace gitops
