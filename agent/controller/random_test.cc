// Commands against polls, failures and stops, in random order. GITOPS_STEPS and GITOPS_SEED set how
// many and which; a failure names the seed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/controller/host_agent_test_base.h"
#include "agent/controller/told_planner.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

int64_t Setting(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  int64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

// Watches what one service shows: every state follows the one before it as state.h allows, and
// nobody is unfrozen who was not asked.
class Watcher {
 public:
  void See(const ServiceView& view) {
    MutexLock lock(mutex_);
    State state = view.record.state;
    if (view.record.info == "the first revision is being activated") state = State::kOk;
    if (last_.has_value() && *last_ != state && !MayFollow(*last_, state)) {
      Note(absl::StrCat(StateName(*last_), " -> ", StateName(state), ": ", view.record.info));
    }
    if (frozen_ && !view.record.frozen && !may_unfreeze_) Note("unfrozen by nobody");
    if (view.record.frozen && view.record.frozen_by == Actor()) Note("frozen by nobody");
    last_ = state;
    frozen_ = view.record.frozen;
  }
  // The agent restarts: what could not be stored is lost, so a move that had ended may not have.
  void Restarted() {
    MutexLock lock(mutex_);
    last_.reset();
  }
  void MayUnfreeze(bool may) {
    MutexLock lock(mutex_);
    may_unfreeze_ = may;
  }
  std::vector<std::string> wrong() {
    MutexLock lock(mutex_);
    return wrong_;
  }

 private:
  void Note(const std::string& what) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    wrong_.push_back(what);
  }

  Mutex mutex_;
  std::optional<State> last_ ABSL_GUARDED_BY(mutex_);
  bool frozen_ ABSL_GUARDED_BY(mutex_) = false;
  bool may_unfreeze_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> wrong_ ABSL_GUARDED_BY(mutex_);
};

class RandomTest : public testing::Test {
 protected:
  RandomTest() { Restart(); }
  ~RandomTest() override { Heal(); }

  static ServiceSpec Spec(const std::string& service) {
    ServiceSpec spec;
    spec.machine = "web1";
    spec.service = service;
    spec.poll = absl::Seconds(60);
    spec.tracking = service == "fleet" ? Tracking::kCoordinated : Tracking::kAuto;
    spec.drift = service == "web" ? DriftPolicy::kCorrect : DriftPolicy::kReport;
    spec.directories = {{.local = "/etc/x", .link = service}};
    return spec;
  }

  void Restart() {
    agent_.reset();
    for (auto& [name, watcher] : watchers_) watcher.Restarted();
    if (scheduler_ == nullptr) scheduler_ = NewScheduler(&clock_, 4);
    HostAgentOptions options;
    options.clock = &clock_;
    options.scheduler = scheduler_.get();
    options.records = &records_;
    options.drivers = &host_;
    options.on_change = [this](const std::string& service, const ServiceView& view, bool) {
      watchers_.at(service).See(view);
    };
    planner_.Listen(options);
    agent_ = std::make_unique<HostAgent>(std::move(options));
    planner_.Attach(agent_.get());
    ASSERT_EQ(agent_->Configure({Spec("web"), Spec("db"), Spec("fleet")}), absl::OkStatus());
  }

