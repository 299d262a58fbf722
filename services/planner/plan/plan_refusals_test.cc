// What a plan refuses rather than doing nothing, and what it knows about failures to come.
#include <algorithm>

#include "common/rpc/error.h"
#include "services/planner/plan/plan_test_base.h"

namespace gitops {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kTip(40, 'b');
const std::string kOld(40, 'a');

class PlanRefusalsTest : public PlanTestBase {
 protected:
  PlanRefusalsTest() {
    for (const char* host : {"web1", "web2", "web3"}) AddHost(host);
  }
  void AddHost(const std::string& host) {
    fleet_.Add(host, {"web"});
    fleet_.AddService(host, "app", kOld);
    agents_.SetTip(host + ":8004", kTip);
  }
  static v1::DeploymentSpec On(v1::DeploymentSpec spec, const std::string& glob) {
    spec.mutable_selection()->add_on(glob);
    return spec;
  }
  std::string Refusal(const v1::DeploymentSpec& spec, Reason reason) {
    const absl::Status refused = Make(spec).status();
    EXPECT_TRUE(HasReason(refused, reason)) << refused;
    return std::string(refused.message());
  }
};

TEST_F(PlanRefusalsTest, AHostThatIsMisspeltIsToldWithTheNearestOne) {
  EXPECT_EQ(Refusal(On(Spec({"sync"}), "wbe1"), Reason::kNoHostSelected),
            "no host matches --on wbe1; did you mean web1?");
}

TEST_F(PlanRefusalsTest, WhatWasSelectedByIsRepeated) {
  v1::DeploymentSpec spec = On(Spec({"reboot"}), "db*");
  spec.mutable_selection()->add_tagged("prod");
  spec.mutable_selection()->set_skip(2);
  EXPECT_EQ(Refusal(spec, Reason::kNoHostSelected),
            "no host matches --on db* --tagged prod --skip 2");
}

TEST_F(PlanRefusalsTest, AHookThatRemovedAllHostsIsNamed) {
  hooks_.Add(
      {.point = "post-select", .answer = [](auto) { return std::vector<v1::HostPayload>(); }});
  v1::DeploymentSpec spec = Spec({"sync"});
  const std::string refusal = Refusal(spec, Reason::kNoHostSelected);
  EXPECT_THAT(refusal, HasSubstr("at post-select removed all hosts"));
  spec.set_allow_empty(true);
  EXPECT_THAT(Lines(Make(spec)), IsEmpty());
}

TEST_F(PlanRefusalsTest, TheHookThatRemovedThemIsNamedAndNotOneThatWasAskedAfterIt) {
  hooks_.Add({.point = "post-select",
              .answer = [](auto) { return std::vector<v1::HostPayload>(); },
              .next_hook = "audit"});
  EXPECT_EQ(Refusal(Spec({"sync"}), Reason::kNoHostSelected),
            "hook \"fake\" at post-select removed all hosts");
}

TEST_F(PlanRefusalsTest, AHookThatAddsHostsToAnEmptySelectionIsHeard) {
  hooks_.Add({.point = "post-select", .answer = [](auto) {
                std::vector<v1::HostPayload> hosts(1);
                hosts[0].set_host("web2");
                hosts[0].add_actions("sync");
                return hosts;
              }});
  EXPECT_THAT(Lines(Make(On(Spec({"sync"}), "nobody"))), ElementsAre("web2 [sync] 1"));
}

TEST_F(PlanRefusalsTest, HostsWithNothingToSyncAreListed) {
  for (const char* host : {"db1", "db2", "db3", "db4", "db5", "db6", "db7"}) fleet_.Add(host);
  fleet_.AddService("db1", "own", kOld, /*coordinated=*/false);
  v1::DeploymentSpec spec = Spec({"sync"});
  EXPECT_THAT(Refusal(spec, Reason::kNothingToSync),
              AllOf(HasSubstr("db1, db2, db3, db4, db5 and 2 more"), Not(HasSubstr("web"))));
  spec.set_allow_empty(true);
  EXPECT_THAT(Lines(Make(spec)), testing::SizeIs(10));
}

TEST_F(PlanRefusalsTest, AHostOfWhichNothingIsKnownMayHaveSomethingToSync) {
  fleet_.Add("new1", {}, v1::HOST_STATE_NEVER_SEEN);
  EXPECT_THAT(Lines(Make(Spec({"sync"}))), testing::SizeIs(4));
}

TEST_F(PlanRefusalsTest, AHostThatIsToGetAServiceMayHaveSomethingToSync) {
  fleet_.Add("db1");
  fleet_.Place("db1", "app");
  EXPECT_THAT(Lines(Make(Spec({"sync"}))), testing::SizeIs(4));
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_service("app");
  EXPECT_THAT(Lines(Make(spec)), testing::Contains("db1 [sync] 1"));
  EXPECT_THAT(Lines(Make(On(spec, "db1"))), ElementsAre("db1 [sync] 1"));
  fleet_.Add("db2");
  EXPECT_THAT(Refusal(Spec({"sync"}), Reason::kNothingToSync),
              AllOf(HasSubstr("db2"), Not(HasSubstr("db1"))));
}

TEST_F(PlanRefusalsTest, AServiceSelectsOnlyHostsThatHaveItBeforeSkipEveryAndLimit) {
  fleet_.Add("web0", {"web"});
  fleet_.Add("db1");
  fleet_.AddService("web2", "extra", kOld);
  fleet_.AddService("db1", "extra", kOld);
  agents_.SetTip("db1:8004", kTip);
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_service("extra");
  EXPECT_THAT(Lines(Make(spec)), ElementsAre("web2 [sync] 1", "db1 [sync] 1"));
  spec.mutable_selection()->set_limit(1);
  EXPECT_THAT(Lines(Make(spec)), ElementsAre("web2 [sync] 1"));
  spec.mutable_selection()->add_tagged("web");
  EXPECT_THAT(Lines(Make(spec)), ElementsAre("web2 [sync] 1"));
  spec.mutable_selection()->set_skip(1);
  EXPECT_TRUE(HasReason(Make(spec).status(), Reason::kNoHostSelected))
      << "one has it, and is skipped";
}

TEST_F(PlanRefusalsTest, AFrozenServiceIsKnownToFailUnlessItIsUnfrozenFirst) {
  fleet_.Change("web2", "app", [](v1::Service& service) {
    service.set_frozen_by("alice");
    service.set_state(v1::SERVICE_STATE_FREEZE);
    service.set_state_info("ROLLBACK: 8df1b3db");
    service.set_freeze_reason("incident 7");
  });
  const auto fails = [this](const std::vector<std::string>& actions) {
    std::vector<std::string> told;
    const v1::Plan plan = *Make(Spec(actions));
    for (const v1::PlannedHost& host : plan.hosts()) {
      for (const std::string& why : host.will_fail()) told.push_back(host.host() + ": " + why);
    }
    return told;
  };
  EXPECT_THAT(fails({"sync"}),
              ElementsAre("web2: app is frozen by alice: ROLLBACK: 8df1b3db; incident 7"));
  EXPECT_THAT(fails({"unfreeze", "sync"}), IsEmpty());
  EXPECT_THAT(fails({"sync", "unfreeze"}), testing::SizeIs(1));
  EXPECT_THAT(fails({"skip", "sync"}), IsEmpty());
  EXPECT_THAT(fails({"freeze", "sync"}), testing::SizeIs(3))
      << "the deployment freezes them itself";
}

TEST_F(PlanRefusalsTest, AHostWithoutAnAddressIsKnownToFail) {
  fleet_.SetAddress("web3", "");
  const auto plan = Make(Spec({"sync"}));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->hosts(0).will_fail(), IsEmpty());
  EXPECT_THAT(plan->hosts(2).will_fail(), ElementsAre(HasSubstr("no address")));
}

