// What tests of the reporter share: a planner that does what the test says, on a real socket; its
// time is the test's.
#ifndef GITOPS_AGENT_REPORT_REPORTER_TEST_BASE_H_
#define GITOPS_AGENT_REPORT_REPORTER_TEST_BASE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/report/reporter.h"
#include "common/clock/fake_clock.h"
#include "common/rpc/server.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "gitops/v1/report.grpc.pb.h"

namespace gitops {

// Keeps what it is told, and answers the hello unless it is told to hang.
class FakePlanner : public v1::ReportService::Service {
 public:
  grpc::Status Report(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ReportResponse, v1::ReportRequest>* stream) override {
    const int number = BeginStream();
    v1::ReportRequest request;
    while (stream->Read(&request)) {
      if (!Note(number, request)) {
        return grpc::Status(grpc::RESOURCE_EXHAUSTED, "too many agents");
      }
      v1::ReportResponse response;
      response.mutable_heartbeat_interval()->set_seconds(30);
      response.set_takes_tips(takes_tips());
      if (request.has_hello()) stream->Write(response);
    }
    return grpc::Status::OK;
  }

  // Streams hang until it is over, also when their agents have given them up.
  void Hang(bool hanging) {
    MutexLock lock(mutex_);
    hanging_ = hanging;
    changed_.NotifyAll();
  }
  void Refuse(bool refusing) {
    MutexLock lock(mutex_);
    refusing_ = refusing;
  }
  // As one of the time before TipVerified.
  void BeOld() {
    MutexLock lock(mutex_);
    takes_tips_ = false;
  }
  // Reads nothing from the newest stream until it is over.
  void HoldReads(bool held) {
    MutexLock lock(mutex_);
    reads_held_ = held;
    changed_.NotifyAll();
  }
  int streams() {
    MutexLock lock(mutex_);
    return streams_;
  }
  // On the newest stream.
  std::vector<v1::ReportRequest> told() {
    MutexLock lock(mutex_);
    return told_;
  }
  int Heartbeats() {
    int heartbeats = 0;
    for (const v1::ReportRequest& request : told()) heartbeats += request.has_heartbeat() ? 1 : 0;
    return heartbeats;
  }

 private:
  int BeginStream() {
    MutexLock lock(mutex_);
    const int number = ++streams_;
    told_.clear();
    while (hanging_) changed_.Wait(mutex_);
    return number;
  }

  bool Note(int stream, const v1::ReportRequest& request) {
    MutexLock lock(mutex_);
    if (stream == streams_) told_.push_back(request);
    while (reads_held_) changed_.Wait(mutex_);
    return !refusing_;
  }
  bool takes_tips() {
    MutexLock lock(mutex_);
    return takes_tips_;
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<v1::ReportRequest> told_ ABSL_GUARDED_BY(mutex_);
  int streams_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hanging_ ABSL_GUARDED_BY(mutex_) = false;
  bool refusing_ ABSL_GUARDED_BY(mutex_) = false;
  bool takes_tips_ ABSL_GUARDED_BY(mutex_) = true;
  bool reads_held_ ABSL_GUARDED_BY(mutex_) = false;
};

class ReporterTest : public testing::Test {
 protected:
  ReporterTest() { Serve("127.0.0.1:0"); }
  ~ReporterTest() override {
    reporter_.reset();
    scheduler_.reset();
    planner_.Hang(false);
    planner_.HoldReads(false);
  }

  void Serve(const std::string& listen) {
    auto server = RpcServer::Start({.listen = listen, .services = {&planner_}});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    address_ = server_->address();
  }
  void StopPlanner() {
    server_->Shutdown(absl::ZeroDuration());
    server_.reset();
  }

