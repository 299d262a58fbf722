"""A hook that stalls on every one of many hosts: nothing deadlocks, and as many hosts as were asked for stand
at it at a time. (For 200 hosts, with fakes: services/planner/run/deployments_hook_test.cc.)"""

import threading

import pytest

from fleet import Fleet, HookEndpoint
from harness import wait_for

HOSTS = 24


class Stalling:
    """An endpoint whose answers wait until they are let go."""

    def __init__(self):
        self.changed = threading.Condition()
        self.stalls = True
        self.now = self.peak = 0
        self.endpoint = HookEndpoint(self.answer)

    def answer(self, payload, call):
        with self.changed:
            self.now += 1
            self.peak = max(self.peak, self.now)
            self.changed.notify_all()
            self.changed.wait_for(lambda: not self.stalls, timeout=60)
            self.now -= 1
        return payload

    def await_stalled(self, number):
        with self.changed:
            assert self.changed.wait_for(lambda: self.now == number, timeout=60), self.now

    def stall(self):
        self.stalls, self.peak = True, 0

    def let_go(self):
        with self.changed:
            self.stalls = False
            self.changed.notify_all()


@pytest.fixture(scope="module")
def stalling():
    stalling = Stalling()
    yield stalling
    stalling.let_go()
    stalling.endpoint.close()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, stalling):
    hooks = [{"name": "stall", "points": ["pre-deploy"], "url": stalling.endpoint, "timeout": "60s"}]
    with Fleet(tmp_path_factory.mktemp("stall"), hosts=HOSTS, hooks=hooks) as fleet:
        yield fleet


def test_a_hook_that_stalls_on_every_host_stalls_them_all_at_once_and_nothing_else(fleet, stalling):
    stalling.stall()
    begun = fleet.begin("freeze", "--max-parallel", str(HOSTS))
    stalling.await_stalled(HOSTS)
    # The planner answers meanwhile, shows the locks, and refuses who will not wait for them.
    hosts = fleet.ctl("list", "hosts", "-o", "json", timeout=10).json()["hosts"]
    assert {host["lock"]["deployment"] for host in hosts} == {begun}
    refused = fleet.deploy("unfreeze", "--on", "web7", "--no-wait", timeout=10)
    assert refused.status == 1 and begun in refused.err, refused
    assert {agent.service("app")["state"] for agent in fleet.agents.values()} == {"OK"}
    stalling.let_go()
    assert fleet.await_end(begun)["succeededCount"] == HOSTS


def test_no_more_hosts_than_max_parallel_stand_at_it(fleet, stalling):
    stalling.stall()
    begun = fleet.begin("unfreeze", "--max-parallel", "5")
    stalling.await_stalled(5)
    stalling.let_go()
    assert fleet.await_end(begun)["succeededCount"] == HOSTS
    assert stalling.peak == 5


def test_a_deployment_whose_hooks_stall_can_be_cancelled(fleet, stalling):
    stalling.stall()
    begun = fleet.begin("freeze", "--max-parallel", "5")
    stalling.await_stalled(5)
    fleet.ctl("cancel", "deployment", begun, "-y", timeout=10)
    stalling.let_go()
    record = fleet.await_end(begun)
    assert record["state"] == "CANCELLED"
    wait_for(lambda: not any(host["lock"] for host in fleet.ctl(
        "list", "hosts", "-o", "json").json()["hosts"]), what="the locks are given back")
    untouched = [host for host in record["hosts"] if host["state"] == "PENDING"]
    assert len(untouched) == HOSTS - 5
