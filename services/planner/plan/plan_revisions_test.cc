#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/rpc/error.h"
#include "services/planner/plan/plan_test_base.h"

namespace gitops {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string kTip(40, 'b');
const std::string kOld(40, 'a');
constexpr char kOps[] = "https://git.example/ops.git main ";

class PlanRevisionsTest : public PlanTestBase {
 protected:
  PlanRevisionsTest() {
    for (const char* host : {"web1", "web2", "web3"}) {
      fleet_.Add(host);
      fleet_.AddService(host, "nginx", kOld);
      agents_.SetTip(absl::StrCat(host, ":8004"), kTip);
    }
  }
  void Follow(const std::string& host, const std::string& service, const std::string& upstream,
              const std::string& branch = "main") {
    fleet_.AddService(host, service, kOld);
    fleet_.Change(host, service, [&](v1::Service& entry) {
      entry.set_upstream(upstream);
      entry.set_branch(branch);
    });
  }
};

TEST_F(PlanRevisionsTest, OneAgentTellsTheTipForAll) {
  const auto plan = Make(Spec({"sync"}));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Revisions(*plan), ElementsAre(kOps + kTip));
  EXPECT_THAT(agents_.asked(), ElementsAre("web1:8004 nginx "));
  EXPECT_THAT(Moves(*plan),
              ElementsAre("web1 nginx " + kOld + " " + kTip, "web2 nginx " + kOld + " " + kTip,
                          "web3 nginx " + kOld + " " + kTip));
}

TEST_F(PlanRevisionsTest, EachUpstreamAndBranchIsAskedForOnce) {
  Follow("web1", "canary", "https://git.example/ops.git", "canary");
  Follow("web2", "app", "https://git.example/app.git");
  Follow("web3", "app", "https://git.example/app.git");
  const auto plan = Make(Spec({"sync"}));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Revisions(*plan),
              UnorderedElementsAre(kOps + kTip, "https://git.example/ops.git canary " + kTip,
                                   "https://git.example/app.git main " + kTip));
  EXPECT_THAT(agents_.asked(),
              UnorderedElementsAre("web1:8004 canary ", "web1:8004 nginx ", "web2:8004 app "));
}

TEST_F(PlanRevisionsTest, AnAgentThatDoesNotAnswerIsPassedOver) {
  agents_.Set("web1:8004", [](const auto&) { return absl::UnavailableError("down"); });
  EXPECT_THAT(Revisions(*Make(Spec({"sync"}))), ElementsAre(kOps + kTip));
  EXPECT_THAT(agents_.asked(), ElementsAre("web1:8004 nginx ", "web2:8004 nginx "));
}

TEST_F(PlanRevisionsTest, HostsThatAreOnlineAreAskedFirst) {
  fleet_.Add("web1", {}, v1::HOST_STATE_STALE);
  fleet_.Add("web2", {}, v1::HOST_STATE_NEVER_SEEN);
  ASSERT_TRUE(Make(Spec({"sync"})).ok());
  EXPECT_THAT(agents_.asked(), ElementsAre("web3:8004 nginx "));
}

TEST_F(PlanRevisionsTest, WhereNobodyAnswersUpstreamAndAgentsAreNamed) {
  for (const char* host : {"web1", "web2", "web3"}) {
    agents_.Set(absl::StrCat(host, ":8004"),
                [](const auto&) { return absl::UnavailableError("git.example is down"); });
  }
  const absl::Status refused = Make(Spec({"sync"})).status();
  EXPECT_TRUE(absl::IsUnavailable(refused));
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("https://git.example/ops.git (branch main)"),
                    HasSubstr("web1 (web1:8004), web2 (web2:8004), web3 (web3:8004)"),
                    HasSubstr("git.example is down")));
}

TEST_F(PlanRevisionsTest, WhoeverPlansDoesNotWaitForEveryAgentThatIsDown) {
  for (int i = 0; i < 100; ++i) {
    const std::string host = absl::StrCat("down", i);
    fleet_.Add(host);
    Follow(host, "app", "https://git.example/app.git");
    agents_.Set(host + ":8004", [this](const auto&) {
      clock_.Advance(absl::Seconds(5));
      return absl::UnavailableError("connection timed out");
    });
  }
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_service("app");
  EXPECT_TRUE(absl::IsUnavailable(Make(spec).status()));
  EXPECT_THAT(agents_.asked(), testing::SizeIs(12));
}

