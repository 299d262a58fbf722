#include "services/planner/record/deployment_store.h"

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "services/planner/record/record_testing.h"

namespace gitops {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Pair;
using ::testing::SizeIs;

class DeploymentStoreTest : public ::testing::Test {
 protected:
  std::vector<std::string> Page(const std::string& before, int limit) {
    absl::StatusOr<std::vector<v1::Deployment>> page = deployments_.List(before, limit);
    EXPECT_TRUE(page.ok()) << page.status();
    std::vector<std::string> ids;
    for (const v1::Deployment& deployment : *page) ids.push_back(deployment.id());
    return ids;
  }

  FakeClock clock_;
  TempStore temp_{&clock_};
  FaultyStore store_{temp_.store()};
  TestRecords deployments_{&store_, &clock_};
};

TEST_F(DeploymentStoreTest, IdsAreUniqueAndSortByTime) {
  const std::string first = deployments_.NewDeploymentId();
  EXPECT_THAT(first, MatchesRegex("20260101-000000-[0-9a-z]{6}"));
  std::string before = first;
  for (absl::Duration step : {absl::Milliseconds(2), absl::Milliseconds(997), absl::Seconds(1),
                              absl::Hours(24 * 40), absl::Hours(24 * 400)}) {
    clock_.Advance(step);
    const std::string next = deployments_.NewDeploymentId();
    EXPECT_GT(next, before);
    EXPECT_NE(deployments_.NewDeploymentId(), next) << "the clock stands still";
    before = next;
  }
}

TEST_F(DeploymentStoreTest, WhatIsCreatedComesBackInTheOrderOfThePlanAlsoAfterARestart) {
  v1::HookCall call;
  call.set_hook("skip-list");
  call.set_request("[]");
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"b", "a", "c"}), {call}).ok());
  EXPECT_EQ(store_.writes(), 1) << "all of it is one write";
  temp_.Reopen();
  TestRecords again(temp_.store(), &clock_);
  EXPECT_TRUE(MessageDifferencer::Equals(ToStored(*again.Load("d1")), ToStored(EntryOf("d1"))));
  std::vector<HostRecord> hosts = *again.LoadHosts("d1");
  ASSERT_THAT(hosts, SizeIs(3));
  EXPECT_TRUE(MessageDifferencer::Equals(ToStored(hosts[1]), ToStored(HostsOf({"a"})[0])));
  v1::Deployment whole = *again.Whole("d1");
  EXPECT_EQ(whole.hosts(2).host(), "c");
  EXPECT_EQ(whole.actor(), "mia (unix, not authenticated)");
  EXPECT_EQ(whole.principal().name(), "mia");
  ASSERT_EQ(whole.hook_calls_size(), 1);
  EXPECT_EQ(whole.hook_calls(0).hook(), "skip-list");
}

TEST_F(DeploymentStoreTest, AThousandHostsAreOneWrite) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsNamed(1000), {}).ok());
  EXPECT_EQ(store_.writes(), 1);
  EXPECT_THAT(*deployments_.LoadHosts("d1"), SizeIs(1000));
}

TEST_F(DeploymentStoreTest, WhatElseIsStoredIsThereIfAndOnlyIfTheDeploymentIs) {
  // As many hosts as one write takes, with the deployment or without it.
  for (int hosts : {1, 4095, 4096}) {
    const std::string id = absl::StrCat("d", hosts), key = absl::StrCat("request/", hosts);
    const std::vector<StoreWrite> also = {{.key = key, .value = id}};
    const int writes = hosts == 1 ? 1 : 2;
    store_.FailNthWrite(writes);
    EXPECT_FALSE(deployments_.Create(EntryOf(id), HostsNamed(hosts), {}, also).ok());
    EXPECT_FALSE(deployments_.Load(id).ok());
    EXPECT_FALSE(store_.Get(key).ok());
    const int before = store_.writes();
    ASSERT_TRUE(deployments_.Create(EntryOf(id), HostsNamed(hosts), {}, also).ok());
    EXPECT_EQ(store_.writes() - before, writes);
    EXPECT_TRUE(deployments_.Load(id).ok());
    EXPECT_TRUE(store_.Get(key).ok());
  }
}

