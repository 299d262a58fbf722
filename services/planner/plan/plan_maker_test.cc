#include "services/planner/plan/plan_maker.h"

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
using testing::StartsWith;

using Payloads = std::vector<v1::HostPayload>;

v1::HostPayload Payload(const std::string& host, const std::vector<std::string>& actions) {
  v1::HostPayload payload;
  payload.set_host(host);
  payload.mutable_actions()->Assign(actions.begin(), actions.end());
  return payload;
}

class PlanMakerTest : public PlanTestBase {
 protected:
  PlanMakerTest() {
    fleet_.Add("web1", {"prod", "web"});
    fleet_.Add("web2", {"prod", "web"});
    fleet_.Add("db1", {"prod", "db"});
    fleet_.Add("web3", {"test", "web"});
    for (const char* host : {"web1", "web2", "db1", "web3"}) {
      fleet_.AddService(host, "nginx", kTip);
      agents_.SetTip(absl::StrCat(host, ":8004"), kTip);
    }
  }

  const std::string kTip = std::string(40, 'b');
};

class PlanWithoutDispatcherTest : public PlanTestBase {
 protected:
  PlanWithoutDispatcherTest() : PlanTestBase(/*dispatcher=*/false) {}
};

TEST_F(PlanMakerTest, EveryHostIsPlannedInTheOrderOfTheFleet) {
  const auto plan = Make(Spec({"reboot", "skip", "reboot"}));
  EXPECT_THAT(Lines(plan),
              ElementsAre("web1 [reboot skip reboot] 1", "web2 [reboot skip reboot] 1",
                          "db1 [reboot skip reboot] 1", "web3 [reboot skip reboot] 1"));
  EXPECT_EQ(plan->wave_count(), 1);
  EXPECT_EQ(plan->hosts(2).address(), "db1:8004");
  EXPECT_EQ(plan->hosts(2).state(), v1::HOST_STATE_ONLINE);
  EXPECT_EQ(plan->token(), "");
  EXPECT_EQ(plan->spec().actions_size(), 3);
}

TEST_F(PlanMakerTest, APlanThatWouldBeTooLargeIsRefused) {
  const PlanMaker maker({.fleet = &fleet_,
                         .hooks = &hooks_,
                         .agents = &agents_,
                         .clock = &clock_,
                         .most_bytes = 1000});
  const auto make = [&](int actions) {
    const auto spec = Spec(std::vector<std::string>(actions, "reboot"));
    return maker.Make(spec, /*changes=*/false, {}).status();
  };
  EXPECT_TRUE(make(20).ok());
  const absl::Status refused = make(40);
  EXPECT_TRUE(HasReason(refused, Reason::kPlanTooLarge)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("4 hosts"));
}

TEST_F(PlanMakerTest, SelectionIsAppliedInTheOrderOfTheContract) {
  for (int i = 4; i < 12; ++i) fleet_.Add(absl::StrCat("web", i), {"prod", "web"});
  v1::DeploymentSpec spec = Spec({"reboot"});
  spec.mutable_selection()->add_on("web*");
  spec.mutable_selection()->add_tagged("prod");
  spec.mutable_selection()->set_skip(1);
  spec.mutable_selection()->set_every(3);
  spec.mutable_selection()->set_limit(2);
  // web1 web2 web4 web5 web6… -> web2 web4 web5 web6… -> web2 web6 web9 -> web2 web6
  EXPECT_THAT(Lines(Make(spec)), ElementsAre("web2 [reboot] 1", "web6 [reboot] 1"));
}

TEST_F(PlanMakerTest, TheConfigurationsOrderHoldsUnlessTheSpecNamesOne) {
  fleet_.OrderByTags({"db", "web"});
  EXPECT_THAT(Lines(Make(Spec({"reboot"}))), ElementsAre("db1 [reboot] 1", "web1 [reboot] 1",
                                                         "web2 [reboot] 1", "web3 [reboot] 1"));
  v1::DeploymentSpec spec = Spec({"reboot"});
  spec.mutable_selection()->add_order_by_tags("test");
  EXPECT_THAT(Lines(Make(spec)), ElementsAre("web3 [reboot] 1", "web1 [reboot] 1",
                                             "web2 [reboot] 1", "db1 [reboot] 1"));
}

