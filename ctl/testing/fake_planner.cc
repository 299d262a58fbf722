#include "ctl/testing/fake_planner.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/status.h"
#include "common/sync/mutex.h"
#include "ctl/testing/fake_parts.h"
#include "gitops/v1/hooks.grpc.pb.h"
#include "gitops/v1/planner.grpc.pb.h"

namespace gitops::ctl {
namespace {

using grpc::ServerContext;
using grpc::Status;

class FakePlannerService : public FakePlanner,
                           public v1::PlannerService::Service,
                           public v1::HookDispatcherService::Service {
 public:
  FakePlannerService() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(static_cast<v1::PlannerService::Service*>(this));
    builder.RegisterService(static_cast<v1::HookDispatcherService::Service*>(this));
    server_ = builder.BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }

  ~FakePlannerService() override {
    EndWatches(absl::UnavailableError("the planner is stopping"));
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  std::string address() const override { return address_; }

  void SetPageSize(int size) override {
    MutexLock lock(mutex_);
    page_size_ = size;
  }
  void PutHost(const v1::Host& host) override {
    MutexLock lock(mutex_);
    hosts_[host.host()] = host;
    changed_.NotifyAll();
  }
  void PutService(const v1::Service& service) override {
    MutexLock lock(mutex_);
    services_[{service.host(), service.service()}] = service;
    changed_.NotifyAll();
  }
  void RemoveService(const std::string& host, const std::string& service) override {
    MutexLock lock(mutex_);
    services_.erase({host, service});
    changed_.NotifyAll();
  }
  void PutDeployment(const v1::Deployment& deployment) override {
    MutexLock lock(mutex_);
    deployments_[deployment.id()] = deployment;
    latest_ = deployment.id();
    changed_.NotifyAll();
  }
  void RemoveDeployment(const std::string& id) override {
    MutexLock lock(mutex_);
    deployments_.erase(id);
    changed_.NotifyAll();
  }
  void SetPlan(const v1::Plan& plan) override {
    MutexLock lock(mutex_);
    plan_ = plan;
  }
  void SetOutcomes(const std::vector<v1::HostOutcome>& outcomes) override {
    MutexLock lock(mutex_);
    outcomes_ = outcomes;
  }
  void AddDamagedRecord(const std::string& key, const std::string& kind) override {
    MutexLock lock(mutex_);
    damaged_[key] = kind;
  }

  void PutDebugInfo(const std::string& host, const v1::DebugInfo& info) override {
    MutexLock lock(mutex_);
    debug_infos_[host] = info;
  }
  void AddHook(const v1::Hook& hook) override {
    MutexLock lock(mutex_);
    hooks_.push_back(hook);
  }
  void SetHookTest(const v1::TestHooksResponse& response) override {
    MutexLock lock(mutex_);
    hook_test_ = response;
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
    ++endings_;
    changed_.NotifyAll();
  }
  bool WaitForWatches(int count) override {
    const auto deadline = After(std::chrono::seconds(20));
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

  Status ListHosts(ServerContext* context, const v1::ListHostsRequest* request,
                   v1::ListHostsResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListHosts", *context, *request); !s.ok()) return s;
    std::vector<v1::Host> all;
    for (const auto& [name, host] : hosts_) {
      if (IsSelected(request->selection(), name)) all.push_back(host);
    }
    response->set_next_page_token(
        Page(all, request->page_token(), [&] { return response->add_hosts(); }));
    return Status::OK;
  }

  Status GetHost(ServerContext* context, const v1::GetHostRequest* request,
                 v1::GetHostResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("GetHost", *context, *request); !s.ok()) return s;
    const auto host = hosts_.find(request->host());
    if (host == hosts_.end()) {
      return Status(grpc::NOT_FOUND, absl::StrCat("no host ", request->host()));
    }
    *response->mutable_host() = host->second;
    return Status::OK;
  }

  Status AcknowledgeHost(ServerContext* context, const v1::AcknowledgeHostRequest* request,
                         v1::AcknowledgeHostResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("AcknowledgeHost", *context, *request); !s.ok()) return s;
    const auto host = hosts_.find(request->host());
    if (host == hosts_.end()) {
      return Status(grpc::NOT_FOUND, absl::StrCat("no host ", request->host()));
    }
    host->second.clear_failed_health();
    for (auto& [key, service] : services_) {
      if (key.first == request->host()) service.clear_failed_health();
    }
    *response->mutable_host() = host->second;
    changed_.NotifyAll();
    return Status::OK;
  }

