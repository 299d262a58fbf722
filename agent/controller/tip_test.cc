// What a new tip of a branch means for services of which it changes nothing: how they are told of,
// and what is kept of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/controller/host_agent_test_base.h"
#include "agent/controller/told_planner.h"

namespace gitops {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

class TipTest : public HostAgentTest {
 protected:
  TipTest() { planner_ = &told_; }
  ~TipTest() override {
    host_.ReleaseDisk();
    agent_.reset();  // it tells the planner
  }

  // A service with a directory of its name.
  static ServiceSpec Of(const std::string& name) {
    ServiceSpec spec = Spec(name);
    spec.directories = {{.local = "/etc/x", .link = name}};
    return spec;
  }
  bool AllAt(const std::set<std::string>& services, const std::string& hash) {
    return Eventually([&] {
      clock_.Advance(absl::Seconds(15));
      for (const std::string& service : services) {
        const ServiceRecord record = Record(service);
        if (record.hash != hash || !record.pending.empty()) return false;
      }
      return true;
    });
  }
  // The planner knows what there is.
  bool Agree(const std::vector<ServiceSpec>& specs) {
    return Eventually([&] {
      for (const ServiceSpec& spec : specs) {
        if (told_.What(spec.service) != ToldPlanner::Of(Record(spec.service))) return false;
      }
      return true;
    });
  }
  void Push(const std::string& revision) {
    host_.Push("main", revision);
    clock_.Advance(absl::Minutes(2));
  }
  // The moves to a revision that the planner was told of.
  std::vector<TipMove> MovesTo(const std::string& hash) {
    std::vector<TipMove> moves = told_.moves();
    std::erase_if(moves, [&](const TipMove& move) { return move.hash != hash; });
    return moves;
  }

  ToldPlanner told_;
};

TEST_F(TipTest, ACommitThatTouchesNothingOfManyServicesIsToldOnceAndMovesTheirHashOnly) {
  std::vector<ServiceSpec> specs;
  std::set<std::string> names;
  for (int i = 0; i < 50; ++i) {
    specs.push_back(Of(absl::StrCat("s", i)));
    names.insert(specs.back().service);
  }
  Start(specs);
  ASSERT_TRUE(AllAt(names, kA));
  ASSERT_TRUE(Agree(specs));
  const int reports = told_.reports();
  const ToldPlanner::Known before = told_.What("s7");
  for (const std::string& commit : {kB, kC}) {
    host_.MakeSame(kA, commit);
    host_.MakeSame(kB, commit);
    Push(commit);
    ASSERT_TRUE(AllAt(names, commit));
  }
  ASSERT_TRUE(Agree(specs));
  EXPECT_EQ(told_.reports(), reports);
  for (const std::string& commit : {kB, kC}) {
    const std::vector<TipMove> moves = MovesTo(commit);
    ASSERT_EQ(moves.size(), 1u);
    EXPECT_EQ(moves[0].moved.size(), 50u);
    EXPECT_THAT(moves[0].others, IsEmpty());
  }
  ToldPlanner::Known after = before;
  after.hash = after.target = kC;
  after.generation += 2;
  EXPECT_EQ(told_.What("s7"), after);
}

TEST_F(TipTest, ServicesOfWhichMoreChangesAreExceptedAndToldByThemselves) {
  std::vector<ServiceSpec> specs;
  for (const char* name : {"auto", "frozen", "touched", "fleet", "other", "user"}) {
    specs.push_back(Of(name));
  }
  specs[3].tracking = Tracking::kCoordinated;
  specs[4].branch = "next";
  specs[5].user = "app";
  host_.Push("next", kA);
  Start(specs);
  ASSERT_TRUE(AllAt({"auto", "frozen", "touched", "other", "user"}, kA));
  ASSERT_TRUE((*agent_->Find("frozen"))->Freeze("alice", "").ok());
  host_.MakeSame(kA, kB, {"touched"});
  Push(kB);
  ASSERT_TRUE(AllAt({"auto", "touched", "user"}, kB));
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.target == kB; }, {}, "fleet"));
  ASSERT_TRUE(Agree(specs));
  const std::vector<TipMove> moves = MovesTo(kB);
  ASSERT_EQ(moves.size(), 2u) << "one for each user";
  const TipMove& move = moves[0];
  EXPECT_EQ(move.branch.branch, "main");
  EXPECT_EQ(move.branch.user, "");
  EXPECT_EQ(move.hash, kB);
  EXPECT_THAT(move.moved, ElementsAre("auto", "fleet"));
  EXPECT_THAT(move.others, UnorderedElementsAre("frozen", "touched"));
  EXPECT_EQ(told_.What("fleet").hash, "") << "a coordinated service stays where it is";
  EXPECT_EQ(told_.What("other").hash, kA);
}