TEST_F(PlanMakerTest, CanaryAndBatchesAreWaves) {
  v1::DeploymentSpec spec = Spec({"reboot"});
  spec.mutable_rollout()->set_canary(1);
  spec.mutable_rollout()->set_batch("2");
  const auto plan = Make(spec);
  EXPECT_THAT(Lines(plan), ElementsAre("web1 [reboot] 1", "web2 [reboot] 2", "db1 [reboot] 2",
                                       "web3 [reboot] 3"));
  EXPECT_EQ(plan->wave_count(), 3);
}

TEST_F(PlanMakerTest, PreSelectSeesAllHostsAndPostSelectWhatIsLeft) {
  v1::DeploymentSpec spec = Spec({"reboot"});
  spec.mutable_selection()->add_on("web[12]");
  ASSERT_TRUE(Make(spec).ok());
  EXPECT_THAT(hooks_.asked(),
              ElementsAre("pre-select web1 [reboot] web2 [reboot] db1 [reboot] web3 [reboot]",
                          "post-select web1 [reboot] web2 [reboot] ok"));
  for (const v1::DispatchHookRequest& request : hooks_.requests()) {
    EXPECT_THAT(request.known_hosts(), ElementsAre("web1", "web2", "db1", "web3"));
    EXPECT_EQ(request.deployment(), "");
    EXPECT_FALSE(request.ignore_errors());
  }
}

TEST_F(PlanMakerTest, WhatPreSelectAnswersIsTheOrderAndTheListsThatAreSelectedFrom) {
  hooks_.Add({.point = "pre-select", .answer = [](Payloads) {
                return Payloads{Payload("web3", {"skip"}), Payload("db1", {"reboot"}),
                                Payload("web1", {"reboot", "freeze"})};
              }});
  v1::DeploymentSpec spec = Spec({"reboot"});
  spec.mutable_selection()->add_on("web*");
  EXPECT_THAT(Lines(Make(spec)), ElementsAre("web3 [skip] 1", "web1 [reboot freeze] 1"));
}

TEST_F(PlanMakerTest, WhatPostSelectAnswersIsPlannedEvenHostsThatWereNotSelected) {
  hooks_.Add({.point = "post-select", .answer = [](Payloads hosts) {
                std::reverse(hosts.begin(), hosts.end());
                hosts.push_back(Payload("db1", {"reboot"}));
                return hosts;
              }});
  v1::DeploymentSpec spec = Spec({"reboot"});
  spec.mutable_selection()->add_on("web[12]");
  spec.mutable_rollout()->set_batch("2");
  EXPECT_THAT(Lines(Make(spec)),
              ElementsAre("web2 [reboot] 1", "web1 [reboot] 1", "db1 [reboot] 2"));
}

TEST_F(PlanMakerTest, AnEmptySelectionIsAllowedOnRequestAndBothSelectHooksAreAskedAllTheSame) {
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_service("nginx");
  spec.mutable_selection()->add_on("nobody");
  EXPECT_TRUE(HasReason(Make(spec).status(), Reason::kNoHostSelected));
  EXPECT_THAT(hooks_.asked(), ElementsAre(StartsWith("pre-select web1"), "post-select ok"));
  spec.set_allow_empty(true);
  const auto plan = Make(spec);
  EXPECT_THAT(Lines(plan), IsEmpty());
  EXPECT_EQ(plan->wave_count(), 0);
  EXPECT_THAT(hooks_.asked(), testing::SizeIs(4));
}