TEST_F(DeploymentStoreTest, OfATakenIdNothingIsReplaced) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a"}), {}).ok());
  for (int hosts : {0, 1, 10'000}) {
    absl::Status status = deployments_.Create(EntryOf("d1"), HostsNamed(hosts), {});
    EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists) << status;
    EXPECT_THAT(status.message(), HasSubstr("d1"));
  }
  v1::Deployment whole = *deployments_.Whole("d1");
  ASSERT_EQ(whole.hosts_size(), 1);
  EXPECT_EQ(whole.hosts(0).host(), "a");
}

TEST_F(DeploymentStoreTest, AnIdThatCouldReachOtherKeysIsRefused) {
  for (const char* id : {"", "a/b"}) {
    EXPECT_EQ(deployments_.Create(EntryOf(id), {}, {}).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(deployments_.SaveHost(id, 0, {}, nullptr).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(deployments_.Load(id).status().code(), absl::StatusCode::kNotFound);
  }
  EXPECT_EQ(deployments_.SaveHost("d1", -1, {}, nullptr).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(deployments_.SaveHost("d1", 1'000'000, {}, nullptr).code(),
            absl::StatusCode::kInvalidArgument);
  const v1::StepRecord unnumbered;
  EXPECT_EQ(deployments_.SaveHost("d1", 0, {}, &unnumbered).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(DeploymentStoreTest, WhatIsNotThereIsNotFound) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a"}), {}).ok());
  EXPECT_EQ(deployments_.Load("d").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(deployments_.Whole("d2").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(deployments_.WholeHost("d1", 1).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(deployments_.LoadStep("d1", 0, 1).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(deployments_.Save(EntryOf("d2")).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(deployments_.Load("d2").status().code(), absl::StatusCode::kNotFound)
      << "an entry without hosts does not appear";
}

TEST_F(DeploymentStoreTest, AHostIsSavedWithItsStepInOneWriteThatReadsNothing) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a", "b"}), {}).ok());
  HostRecord host = HostsOf({"b"})[0];
  host.host.set_state(v1::HOST_DEPLOYMENT_STATE_RUNNING);
  *host.host.add_steps() = StepOf(9);
  const v1::StepRecord step = StepOf(1);
  const int calls = store_.calls();
  ASSERT_TRUE(deployments_.SaveHost("d1", 1, host, &step).ok());
  EXPECT_EQ(store_.calls(), calls + 1);
  EXPECT_TRUE(MessageDifferencer::Equals(*deployments_.LoadStep("d1", 1, 1), step));
  v1::HostDeployment whole = *deployments_.WholeHost("d1", 1);
  EXPECT_EQ(whole.state(), v1::HOST_DEPLOYMENT_STATE_RUNNING);
  ASSERT_EQ(whole.steps_size(), 1) << "steps are stored on their own only";
  EXPECT_EQ(deployments_.Whole("d1")->hosts(0).steps_size(), 0);
}

TEST_F(DeploymentStoreTest, AFailedWriteLeavesHostAndStepAsTheyWere) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a"}), {}).ok());
  HostRecord host = HostsOf({"a"})[0];
  host.host.set_message("second");
  const v1::StepRecord step = StepOf(1);
  store_.FailNthWrite(1);
  EXPECT_EQ(deployments_.SaveHost("d1", 0, host, &step).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(deployments_.WholeHost("d1", 0)->message(), "");
  EXPECT_EQ(deployments_.LoadStep("d1", 0, 1).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DeploymentStoreTest, StepsComeInTheOrderOfTheirNumbersAlsoBeyondAThousand) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a"}), {}).ok());
  for (int number : {1001, 2, 1000, 999, 10, 1}) {
    const v1::StepRecord step = StepOf(number);
    ASSERT_TRUE(deployments_.SaveHost("d1", 0, HostsOf({"a"})[0], &step).ok());
  }
  std::vector<int> numbers;
  const v1::Deployment whole = *deployments_.Whole("d1");
  for (const v1::StepRecord& step : whole.hosts(0).steps()) {
    numbers.push_back(step.number());
  }
  EXPECT_THAT(numbers, ElementsAre(1, 2, 10, 999, 1000, 1001));
  EXPECT_EQ(deployments_.WholeHost("d1", 0)->steps(5).number(), 1001);
}

TEST_F(DeploymentStoreTest, DeploymentsWhoseIdsBeginAlikeDoNotMix) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a"}), {}).ok());
  ASSERT_TRUE(deployments_.Create(EntryOf("d10"), HostsOf({"b", "c"}), {}).ok());
  const v1::StepRecord step = StepOf(1);
  ASSERT_TRUE(deployments_.SaveHost("d10", 1, HostsOf({"c"})[0], &step).ok());
  EXPECT_EQ(deployments_.Whole("d1")->hosts_size(), 1);
  EXPECT_EQ(deployments_.Whole("d10")->hosts(1).steps_size(), 1);
}

TEST_F(DeploymentStoreTest, AnEntryIsSavedWithAHostInOneWriteOrNeitherIs) {
  std::vector<HostRecord> hosts = HostsOf({"web1", "web2"});
  ASSERT_TRUE(deployments_.Create(EntryOf("d"), hosts, {}).ok());
  DeploymentRecord halted = EntryOf("d");
  halted.state.set_halt_reason("drain said no");
  hosts[1].host.set_state(v1::HOST_DEPLOYMENT_STATE_FAILED);
  const v1::StepRecord step = StepOf(1);
  const DeploymentStore::Checkpoint nobody{.index = -1, .host = &hosts[1], .step = &step};
  EXPECT_TRUE(absl::IsInvalidArgument(deployments_.Save(halted, &nobody)));
  EXPECT_EQ(deployments_.Load("d")->state.halt_reason(), "");
  const DeploymentStore::Checkpoint second{.index = 1, .host = &hosts[1], .step = &step};
  const int calls = store_.calls();
  ASSERT_TRUE(deployments_.Save(halted, &second).ok());
  EXPECT_EQ(store_.calls(), calls + 2) << "one read, one write";
  EXPECT_EQ(deployments_.Load("d")->state.halt_reason(), "drain said no");
  const v1::Deployment whole = *deployments_.Whole("d");
  EXPECT_EQ(whole.hosts(1).state(), v1::HOST_DEPLOYMENT_STATE_FAILED);
  EXPECT_THAT(whole.hosts(1).steps(), SizeIs(1));
}

TEST_F(DeploymentStoreTest, AnEntryIsSavedWithoutHostsAndWithTheNewestEvents) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a"}), {}).ok());
  DeploymentRecord entry = EntryOf("d1");
  entry.deployment.add_hosts()->set_host("x");
  entry.deployment.add_hook_calls()->set_hook("x");
  for (int i = 0; i <= 1000; ++i) {
    entry.deployment.add_events()->set_message(absl::StrCat(i));
  }
  ASSERT_TRUE(deployments_.Save(entry).ok());
  DeploymentRecord stored = *deployments_.Load("d1");
  EXPECT_EQ(stored.deployment.hosts_size(), 0);
  EXPECT_EQ(stored.deployment.hook_calls_size(), 0);
  ASSERT_EQ(stored.deployment.events_size(), 1000);
  EXPECT_EQ(stored.deployment.events(999).message(), "1000");
  EXPECT_EQ(deployments_.Whole("d1")->hosts_size(), 1);
}

TEST_F(DeploymentStoreTest, BytesThatAreNotUtf8CanBeReadBack) {
  HostRecord host = HostsOf({"a"})[0];
  host.host.set_message("bad \xFF");
  host.revisions.Add()->set_service("\xC3");
  v1::StepRecord step = StepOf(1);
  step.mutable_actions(0)->set_output("\xFF\xFE");
  step.mutable_hook_calls(0)->set_response("\xED\xA0\x80");
  v1::HookCall call;
  call.set_response("\x80");
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), {host}, {call}).ok());
  ASSERT_TRUE(deployments_.SaveHost("d1", 0, host, &step).ok());
  absl::StatusOr<v1::Deployment> whole = deployments_.Whole("d1");
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->hosts(0).message(), "bad \xEF\xBF\xBD");
  EXPECT_EQ(whole->hook_calls(0).response(), "\xEF\xBF\xBD");
}

TEST_F(DeploymentStoreTest, PagesAreNewestFirstAndStableWhileNewOnesCome) {
  EXPECT_THAT(Page("", 10), ElementsAre());
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(deployments_.Create(EntryOf(absl::StrCat("d", 100 + i)), {}, {}).ok());
  }
  EXPECT_THAT(Page("", 2), ElementsAre("d399", "d398"));
  ASSERT_TRUE(deployments_.Create(EntryOf("d400"), HostsOf({"a"}), {}).ok());
  EXPECT_THAT(Page("d398", 3), ElementsAre("d397", "d396", "d395"));
  EXPECT_THAT(Page("d101", 3), ElementsAre("d100"));
  EXPECT_THAT(Page("d100", 3), ElementsAre());
  EXPECT_THAT(Page("", 0), ElementsAre());
  EXPECT_THAT(Page("", 1000), SizeIs(301));
}

TEST_F(DeploymentStoreTest, UnfinishedAreThoseThatHaveNotEnded) {
  struct Case {
    v1::DeploymentState state;
    bool ended;
  };
  const std::vector<Case> cases = {
      {v1::DEPLOYMENT_STATE_UNSPECIFIED, false}, {v1::DEPLOYMENT_STATE_PENDING, false},
      {v1::DEPLOYMENT_STATE_RUNNING, false},     {v1::DEPLOYMENT_STATE_SUCCEEDED, true},
      {v1::DEPLOYMENT_STATE_FAILED, true},       {v1::DEPLOYMENT_STATE_CANCELLED, true},
      {v1::DEPLOYMENT_STATE_INTERRUPTED, true}};
  std::vector<std::string> expected;
  for (const Case& c : cases) {
    EXPECT_EQ(HasEnded(c.state), c.ended) << c.state;
    const std::string id = absl::StrCat("d", static_cast<int>(c.state));
    ASSERT_TRUE(deployments_.Create(EntryOf(id, c.state), {}, {}).ok());
    if (!c.ended) expected.push_back(id);
  }
  std::vector<std::string> found;
  const std::vector<DeploymentRecord> unfinished = *deployments_.Unfinished();
  for (const DeploymentRecord& entry : unfinished) {
    found.push_back(entry.deployment.id());
  }
  EXPECT_EQ(found, expected);
}

TEST_F(DeploymentStoreTest, ADamagedDeploymentHidesNoOther) {
  for (const char* id : {"d1", "d2", "d3", "d4"}) {
    ASSERT_TRUE(deployments_.Create(EntryOf(id, v1::DEPLOYMENT_STATE_RUNNING), {}, {}).ok());
  }
  for (const char* id : {"d2", "d3"}) {
    temp_.Damage(absl::StrCat("planner/v1/deployment/", id));
  }
  EXPECT_THAT(*deployments_.Unfinished(), SizeIs(2));
  EXPECT_THAT(Page("", 9), ElementsAre("d4", "d1"));
  EXPECT_THAT(Page("", 2), ElementsAre("d4", "d1")) << "a page is full all the same";
  EXPECT_THAT(Page("d4", 1), ElementsAre("d1"));
}

TEST_F(DeploymentStoreTest, ADamagedRecordIsDataLossThatNamesItsKey) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a", "b"}), {v1::HookCall()}).ok());
  const v1::StepRecord step = StepOf(1);
  ASSERT_TRUE(deployments_.SaveHost("d1", 1, HostsOf({"b"})[0], &step).ok());
  struct Case {
    std::string key;
    std::vector<std::function<absl::Status()>> reads;
  };
  const std::vector<Case> cases = {
      {"planner/v1/deployment/d1",
       {[&] { return deployments_.Whole("d1").status(); },
        [&] { return deployments_.Load("d1").status(); }}},
      {"planner/v1/host/d1/000001", {[&] { return deployments_.LoadHosts("d1").status(); }}},
      {"planner/v1/step/d1/000001/001",
       {[&] { return deployments_.LoadStep("d1", 1, 1).status(); }}},
  };
  for (const Case& c : cases) {
    const std::string good = store_.Get(c.key)->value;
    temp_.Damage(c.key);
    for (const auto& read : c.reads) {
      absl::Status status = read();
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.key;
      EXPECT_THAT(status.message(), HasSubstr(c.key));
    }
    EXPECT_THAT(store_.damaged_records().Noted(), ElementsAre(Pair(c.key, _)));
    ASSERT_TRUE(store_.Put(c.key, good).ok());
    for (const auto& read : c.reads) EXPECT_TRUE(read().ok()) << c.key;
    EXPECT_TRUE(store_.damaged_records().empty()) << "it can be read again";
  }
}

