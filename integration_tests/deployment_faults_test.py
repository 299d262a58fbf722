"""Deployments when an agent is killed, paused, disconnected or slow, in each phase of its host, and when the
planner cannot store: only that host fails, nothing hangs, and a repaired host can be resumed."""

import signal
import threading
import time

import pytest

from fleet import Fleet, actions_done, states
from harness import as_root, wait_for
from held_fleet import HeldFleet
from mount_namespace import MountNamespace

HOSTS = ("good", "killed", "paused", "cut", "slow")
ACTIONS = ("sync", "run-secret-triggers")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    fleet = HeldFleet(tmp_path_factory.mktemp("faults"), HOSTS, linked=("cut", "slow"))
    fleet.number = 0
    with fleet:
        yield fleet


@pytest.fixture
def fleet(shared):
    shared.heal()
    shared.forget()
    shared.number += 1
    shared.hash = shared.commit(str(shared.number))
    yield shared
    shared.heal()


def break_hosts(fleet):
    fleet.agents["killed"].kill()
    fleet.pause("paused")
    fleet.cut("cut")
    fleet.slow("slow", 0.2)


def begin(fleet, *names, flags=(), actions=ACTIONS):
    selected = [word for name in names for word in ("--on", name)]
    return fleet.begin(*actions, *(selected or ["--all"]), *flags)


# Each phase of a host, and what breaks hosts in it.

def before_their_turn(fleet, start):
    break_hosts(fleet)
    return start()


def in_their_pre_deploy_hooks(fleet, start):
    # The last one breaks them.
    together = threading.Barrier(len(HOSTS), action=lambda: break_hosts(fleet), timeout=20)

    def answer(payload, call):
        if call["point"] == "pre-deploy":
            together.wait()
        return payload

    fleet.endpoint.answer = answer
    return start()


def in_their_actions(fleet, start):
    fleet.hold("action", *HOSTS)
    begun = start()
    fleet.await_action(*HOSTS)
    break_hosts(fleet)
    fleet.release(*HOSTS)
    return begun


def in_their_reboots(fleet, start):
    fleet.hold("reboot", *HOSTS)
    begun = start()
    fleet.await_reboot(*HOSTS)
    break_hosts(fleet)
    fleet.release(*HOSTS)
    return begun


def in_their_health_checks(fleet, start):
    fleet.hold("checks", *HOSTS)
    begun = start()
    fleet.await_checks(*HOSTS)
    break_hosts(fleet)
    fleet.release(*HOSTS)
    return begun


POINTS_ASKED = {
    "before_their_turn": [],
    "in_their_pre_deploy_hooks": ["pre-deploy", "post-deploy"],
    "in_their_actions": ["pre-deploy", "post-deploy"],
    "in_their_reboots": ["pre-deploy", "post-deploy", "pre-reboot", "post-reboot"],
    "in_their_health_checks": ["pre-deploy", "post-deploy", "pre-healthchecks",
                               "post-healthchecks"],
}


@pytest.mark.parametrize("phase, ended, performed", [
    (before_their_turn, "UNREACHABLE", []),
    (in_their_pre_deploy_hooks, "FAILED", []),
    (in_their_actions, "FAILED", ["sync"]),
    (in_their_reboots, "FAILED", ["sync", "run-secret-triggers"]),
    (in_their_health_checks, "FAILED", ["sync", "run-secret-triggers"]),
])
def test_hosts_that_break_fail_alone_and_go_on_when_they_are_mended(fleet, phase, ended, performed):
    reboots = int(phase is in_their_reboots)
    begun = phase(fleet, lambda: begin(fleet, actions=(*ACTIONS, *["reboot"] * reboots), flags=(
        "--max-parallel", "5", "--on-failure", "continue", "--health-timeout", "6s",
        "--reboot-timeout", "6s")))
    deployment = fleet.await_end(begun, seconds=60)
    assert deployment["state"] == "FAILED"
    assert states(deployment) == {"good": "SUCCEEDED", "slow": "SUCCEEDED",
                                  "killed": ended, "paused": ended, "cut": ended}
    for host in deployment["hosts"]:
        assert bool(host["message"]) == (host["host"] not in ("good", "slow"))
        if host["message"]:
            done = [a for a in actions_done(deployment, host["host"]) if not a.endswith("!")]
            assert done == performed
            # No hook is called for an unreachable host; what a pre- hook acquired is released.
            asked = [(call["point"], call["result"]) for call in fleet.endpoint.calls
                     if call["payload"]["host"] == host["host"]]
            assert [point for point, _ in asked] == POINTS_ASKED[phase.__name__]
            assert [result for _, result in asked[-1:]] == ["failed"] * len(asked[-1:])
    assert fleet.locks() == {}

    fleet.heal()
    fleet.endpoint.answer = None
    seen = {name: fleet.trace(name) for name in ("good", "slow")}
    assert fleet.ctl("resume", "deployment", begun, timeout=90).status == 0
    assert set(states(fleet.deployment(begun)).values()) == {"SUCCEEDED"}
    for name in HOSTS:
        assert fleet.agents[name].service("app")["hash"] == fleet.hash
        assert fleet.trace(name)[-2:] == ["begun", "done"]
        assert fleet.reboots(name) == reboots
    assert seen == {"good": ["begun", "done"], "slow": ["begun", "done"]}
    assert {name: fleet.trace(name) for name in seen} == seen


