"""State that earlier versions stored is read by the programs of this version."""

import pathlib
import shutil
import sys

import pytest

from fleet import Fleet
from harness import wait_for
from promotion_intake_test import event, pb

STORED = pathlib.Path(__file__).resolve().parent / "stored_state"
sys.path.append(str(STORED))
import make_receiver  # noqa: E402

VERSIONS = sorted(path.parent.name for path in STORED.glob("*/planner.db"))


def test_there_is_state_of_an_earlier_version():
    assert VERSIONS


@pytest.fixture(params=VERSIONS)
def fleet(request, tmp_path):
    """A planner and the agent of web1 with the state of an earlier version; the files of web1 are lost."""
    fleet = Fleet(tmp_path, hosts=1)
    for kind, directory in (("planner", fleet.base / "planner/state"),
                            ("agent", fleet.agents["web1"].state)):
        directory.mkdir(parents=True)
        shutil.copy(STORED / request.param / f"{kind}.db", directory / f"{kind}.db")
    with fleet:
        yield fleet


def test_a_planner_takes_up_what_an_earlier_version_left(fleet):
    deployments = fleet.ctl("list", "deployments", "-o", "json").json()["deployments"]
    assert {each["state"] for each in deployments} >= {"SUCCEEDED", "FAILED", "CANCELLED", "INTERRUPTED"}
    whole = [fleet.deployment(each["id"]) for each in deployments]
    assert all(deployment["hosts"] for deployment in whole)
    assert any(host["steps"] for deployment in whole for host in deployment["hosts"])
    # The newest was under way when its planner was killed: it comes to its end.
    left = fleet.await_end(deployments[0]["id"])
    assert any("taken over from planner" in event["message"] or "taken up again" in event["message"]
               for event in left["events"])
    hosts = fleet.ctl("list", "hosts", "-o", "json").json()["hosts"]
    assert {host["host"] for host in hosts} == {"web1", "web2", "web3"}
    # What it runs next is locked with a higher fencing number than the agent has seen.
    fleet.commit("1")
    fleet.deploy("sync", "--on", "web1", check=True)
    assert fleet.versions() == {"web1": "1"}


def test_an_agent_takes_up_what_an_earlier_version_left(fleet):
    web1 = fleet.agents["web1"]
    changes = wait_for(lambda: web1.service("app")["changes"], what="the history of app")
    assert len(changes) >= 10


@pytest.mark.parametrize("version", sorted(path.parent.name for path in STORED.glob("*/promotions.db")))
def test_a_promotion_receiver_takes_up_what_an_earlier_version_left(tmp_path, version):
    receiver = make_receiver.new_receiver(tmp_path)
    (receiver.directory / "state").mkdir(mode=0o700)
    shutil.copy(STORED / version / "promotions.db", receiver.directory / "state")
    receiver.start()
    try:
        by_state = {pb.PromotionState.Name(each.state).removeprefix("PROMOTION_STATE_"): each
                    for each in receiver.promotions()}
        assert by_state.keys() == {"IGNORED", "SUPERSEDED", "SUCCEEDED", "REJECTED", "FAILED", "WAITING_APPROVAL",
                                   "HELD", "RUNNING"}
        # What waited goes on: approved, released, tried again.
        make_receiver.approve(receiver, "1.3")
        make_receiver.await_state(receiver, by_state["WAITING_APPROVAL"].id, "SUCCEEDED")
        released = receiver.ask("ReleaseEnvironment", pb.ReleaseEnvironmentRequest(
            namespace="shopping", pipeline="held", environment="prod"))
        assert released.hold.reason == "incident 7"
        make_receiver.await_state(receiver, by_state["HELD"].id, "SUCCEEDED")
        attempts = by_state["RUNNING"].attempt_count
        wait_for(lambda: receiver.get(by_state["RUNNING"].id).attempt_count > attempts, what="another attempt")
        assert receiver.accept(event("1.3")) == by_state["WAITING_APPROVAL"].id, "it repeats what is known"
    finally:
        receiver.stop()
