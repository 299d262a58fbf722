"""Damaged records are reported and can be removed, and everything else works."""

import re
import sqlite3

import pytest

from fleet import states
from harness import ctl, wait_for
from held_fleet import HeldFleet
from promotion_intake_test import Receiver, event, pb


@pytest.fixture
def fleet(tmp_path):
    with HeldFleet(tmp_path, ("web1", "web2")) as fleet:
        yield fleet


def damage(fleet, key):
    damage_in(fleet.base / "planner/state/planner.db", key)


def damage_in(database, key):
    """Replaces the bytes of a value, as a failing disk does: its revision and lease stay."""
    with sqlite3.connect(database, timeout=10) as store:
        done = store.execute("UPDATE entries SET value = x'ffffff' WHERE key = CAST(? AS BLOB)", (key,))
        assert done.rowcount == 1, key


def kinds(fleet):
    return dict(re.findall(r'gitops_store_damaged_records\{kind="(\w+)"\} (\d+)', fleet.planner.metrics()))


def test_a_damaged_lock_keeps_its_host_and_no_other(fleet):
    fleet.commit("1")
    fleet.hold("action", "web1")
    begun = fleet.begin("run-secret-triggers", "sync", "--on", "web1")
    fleet.await_action("web1")
    damage(fleet, "planner/v1/lock/web1")

    assert fleet.deploy("sync", "--on", "web2").status == 0
    refused = fleet.deploy("sync", "--on", "web1", "--no-wait")
    assert refused.status == 1 and "unknown" in refused.err, refused
    check = fleet.ctl("check", check=False)
    assert check.status == 1 and "break lock web1" in check.err, check
    assert kinds(fleet) == {"lock": "1"}

    # Its holder continues to the end, and releases it.
    fleet.release("web1")
    assert states(fleet.await_end(begun)) == {"web1": "SUCCEEDED"}
    assert fleet.ctl("check").status == 0 and kinds(fleet) == {}
    assert fleet.deploy("sync", "--on", "web1", "--no-wait").status == 0


def test_a_damaged_lock_whose_holder_is_gone_can_be_broken(fleet):
    fleet.planner.stop()
    fleet.planner.start(env={"GITOPS_LOCK_TTL": "1h"})
    fleet.await_online()
    fleet.hold("action", "web1")
    fleet.begin("run-secret-triggers", "--on", "web1")
    fleet.await_action("web1")
    fleet.planner.kill()
    damage(fleet, "planner/v1/lock/web1")
    fleet.release("web1")
    fleet.planner.start()
    fleet.await_online()
    waiting = wait_for(lambda: fleet.latest() if "unknown" in fleet.latest()["message"] else None,
                       what="waiting for the damaged lock")
    assert waiting["state"] in ("PENDING", "RUNNING"), waiting
    fleet.ctl("break", "lock", "web1", "-y")
    assert fleet.await_end(waiting["id"])["state"] == "SUCCEEDED"


def test_damaged_records_are_listed_left_out_and_removed(fleet):
    fleet.commit("1")
    assert fleet.deploy("sync").status == 0
    first = fleet.latest()["id"]
    step = f"planner/v1/step/{first}/000001/001"
    damage(fleet, step)
    damage(fleet, "planner/v1/fencing")
    check = fleet.ctl("check", check=False)
    assert check.status == 1
    assert step in check.err and "planner/v1/fencing" in check.err
    assert kinds(fleet) == {"step": "1", "fencing": "1"}

    shown = fleet.deployment(first)
    assert states(shown) == {"web1": "SUCCEEDED", "web2": "SUCCEEDED"}
    steps = [[step["number"] for step in host["steps"]] for host in shown["hosts"]]
    assert steps == [[1, 2], [2]]
    fleet.commit("2")
    assert fleet.deploy("sync").status == 0, "the fencing number is made anew"
    assert fleet.versions() == {"web1": "2", "web2": "2"}

    assert fleet.ctl("remove-record", step, "-y").status == 0
    assert fleet.ctl("remove-record", f"planner/v1/deployment/{first}", "-y", check=False).status == 1
    assert fleet.ctl("check").status == 0 and kinds(fleet) == {}


def test_a_promotion_receiver_tells_of_damaged_records_and_works_without_them(tmp_path):
    receiver = Receiver(tmp_path / "receiver").start()
    try:
        where = {"namespace": "shopping", "pipeline": "search", "environment": "prod"}
        lost = receiver.accept(event("1"))
        receiver.ask("HoldEnvironment", pb.HoldEnvironmentRequest(reason="incident", **where))
        receiver.kill()
        hold, record = (f"promotion-receiver/v1/{name}" for name in ("hold/shopping/search/prod",
                                                                     f"promotion/{lost}"))
        for key in (hold, record):
            damage_in(receiver.directory / "state/promotions.db", key)
        receiver.start()
        found = receiver.ask("ListDamagedPromotionRecords", pb.ListDamagedPromotionRecordsRequest()).records
        assert [(each.key, each.kind) for each in found] == [(hold, "hold"), (record, "promotion")]
        assert 'gitops_store_damaged_records{kind="hold"} 1' in receiver.metrics()
        pipeline = receiver.ask("GetPipeline", pb.GetPipelineRequest(namespace="shopping", pipeline="search")).pipeline
        assert pipeline.environments[1].hold.actor == "unknown", "it stays held"
        assert receiver.accept(event("1")) != lost
        for key in (hold, record):
            done = ctl("remove-record", key, "-y", "--promotion-receiver", receiver.address())
            assert done.status == 0, done
        assert "gitops_store_damaged_records" not in receiver.metrics()
        assert not receiver.ask("ReleaseEnvironment", pb.ReleaseEnvironmentRequest(**where)).HasField("hold")
    finally:
        receiver.stop()