@pytest.mark.parametrize("in_hook, flags, expected", [
    (False, (), ("SUCCEEDED", "UNREACHABLE", "SUCCEEDED")),
    (False, ("--max-failures", "0"), ("SUCCEEDED", "UNREACHABLE", "not begun")),
    (False, ("--max-failures", "1"), ("SUCCEEDED", "UNREACHABLE", "SUCCEEDED")),
    (True, (), ("SUCCEEDED", "FAILED", "not begun")),
    (True, ("--max-failures", "1"), ("SUCCEEDED", "FAILED", "SUCCEEDED")),
])
def test_whether_the_others_go_on_is_as_the_flags_say(fleet, in_hook, flags, expected):
    def answer(payload, call):
        if call["point"] == "pre-deploy" and payload["host"] == "killed":
            fleet.agents["killed"].kill()
        return payload

    if in_hook:
        fleet.endpoint.answer = answer
    else:
        fleet.agents["killed"].kill()
    done = fleet.deploy(*ACTIONS, "--on", "good", "--on", "killed", "--on", "slow", *flags)
    assert done.status == 1, done
    found = states(fleet.latest())
    assert (found["good"], found["killed"]) == expected[:2]
    if expected[2] == "not begun":
        assert found["slow"] in ("PENDING", "STOPPED")
        assert fleet.trace("slow") == [] and fleet.hooks_of("slow") == []
    else:
        assert found["slow"] == expected[2]


# Agents that come back in time.

@pytest.mark.parametrize("point", ["before-publish", "before-exchange", "after-exchange",
                                   "after-published-stored", "after-activated-stored"])
def test_an_agent_killed_in_its_action_and_back_in_time_goes_on_with_the_same_operation(
        fleet, point):
    agent = fleet.agents["killed"]
    agent.kill()
    agent.env = {"GITOPS_CRASH_AT": point}
    before = agent.start() and agent.service("app")["changes"]
    begun = begin(fleet, "killed", actions=["sync"])
    assert agent.process.wait(timeout=30) == -signal.SIGKILL
    agent.env = {}
    agent.start()
    deployment = fleet.await_end(begun)
    assert deployment["state"] == "SUCCEEDED"
    assert actions_done(deployment, "killed") == ["sync", "health-checks"]
    now = agent.service("app")
    moved = [change["toHash"] for change in now["changes"]
             if change not in before and change["fromHash"] != change["toHash"]]
    assert moved == [fleet.hash] and (now["state"], now["hash"]) == ("OK", fleet.hash)


@pytest.mark.parametrize("name, stop, go_on", [
    ("paused", lambda fleet: fleet.pause("paused"),
     lambda fleet: fleet.signal("paused", signal.SIGCONT)),
    ("cut", lambda fleet: fleet.cut("cut"),
     lambda fleet: [link.mend() for link in fleet.links["cut"]]),
])
def test_an_agent_that_is_away_for_a_moment_in_its_action_is_waited_for(fleet, name, stop, go_on):
    fleet.hold("action", name)
    begun = begin(fleet, name)
    fleet.await_action(name)
    stop(fleet)
    fleet.release(name)
    wait_for(lambda: fleet.trace(name) == ["begun", "done"], what="the end of the action")
    assert fleet.deployment(begun)["state"] == "RUNNING"
    go_on(fleet)
    assert fleet.await_end(begun)["state"] == "SUCCEEDED"
    assert fleet.trace(name) == ["begun", "done"]


