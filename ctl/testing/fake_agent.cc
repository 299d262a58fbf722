#include "ctl/testing/fake_agent.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "common/sync/mutex.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops::ctl {
namespace {

using grpc::ServerContext;
using grpc::Status;

class FakeAgentService : public FakeAgent, public v1::AgentService::Service {
 public:
  FakeAgentService() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }

  ~FakeAgentService() override {
    EndWatches(absl::UnavailableError("the agent is stopping"));
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  std::string address() const override { return address_; }

  void SetPageSize(int size) override {
    MutexLock lock(mutex_);
    page_size_ = size;
  }

  void AddMachine(const std::string& machine, const std::string& actual) override {
    MutexLock lock(mutex_);
    v1::Machine entry;
    entry.set_machine(machine);
    entry.set_actual(actual);
    machines_.push_back(entry);
  }

  void Put(const v1::Service& service) override {
    MutexLock lock(mutex_);
    Change(service);
  }

  void Remove(const std::string& service) override {
    MutexLock lock(mutex_);
    services_.erase(service);
    changed_.NotifyAll();
  }

  void SetDiff(const std::string& service, const v1::DiffServiceResponse& response) override {
    MutexLock lock(mutex_);
    diffs_[service] = response;
  }

  void IgnoreToHash() override {
    MutexLock lock(mutex_);
    ignores_to_hash_ = true;
  }

  void FailMoves(v1::ServiceState state, const std::string& info) override {
    MutexLock lock(mutex_);
    failed_move_ = {state, info};
  }

  void Fail(const std::string& method, const absl::Status& status) override {
    MutexLock lock(mutex_);
    failures_[method] = status;
  }

  void Hang(const std::string& method) override {
    MutexLock lock(mutex_);
    hanging_.insert(method);
  }

  void EndWatches(const absl::Status& status) override {
    MutexLock lock(mutex_);
    watches_end_ = status;
    stopping_ = true;
    changed_.NotifyAll();
  }

  bool WaitForWatches(int count) override {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    MutexLock lock(mutex_);
    while (watches_ < count) {
      if (!changed_.WaitUntil(mutex_, deadline)) return watches_ >= count;
    }
    return true;
  }

  std::vector<Call> calls() const override {
    MutexLock lock(mutex_);
    return calls_;
  }

  Status ListMachines(ServerContext* context, const v1::ListMachinesRequest* request,
                      v1::ListMachinesResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListMachines", *context); !s.ok()) return s;
    const size_t begin = PageBegin(request->page_token());
    for (size_t i = begin; i < machines_.size() && i < begin + page_size_; ++i) {
      *response->add_machines() = machines_[i];
    }
    response->set_next_page_token(NextPage(begin, machines_.size()));
    return Status::OK;
  }

  Status ListServices(ServerContext* context, const v1::ListServicesRequest* request,
                      v1::ListServicesResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListServices", *context); !s.ok()) return s;
    const size_t begin = PageBegin(request->page_token());
    size_t i = 0;
    for (const auto& [name, service] : services_) {
      if (i >= begin && i < begin + page_size_) *response->add_services() = Listed(service);
      ++i;
    }
    response->set_next_page_token(NextPage(begin, services_.size()));
    return Status::OK;
  }

  Status GetService(ServerContext* context, const v1::GetServiceRequest* request,
                    v1::GetServiceResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("GetService", *context); !s.ok()) return s;
    if (Status s = Find(request->service()); !s.ok()) return s;
    *response->mutable_service() = services_[request->service()];
    return Status::OK;
  }

