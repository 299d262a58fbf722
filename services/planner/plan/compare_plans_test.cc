#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "services/planner/plan/plan_maker.h"

namespace gitops {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

v1::PlannedHost Host(const std::string& name) {
  v1::PlannedHost host;
  host.set_host(name);
  host.set_address(name + ":8004");
  host.set_wave(1);
  host.set_state(v1::HOST_STATE_ONLINE);
  host.add_actions("sync");
  v1::ServiceMove* move = host.add_moves();
  move->set_service("nginx");
  move->set_from_hash("aaaa");
  move->set_to_hash("bbbb");
  return host;
}

v1::Plan Plan(const std::vector<std::string>& hosts) {
  v1::Plan plan;
  for (const char* name : {"drain", "notify"}) {
    v1::Hook* hook = plan.add_hooks();
    hook->set_name(name);
    hook->set_mode(v1::HOOK_MODE_TRANSFORM);
  }
  for (const std::string& host : hosts) *plan.add_hosts() = Host(host);
  plan.set_wave_count(1);
  v1::UpstreamRevision* revision = plan.add_revisions();
  revision->set_upstream("https://git.example/ops.git");
  revision->set_branch("main");
  revision->set_hash("bbbb");
  return plan;
}

struct Case {
  const char* why;
  std::function<void(v1::Plan&)> change;
  std::vector<std::string> told;
};

const Case kCases[] = {
    {"nothing changed", [](auto&) {}, {}},
    {"times, tokens and calls are not the plan",
     [](auto& p) {
       p.set_token("another");
       p.mutable_create_time()->set_seconds(7);
       p.add_hook_calls();
     },
     {}},
    {"a host that went silent is still planned for",
     [](auto& p) { p.mutable_hosts(0)->set_state(v1::HOST_STATE_STALE); },
     {}},
    {"a host went",
     [](auto& p) { p.mutable_hosts()->DeleteSubrange(1, 1); },
     {"web2 is no longer in it"}},
    {"a host came", [](auto& p) { *p.add_hosts() = Host("web4"); }, {"web4 is new in it"}},
    {"a host came, and waves with it",
     [](auto& p) {
       *p.add_hosts() = Host("web4");
       p.mutable_hosts(2)->set_wave(2);
     },
     {"web4 is new in it"}},
    {"two changed places",
     [](auto& p) { p.mutable_hosts()->SwapElements(1, 2); },
     {"the order is another: web3 comes where web2 came"}},
    {"another list",
     [](auto& p) { p.mutable_hosts(0)->add_actions("reboot"); },
     {"web1: the actions were [sync] and are [sync reboot] now"}},
    {"the same actions in another order is another list",
     [](auto& p) { p.mutable_hosts(0)->set_actions(0, "skip"); },
     {"web1: the actions were [sync] and are [skip] now"}},
    {"another wave",
     [](auto& p) { p.mutable_hosts(2)->set_wave(2); },
     {"web3: the wave was 1 and is 2 now"}},
    {"another address",
     [](auto& p) { p.mutable_hosts(0)->set_address("10.0.0.9:8004"); },
     {"web1: the address was web1:8004 and is 10.0.0.9:8004 now"}},
    {"somebody moved a service",
     [](auto& p) { p.mutable_hosts(0)->mutable_moves(0)->set_from_hash("cccc"); },
     {"web1: nginx was at aaaa and is at cccc now"}},
    {"somebody moved it to where it was to go",
     [](auto& p) { p.mutable_hosts(0)->clear_moves(); },
     {"web1: nginx was to move from aaaa to bbbb, and no longer is"}},
    {"a service is new there",
     [](auto& p) {
       v1::ServiceMove* move = p.mutable_hosts(0)->add_moves();
       move->set_service("caddy");
       move->set_to_hash("bbbb");
     },
     {"web1: caddy would now move from nothing to bbbb"}},
    {"what a host that never reported has is not known to be another",
     [](auto& p) {
       p.mutable_hosts(0)->set_state(v1::HOST_STATE_NEVER_SEEN);
       p.mutable_hosts(0)->clear_moves();
     },
     {}},
    {"a service was frozen",
     [](auto& p) { p.mutable_hosts(0)->add_frozen_services("nginx"); },
     {"web1: nginx is frozen now"}},
    {"the tip moved",
     [](auto& p) { p.mutable_revisions(0)->set_hash("dddd"); },
     {"https://git.example/ops.git (branch main) was at bbbb and is at dddd now"}},
    {"an upstream is new",
     [](auto& p) { p.add_revisions()->set_upstream("https://git.example/web.git"); },
     {"https://git.example/web.git (branch ) is new; its revision was not shown"}},
    {"a hook went",
     [](auto& p) { p.mutable_hooks()->DeleteSubrange(0, 1); },
     {"hook \"drain\" is no longer configured"}},
    {"a hook came", [](auto& p) { p.add_hooks()->set_name("lock"); }, {"hook \"lock\" is new"}},
    {"a hook may do more",
     [](auto& p) { p.mutable_hooks(1)->set_mode(v1::HOOK_MODE_FILTER); },
     {"hook \"notify\" is configured in another way"}},
    {"hooks changed places",
     [](auto& p) { p.mutable_hooks()->SwapElements(0, 1); },
     {"hook \"notify\" is asked where \"drain\" was"}},
};

TEST(ComparePlansTest, WhatChangedIsSaidAndNothingElse) {
  const v1::Plan shown = Plan({"web1", "web2", "web3"});
  for (const Case& c : kCases) {
    v1::Plan now = shown;
    c.change(now);
    EXPECT_EQ(ComparePlans(shown, now), c.told) << c.why;
  }
}

TEST(ComparePlansTest, AServiceThatIsNoLongerFrozenIsSaid) {
  v1::Plan shown = Plan({"web1"});
  const v1::Plan now = shown;
  shown.mutable_hosts(0)->add_frozen_services("nginx");
  EXPECT_THAT(ComparePlans(shown, now), ElementsAre("web1: nginx is no longer frozen"));
}

TEST(ComparePlansTest, HostsThatCameAndWentDoNotCountAsAnotherOrder) {
  EXPECT_THAT(ComparePlans(Plan({"a", "b", "c"}), Plan({"x", "a", "c", "y"})),
              ElementsAre("b is no longer in it", "x is new in it", "y is new in it"));
}

TEST(ComparePlansTest, EmptyPlansAreAlike) {
  EXPECT_THAT(ComparePlans(v1::Plan(), v1::Plan()), IsEmpty());
}

}  // namespace
}  // namespace gitops