TEST_F(PlanRevisionsTest, ARevisionIsLookedUpAndItsWholeNameFixed) {
  agents_.Set("web1:8004", [](const v1::ResolveRevisionRequest& request) {
    return request.revision() == "bbbb" ? absl::StatusOr<std::string>(kTip)
                                        : MakeError(Reason::kRevisionUnknown, "no such commit");
  });
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_revision("BBBB");
  EXPECT_THAT(Revisions(*Make(spec)), ElementsAre(kOps + kTip));
}

TEST_F(PlanRevisionsTest, ARevisionThatNoUpstreamHasIsNotFound) {
  for (const char* host : {"web1", "web2", "web3"}) {
    agents_.Set(absl::StrCat(host, ":8004"),
                [](const auto&) { return MakeError(Reason::kRevisionUnknown, "no commit cafe"); });
  }
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_revision("cafe");
  const absl::Status refused = Make(spec).status();
  EXPECT_TRUE(HasReason(refused, Reason::kRevisionUnknown));
  EXPECT_THAT(std::string(refused.message()), AllOf(HasSubstr("no commit cafe"), HasSubstr("ops")));
}

TEST_F(PlanRevisionsTest, AServiceThatItsAgentDoesNotKnowYetIsNoUpstreamWithoutTheRevision) {
  Follow("web1", "app", "https://git.example/app.git");
  agents_.Set("web1:8004", [](const v1::ResolveRevisionRequest& request) {
    return request.service() == "nginx" ? absl::StatusOr<std::string>(kTip)
                                        : MakeError(Reason::kServiceUnknown, "no service app");
  });
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_revision("bbbb");
  EXPECT_TRUE(HasReason(Make(spec).status(), Reason::kServiceUnknown));
}

TEST_F(PlanRevisionsTest, ARevisionNeedsToBeInOneUpstreamOnly) {
  Follow("web1", "app", "https://git.example/app.git");
  agents_.Set("web1:8004", [](const v1::ResolveRevisionRequest& request) {
    return request.service() == "nginx" ? absl::StatusOr<std::string>(kTip)
                                        : MakeError(Reason::kRevisionUnknown, "not in app.git");
  });
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_revision("bbbb");
  const auto plan = Make(spec);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Revisions(*plan), ElementsAre(kOps + kTip));
}

TEST_F(PlanRevisionsTest, SeveralCommitsThatBeginWithItAreTheAnswerOfAll) {
  agents_.Set("web1:8004",
              [](const auto&) { return absl::FailedPreconditionError("several commits"); });
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_revision("bbbb");
  EXPECT_TRUE(absl::IsFailedPrecondition(Make(spec).status()));
  EXPECT_THAT(agents_.asked(), testing::SizeIs(1));
}

TEST_F(PlanRevisionsTest, OnlyTheServiceThatIsNamedMoves) {
  Follow("web1", "app", "https://git.example/app.git");
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_service("app");
  const auto plan = Make(spec);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Revisions(*plan), ElementsAre("https://git.example/app.git main " + kTip));
  EXPECT_THAT(Moves(*plan), ElementsAre("web1 app " + kOld + " " + kTip));
}

TEST_F(PlanRevisionsTest, AServiceThatNoSelectedHostHasIsNotFound) {
  for (const char* action : {"sync", "freeze", "unfreeze"}) {
    v1::DeploymentSpec spec = Spec({action});
    spec.set_service("caddy");
    const absl::Status refused = Make(spec).status();
    EXPECT_TRUE(HasReason(refused, Reason::kServiceUnknown)) << action;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("caddy"));
  }
}

TEST_F(PlanRevisionsTest, ServicesThatFollowByThemselvesAreNotMoved) {
  fleet_.AddService("web1", "nginx", kOld, /*coordinated=*/false);
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_allow_empty(true);
  const auto plan = Make(spec);
  EXPECT_THAT(Moves(*plan),
              ElementsAre("web2 nginx " + kOld + " " + kTip, "web3 nginx " + kOld + " " + kTip));
}

TEST_F(PlanRevisionsTest, WhatIsThereAlreadyDoesNotMoveAndWhatIsFrozenIsShown) {
  fleet_.AddService("web1", "nginx", kTip);
  fleet_.Change("web2", "nginx", [](v1::Service& service) { service.set_frozen_by("alice"); });
  const auto plan = Make(Spec({"sync"}));
  EXPECT_THAT(plan->hosts(0).moves(), IsEmpty());
  EXPECT_THAT(plan->hosts(0).frozen_services(), IsEmpty());
  EXPECT_THAT(plan->hosts(1).frozen_services(), ElementsAre("nginx"));
}