TEST_F(DeploymentStoreTest, ADeploymentIsShownWithoutItsDamagedHostsStepsAndCalls) {
  v1::HookCall call;
  call.set_hook("second");
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a", "b", "c"}), {{}, call}).ok());
  for (int index : {0, 1, 2}) {
    for (int number : {1, 2}) {
      const v1::StepRecord step = StepOf(number);
      const HostRecord host = HostsOf({"a", "b", "c"})[index];
      ASSERT_TRUE(deployments_.SaveHost("d1", index, host, &step).ok());
    }
  }
  for (const char* key :
       {"planner/v1/host/d1/000001", "planner/v1/step/d1/000002/001", "planner/v1/call/d1/0000"}) {
    temp_.Damage(key);
  }
  const v1::Deployment whole = *deployments_.Whole("d1");
  ASSERT_EQ(whole.hosts_size(), 3);
  EXPECT_EQ(whole.hosts(0).host(), "a");
  EXPECT_THAT(whole.hosts(1).message(), HasSubstr("lost"));
  EXPECT_EQ(whole.hosts(2).host(), "c");
  ASSERT_EQ(whole.hosts(2).steps_size(), 1);
  EXPECT_EQ(whole.hosts(2).steps(0).number(), 2);
  EXPECT_THAT(deployments_.WholeHost("d1", 1)->message(), HasSubstr("lost"));
  ASSERT_EQ(whole.hook_calls_size(), 1);
  EXPECT_EQ(whole.hook_calls(0).hook(), "second");
  EXPECT_EQ(store_.damaged_records().Noted().size(), 3u);
}