TEST_F(PlanMakerTest, AHookThatStopsItIsNamedAndItsCallKept) {
  hooks_.Add({.point = "post-select",
              .message = "hook \"window\" at post-select answered 409: freeze window",
              .failed_hook = "window",
              .http_status = 409});
  const auto plan = Make(Spec({"reboot"}));
  EXPECT_TRUE(HasReason(plan.status(), Reason::kHookStopped));
  EXPECT_EQ(MetadataOf(plan.status())["hook"], "window");
  EXPECT_THAT(std::string(plan.status().message()),
              AllOf(HasSubstr("window"), HasSubstr("post-select"), HasSubstr("409")));
  ASSERT_EQ(calls_.size(), 2u);
  EXPECT_EQ(calls_[1].hook(), "window");
}

TEST_F(PlanMakerTest, CallsOfThePlansHooksAreInThePlan) {
  const auto plan = Make(Spec({"reboot"}));
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->hook_calls_size(), 2);
  EXPECT_EQ(plan->hook_calls(0).point(), "pre-select");
  EXPECT_EQ(plan->hook_calls(1).point(), "post-select");
  EXPECT_EQ(calls_.size(), 2u);
}

TEST_F(PlanMakerTest, ADispatcherThatCannotBeReachedStopsIt) {
  hooks_.Add({.code = absl::StatusCode::kUnavailable, .message = "127.0.0.1:1 does not answer"});
  EXPECT_TRUE(absl::IsUnavailable(Make(Spec({"reboot"})).status()));
}

TEST_F(PlanMakerTest, AnswersThatTheFleetDoesNotKnowAreRefused) {
  const struct {
    const char* why;
    Payloads answer;
    const char* told;
  } cases[] = {
      {"a stranger", {Payload("web9", {"reboot"})}, "not in the fleet"},
      {"a host twice", {Payload("web1", {"reboot"}), Payload("web1", {})}, "twice"},
      {"an unknown action", {Payload("web1", {"rm"})}, "unknown action \"rm\""},
  };
  for (const auto& c : cases) {
    hooks_.Clear();
    hooks_.Add({.point = "pre-select", .answer = [&](Payloads) { return c.answer; }});
    const auto plan = Make(Spec({"reboot"}));
    EXPECT_TRUE(HasReason(plan.status(), Reason::kHookStopped)) << c.why;
    EXPECT_THAT(std::string(plan.status().message()), HasSubstr(c.told)) << c.why;
  }
}

TEST_F(PlanMakerTest, HooksOfADeploymentAreToldItsIdAndRepeatWithTheSameKey) {
  v1::DeploymentSpec spec = Spec({"reboot"});
  spec.mutable_selection()->set_all(true);
  spec.set_ignore_hook_errors(true);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(maker_.Make(spec, true, {.deployment = "D7", .traceparent = "00-trace"}).ok());
  }
  const auto requests = hooks_.requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[0].deployment(), "D7");
  EXPECT_EQ(requests[0].traceparent(), "00-trace");
  EXPECT_TRUE(requests[0].ignore_errors());
  EXPECT_EQ(requests[0].idempotency_key(), "D7//0/pre-select");
  EXPECT_EQ(requests[2].idempotency_key(), requests[0].idempotency_key());
  EXPECT_EQ(requests[1].idempotency_key(), "D7//0/post-select");
}

TEST_F(PlanMakerTest, TwoPlansDoNotShareKeys) {
  ASSERT_TRUE(Make(Spec({"reboot"})).ok());
  ASSERT_TRUE(Make(Spec({"reboot"})).ok());
  const auto requests = hooks_.requests();
  EXPECT_NE(requests[0].idempotency_key(), requests[2].idempotency_key());
}

TEST_F(PlanMakerTest, TheHooksThatMayBeCalledAreShown) {
  v1::ListHooksResponse hooks = OneHook(v1::HOOK_MODE_READ_ONLY, "pre-deploy");
  v1::Hook* checks = hooks.add_hooks();
  checks->set_name("checks");
  checks->add_points("post-healthchecks");
  hooks_.SetHooks(hooks);
  EXPECT_EQ(Make(Spec({"reboot"}))->hooks_size(), 2);
  v1::DeploymentSpec spec = Spec({"reboot"});
  spec.set_skip_health_checks(true);
  const auto plan = Make(spec);
  ASSERT_EQ(plan->hooks_size(), 1);
  EXPECT_EQ(plan->hooks(0).name(), "drain");
}