  Status GetDebugInfo(ServerContext* context, const v1::GetDebugInfoRequest* request,
                      v1::GetDebugInfoResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("GetDebugInfo", *context, *request); !s.ok()) return s;
    const auto info = debug_infos_.find(request->host());
    if (info == debug_infos_.end()) {
      return Status(grpc::NOT_FOUND, absl::StrCat("no host ", request->host()));
    }
    *response->mutable_info() = info->second;
    return Status::OK;
  }

  Status ListLocks(ServerContext* context, const v1::ListLocksRequest* request,
                   v1::ListLocksResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListLocks", *context, *request); !s.ok()) return s;
    std::vector<v1::HostLock> all;
    for (const auto& [name, host] : hosts_) {
      if (host.has_lock()) all.push_back(host.lock());
    }
    response->set_next_page_token(
        Page(all, request->page_token(), [&] { return response->add_locks(); }));
    return Status::OK;
  }

  Status ListFleetServices(ServerContext* context, const v1::ListFleetServicesRequest* request,
                           v1::ListFleetServicesResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListFleetServices", *context, *request); !s.ok()) return s;
    std::vector<v1::Service> all;
    for (const auto& [key, service] : services_) {
      const bool wanted = request->service().empty() || request->service() == key.second;
      if (wanted && IsSelected(request->selection(), key.first)) all.push_back(service);
    }
    response->set_next_page_token(
        Page(all, request->page_token(), [&] { return response->add_services(); }));
    return Status::OK;
  }

