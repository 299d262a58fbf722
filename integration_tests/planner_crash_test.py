"""The planner is killed at every crash point of a deployment and started again. It continues by itself, with the same
result as without a crash: on the hosts, at the hooks and in the record."""

import concurrent.futures
import re

import pytest

from crashing_planner import cases, crashing, freezing, whole  # noqa: F401, two are fixtures
from fleet import states
from harness import ROOT
from planner_crash_rollback_test import ROLLBACK

# For 3 hosts, one at a time, the first in its own wave. Each host calls hooks 4 times and does 3 actions and one
# check; NAME:N is the Nth time, over all hosts.
POINTS = [
    "planner-before-lock", "planner-after-lock", "planner-before-wave", "planner-before-hook:2",
    "planner-after-hook:2", "planner-after-hook-stored:2", "planner-before-action:2", "planner-after-action:2",
    "planner-after-action-stored:8", "planner-after-host:2", "planner-before-end",
]
MORE_POINTS = [
    "planner-before-wave:2",
    "planner-before-hook", "planner-before-hook:7",
    "planner-after-hook", "planner-after-hook:7", "planner-after-hook:12",
    "planner-after-hook-stored", "planner-after-hook-stored:7",
    "planner-before-action", "planner-before-action:3", "planner-before-action:4", "planner-before-action:9",
    "planner-after-action", "planner-after-action:3", "planner-after-action:4", "planner-after-action:9",
    "planner-after-action-stored", "planner-after-action-stored:4",
    "planner-after-host", "planner-after-host:3",
]

# It is stored, but its caller does not know that.
LOST_ANSWER = "planner-after-create"


def points_tried():
    return {point.split(":")[0] for point in [*POINTS, *ROLLBACK, LOST_ANSWER]}


def test_every_crash_point_of_the_sources_is_tried():
    named = set()
    for file in (ROOT / "services" / "planner").rglob("*.cc"):
        if not file.name.endswith("_test.cc"):
            named |= set(re.findall(r'CrashPoint\("([^"]+)"\)', file.read_text()))
    assert named == points_tried()


def test_the_page_lists_every_crash_point():
    page = (ROOT / "docs" / "reference" / "planner-crash-points.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) == points_tried()


def test_what_comes_of_it_when_nobody_kills_the_planner(crashing, whole):
    outcome = whole("one", freezing(crashing))
    assert outcome.facts["state"] == "SUCCEEDED" and outcome.facts["locks"] == []
    for name in crashing.fleet.hosts:
        assert outcome.facts[name] == {
            "history": [("FREEZE", False), ("OK", True), ("OK", False)], "trace": ["trigger"],
            "actions": ["sync", "run-secret-triggers", "freeze", "health-checks"],
            "steps": [(1, "DEPLOY", "OK", ["pre-deploy", "post-deploy"]),
                      (2, "HEALTHCHECKS", "OK", ["pre-healthchecks", "post-healthchecks"])],
            "operations": [f"{name}/1", f"{name}/2", f"{name}/3", ""],
            "remaining": [], "version": True}
    assert outcome.asked_again() == [] and outcome.most_at_once() == 1


@pytest.mark.parametrize("point", cases(POINTS, MORE_POINTS))
def test_a_deployment_goes_on_where_the_planner_was_killed(crashing, whole, point):
    undisturbed = whole("one", freezing(crashing))
    outcome = freezing(crashing)(killed_at=[point])
    assert outcome.facts == undisturbed.facts
    assert outcome.asked() == undisturbed.asked()
    # A hook whose answer was not stored is called again, with the same key.
    unstored = point.split(":")[0] == "planner-after-hook"
    assert len(outcome.asked_again()) == (1 if unstored else 0)
    assert outcome.most_at_once() == 1


def test_killed_after_every_single_action_it_comes_to_the_same_end(crashing, whole):
    undisturbed = whole("one", freezing(crashing))
    # After a host's last action come its hooks and checks, after its check a hook.
    outcome = freezing(crashing)(killed_at=["planner-after-action-stored"] * 12)
    assert outcome.facts == undisturbed.facts
    assert outcome.asked() == undisturbed.asked()
    assert outcome.asked_again() == []


def test_a_deployment_whose_answer_was_lost_is_begun_once(crashing):
    def known():
        listed = crashing.fleet.ctl("list", "deployments", "-o", "json").json()["deployments"]
        return {deployment["id"] for deployment in listed}

    crashing.commit()
    before = known()
    planner = crashing.fleet.planner
    planner.kill()
    planner.start(env={"GITOPS_CRASH_AT": LOST_ANSWER})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        deploying = pool.submit(crashing.fleet.deploy, "sync")
        planner.await_crash()
        planner.start()
        assert deploying.result().status == 0
    assert len(known() - before) == 1
    assert states(crashing.fleet.latest()) == {name: "SUCCEEDED" for name in crashing.fleet.hosts}


def test_a_deployment_that_must_not_wait_and_was_not_stored_is_not_begun(crashing):
    crashing.commit()
    before = crashing.fleet.latest()["id"]
    crashing.fleet.planner.kill()
    crashing.fleet.planner.start(env={"GITOPS_CRASH_AT": "planner-before-lock"})
    lost = crashing.fleet.deploy("sync", "--no-wait", "--detach", timeout=20, check=False)
    assert lost.status == 3, lost
    crashing.fleet.planner.await_crash()
    crashing.fleet.planner.start()
    assert crashing.fleet.latest()["id"] == before
    assert crashing.fleet.deploy("sync", "--no-wait").status == 0