  void Start() {
    scheduler_ = NewScheduler(&clock_, 1);
    auto reporter =
        Reporter::New({.planner = address_,
                       .hello = [this] { return Hello(); },
                       .service = [this](const std::string& name) { return Find(name); },
                       .config =
                           [] {
                             v1::ConfigStatus config;
                             config.set_hash("f00");
                             return config;
                           },
                       .on_connected =
                           [this](bool connected) {
                             MutexLock lock(mutex_);
                             connected_ = connected;
                           },
                       .random = [] { return 0.5; },
                       .clock = &clock_,
                       .scheduler = scheduler_.get()});
    ASSERT_TRUE(reporter.ok()) << reporter.status();
    reporter_ = *std::move(reporter);
    reporter_->Start();
  }

  void Set(const std::string& service, const std::string& hash) {
    {
      MutexLock lock(mutex_);
      services_[service] = hash;
    }
    if (reporter_ != nullptr) reporter_->Changed(service);
  }
  // Moves these with a tip; `others` follow its branch too.
  MovedServices Move(const std::vector<std::string>& services, const std::string& hash,
                     const std::vector<std::string>& others = {}) {
    MovedServices moved;
    moved.tip.set_upstream("https://git.example/ops.git");
    moved.tip.set_branch("main");
    moved.tip.set_hash(hash);
    for (const std::string& other : others) moved.tip.add_except(other);
    moved.names = services;
    MutexLock lock(mutex_);
    for (const std::string& service : services) services_[service] = hash;
    return moved;
  }
  void Remove(const std::string& service) {
    {
      MutexLock lock(mutex_);
      services_.erase(service);
    }
    reporter_->Changed(service);
  }

  v1::Hello Hello() {
    v1::Hello hello;
    hello.add_names("web1");
    MutexLock lock(mutex_);
    for (const auto& [name, hash] : services_) *hello.add_services() = Make(name, hash);
    return hello;
  }
  std::optional<v1::Service> Find(const std::string& name) {
    MutexLock lock(mutex_);
    const auto found = services_.find(name);
    if (found == services_.end()) return std::nullopt;
    return Make(name, found->second);
  }
  static v1::Service Make(const std::string& name, const std::string& hash) {
    v1::Service service;
    service.set_host("web1");
    service.set_service(name);
    service.set_hash(hash);
    return service;
  }

  std::map<std::string, std::string> services() {
    MutexLock lock(mutex_);
    return services_;
  }
  bool connected() {
    MutexLock lock(mutex_);
    return connected_;
  }
  bool AwaitConnected() {
    return Eventually([&] { return connected(); });
  }
  static bool Contains(const google::protobuf::RepeatedPtrField<std::string>& all,
                       const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  }
  // How often a service was told by itself, after the hello.
  int ToldAlone() {
    int told = 0;
    for (const v1::ReportRequest& request : planner_.told()) {
      told += request.changed().services_size();
    }
    return told;
  }
  // What the planner believes: the newest of what it was told.
  std::map<std::string, std::string> Believed() {
    std::map<std::string, std::string> believed;
    for (const v1::ReportRequest& request : planner_.told()) {
      if (request.has_hello()) believed.clear();
      for (const auto& s : request.hello().services()) believed[s.service()] = s.hash();
      for (const auto& s : request.changed().services()) believed[s.service()] = s.hash();
      for (const auto& name : request.changed().removed()) believed.erase(name);
      const auto& except = request.tip_verified().except();
      for (auto& [name, hash] : believed) {
        if (request.has_tip_verified() && !Contains(except, name)) {
          hash = request.tip_verified().hash();
        }
      }
    }
    return believed;
  }
  // Waits until the reporter has no stream, and for how long it is going to have none.
  absl::Duration AwaitBackOff() {
    // Less than it would wait for an answer.
    const absl::Time next = clock_.AwaitDeadlineBy(clock_.Now() + absl::Seconds(6));
    EXPECT_NE(next, absl::InfiniteFuture());
    return next - clock_.Now();
  }

  FakeClock clock_;
  FakePlanner planner_;
  std::string address_;
  std::unique_ptr<RpcServer> server_;
  Mutex mutex_;
  std::map<std::string, std::string> services_ ABSL_GUARDED_BY(mutex_);
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Reporter> reporter_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REPORT_REPORTER_TEST_BASE_H_
