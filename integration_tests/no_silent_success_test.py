"""A command that did nothing does not look like one that succeeded: gitopsctl against a real fleet."""

import pytest

from fleet import Fleet
from harness import wait_for

READS = [["list", "hosts"], ["list", "services"], ["list", "machines"], ["get", "service", "app"],
         ["history", "app"], ["describe", "service", "app"], ["diff", "app"], ["check"], ["events"],
         ["watch", "app"], ["wait", "service", "app", "--timeout", "20s"], ["plan", "sync"]]
CHANGES = [["freeze", "app"], ["unfreeze", "app"], ["pull", "app"], ["rollback", "app", "abcd"],
           ["rollback", "app", "previous"], ["deploy", "sync", "-y"]]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with Fleet(tmp_path_factory.mktemp("silent"), hosts={"web1": {"tags": ["prod"]}, "db1": {}}) as fleet:
        yield fleet


@pytest.mark.parametrize("words", READS + CHANGES, ids=" ".join)
def test_selecting_no_host_fails_and_names_the_nearest(fleet, words):
    done = fleet.ctl(*words, "--on", "wbe1", check=False)
    assert done.status == 1, done
    assert "no host matches --on wbe1" in done.err and "web1" in done.err


@pytest.mark.parametrize("words", [w for w in READS + CHANGES if w[0] not in ("watch", "wait")], ids=" ".join)
def test_a_script_may_allow_it(fleet, words):
    assert fleet.ctl(*words, "--on", "wbe1", "--allow-empty", check=False).status == 0


@pytest.mark.parametrize("words", [["get", "service", "ap"], ["freeze", "ap", "--all", "-y"], ["check", "ap"],
                                   ["wait", "service", "ap", "--timeout", "20s"]], ids=" ".join)
def test_a_service_that_no_host_has_fails(fleet, words):
    done = fleet.ctl(*words, check=False)
    assert done.status == 1 and "no selected host has a service ap; did you mean app?" in done.err


def test_a_comma_is_not_taken_for_a_list(fleet):
    done = fleet.ctl("freeze", "app", "--on", "web1,db1", "-y", check=False)
    assert done.status == 1 and "--on '{web1,db1}'" in done.err
    assert fleet.ctl("list", "hosts", "--on", "{web1,db1}", "-o", "name").out.split() == ["web1", "db1"]


def test_a_limit_of_nothing_is_refused(fleet):
    assert fleet.ctl("list", "hosts", "--limit", "0", check=False).status == 2


def test_a_plan_that_is_known_to_fail_says_so(fleet):
    fleet.ctl("freeze", "app", "--on", "web1", "--reason", "release day")
    done = fleet.ctl("plan", "sync", "--on", "web1", check=False)
    frozen = fleet.ctl("get", "service", "app", "--on", "web1", "-o", "json").json()["services"][0]
    assert frozen["freezeReason"] == "release day"
    assert done.status == 1 and f"web1: app is frozen by {frozen['frozenBy']}: release day" in done.out
    assert "release day" in fleet.ctl("get", "service", "app", "--on", "web1").out
    fleet.ctl("unfreeze", "app", "--on", "web1")
    wait_for(lambda: fleet.ctl("plan", "sync", "--on", "web1", check=False).status == 0, what="a good plan")


def test_hooks_of_a_planner_without_a_dispatcher_are_explained(fleet):
    done = fleet.ctl("list", "hooks")
    assert "no hook dispatcher" in done.err