  int Roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(random_); }
  std::string Revision() { return std::string(40, static_cast<char>('a' + Roll(6))); }
  std::string Service() { return std::vector<std::string>{"web", "db", "fleet"}[Roll(3)]; }
  absl::Status Fault() {
    return Roll(2) == 0 ? absl::OkStatus() : absl::FailedPreconditionError("told to fail");
  }
  // So that nobody waits for what is held for ever.
  Patience Impatient() {
    auto looks = std::make_shared<std::atomic<int>>(0);
    return {.cancelled = [looks] { return ++*looks > 3; }};
  }

  void Heal() {
    store_.Heal();
    host_.Release();
    host_.ReleaseFetches();
    host_.ReleaseDisk();
    host_.SetUpstreamStatus(absl::OkStatus());
    for (char name = 'a'; name < 'g'; ++name) {
      const std::string revision(40, name);
      host_.FailPrepare(revision, absl::OkStatus());
      host_.FailPublish(revision, absl::OkStatus());
      host_.FailActivate(revision, absl::OkStatus());
    }
  }

  // What the host, the disk and the upstream do.
  void Happen() {
    switch (Roll(14)) {
      case 0:
        if (Roll(2) == 0) host_.MakeSame(Revision(), Revision(), {Service()});
        return host_.Push("main", Revision());
      case 1:
        return host_.SetUpstreamStatus(Roll(3) == 0 ? absl::UnavailableError("no route")
                                                    : absl::OkStatus());
      case 2:
        return host_.FailPrepare(Revision(), Fault());
      case 3:
        return host_.FailPublish(Revision(), Fault());
      case 4:
        return host_.FailActivate(Revision(), Fault());
      case 5:
        return store_.FailNthWrite(1 + Roll(3));
      case 6:
        return host_.HoldFetches();
      case 7:
        return host_.HoldDisk();
      case 8:
        return host_.HoldActivations();
      case 9:
        host_.ReleaseFetches();
        host_.ReleaseDisk();
        return host_.Release();
      case 10:
        return host_.Set(Service(), [&](FakeHost::Service& service) {
          service.drift.clear();
          if (Roll(2) == 0) service.drift = {{DriftEntry::Kind::kModified, "/etc/a", ""}};
        });
      case 11:
        return host_.Set(Service(), [&](FakeHost::Service& service) {
          service.health =
              Roll(3) == 0 ? absl::FailedPreconditionError("failed") : absl::OkStatus();
        });
      default:
        return clock_.Advance(absl::Seconds(1 + Roll(120)));
    }
  }

  // A command, and that it is not lost.
  void Order() {
    const std::string name = Service();
    const auto service = *agent_->Find(name);
    Watcher& watcher = watchers_.at(name);
    switch (Roll(7)) {
      case 0:
      case 1: {
        const auto frozen = service->Freeze("alice", "", Impatient());
        if (!frozen.ok()) return;
        const std::string published = host_.Look(name).published;
        for (int i = Roll(20); i > 0; --i) Happen();
        EXPECT_TRUE(service->View().record.frozen) << name;
        // It is corrected where it was changed, or published again after a failure, at most.
        if (!published.empty()) EXPECT_EQ(host_.Look(name).published, published) << name;
        return;
      }
      case 2:
      case 3: {
        watcher.MayUnfreeze(true);
        const auto unfrozen = service->Unfreeze("bob", "", Impatient());
        if (!unfrozen.ok() && !absl::IsUnavailable(unfrozen.status())) return;  // may come late
        if (unfrozen.ok()) EXPECT_FALSE(service->View().record.frozen) << name;
        watcher.MayUnfreeze(false);
        return;
      }
      case 4: {
        const std::string revision = Revision();
        const auto rolled = service->Rollback(revision, "carol", "", Impatient());
        if (!rolled.ok()) return;
        EXPECT_EQ(rolled->pinned, revision) << name;
        if (rolled->state == State::kFreeze) EXPECT_EQ(rolled->hash, revision) << name;
        return;
      }
      case 5: {
        if (name != "fleet") return (void)service->TakeUp(Impatient());
        const std::string revision = Revision();
        const auto sync = service->StartSync(revision, "planner", "", Impatient());
        if (!sync.ok()) return;
        const auto at = service->AwaitSync(*sync, Impatient());
        if (at.ok()) EXPECT_EQ(at->hash, revision);
        return;
      }
      default:
        return (void)service->Diff({}, Impatient());
    }
  }

  const int64_t seed_ = Setting("GITOPS_SEED", 20261130);
  std::mt19937 random_{static_cast<uint32_t>(seed_)};
  FakeClock clock_;
  FakeHost host_;
  TempStore temp_;
  FaultyStore store_{temp_.store()};
  RecordStore records_{&store_};
  std::map<std::string, Watcher> watchers_ = [] {
    std::map<std::string, Watcher> watchers;
    for (const char* name : {"web", "db", "fleet"}) watchers.try_emplace(name);
    return watchers;
  }();
  ToldPlanner planner_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<HostAgent> agent_;
};

TEST_F(RandomTest, NoCommandIsLostNoStateIsForbiddenAndNobodyIsUnfrozen) {
  SCOPED_TRACE(absl::StrCat("GITOPS_SEED=", seed_));
  for (char name = 'a'; name < 'g'; ++name) host_.Push("main", std::string(40, name));
  const int64_t steps = Setting("GITOPS_STEPS", 3000);
  for (int64_t step = 0; step < steps && !HasFailure(); ++step) {
    if (Roll(500) == 0) {
      store_.Heal();
      Restart();
    } else if (Roll(8) == 0) {
      Order();
    } else {
      Happen();
    }
    for (auto& [name, watcher] : watchers_) {
      ASSERT_THAT(watcher.wrong(), testing::IsEmpty()) << name << ", step " << step;
    }
  }
  Heal();
  for (const char* name : {"web", "db"}) {
    host_.Set(name, [](FakeHost::Service& service) {
      service.drift.clear();
      service.health = absl::OkStatus();
    });
    watchers_.at(name).MayUnfreeze(true);
    ASSERT_TRUE((*agent_->Find(name))->Unfreeze("bob", "").ok());
  }
  host_.Push("main", std::string(40, 'a'));
  for (const char* name : {"web", "db"}) {
    EXPECT_TRUE(Eventually([&] {
      clock_.Advance(absl::Seconds(15));
      const ServiceRecord record = (*agent_->Find(name))->View().record;
      return record.state == State::kOk && record.hash == std::string(40, 'a');
    })) << name
        << ": " << (*agent_->Find(name))->View().record.info;
  }
  for (const char* name : {"web", "db", "fleet"}) {
    EXPECT_TRUE(Eventually([&] {
      return planner_.What(name) == ToldPlanner::Of((*agent_->Find(name))->View().record);
    })) << name;
  }
}

}  // namespace
}  // namespace gitops