  Status WatchFleet(ServerContext* context, const v1::WatchFleetRequest* request,
                    grpc::ServerWriter<v1::WatchFleetResponse>* writer) override {
    std::map<std::string, std::string> sent;  // serialized
    std::map<std::string, v1::Service> known;
    MutexLock lock(mutex_);
    if (Status s = Begin("WatchFleet", *context, *request); !s.ok()) return s;
    return Watch(*context, *writer, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      std::vector<v1::WatchFleetResponse> news;
      for (const auto& [name, host] : hosts_) {
        if (!IsSelected(request->selection(), name) || !IsNews(name, host, sent)) continue;
        *news.emplace_back().mutable_host() = host;
      }
      for (const auto& [key, service] : services_) {
        const std::string name = absl::StrCat(key.first, "/", key.second);
        const bool wanted = (request->service().empty() || request->service() == key.second) &&
                            IsSelected(request->selection(), key.first);
        if (!wanted || !IsNews(name, service, sent)) continue;
        *news.emplace_back().mutable_service() = known[name] = service;
      }
      for (auto it = known.begin(); it != known.end();) {
        if (services_.contains({it->second.host(), it->second.service()})) {
          ++it;
          continue;
        }
        *news.emplace_back().mutable_service() = it->second;
        news.back().set_removed(true);
        it = known.erase(it);
      }
      return news;
    });
  }

  Status FreezeServices(ServerContext* context, const v1::FreezeServicesRequest* request,
                        grpc::ServerWriter<v1::FreezeServicesResponse>* writer) override {
    return AnswerOutcomes("FreezeServices", context, request, writer);
  }
  Status UnfreezeServices(ServerContext* context, const v1::UnfreezeServicesRequest* request,
                          grpc::ServerWriter<v1::UnfreezeServicesResponse>* writer) override {
    return AnswerOutcomes("UnfreezeServices", context, request, writer);
  }
  Status RollbackServices(ServerContext* context, const v1::RollbackServicesRequest* request,
                          grpc::ServerWriter<v1::RollbackServicesResponse>* writer) override {
    return AnswerOutcomes("RollbackServices", context, request, writer);
  }
  Status PullServices(ServerContext* context, const v1::PullServicesRequest* request,
                      grpc::ServerWriter<v1::PullServicesResponse>* writer) override {
    return AnswerOutcomes("PullServices", context, request, writer);
  }
  Status DiffServices(ServerContext* context, const v1::DiffServicesRequest* request,
                      grpc::ServerWriter<v1::DiffServicesResponse>* writer) override {
    return AnswerOutcomes("DiffServices", context, request, writer);
  }
  Status GetServices(ServerContext* context, const v1::GetServicesRequest* request,
                     grpc::ServerWriter<v1::GetServicesResponse>* writer) override {
    return AnswerOutcomes("GetServices", context, request, writer);
  }

  Status CreatePlan(ServerContext* context, const v1::CreatePlanRequest* request,
                    v1::CreatePlanResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("CreatePlan", *context, *request); !s.ok()) return s;
    *response->mutable_plan() = plan_;
    *response->mutable_plan()->mutable_spec() = request->spec();
    response->set_next_host_page_token(FirstPage(plan_, *response->mutable_plan()));
    return Status::OK;
  }

  Status ListPlanHosts(ServerContext* context, const v1::ListPlanHostsRequest* request,
                       v1::ListPlanHostsResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListPlanHosts", *context, *request); !s.ok()) return s;
    response->set_next_page_token(
        Page(plan_.hosts(), request->page_token(), [&] { return response->add_hosts(); }));
    return Status::OK;
  }

  Status CreateDeployment(ServerContext* context, const v1::CreateDeploymentRequest* request,
                          v1::CreateDeploymentResponse* response) override {
    return AnswerLatest("CreateDeployment", context, request, response);
  }
  Status ResumeDeployment(ServerContext* context, const v1::ResumeDeploymentRequest* request,
                          v1::ResumeDeploymentResponse* response) override {
    return AnswerLatest("ResumeDeployment", context, request, response);
  }
  Status RollbackDeployment(ServerContext* context, const v1::RollbackDeploymentRequest* request,
                            v1::RollbackDeploymentResponse* response) override {
    return AnswerLatest("RollbackDeployment", context, request, response);
  }
  Status CancelDeployment(ServerContext* context, const v1::CancelDeploymentRequest* request,
                          v1::CancelDeploymentResponse* response) override {
    return AnswerLatest("CancelDeployment", context, request, response);
  }

  Status GetDeployment(ServerContext* context, const v1::GetDeploymentRequest* request,
                       v1::GetDeploymentResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("GetDeployment", *context, *request); !s.ok()) return s;
    if (Status s = Find(request->id()); !s.ok()) return s;
    const v1::Deployment& deployment = deployments_[request->id()];
    *response->mutable_deployment() = deployment;
    response->set_next_host_page_token(FirstPage(deployment, *response->mutable_deployment()));
    return Status::OK;
  }

  Status ListDeploymentHosts(ServerContext* context, const v1::ListDeploymentHostsRequest* request,
                             v1::ListDeploymentHostsResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListDeploymentHosts", *context, *request); !s.ok()) return s;
    if (Status s = Find(request->id()); !s.ok()) return s;
    response->set_next_page_token(Page(deployments_[request->id()].hosts(), request->page_token(),
                                       [&] { return response->add_hosts(); }));
    return Status::OK;
  }

  Status ListDeployments(ServerContext* context, const v1::ListDeploymentsRequest* request,
                         v1::ListDeploymentsResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListDeployments", *context, *request); !s.ok()) return s;
    std::vector<v1::Deployment> all;
    for (auto it = deployments_.rbegin(); it != deployments_.rend(); ++it) {
      all.push_back(WithoutHosts(it->second));
    }
    response->set_next_page_token(
        Page(all, request->page_token(), [&] { return response->add_deployments(); }));
    return Status::OK;
  }

  Status WatchDeployments(ServerContext* context, const v1::WatchDeploymentsRequest* request,
                          grpc::ServerWriter<v1::WatchDeploymentsResponse>* writer) override {
    std::map<std::string, std::string> sent;  // serialized
    MutexLock lock(mutex_);
    if (Status s = Begin("WatchDeployments", *context, *request); !s.ok()) return s;
    return Watch(*context, *writer, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      std::vector<v1::WatchDeploymentsResponse> news;
      for (auto it = deployments_.rbegin(); it != deployments_.rend(); ++it) {
        const v1::Deployment bare = WithoutHosts(it->second);
        if (IsNews(it->first, bare, sent)) *news.emplace_back().mutable_deployment() = bare;
      }
      for (auto it = sent.begin(); it != sent.end();) {
        if (deployments_.contains(it->first)) {
          ++it;
          continue;
        }
        news.emplace_back().mutable_deployment()->set_id(it->first);
        news.back().set_removed(true);
        it = sent.erase(it);
      }
      return news;
    });
  }

  Status WatchDeployment(ServerContext* context, const v1::WatchDeploymentRequest* request,
                         grpc::ServerWriter<v1::WatchDeploymentResponse>* writer) override {
    std::map<std::string, std::string> sent;  // serialized
    MutexLock lock(mutex_);
    if (Status s = Begin("WatchDeployment", *context, *request); !s.ok()) return s;
    if (Status s = Find(request->id()); !s.ok()) return s;
    return Watch(*context, *writer, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      std::vector<v1::WatchDeploymentResponse> news;
      const v1::Deployment& deployment = deployments_[request->id()];
      const v1::Deployment bare = WithoutHosts(deployment);
      if (IsNews("", bare, sent)) *news.emplace_back().mutable_deployment() = bare;
      for (const v1::HostDeployment& host : deployment.hosts()) {
        if (IsNews(host.host(), host, sent)) *news.emplace_back().mutable_host() = host;
      }
      return news;
    });
  }

  Status BreakLock(ServerContext* context, const v1::BreakLockRequest* request,
                   v1::BreakLockResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("BreakLock", *context, *request); !s.ok()) return s;
    const auto host = hosts_.find(request->host());
    if (host == hosts_.end() || !host->second.has_lock()) {
      return Status(grpc::NOT_FOUND, absl::StrCat(request->host(), " is not locked"));
    }
    *response->mutable_lock() = host->second.lock();
    host->second.clear_lock();
    return Status::OK;
  }

  Status ListDamagedRecords(ServerContext* context, const v1::ListDamagedRecordsRequest* request,
                            v1::ListDamagedRecordsResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListDamagedRecords", *context, *request); !s.ok()) return s;
    for (const auto& [key, kind] : damaged_) {
      v1::DamagedRecord& record = *response->add_records();
      record.set_key(key);
      record.set_kind(kind);
    }
    return Status::OK;
  }

  Status RemoveDamagedRecord(ServerContext* context, const v1::RemoveDamagedRecordRequest* request,
                             v1::RemoveDamagedRecordResponse*) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("RemoveDamagedRecord", *context, *request); !s.ok()) return s;
    if (damaged_.erase(request->key()) > 0) return Status::OK;
    return Status(grpc::NOT_FOUND, absl::StrCat("there is no record ", request->key()));
  }

  Status ListFleetHooks(ServerContext* context, const v1::ListFleetHooksRequest* request,
                        v1::ListFleetHooksResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListFleetHooks", *context, *request); !s.ok()) return s;
    for (const v1::Hook& hook : hooks_) *response->add_hooks() = hook;
    return Status::OK;
  }

  Status TestHooks(ServerContext* context, const v1::TestHooksRequest* request,
                   v1::TestHooksResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("TestHooks", *context, *request); !s.ok()) return s;
    *response = hook_test_;
    return Status::OK;
  }

  Status ListHooks(ServerContext* context, const v1::ListHooksRequest* request,
                   v1::ListHooksResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("ListHooks", *context, *request); !s.ok()) return s;
    for (const v1::Hook& hook : hooks_) *response->add_hooks() = hook;
    return Status::OK;
  }

  Status DispatchHook(ServerContext* context, const v1::DispatchHookRequest* request,
                      v1::DispatchHookResponse* response) override {
    MutexLock lock(mutex_);
    if (Status s = Begin("DispatchHook", *context, *request); !s.ok()) return s;
    *response->mutable_hosts() = hook_test_.hosts();
    *response->mutable_calls() = hook_test_.calls();
    if (hook_test_.has_failure()) *response->mutable_failure() = hook_test_.failure();
    return Status::OK;
  }

 private:
  // Records the call, and answers what it was told to answer.
  Status Begin(const std::string& method, ServerContext& context,
               const google::protobuf::Message& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Call call{.method = method,
              .user = "",
              .has_deadline = context.deadline() < std::chrono::system_clock::time_point::max(),
              .request = {},
              .request_id = ""};
    const std::unique_ptr<google::protobuf::Message> shown(request.New());
    shown->CopyFrom(request);
    if (const auto* id = request.GetDescriptor()->FindFieldByName("request_id"); id != nullptr) {
      call.request_id = request.GetReflection()->GetString(request, id);
      shown->GetReflection()->ClearField(shown.get(), id);
    }
    call.request = RecordedRequest(*shown);
    const auto user = context.client_metadata().find("gitops-user");
    if (user != context.client_metadata().end()) {
      call.user.assign(user->second.data(), user->second.size());
    }
    calls_.push_back(call);
    while (hanging_.contains(method) && !context.IsCancelled()) {
      changed_.WaitUntil(mutex_, After(std::chrono::milliseconds(20)));
    }
    const auto failure = failures_.find(method);
    return failure == failures_.end() ? Status::OK : ToGrpcStatus(failure->second);
  }

  Status Find(const std::string& id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (deployments_.contains(id)) return Status::OK;
    return Status(grpc::NOT_FOUND, absl::StrCat("no deployment ", id));
  }

  // Writes what `news` answers, first and whenever something changed, until the watch ends.
  template <typename Response, typename News>
  Status Watch(ServerContext& context, grpc::ServerWriter<Response>& writer, const News& news)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const int endings = endings_;
    bool initial_done = false;
    while (!context.IsCancelled()) {
      std::vector<Response> responses = news();
      if (!initial_done) {
        if (responses.empty()) responses.emplace_back();
        responses.back().set_initial_done(true);
      }
      for (const Response& response : responses) writer.Write(response);
      if (!initial_done) ++watches_;
      initial_done = true;
      changed_.NotifyAll();
      if (endings_ != endings) return ToGrpcStatus(watches_end_);
      // Cancellation does not wake it, hence the short waits.
      changed_.WaitUntil(mutex_, After(std::chrono::milliseconds(20)));
    }
    return Status::CANCELLED;
  }

  template <typename Request, typename Response>
  Status AnswerOutcomes(const std::string& method, ServerContext* context, const Request* request,
                        grpc::ServerWriter<Response>* writer) {
    MutexLock lock(mutex_);
    if (Status s = Begin(method, *context, *request); !s.ok()) return s;
    // Those that come in last are the first of the selection.
    for (size_t i = outcomes_.size(); i > 0; --i) {
      Response response;
      *response.mutable_outcome() = outcomes_[i - 1];
      response.mutable_outcome()->set_number(static_cast<int>(i));
      writer->Write(response);
    }
    return Status::OK;
  }

  template <typename Request, typename Response>
  Status AnswerLatest(const std::string& method, ServerContext* context, const Request* request,
                      Response* response) {
    MutexLock lock(mutex_);
    if (Status s = Begin(method, *context, *request); !s.ok()) return s;
    *response->mutable_deployment() = WithoutHosts(deployments_[latest_]);
    return Status::OK;
  }

  // Leaves the hosts of the first page, and returns the token of the next.
  template <typename Whole>
  std::string FirstPage(const Whole& whole, Whole& shown) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    shown.clear_hosts();
    return Page(whole.hosts(), "", [&] { return shown.add_hosts(); });
  }

  // Fills one page, and returns the token of the next.
  template <typename Elements, typename Add>
  std::string Page(const Elements& all, const std::string& token, const Add& add) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    size_t begin = 0;
    if (!absl::SimpleAtoi(token, &begin)) begin = 0;
    const size_t size = static_cast<size_t>(all.size());
    const size_t end = std::min(size, begin + page_size_);
    for (size_t i = begin; i < end; ++i) *add() = all[static_cast<int>(i)];
    return end < size ? absl::StrCat(end) : "";
  }

  std::string address_;
  mutable Mutex mutex_;
  CondVar changed_;
  size_t page_size_ ABSL_GUARDED_BY(mutex_) = 1000;
  int watches_ ABSL_GUARDED_BY(mutex_) = 0;
  int endings_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status watches_end_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Host> hosts_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, v1::Service> services_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Deployment> deployments_ ABSL_GUARDED_BY(mutex_);
  std::string latest_ ABSL_GUARDED_BY(mutex_);
  v1::Plan plan_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::HostOutcome> outcomes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::DebugInfo> debug_infos_ ABSL_GUARDED_BY(mutex_);  // by host
  std::vector<v1::Hook> hooks_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> damaged_ ABSL_GUARDED_BY(mutex_);  // kinds by key
  v1::TestHooksResponse hook_test_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Status> failures_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> hanging_ ABSL_GUARDED_BY(mutex_);
  std::vector<Call> calls_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::unique_ptr<FakePlanner> FakePlanner::Start() { return std::make_unique<FakePlannerService>(); }

}  // namespace gitops::ctl