TEST_F(PlanRevisionsTest, WithoutASyncNobodyIsAsked) {
  const auto plan = Make(Spec({"freeze", "reboot"}));
  EXPECT_THAT(Revisions(*plan), IsEmpty());
  EXPECT_THAT(agents_.asked(), IsEmpty());
}

TEST_F(PlanRevisionsTest, ASyncThatAHookAddsIsResolved) {
  hooks_.Add({.point = "post-select", .actions = std::vector<std::string>{"sync"}});
  EXPECT_THAT(Revisions(*Make(Spec({"reboot"}))), ElementsAre(kOps + kTip));
}

TEST_F(PlanRevisionsTest, RevisionsAreAtHandWhereAHookMayAddASyncLater) {
  hooks_.SetHooks(OneHook(v1::HOOK_MODE_TRANSFORM, "pre-deploy"));
  EXPECT_THAT(Revisions(*Make(Spec({"reboot"}))), ElementsAre(kOps + kTip));
  hooks_.SetHooks(OneHook(v1::HOOK_MODE_FILTER, "pre-deploy"));
  EXPECT_THAT(Revisions(*Make(Spec({"reboot"}))), IsEmpty());
}

TEST_F(PlanRevisionsTest, RevisionsThatMayNotBeNeededAreLeftOutWhereNobodyTells) {
  hooks_.SetHooks(OneHook(v1::HOOK_MODE_TRANSFORM, "pre-deploy"));
  Follow("web1", "app", "https://git.example/app.git");
  agents_.Set("web1:8004", [](const v1::ResolveRevisionRequest& request) {
    return request.service() == "nginx" ? absl::StatusOr<std::string>(kTip)
                                        : absl::UnavailableError("down");
  });
  EXPECT_THAT(Revisions(*Make(Spec({"reboot"}))), ElementsAre(kOps + kTip));
}

TEST_F(PlanRevisionsTest, AnEmptySelectionNeedsNoRevision) {
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.mutable_selection()->add_on("nobody");
  spec.set_allow_empty(true);
  const auto plan = Make(spec);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(agents_.asked(), IsEmpty());
}

TEST_F(PlanRevisionsTest, AWholeHashGoesToHostsOfWhichNothingIsKnown) {
  fleet_.Add("new1", {}, v1::HOST_STATE_NEVER_SEEN);
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.mutable_selection()->add_on("new1");
  EXPECT_THAT(Revisions(*Make(spec)), IsEmpty());
  spec.set_revision(std::string(40, 'C'));
  EXPECT_THAT(Revisions(*Make(spec)), ElementsAre("  " + std::string(40, 'c')));
  EXPECT_THAT(agents_.asked(), IsEmpty());
}

TEST_F(PlanRevisionsTest, AConfirmedPlanGoesToTheShownRevisionEvenIfTheTipMovedSince) {
  const auto shown = Make(Spec({"sync"}));
  for (const char* host : {"web1", "web2", "web3"}) {
    agents_.SetTip(absl::StrCat(host, ":8004"), std::string(40, 'c'));
  }
  const auto now = Confirm(*shown);
  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_THAT(Revisions(*now), ElementsAre(kOps + kTip));
  EXPECT_EQ(Moves(*now), Moves(*shown));
  EXPECT_THAT(agents_.asked(), testing::SizeIs(1)) << "nobody is asked again";
}

TEST_F(PlanRevisionsTest, WhatSomebodyMovedOrFrozeSinceIsTold) {
  const auto shown = Make(Spec({"sync"}));
  fleet_.AddService("web1", "nginx", std::string(40, 'c'));
  fleet_.Change("web2", "nginx", [](v1::Service& service) { service.set_frozen_by("alice"); });
  Follow("web3", "app", "https://git.example/app.git");
  const absl::Status refused = Confirm(*shown).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("web1: nginx was at aaaaaaaaaaaa and is at cccccccccccc now"),
                    HasSubstr("web2: nginx is frozen now"),
                    HasSubstr("web3: app follows https://git.example/app.git (branch main) now")));
}

TEST_F(PlanRevisionsTest, AServiceThatHasGoneEverywhereSinceIsAWorldThatMoved) {
  v1::DeploymentSpec spec = Spec({"sync"});
  spec.set_service("nginx");
  const auto shown = Make(spec);
  for (const char* host : {"web1", "web2", "web3"}) fleet_.RemoveService(host, "nginx");
  EXPECT_TRUE(absl::IsFailedPrecondition(Confirm(*shown).status()));
}

}  // namespace
}  // namespace gitops
