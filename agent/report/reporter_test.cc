// The reporter against a planner that does what the test says, on a real socket; its time is the
// test's.
#include "agent/report/reporter.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/fake_clock.h"
#include "common/rpc/server.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "gitops/v1/report.grpc.pb.h"

namespace gitops {
namespace {

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
    return !refusing_;
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<v1::ReportRequest> told_ ABSL_GUARDED_BY(mutex_);
  int streams_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hanging_ ABSL_GUARDED_BY(mutex_) = false;
  bool refusing_ ABSL_GUARDED_BY(mutex_) = false;
};

class ReporterTest : public testing::Test {
 protected:
  ReporterTest() { Serve("127.0.0.1:0"); }
  ~ReporterTest() override {
    reporter_.reset();
    scheduler_.reset();
    planner_.Hang(false);
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

  bool connected() {
    MutexLock lock(mutex_);
    return connected_;
  }
  bool AwaitConnected() {
    return Eventually([&] { return connected(); });
  }
  // What the planner believes: the newest of what it was told.
  std::map<std::string, std::string> Believed() {
    std::map<std::string, std::string> believed;
    for (const v1::ReportRequest& request : planner_.told()) {
      if (request.has_hello()) believed.clear();
      for (const auto& s : request.hello().services()) believed[s.service()] = s.hash();
      for (const auto& s : request.changed().services()) believed[s.service()] = s.hash();
      for (const auto& name : request.changed().removed()) believed.erase(name);
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

using Services = std::map<std::string, std::string>;

TEST_F(ReporterTest, TheHelloHoldsEverythingAndChangesFollowAtOnce) {
  Set("nginx", "a");
  Set("db", "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  EXPECT_EQ(Believed(), (Services{{"db", "a"}, {"nginx", "a"}}));
  Set("nginx", "b");
  Remove("db");
  // No time passes on the agent's clock.
  EXPECT_TRUE(Eventually([&] { return Believed() == Services{{"nginx", "b"}}; }));
  EXPECT_EQ(planner_.streams(), 1);
}

TEST_F(ReporterTest, HeartbeatsComeWithinTheIntervalThatThePlannerAsksFor) {
  Start();
  ASSERT_TRUE(AwaitConnected());
  // 30 s, less half of a third.
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(25)));
  clock_.Advance(absl::Milliseconds(24'900));
  EXPECT_EQ(planner_.Heartbeats(), 0);
  clock_.Advance(absl::Milliseconds(200));
  EXPECT_TRUE(Eventually([&] { return planner_.Heartbeats() == 1; }));
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(24)));
  // What is said anyway is a sign of life too.
  clock_.Advance(absl::Seconds(20));
  Set("nginx", "b");
  ASSERT_TRUE(Eventually([&] { return Believed().contains("nginx"); }));
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(25)));
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(planner_.Heartbeats(), 1);
}

TEST_F(ReporterTest, AClockThatIsSetChangesNoPause) {
  Start();
  ASSERT_TRUE(AwaitConnected());
  const absl::Duration pause = absl::Seconds(25);
  ASSERT_EQ(clock_.AwaitDeadlineBy(clock_.Now() + pause), clock_.Now() + pause);
  for (const absl::Duration step : {-absl::Hours(1), absl::Hours(2)}) {
    clock_.SetTime(clock_.Now() + step);
    // Has the reporter look at the time.
    const std::string hash = absl::FormatDuration(step);
    Set("nginx", hash);
    ASSERT_TRUE(Eventually([&] { return Believed()["nginx"] == hash; }));
    ASSERT_EQ(clock_.AwaitDeadlineBy(clock_.Now() + pause), clock_.Now() + pause);
    EXPECT_EQ(planner_.Heartbeats(), 0);
  }
  clock_.Advance(pause);
  EXPECT_TRUE(Eventually([&] { return planner_.Heartbeats() == 1; }));
}

TEST_F(ReporterTest, WhatChangedWhileThePlannerWasAwayIsThereWhenItIsBack) {
  Set("nginx", "a");
  Set("db", "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  StopPlanner();
  ASSERT_TRUE(Eventually([&] { return !connected(); }));
  Set("nginx", "b");
  Set("nginx", "c");
  Remove("db");
  Set("new", "a");
  Serve(address_);
  clock_.Advance(AwaitBackOff());
  EXPECT_TRUE(AwaitConnected());
  EXPECT_EQ(Believed(), (Services{{"new", "a"}, {"nginx", "c"}}));
}

TEST_F(ReporterTest, APlannerThatRefusesIsAskedLessAndLess) {
  planner_.Refuse(true);
  Start();
  int streams = 0;
  absl::Duration pause;
  for (const double seconds : {0.6, 1.1, 2.1, 4.1, 5.1, 5.1}) {  // random is 0.5
    clock_.Advance(pause);
    ++streams;
    ASSERT_TRUE(Eventually([&] { return planner_.streams() == streams; })) << streams;
    pause = AwaitBackOff();
    EXPECT_EQ(pause, absl::Seconds(seconds)) << streams;
  }
  EXPECT_FALSE(connected());
  planner_.Refuse(false);
  clock_.Advance(pause);
  EXPECT_TRUE(AwaitConnected());
}

TEST_F(ReporterTest, APlannerThatHangsIsGivenUpAndHoldsUpNobody) {
  planner_.Hang(true);
  Start();
  ASSERT_TRUE(Eventually([&] { return planner_.streams() == 1; }));
  // The planner hangs until it is told not to: if it held these up, the test would never end.
  for (int i = 0; i < 1000; ++i) Set("nginx", std::to_string(i));
  clock_.Advance(absl::Seconds(10));
  const absl::Duration pause = AwaitBackOff();
  planner_.Hang(false);
  clock_.Advance(pause);
  ASSERT_TRUE(AwaitConnected());
  EXPECT_EQ(planner_.streams(), 2);
  EXPECT_TRUE(Eventually([&] { return Believed()["nginx"] == "999"; }));
}

TEST_F(ReporterTest, RenewBeginsAnewAtOnce) {
  Set("nginx", "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  reporter_->Renew();
  EXPECT_TRUE(Eventually([&] { return planner_.streams() == 2; }));
  EXPECT_TRUE(AwaitConnected());
}

TEST_F(ReporterTest, StopsWhateverThePlannerDoes) {
  for (const bool hanging : {false, true}) {
    planner_.Hang(hanging);
    const int before = planner_.streams();
    Start();
    ASSERT_TRUE(Eventually([&] { return planner_.streams() > before; }));
    reporter_->Stop();
    EXPECT_FALSE(connected());
    Set("nginx", "after the end");
    reporter_.reset();
    planner_.Hang(false);
  }
  StopPlanner();
  Start();
  reporter_.reset();
}

TEST(NewReporterTest, AddressesThatCannotBeDialledAreRefused) {
  FakeClock clock;
  for (const char* bad : {"nonsense:port", ":8001", "planner.example:8001"}) {
    EXPECT_FALSE(Reporter::New({.planner = bad, .clock = &clock}).ok()) << bad;
  }
}

}  // namespace
}  // namespace gitops
