#include "services/planner/agents/test_agent.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "common/rpc/user_metadata.h"

namespace gitops {

class TestAgent::Operations final : public v1::OperationService::Service {
 public:
  explicit Operations(TestAgent* agent) : agent_(agent) {}

  grpc::Status GetHostStatus(grpc::ServerContext*, const v1::GetHostStatusRequest*,
                             v1::GetHostStatusResponse* response) override {
    MutexLock lock(agent_->mutex_);
    ++agent_->status_asked_;
    response->set_boot_id(absl::StrCat("boot-", agent_->boots_));
    return grpc::Status::OK;
  }
  grpc::Status PerformAction(grpc::ServerContext* context, const v1::PerformActionRequest* request,
                             v1::PerformActionResponse* response) override {
    return agent_->Perform(context, *request, response);
  }
  grpc::Status RunCheck(grpc::ServerContext*, const v1::RunCheckRequest* request,
                        v1::RunCheckResponse* response) override {
    MutexLock lock(agent_->mutex_);
    agent_->last_check_ = *request;
    response->set_exit_status(7);
    return grpc::Status::OK;
  }
  grpc::Status ResolveRevision(grpc::ServerContext*, const v1::ResolveRevisionRequest* request,
                               v1::ResolveRevisionResponse* response) override {
    if (request->service() != "web") {
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such service");
    }
    response->set_hash("abc");
    return grpc::Status::OK;
  }

 private:
  TestAgent* const agent_;
};

class TestAgent::Services final : public v1::AgentService::Service {
 public:
  explicit Services(TestAgent* agent) : agent_(agent) {}

  grpc::Status FreezeService(grpc::ServerContext* context, const v1::FreezeServiceRequest* request,
                             v1::FreezeServiceResponse* response) override {
    response->mutable_service()->set_service(request->service());
    return Note(*context);
  }
  grpc::Status UnfreezeService(grpc::ServerContext* context,
                               const v1::UnfreezeServiceRequest* request,
                               v1::UnfreezeServiceResponse* response) override {
    response->mutable_service()->set_service(request->service());
    return Note(*context);
  }
  grpc::Status RollbackService(grpc::ServerContext* context,
                               const v1::RollbackServiceRequest* request,
                               v1::RollbackServiceResponse* response) override {
    response->mutable_service()->set_hash(request->hash());
    return Note(*context);
  }
  grpc::Status PullService(grpc::ServerContext* context, const v1::PullServiceRequest*,
                           v1::PullServiceResponse* response) override {
    response->set_changed(true);
    return Note(*context);
  }
  grpc::Status DiffService(grpc::ServerContext* context, const v1::DiffServiceRequest* request,
                           v1::DiffServiceResponse* response) override {
    if (request->service() == "new") {
      return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "nothing is published yet");
    }
    response->set_hash("abc");
    return Note(*context);
  }

 private:
  grpc::Status Note(const grpc::ServerContext& context) {
    const auto user = context.client_metadata().find(kOnBehalfOfMetadata);
    MutexLock lock(agent_->mutex_);
    agent_->last_user_ = user == context.client_metadata().end()
                             ? "nobody"
                             : std::string(user->second.data(), user->second.size());
    return grpc::Status::OK;
  }

  TestAgent* const agent_;
};

TestAgent::TestAgent(std::string listen)
    : address_(std::move(listen)),
      operations_(std::make_unique<Operations>(this)),
      services_(std::make_unique<Services>(this)) {
  Start();
}

TestAgent::~TestAgent() { Stop(); }

void TestAgent::Stop() {
  if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
  server_ = nullptr;
}

void TestAgent::Start() {
  {
    MutexLock lock(mutex_);
    ++boots_;
    hold_ = false;
  }
  RpcServerOptions options;
  options.listen = address_;
  options.services = {operations_.get(), services_.get()};
  auto server = RpcServer::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  address_ = server_->address();
}

grpc::Status TestAgent::Perform(grpc::ServerContext* context,
                                const v1::PerformActionRequest& request,
                                v1::PerformActionResponse* response) {
  MutexLock lock(mutex_);
  const std::string& id = request.operation().id();
  ++asked_[id];
  if (unavailable_ > 0) {
    --unavailable_;
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the agent is stopping");
  }
  ++held_;
  changed_.NotifyAll();
  while (hold_ && !context->IsCancelled()) {
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
  }
  --held_;
  if (hold_) return grpc::Status::CANCELLED;
  *response = response_;
  response->set_repeated_operation(done_[id] > 0);
  if (done_[id] == 0) done_[id] = 1;
  if (answer_.ok()) return grpc::Status::OK;
  absl::Status failed = WithMessage(answer_, answer_.message());
  SetDetail(response_, failed);
  return ToGrpcStatus(failed, kMaxActionDetails);
}

void TestAgent::AnswerUnavailable(int times) {
  MutexLock lock(mutex_);
  unavailable_ = times;
}

void TestAgent::Hold() {
  MutexLock lock(mutex_);
  hold_ = true;
}

void TestAgent::Release() {
  MutexLock lock(mutex_);
  hold_ = false;
  changed_.NotifyAll();
}

bool TestAgent::AwaitHeld(int count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  MutexLock lock(mutex_);
  while (held_ < count) {
    if (!changed_.WaitUntil(mutex_, deadline)) return held_ >= count;
  }
  return true;
}

void TestAgent::Answer(absl::Status status, v1::PerformActionResponse done) {
  MutexLock lock(mutex_);
  answer_ = WithMessage(status, status.message());
  response_ = std::move(done);
}

int TestAgent::Done(const std::string& operation) {
  MutexLock lock(mutex_);
  return done_[operation];
}

int TestAgent::Asked(const std::string& operation) {
  MutexLock lock(mutex_);
  return asked_[operation];
}

int TestAgent::status_asked() {
  MutexLock lock(mutex_);
  return status_asked_;
}

std::string TestAgent::last_user() {
  MutexLock lock(mutex_);
  return last_user_;
}

v1::RunCheckRequest TestAgent::last_check() {
  MutexLock lock(mutex_);
  return last_check_;
}

}  // namespace gitops