TEST_F(PlanWithoutDispatcherTest, NoHookIsAsked) {
  fleet_.Add("web1");
  const auto plan = Make(Spec({"reboot"}));
  EXPECT_THAT(Lines(plan), ElementsAre("web1 [reboot] 1"));
  EXPECT_THAT(hooks_.requests(), IsEmpty());
}

TEST_F(PlanMakerTest, AWholeFleetNeedsAllOnlyWhereItIsChanged) {
  EXPECT_TRUE(Make(Spec({"reboot"}), /*changes=*/false).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(Make(Spec({"reboot"}), /*changes=*/true).status()));
  EXPECT_THAT(hooks_.requests(), testing::SizeIs(2)) << "a refused plan asks nobody";
}

TEST_F(PlanMakerTest, APlanIsConfirmedWhileTheWorldIsAsItWas) {
  const auto shown = Make(Spec({"reboot"}));
  const auto now = Confirm(*shown);
  EXPECT_EQ(Lines(now), Lines(shown));
  EXPECT_EQ(hooks_.requests()[2].deployment(), "D1") << "hooks are asked anew, for the deployment";
}

TEST_F(PlanMakerTest, AWorldThatMovedIsRefusedWithWhatChanged) {
  const auto shown = Make(Spec({"reboot"}));
  fleet_.Remove("db1");
  fleet_.Add("web9");
  fleet_.SetAddress("web2", "10.0.0.2:8004");
  const absl::Status refused = Confirm(*shown).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("db1 is no longer in it"), HasSubstr("web9 is new in it"),
                    HasSubstr("web2: the address was web2:8004"), Not(HasSubstr("web3"))));
}

TEST_F(PlanMakerTest, AWorldWithoutThePlannedHostsIsRefusedWithTheirNames) {
  v1::DeploymentSpec spec = Spec({"reboot"});
  spec.mutable_selection()->add_on("db*");
  const auto shown = Make(spec);
  ASSERT_TRUE(shown.ok()) << shown.status();
  fleet_.Remove("db1");
  EXPECT_THAT(std::string(Confirm(*shown).status().message()),
              AllOf(HasSubstr("no host matches --on db*"), HasSubstr("db1 is no longer in it"),
                    Not(HasSubstr("hook"))));
}

TEST_F(PlanMakerTest, AHookThatAnswersOtherwiseThanWhenItWasShownIsRefused) {
  const auto shown = Make(Spec({"reboot"}));
  hooks_.Add({.point = "post-select", .actions = std::vector<std::string>{"skip"}});
  const absl::Status refused = Confirm(*shown).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("web1: the actions were [reboot] and are [skip] now"));
}

TEST_F(PlanMakerTest, ManyDifferencesAreCounted) {
  const auto shown = Make(Spec({"reboot"}));
  for (int i = 0; i < 50; ++i) fleet_.Add(absl::StrCat("new", i));
  EXPECT_THAT(std::string(Confirm(*shown).status().message()),
              AllOf(HasSubstr("new19 is new"), Not(HasSubstr("new20")),
                    HasSubstr("and 30 more differences")));
}

TEST_F(PlanMakerTest, WhoGaveUpIsAskedNothingMore) {
  hooks_.Add({.point = "pre-select", .stall = true});
  v1::DeploymentSpec spec = Spec({"reboot"});
  const auto plan = maker_.Make(spec, false, {.give_up = [] { return true; }});
  EXPECT_TRUE(absl::IsCancelled(plan.status()));
  EXPECT_THAT(hooks_.requests(), testing::SizeIs(1));
}

}  // namespace
}  // namespace gitops