# Full disks.

class SmallDisk:
    """A small file system for one program, mounted on one of its directories."""

    def __init__(self, program, directory, namespace):
        directory.mkdir(parents=True)
        namespace.run("mount", "-t", "tmpfs", "-o", "size=2m,mode=0755", "small", directory)
        program.wrapper = namespace.wrapper
        self.filler = namespace.path(directory) / "filler"

    def fill(self):
        with open(self.filler, "wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1 << 9):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def clear(self):
        self.filler.unlink()


@pytest.fixture
def full(tmp_path):
    if not as_root():
        pytest.skip("a small file system needs root")
    with MountNamespace() as namespace:
        fleet = HeldFleet(tmp_path / "full", ("web1", "web2"))
        fleet.disk = SmallDisk(fleet.planner, fleet.base / "planner" / "state", namespace)
        fleet.disk_of_web1 = SmallDisk(fleet.agents["web1"], fleet.base / "web1" / "revisions",
                                       namespace)
        with fleet:
            fleet.commit("1")
            yield fleet


def test_a_planner_with_a_full_disk_does_nothing_more_and_goes_on_when_there_is_room(full):
    full.hold("action", "web1")
    begun = begin(full)
    full.await_action("web1")
    full.disk.fill()
    full.release("web1")
    refused = full.deploy("freeze")
    assert refused.status in (1, 3) and "disk" in refused.err, refused
    wait_for(lambda: "cannot store" in full.deployment(begun)["message"], what="word of it")
    assert full.trace("web1") == ["begun", "done"]
    # The next hook is not called before the result of the action is stored.
    assert full.hooks_of("web1") == ["pre-deploy"] and full.hooks_of("web2") == []

    full.disk.clear()
    assert full.await_end(begun)["state"] == "SUCCEEDED"
    for name in ("web1", "web2"):
        assert full.trace(name) == ["begun", "done"]
        assert full.hooks_of(name) == ["pre-deploy", "post-deploy", "pre-healthchecks",
                                       "post-healthchecks"]
    assert full.deploy("freeze").status == 0


def test_locks_that_cannot_be_kept_on_a_full_disk_interrupt_the_deployment(full):
    full.planner.stop()
    full.planner.start(env={"GITOPS_LOCK_TTL": "1s"})
    full.await_online()
    full.hold("action", "web1")
    begun = begin(full)
    full.await_action("web1")
    full.disk.fill()
    full.release("web1")
    wait_for(lambda: "cannot store" in full.deployment(begun)["message"], what="word of it")
    full.outlast_lease()
    full.disk.clear()
    deployment = full.await_end(begun)
    assert deployment["state"] == "INTERRUPTED" and "resume" in deployment["message"]
    assert full.trace("web2") == [] and full.hooks_of("web1") == ["pre-deploy"]
    assert full.ctl("resume", "deployment", begun, timeout=60).status == 0
    assert full.trace("web1") == full.trace("web2") == ["begun", "done"]


def test_a_host_with_a_full_disk_fails_alone_and_goes_on_when_there_is_room(full):
    before = full.deploy("sync") and full.agents["web1"].service("app")["hash"]
    full.disk_of_web1.fill()
    wanted = full.commit("2")
    assert full.deploy("sync", "--on-failure", "continue").status == 1
    deployment = full.latest()
    assert states(deployment) == {"web1": "FAILED", "web2": "SUCCEEDED"}
    assert "No space left" in deployment["hosts"][0]["message"], deployment["hosts"][0]["message"]
    # The old revision is still served.
    assert full.agents["web1"].service("app")["hash"] == before

    full.disk_of_web1.clear()
    assert full.ctl("resume", "deployment", deployment["id"], timeout=60).status == 0
    assert [agent.service("app")["hash"] for agent in full.agents.values()] == [wanted] * 2


def test_a_host_killed_a_moment_after_the_last_contact_is_unreachable_and_the_others_go_on(tmp_path):
    with Fleet(tmp_path, planner_flags=["--return-timeout", "5s"]) as fleet:
        assert fleet.deploy("sync").status == 0
        fleet.agents["web1"].kill()
        done = fleet.deploy("freeze")
        assert done.status == 1
        assert states(fleet.latest()) == {"web1": "UNREACHABLE", "web2": "SUCCEEDED", "web3": "SUCCEEDED"}