TEST_F(TipTest, AServiceThatIsBusyWhenTheTipComesIsToldByItselfLater) {
  const std::vector<ServiceSpec> specs = {Of("web"), Of("db"), Of("mail")};
  Start(specs);
  ASSERT_TRUE(AllAt({"web", "db", "mail"}, kA));
  // What it is asked waits for the end of an exchange.
  host_.HoldEndsOfPublications();
  host_.MakeSame(kA, kB, {"web"});
  host_.MakeSame(kB, kC);
  host_.MakeSame(kA, kC, {"web"});
  Push(kB);
  ASSERT_TRUE(AllAt({"db", "mail"}, kB));
  Push(kC);
  ASSERT_TRUE(AllAt({"db", "mail"}, kC));
  host_.ReleaseDisk();
  ASSERT_TRUE(AllAt({"web", "db", "mail"}, kC));
  EXPECT_TRUE(Agree(specs));
  for (const std::string& commit : {kB, kC}) {
    for (const TipMove& move : MovesTo(commit)) EXPECT_THAT(move.moved, Not(Contains("web")));
  }
}

TEST_F(TipTest, AServiceThatIsRestartedOrRemovedMeanwhileIsNotTakenForMoved) {
  std::vector<ServiceSpec> specs = {Of("web"), Of("db"), Of("mail")};
  Start(specs);
  ASSERT_TRUE(AllAt({"web", "db", "mail"}, kA));
  host_.MakeSame(kA, kB);
  host_.Push("next", kC);
  specs[1].branch = "next";
  specs.pop_back();
  host_.Push("main", kB);
  ASSERT_TRUE(agent_->Configure(specs).ok());
  ASSERT_TRUE(AllAt({"web"}, kB));
  ASSERT_TRUE(AllAt({"db"}, kC));
  EXPECT_TRUE(Agree(specs));
  EXPECT_EQ(told_.What("mail"), ToldPlanner::Known()) << "it is gone";
}

TEST_F(TipTest, ATipCountsAfterARestartUnlessTheRecordIsNewer) {
  Start({Of("web")});
  ASSERT_TRUE(AllAt({"web"}, kA));
  host_.MakeSame(kA, kB);
  Push(kB);
  ASSERT_TRUE(AllAt({"web"}, kB));
  ASSERT_TRUE(agent_->Pull("web", {}).ok());  // the end of a poll: the tip is stored
  const int64_t seen = Record().generation;
  Restart({Of("web")});
  EXPECT_EQ(Record().generation, seen) << "a watcher that has it skips it";
  host_.SetUpstreamStatus(absl::UnavailableError("gone"));
  Restart({Of("web")});
  EXPECT_EQ(Record().hash, kB);

  // The service was judged; then it was rolled back and unfrozen; then the tip was stored.
  ASSERT_TRUE(Web()->Rollback(kA, "alice", "", {}).ok());
  ASSERT_TRUE(Web()->Unfreeze("alice", "").ok());
  const std::string hash = Record().hash;
  ASSERT_EQ(hash, kA);
  agent_.reset();
  ASSERT_EQ(records_.SaveTip({"fake", "", "main"}, kC, {}, {{"web", seen}}), absl::OkStatus());
  Restart({Of("web")});
  EXPECT_EQ(Record().hash, kA);
}

TEST_F(TipTest, AStoredTipThatCannotBeReadFailsNoStart) {
  const BranchName main = {"fake", "", "main"}, next = {"fake", "", "next"};
  ASSERT_EQ(RecordStore(&store_).SaveTip(main, kB, {}, {{"web", 7}}), absl::OkStatus());
  ASSERT_EQ(RecordStore(&store_).SaveTip(next, kC, {}, {{"db", 7}}), absl::OkStatus());
  store_.FailKeys("agent/v1/tip/main", absl::DataLossError("database disk image is malformed"));
  ServiceSpec db = Of("db");
  db.branch = "next";
  host_.Push("next", kC);
  Start({Of("web"), db});
  EXPECT_TRUE(AllAt({"web"}, kA));
  EXPECT_TRUE(AllAt({"db"}, kC));
  EXPECT_GT(Record("db").generation, 7) << "its own tip was read";
}

TEST_F(TipTest, ARebuiltRecordIsNotTakenToAnOldTip) {
  Start({Of("web")});
  ASSERT_TRUE(AllAt({"web"}, kA));
  agent_.reset();
  ASSERT_EQ(records_.SaveTip({"fake", "", "main"}, kC, {}, {{"web", 1000}}), absl::OkStatus());
  ASSERT_TRUE(store_.Write({{.key = "agent/v1/service/web", .value = "\xff damaged"}}).ok());
  host_.SetUpstreamStatus(absl::UnavailableError("gone"));
  Restart({Of("web")});
  EXPECT_EQ(Record().hash, kA);
  ASSERT_TRUE(Eventually([this] { return records_.Load("web").value()->generation > 1000; }));
  Restart({Of("web")});
  EXPECT_EQ(Record().hash, kA);
}

