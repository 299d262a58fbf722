"""Locks of hosts: overlapping deployments, broken locks, a planner that was paused past its lease, and an agent
that another planner has called since."""

import random
import signal
import time

import grpc
import pytest

import protos
from fleet import actions_done, states
from harness import ACCOUNT, wait_for
from held_fleet import HeldFleet

operation_pb = protos.messages("gitops/v1/operation")

HOSTS = ("web1", "web2", "web3", "web4")
# Another holder has called the agent since, so this is final.
TOLD = "web5"
THROUGH = ["pre-deploy", "post-deploy", "pre-healthchecks", "post-healthchecks"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    fleet = HeldFleet(tmp_path_factory.mktemp("locks"), (*HOSTS, TOLD),
                      host_keys=lambda name: {"tags": [name]})
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


def on(*names):
    return [word for name in names for word in ("--on", name)]


def history(fleet, name):
    return fleet.agents[name].service("app")["changes"]


def seconds(timestamp):
    """Converts a time in JSON to a value that sorts."""
    return timestamp.rstrip("Z").split(".")[0], timestamp.rstrip("Z").partition(".")[2].ljust(9, "0")


# Deployments that overlap.

def test_deployments_over_overlapping_hosts_never_interleave_on_one_and_never_deadlock(fleet):
    chance = random.Random(3)
    fleet.hold("action", "web2")
    begun = [fleet.begin("run-secret-triggers", *on("web1", "web2"))]
    fleet.await_action("web2")
    for _ in range(11):
        names = chance.sample(HOSTS, chance.choice([2, 3, 4]))
        # In any order: if hosts were locked one by one, this would deadlock.
        order = chance.sample(HOSTS, 4)
        begun.append(fleet.begin("run-secret-triggers", "freeze", "unfreeze", *on(*names),
                                 "--order-by-tags", ",".join(order), "--max-parallel", "2"))
    fleet.release("web2")
    deployments = [fleet.await_end(each, seconds=60) for each in begun]
    assert [each["state"] for each in deployments] == ["SUCCEEDED"] * 12

    for name in HOSTS:
        # As the hooks see it: one deployment from its first call to its last.
        asked = [(call["headers"]["x-gitops-deployment"], call["point"])
                 for call in fleet.endpoint.calls if call["payload"]["host"] == name]
        assert asked, name
        for i in range(0, len(asked), len(THROUGH)):
            which = asked[i][0]
            assert asked[i:i + len(THROUGH)] == [(which, point) for point in THROUGH]
        # As the records show it.
        times = sorted((seconds(host["startTime"]), seconds(host["endTime"]))
                       for each in deployments for host in each["hosts"] if host["host"] == name)
        assert len(times) == len(asked) / len(THROUGH)
        assert all(times[i][1] <= times[i + 1][0] for i in range(len(times) - 1))
        # As the host performed it.
        assert fleet.trace(name) == ["begun", "done"] * len(times)
        steps = sorted((seconds(step["startTime"]), host["fencing"]) for each in deployments
                       for host in each["hosts"] if host["host"] == name for step in host["steps"])
        numbers = [int(fencing) for _, fencing in steps]
        assert numbers == sorted(numbers)
    assert any("waits for host" in event["message"] and begun[0] in event["message"]
               for each in deployments for event in each["events"])
    assert fleet.locks() == {}


def test_a_deployment_that_must_not_wait_is_refused_and_told_who_holds_the_host(fleet):
    fleet.hold("action", "web2")
    holder = fleet.begin("run-secret-triggers", *on("web2"))
    fleet.await_action("web2")
    refused = fleet.deploy("run-secret-triggers", "--no-wait", *on("web1", "web2"))
    assert refused.status == 1, refused
    for word in ("web2", holder, ACCOUNT):
        assert word in refused.err
    assert fleet.latest()["id"] == holder
    assert fleet.locks() == {"web2": holder}
    fleet.release("web2")
    assert fleet.await_end(holder)["state"] == "SUCCEEDED"
    assert fleet.trace("web1") == []
    assert fleet.deploy("run-secret-triggers", "--no-wait", *on("web1", "web2")).status == 0


# Locks that are broken.

def break_lock(fleet, name):
    fleet.ctl("break", "lock", name, "-y", "--reason", "it hangs")


@pytest.mark.parametrize("flags, others", [
    ((), "PENDING"), (("--max-failures", "1"), "SUCCEEDED"),
    (("--on-failure", "continue"), "SUCCEEDED")])
def test_a_host_whose_lock_is_broken_fails_on_the_record_and_the_others_go_by_the_rules(
        fleet, flags, others):
    fleet.hold("action", "web1")
    before = history(fleet, "web1")
    begun = fleet.begin("run-secret-triggers", "sync", *on("web1", "web2"), *flags)
    fleet.await_action("web1")
    break_lock(fleet, "web1")
    fleet.release("web1")
    deployment = fleet.await_end(begun)
    assert states(deployment) == {"web1": "FAILED", "web2": others}
    message = deployment["hosts"][0]["message"]
    assert "lock was broken" in message and ACCOUNT in message and "it hangs" in message
    event = next(e for e in deployment["events"] if "web1" in e["message"])
    assert "broken: it hangs" in event["message"] and ACCOUNT in event["actor"]
    # The action in progress ended, and nothing began after it.
    assert actions_done(deployment, "web1") == ["run-secret-triggers"]
    assert history(fleet, "web1") == before
    # What its pre- hook acquired is released; that changes nothing on the host.
    assert fleet.hooks_of("web1") == ["pre-deploy", "post-deploy"]
    assert fleet.locks() == {}

    assert fleet.ctl("resume", "deployment", begun).status == 0
    assert states(fleet.deployment(begun)) == {"web1": "SUCCEEDED", "web2": "SUCCEEDED"}
    for name in ("web1", "web2"):
        assert fleet.trace(name) == ["begun", "done"]
        assert fleet.agents[name].service("app")["hash"] == fleet.hash


def test_a_host_whose_lock_is_broken_before_its_turn_is_not_touched(fleet):
    fleet.hold("action", "web1")
    begun = fleet.begin("run-secret-triggers", *on("web1", "web2", "web3"), "--max-failures", "1")
    fleet.await_action("web1")
    break_lock(fleet, "web2")
    # Others can lock it at once.
    assert fleet.deploy("freeze", "unfreeze", "--no-wait", *on("web2")).status == 0
    asked = fleet.hooks_of("web2")
    fleet.release("web1")
    deployment = fleet.await_end(begun)
    assert states(deployment) == {"web1": "SUCCEEDED", "web2": "FAILED", "web3": "SUCCEEDED"}
    assert fleet.trace("web2") == [] and fleet.hooks_of("web2") == asked


# A planner that has lost its lease.

def test_a_planner_paused_past_its_lease_changes_nothing_any_more_until_it_is_resumed(fleet):
    fleet.planner.stop()
    fleet.planner.start(env={"GITOPS_LOCK_TTL": "1s"})
    fleet.await_online()
    fleet.hold("action", "web1")
    before = {name: history(fleet, name) for name in HOSTS}
    begun = fleet.begin("run-secret-triggers", "sync", *on(*HOSTS))
    fleet.await_action("web1")
    asked = len(fleet.endpoint.calls)
    fleet.planner.process.send_signal(signal.SIGSTOP)
    fleet.release("web1")
    fleet.outlast_lease()
    fleet.planner.process.send_signal(signal.SIGCONT)

    deployment = fleet.await_end(begun)
    assert deployment["state"] == "INTERRUPTED", deployment["message"]
    assert "lease" in deployment["message"] and "resume" in deployment["message"]
    assert states(deployment) == {"web1": "STOPPED", "web2": "PENDING", "web3": "PENDING",
                                  "web4": "PENDING"}
    assert len(fleet.endpoint.calls) == asked
    for name in HOSTS:
        assert history(fleet, name) == before[name]
        assert fleet.trace(name) == (["begun", "done"] if name == "web1" else [])

    assert fleet.ctl("resume", "deployment", begun, timeout=60).status == 0
    assert set(states(fleet.deployment(begun)).values()) == {"SUCCEEDED"}
    for name in HOSTS:
        assert fleet.trace(name) == ["begun", "done"], name
        assert fleet.agents[name].service("app")["hash"] == fleet.hash
    assert fleet.locks() == {}
    fleet.planner.stop()
    fleet.planner.start()


def test_an_agent_that_was_told_by_a_later_holder_refuses_the_planner(fleet):
    agent = fleet.agents[TOLD]
    before = history(fleet, TOLD)

    def answer(payload, call):
        if call["point"] == "pre-deploy" and payload["host"] == TOLD:
            later = operation_pb.Operation(id=f"later/{TOLD}/1", deployment="later", actor="other",
                                           fencing=time.time_ns() // 1000 + 3_600_000_000)
            with grpc.insecure_channel(agent.address()) as channel:
                stub = protos.stubs("gitops/v1/operation").OperationServiceStub(channel)
                stub.PerformAction(operation_pb.PerformActionRequest(
                    operation=later, action="unfreeze"), timeout=20)
        return payload

    fleet.endpoint.answer = answer
    done = fleet.deploy("sync", *on("web1", TOLD, "web2"), "--on-failure", "continue")
    assert done.status == 1, done
    deployment = fleet.latest()
    assert states(deployment) == {"web1": "SUCCEEDED", "web2": "SUCCEEDED", TOLD: "FAILED"}
    told = next(host for host in deployment["hosts"] if host["host"] == TOLD)
    assert "fencing number" in told["message"] and "is too low" in told["message"]
    assert history(fleet, TOLD) == before and fleet.version(TOLD) is None