TEST_F(PlanRefusalsTest, MovesHaveTheirCommitAndSayWhetherTheyChangeFiles) {
  fleet_.AddService("web1", "db", kOld);
  const auto publish = [this](const std::string& host, const std::string& service,
                              const std::string& path) {
    fleet_.Change(host, service, [&](v1::Service& s) { s.add_directories()->set_link(path); });
  };
  for (const char* host : {"web1", "web2", "web3"}) publish(host, "app", "app");
  publish("web1", "db", "db");
  agents_.SetTouched("web1:8004", {"db"});
  const auto plan = Make(Spec({"sync"}));
  ASSERT_TRUE(plan.ok()) << plan.status();
  for (const v1::PlannedHost& host : plan->hosts()) {
    for (const v1::ServiceMove& move : host.moves()) {
      EXPECT_EQ(move.commit().subject(), "Subject");
      EXPECT_EQ(move.changes_nothing(), move.service() == "app") << host.host();
    }
  }
  EXPECT_THAT(agents_.asked(), testing::SizeIs(1)) << "equal services of other hosts are known";
}

TEST_F(PlanRefusalsTest, HostsThatDifferAreAskedOnceEachForAPlanAndNotForADeployment) {
  for (int i = 4; i <= 40; ++i) AddHost(absl::StrCat("web", i));
  fleet_.AddService("web1", "app", std::string(40, 'c'));
  agents_.SetTouched("web1:8004", {"app"});
  agents_.SetTouched("web2:8004", {});
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.mutable_selection()->set_all(true);
  const auto plan = Make(spec);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_FALSE(plan->hosts(0).moves(0).changes_nothing());
  EXPECT_TRUE(plan->hosts(1).moves(0).changes_nothing());
  EXPECT_TRUE(plan->hosts(39).moves(0).changes_nothing());
  EXPECT_THAT(agents_.asked(), ElementsAre("web1:8004 app ", "web2:8004 app " + kTip));
  ASSERT_TRUE(Make(spec, /*changes=*/true).ok());
  EXPECT_THAT(agents_.asked(), testing::SizeIs(3));
}

}  // namespace
}  // namespace gitops