  Status FreezeService(ServerContext* context, const v1::FreezeServiceRequest* request,
                       v1::FreezeServiceResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("FreezeService", *context, request->reason()); !s.ok()) return s;
    if (Status s = Find(request->service()); !s.ok()) return s;
    v1::Service service = services_[request->service()];
    service.set_state(v1::SERVICE_STATE_FREEZE);
    service.set_frozen_by(calls_.back().user);
    *response->mutable_service() = Listed(Change(service));
    return Status::OK;
  }

  Status UnfreezeService(ServerContext* context, const v1::UnfreezeServiceRequest* request,
                         v1::UnfreezeServiceResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("UnfreezeService", *context, request->reason()); !s.ok()) return s;
    if (Status s = Find(request->service()); !s.ok()) return s;
    v1::Service service = services_[request->service()];
    service.set_state(v1::SERVICE_STATE_OK);
    service.clear_state_info();
    service.clear_frozen_by();
    service.clear_pinned_hash();
    *response->mutable_service() = Listed(Change(service));
    return Status::OK;
  }

  Status RollbackService(ServerContext* context, const v1::RollbackServiceRequest* request,
                         v1::RollbackServiceResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("RollbackService", *context, request->reason()); !s.ok()) return s;
    if (Status s = Find(request->service()); !s.ok()) return s;
    v1::Service service = services_[request->service()];
    const std::optional<std::string> hash = FindRevision(service, request->hash());
    if (!hash.has_value()) {
      return ToGrpcStatus(MakeError(Reason::kRevisionUnknown,
                                    absl::StrCat("no revision begins with ", request->hash())));
    }
    service.set_pinned_hash(*hash);
    Move(*hash, v1::SERVICE_STATE_FREEZE, absl::StrCat("ROLLBACK: ", *hash), service);
    *response->mutable_service() = Listed(Change(service));
    response->mutable_duration()->set_nanos(12'345'678);
    return Status::OK;
  }

  Status PullService(ServerContext* context, const v1::PullServiceRequest* request,
                     v1::PullServiceResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("PullService", *context); !s.ok()) return s;
    if (Status s = Find(request->service()); !s.ok()) return s;
    v1::Service service = services_[request->service()];
    if (service.state() == v1::SERVICE_STATE_FREEZE) {
      return Status(grpc::FAILED_PRECONDITION,
                    absl::StrCat(service.service(), " is frozen by ", service.frozen_by()));
    }
    const std::string before = service.hash();
    Move(service.target_hash(), v1::SERVICE_STATE_OK, "", service);
    response->set_changed(service.hash() != before);
    *response->mutable_service() = Listed(Change(service));
    return Status::OK;
  }

  Status DiffService(ServerContext* context, const v1::DiffServiceRequest* request,
                     v1::DiffServiceResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("DiffService", *context); !s.ok()) return s;
    if (Status s = Find(request->service()); !s.ok()) return s;
    *response = diffs_[request->service()];
    response->set_hash(services_[request->service()].hash());
    if (request->has_to_hash() && !ignores_to_hash_) {
      response->mutable_to_commit()->set_hash(request->to_hash());
    }
    return Status::OK;
  }

  Status WatchServices(ServerContext* context, const v1::WatchServicesRequest* request,
                       grpc::ServerWriter<v1::WatchServicesResponse>* writer) override {
    std::map<std::string, v1::Service> sent;
    bool initial_done = false;
    MutexLock lock(mutex_);
    if (Status s = Begin("WatchServices", *context); !s.ok()) return s;
    for (const std::string& name : request->services()) {
      if (Status s = Find(name); !s.ok()) return s;
    }
    while (!context->IsCancelled()) {
      std::vector<v1::WatchServicesResponse> news = News(*request, sent);
      if (!initial_done) {
        if (news.empty()) news.emplace_back();
        news.back().set_initial_done(true);
      }
      for (const auto& response : news) writer->Write(response);
      if (!initial_done) {
        initial_done = true;
        ++watches_;
        changed_.NotifyAll();
      }
      if (stopping_) return ToGrpcStatus(watches_end_);
      // Cancellation does not wake it, hence the short waits.
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
    }
    return Status::CANCELLED;
  }

 private:
  // Records the call, and answers what it was told to answer.
  Status Begin(const std::string& method, ServerContext& context, const std::string& reason = "")
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Call call{method, "", context.deadline() < std::chrono::system_clock::time_point::max(),
              reason};
    const auto user = context.client_metadata().find("gitops-user");
    if (user != context.client_metadata().end()) {
      call.user.assign(user->second.data(), user->second.size());
    }
    calls_.push_back(call);
    while (hanging_.contains(method) && !context.IsCancelled()) {
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
    }
    const auto failure = failures_.find(method);
    return failure == failures_.end() ? Status::OK : ToGrpcStatus(failure->second);
  }

  Status Find(const std::string& name) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (services_.contains(name)) return Status::OK;
    std::string known;
    for (const auto& [other, service] : services_) absl::StrAppend(&known, " ", other);
    return Status(grpc::NOT_FOUND, absl::StrCat("no service ", name, "; there are", known));
  }

  static std::optional<std::string> FindRevision(const v1::Service& service,
                                                 const std::string& hash) {
    for (const std::string& revision : service.revisions()) {
      if (absl::StartsWith(revision, hash)) return revision;
    }
    return std::nullopt;
  }

  void Move(const std::string& hash, v1::ServiceState state, const std::string& info,
            v1::Service& service) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    service.set_state(failed_move_.has_value() ? failed_move_->first : state);
    service.set_state_info(failed_move_.has_value() ? failed_move_->second : info);
    if (!failed_move_.has_value()) service.set_hash(hash);
  }

  const v1::Service& Change(v1::Service service) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    service.set_generation(++generation_);
    v1::Service& stored = services_[service.service()] = service;
    changed_.NotifyAll();
    return stored;
  }

  static v1::Service Listed(v1::Service service) {
    service.clear_revisions();
    service.clear_changes();
    return service;
  }

  // What `sent` does not have yet, and then has.
  std::vector<v1::WatchServicesResponse> News(const v1::WatchServicesRequest& request,
                                              std::map<std::string, v1::Service>& sent) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::vector<v1::WatchServicesResponse> news;
    for (const auto& [name, service] : services_) {
      const auto& wanted = request.services();
      if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end())
        continue;
      const auto known = sent.find(name);
      if (known != sent.end() && known->second.generation() == service.generation()) continue;
      *news.emplace_back().mutable_service() = sent[name] = Listed(service);
    }
    for (auto it = sent.begin(); it != sent.end();) {
      if (services_.contains(it->first)) {
        ++it;
        continue;
      }
      *news.emplace_back().mutable_service() = it->second;
      news.back().set_removed(true);
      it = sent.erase(it);
    }
    return news;
  }

  static size_t PageBegin(const std::string& token) {
    size_t begin = 0;
    return absl::SimpleAtoi(token, &begin) ? begin : 0;
  }

  std::string NextPage(size_t begin, size_t total) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return begin + page_size_ < total ? absl::StrCat(begin + page_size_) : "";
  }

  std::string address_;
  mutable Mutex mutex_;
  CondVar changed_;
  size_t page_size_ ABSL_GUARDED_BY(mutex_) = 1000;
  int64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
  int watches_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status watches_end_ ABSL_GUARDED_BY(mutex_);
  bool ignores_to_hash_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<std::pair<v1::ServiceState, std::string>> failed_move_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::Machine> machines_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Service> services_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::DiffServiceResponse> diffs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Status> failures_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> hanging_ ABSL_GUARDED_BY(mutex_);
  std::vector<Call> calls_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::unique_ptr<FakeAgent> FakeAgent::Start() { return std::make_unique<FakeAgentService>(); }

}  // namespace gitops::ctl
