"""The planner is killed while several hosts are in progress, while a host is down too, or while hosts reboot.
See planner_crash_test.py."""

import pytest

from crashing_planner import cases, crashing, freezing, whole  # noqa: F401, two are fixtures

# Another host is in progress at the same time, and is interrupted at any of its moves.
BESIDE = ["planner-after-hook:6", "planner-after-action:5"]
MORE_BESIDE = ["planner-before-hook:6", "planner-after-hook-stored:6", "planner-before-action:5",
               "planner-after-action:7", "planner-after-action-stored:6", "planner-after-host:2"]
# By then, each host has done one action and called its hooks twice.
REBOOT = ["planner-after-action:2", "planner-after-hook:4"]
MORE_OF_REBOOT = ["planner-before-hook:3", "planner-after-hook:3", "planner-before-action:2",
                  "planner-after-action-stored:2", "planner-after-action:4"]


@pytest.mark.parametrize("point", cases(BESIDE, MORE_BESIDE))
def test_no_more_hosts_are_under_way_after_a_restart_than_before(crashing, whole, point):
    undisturbed = whole("one", freezing(crashing))
    outcome = freezing(crashing, "--max-parallel", "2")(killed_at=[point])
    assert outcome.facts == undisturbed.facts
    assert sorted(map(repr, outcome.asked())) == sorted(map(repr, undisturbed.asked()))
    again = outcome.asked_again()
    assert len(again) == len(set(again)) <= 2
    assert outcome.most_at_once() <= 2


@pytest.mark.parametrize("point", cases(
    ["planner-after-action"], ["planner-before-action", "planner-after-action:3"]))
def test_a_host_that_went_down_with_the_planner_is_waited_for(crashing, whole, point):
    undisturbed = whole("one", freezing(crashing))
    outcome = freezing(crashing)(killed_at=[point], with_it=["web1"])
    assert outcome.facts == undisturbed.facts
    assert outcome.asked() == undisturbed.asked()
    assert outcome.asked_again() == []


@pytest.mark.parametrize("point", cases(REBOOT, MORE_OF_REBOOT))
def test_a_host_is_rebooted_once_whenever_the_planner_is_killed(crashing, whole, point):
    def deploy(killed_at):
        crashing.commit()
        return crashing.deploy("sync", "reboot", killed_at=killed_at)

    undisturbed = whole("reboot", deploy)
    assert [undisturbed.facts[name]["trace"] for name in crashing.fleet.hosts] == [["reboot"]] * 3
    outcome = deploy(killed_at=[point])
    assert outcome.facts == undisturbed.facts
    assert outcome.asked() == undisturbed.asked()
    assert len(outcome.asked_again()) == (1 if "after-hook" in point else 0)
