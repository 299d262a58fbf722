#ifndef GITOPS_AGENT_CONTROLLER_HOST_AGENT_TEST_BASE_H_
#define GITOPS_AGENT_CONTROLLER_HOST_AGENT_TEST_BASE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/controller/fake_drivers.h"
#include "agent/controller/host_agent.h"
#include "agent/controller/told_planner.h"
#include "agent/record/record.h"
#include "common/clock/fake_clock.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "common/testing/eventually.h"

namespace gitops {

inline const std::string kA(40, 'a');
inline const std::string kB(40, 'b');
inline const std::string kC(40, 'c');

// A host agent on a host in memory, with a fake clock.
class HostAgentTest : public testing::Test {
 protected:
  HostAgentTest() { host_.Push("main", kA); }

  static ServiceSpec Spec(const std::string& service = "web") {
    ServiceSpec spec;
    spec.machine = "web1";
    spec.service = service;
    spec.poll = absl::Seconds(60);
    return spec;
  }

  void Start(const std::vector<ServiceSpec>& specs) {
    scheduler_ = NewScheduler(&clock_, 4);
    HostAgentOptions options;
    options.clock = &clock_;
    options.scheduler = scheduler_.get();
    options.pools = pools_;
    options.records = &records_;
    options.drivers = &host_;
    options.diff_texts = diff_texts_;
    if (planner_ != nullptr) planner_->Listen(options);
    agent_ = std::make_unique<HostAgent>(std::move(options));
    if (planner_ != nullptr) planner_->Attach(agent_.get());
    const absl::Status configured = agent_->Configure(specs);
    ASSERT_TRUE(configured.ok()) << configured;
  }

  void Restart(const std::vector<ServiceSpec>& specs) {
    agent_.reset();
    scheduler_.reset();
    Start(specs);
  }

  ServiceRecord Record(const std::string& service = "web") {
    auto controller = agent_->Find(service);
    return controller.ok() ? (*controller)->View().record : ServiceRecord{};
  }

  // Waits for a record; advances the clock by `step` if needed.
  bool Await(const std::function<bool(const ServiceRecord&)>& wanted,
             absl::Duration step = absl::ZeroDuration(), const std::string& service = "web") {
    const bool came = Eventually([&] {
      if (wanted(Record(service))) return true;
      if (step > absl::ZeroDuration()) clock_.Advance(step);
      return false;
    });
    if (!came) {
      ADD_FAILURE() << "state " << StateName(Record(service).state) << ", hash "
                    << Record(service).hash << ", info " << Record(service).info;
    }
    return came;
  }

  bool AwaitAt(const std::string& hash, State state = State::kOk) {
    return Await(
        [&](const ServiceRecord& r) {
          return r.hash == hash && r.state == state && r.pending.empty();
        },
        absl::Seconds(15));
  }

  std::shared_ptr<ServiceController> Web() { return *agent_->Find("web"); }

  FakeClock clock_;
  FakeHost host_;
  TempStore temp_;
  FaultyStore store_{temp_.store()};
  RecordStore records_{&store_};
  ToldPlanner* planner_ = nullptr;  // that listens
  std::unique_ptr<Scheduler> scheduler_;
  Pools pools_ = {};       // set before Start()
  TextDiffer diff_texts_;  // set before Start()
  std::unique_ptr<HostAgent> agent_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_HOST_AGENT_TEST_BASE_H_