TEST_F(TipTest, ATipFromBeforeAServiceFollowedAnotherBranchCountsNoMore) {
  std::vector<ServiceSpec> specs = {Of("web"), Of("db")};
  Start(specs);
  ASSERT_TRUE(AllAt({"web", "db"}, kA));
  std::string tip = kA;
  for (const char digit : {'1', '2', '3', '4', '5', '6'}) {
    const std::string commit(40, digit);
    host_.MakeSame(tip, commit);
    host_.MakeSame(kA, commit);
    tip = commit;
    Push(tip);
    ASSERT_TRUE(AllAt({"web", "db"}, tip));
  }
  ASSERT_TRUE(agent_->Pull("db", {}).ok());  // the end of a poll: the tip is stored
  int64_t seen = Record().generation;
  host_.Push("next", kB);
  specs[0].branch = "next";
  ASSERT_TRUE(agent_->Configure(specs).ok());
  ASSERT_TRUE(AllAt({"web"}, kB));
  EXPECT_GT(Record().generation, seen);
  seen = Record().generation;

  host_.SetUpstreamStatus(absl::UnavailableError("gone"));
  specs[0].branch = "main";
  ASSERT_TRUE(agent_->Configure(specs).ok());
  EXPECT_EQ(Record().hash, kB) << "its files are those of the other branch";
  EXPECT_GE(Record().generation, seen);
  host_.SetUpstreamStatus(absl::OkStatus());
  ASSERT_TRUE(AllAt({"web"}, tip));
  EXPECT_EQ(host_.Look("web").published, tip);
}

TEST_F(TipTest, WhatWasVerifiedForOtherPathsCountsNoMore) {
  ServiceSpec spec = Of("web");
  Start({spec});
  ASSERT_TRUE(AllAt({"web"}, kA));
  host_.MakeSame(kA, kB);
  Push(kB);
  ASSERT_TRUE(AllAt({"web"}, kB));
  ASSERT_EQ(host_.Look("web").published, kA);
  ASSERT_TRUE(agent_->Pull("web", {}).ok());
  // The commit touched what is published now.
  host_.MakeSame(kA, kB, {"web", "other"});
  spec.directories[0].link = "other";
  ASSERT_TRUE(agent_->Configure({spec}).ok());
  EXPECT_TRUE(
      Eventually([this] { return host_.Look("web").published == kB && Record().hash == kB; }));
  // And back, over a restart: it is not known what the commits before changed there.
  host_.MakeSame(kB, kC);
  Push(kC);
  ASSERT_TRUE(AllAt({"web"}, kC));
  ASSERT_TRUE(agent_->Pull("web", {}).ok());
  host_.MakeSame(kB, kC, {"web", "other"});
  Restart({Of("web")});
  EXPECT_TRUE(
      Eventually([this] { return host_.Look("web").published == kC && Record().hash == kC; }));
}

TEST_F(TipTest, WhatWasVerifiedOfAServiceWithoutPathsSaysNothingOfItsFirstOne) {
  Start({Spec()});
  ASSERT_TRUE(AllAt({"web"}, kA));
  host_.MakeSame(kA, kB);
  Push(kB);
  ASSERT_TRUE(AllAt({"web"}, kB));
  ASSERT_EQ(host_.Look("web").published, kA);
  ASSERT_TRUE(agent_->Pull("web", {}).ok());
  host_.MakeSame(kA, kB, {"web"});
  ASSERT_TRUE(agent_->Configure({Of("web")}).ok());
  EXPECT_TRUE(
      Eventually([this] { return host_.Look("web").published == kB && Record().hash == kB; }));
}

TEST_F(TipTest, ARebuiltServiceSaysSoThoughNothingIsToBeStoredOfIt) {
  Start({Of("web")});
  ASSERT_TRUE(AllAt({"web"}, kA));
  agent_.reset();
  ASSERT_TRUE(store_.Write({{.key = "agent/v1/service/web", .value = "\xff damaged"}}).ok());
  Restart({Of("web")});
  ASSERT_TRUE(agent_->Pull("web", {}).ok());
  EXPECT_THAT(Record().info, testing::HasSubstr("rebuilt from its copy"));
}

TEST_F(TipTest, WhatWasVerifiedForTheSamePathsCountsAfterARestart) {
  Start({Of("web")});
  ASSERT_TRUE(AllAt({"web"}, kA));
  host_.MakeSame(kA, kB);
  Push(kB);
  ASSERT_TRUE(AllAt({"web"}, kB));
  ASSERT_TRUE(agent_->Pull("web", {}).ok());
  ServiceSpec spec = Of("web");
  spec.poll = absl::Seconds(30);
  ASSERT_TRUE(agent_->Configure({spec}).ok());
  ASSERT_TRUE(AllAt({"web"}, kB));
  EXPECT_EQ(host_.Look("web").published, kA);
}

TEST_F(TipTest, AServiceThatIsFrozenWhereACommitChangedNothingOfItIsAtItsFilesForOtherPaths) {
  ServiceSpec spec = Of("web");
  Start({spec});
  ASSERT_TRUE(AllAt({"web"}, kA));
  host_.MakeSame(kA, kB);
  Push(kB);
  ASSERT_TRUE(AllAt({"web"}, kB));
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  spec.directories[0].link = "other";
  ASSERT_TRUE(agent_->Configure({spec}).ok());
  EXPECT_EQ(Record().hash, kA);
  EXPECT_EQ(Record().state, State::kFreeze);
}

}  // namespace
}  // namespace gitops