TEST_F(DeploymentStoreTest, AHostThatIsMissingIsDataLossAndNotLeftOut) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a", "b", "c"}), {}).ok());
  ASSERT_TRUE(store_.Delete("planner/v1/host/d1/000001").ok());
  absl::Status status = deployments_.LoadHosts("d1").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("planner/v1/host/d1/000002"));
}

TEST_F(DeploymentStoreTest, ErrorsOfTheStoreAreNotTakenForNothing) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsOf({"a"}), {}).ok());
  const std::vector<std::function<absl::Status()>> calls = {
      [&] { return deployments_.Load("d1").status(); },
      [&] { return deployments_.LoadHosts("d1").status(); },
      [&] { return deployments_.LoadStep("d1", 0, 1).status(); },
      [&] { return deployments_.Whole("d1").status(); },
      [&] { return deployments_.WholeHost("d1", 0).status(); },
      [&] { return deployments_.List("", 9).status(); },
      [&] { return deployments_.Unfinished().status(); },
      [&] { return deployments_.Save(EntryOf("d1")); },
      [&] { return deployments_.Create(EntryOf("d2"), {}, {}); },
      [&] { return deployments_.Prune({}).status(); },
      [&] { return deployments_.SavePlan({}).status(); },
      [&] { return deployments_.LoadPlan("t").status(); },
      [&] { return deployments_.Watch("d1", [](int, int64_t) {}).status(); },
  };
  store_.FailKeys("planner/v1/");
  for (size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(calls[i]().code(), absl::StatusCode::kUnavailable) << i;
  }
}

TEST_F(DeploymentStoreTest, HostsAreSavedFromManyThreadsAtOnce) {
  constexpr int kHosts = 8;
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), HostsNamed(kHosts), {}).ok());
  std::vector<std::thread> threads;
  for (int index = 0; index < kHosts; ++index) {
    threads.emplace_back([&, index] {
      for (int number = 1; number <= 10; ++number) {
        const v1::StepRecord step = StepOf(number);
        EXPECT_TRUE(deployments_.SaveHost("d1", index, HostsNamed(kHosts)[index], &step).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const v1::Deployment whole = *deployments_.Whole("d1");
  ASSERT_EQ(whole.hosts_size(), kHosts);
  for (const v1::HostDeployment& host : whole.hosts()) {
    EXPECT_EQ(host.steps_size(), 10) << host.host();
  }
}

}  // namespace
}  // namespace gitops
