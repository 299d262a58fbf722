"""Waves, limits and failures of deployments: contracts, section 4, with real agents."""

import threading
from datetime import datetime

import pytest

from fleet import Fleet, HookEndpoint, actions_done, states
from harness import wait_for
from marked_hosts import MarkedHosts

HOSTS = 5
QUICK = ["--heartbeat", "300ms", "--stale-after", "1s", "--connect-timeout", "1s", "--return-timeout",
         "5s", "--lock-ttl", "3s"]
# Failing checks are repeated for at most this long.
SOON = ["--health-timeout", "1s"]


class Waves:
    """A fleet whose hook sees when a host begins and ends, and can hold hosts up."""

    def __init__(self, base):
        self.hosts = MarkedHosts(base, HOSTS)
        self.hook = HookEndpoint(self._answer)
        self.changed = threading.Condition()
        self.held = False
        self.fleet = Fleet(base, hosts=self.hosts.keys(), planner_flags=QUICK, hooks=[
            {"name": "watch", "points": ["pre-deploy", "post-deploy", "post-healthchecks"],
             "url": self.hook, "timeout": "60s"}])
        self.reset()

    def reset(self):
        self.hosts.reset()
        self.under_way, self.peak, self.order = set(), 0, []
        self.release()
        self.hook.calls.clear()

    def _answer(self, payload, call):
        name = payload["host"]
        with self.changed:
            if call["point"] == "pre-deploy":
                self.under_way.add(name)
                self.order.append(f"+{name}")
                self.peak = max(self.peak, len(self.under_way))
                self.changed.notify_all()
                self.changed.wait_for(lambda: not self.held, timeout=60)
            elif call["point"] == "post-healthchecks" or call["result"] == "failed":
                self.under_way.discard(name)
                self.order.append(f"-{name}")
        return payload

    def hold(self):
        self.held = True

    def release(self):
        with self.changed:
            self.held = False
            self.changed.notify_all()

    def await_held(self, number):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.under_way) == number, timeout=30), self.order

    def deploy(self, *arguments, status=0):
        done = self.fleet.deploy(*arguments)
        assert done.status == status, done
        return self.fleet.latest()

    def short(self, record):
        """Each host's state, in order."""
        return [host["state"] for host in record["hosts"]]


@pytest.fixture(scope="module")
def module_waves(tmp_path_factory):
    waves = Waves(tmp_path_factory.mktemp("waves"))
    with waves.fleet:
        waves.fleet.commit("1")
        waves.deploy("sync", "--max-parallel", "5")
        yield waves
    waves.hook.close()


@pytest.fixture
def waves(module_waves):
    module_waves.reset()
    return module_waves


def passes(*names):
    return [mark + name for name in names for mark in "+-"]


# How many, and when.

def test_by_default_one_host_at_a_time_in_order(waves):
    record = waves.deploy("unfreeze")
    assert waves.order == passes("web1", "web2", "web3", "web4", "web5")
    assert waves.peak == 1 and record["state"] == "SUCCEEDED"


def test_max_parallel_hosts_are_under_way_at_a_time_and_not_one_more(waves):
    waves.hold()
    begun = waves.fleet.begin("unfreeze", "--max-parallel", "3")
    waves.await_held(3)
    waves.release()
    assert waves.fleet.await_end(begun)["state"] == "SUCCEEDED"
    assert waves.peak == 3
    assert sorted(waves.order[:3]) == ["+web1", "+web2", "+web3"]


def test_a_wave_begins_when_the_one_before_is_through(waves):
    record = waves.deploy("unfreeze", "--canary", "1", "--batch", "40%", "--max-parallel", "5")
    assert [host["wave"] for host in record["hosts"]] == [1, 2, 2, 3, 3]
    assert record["waveCount"] == record["currentWave"] == 3
    assert waves.order[:2] == ["+web1", "-web1"]
    assert set(waves.order[2:6]) == set(passes("web2", "web3"))
    assert set(waves.order[6:]) == set(passes("web4", "web5"))


def test_between_waves_it_pauses(waves):
    record = waves.deploy("unfreeze", "--batch", "3", "--max-parallel", "3", "--pause-between", "700ms")
    through = max(time_of(host["endTime"]) for host in record["hosts"][:3])
    begun = min(time_of(host["startTime"]) for host in record["hosts"][3:])
    assert (begun - through).total_seconds() >= 0.7


def time_of(text):
    return datetime.fromisoformat(text[:19] + "." + (text[20:-1] + "000000")[:6])


def most_at_once(record):
    """The maximum number of hosts in progress at a time, by the record."""
    times = [(time_of(host["startTime"]), time_of(host["endTime"])) for host in record["hosts"]]
    return max(sum(start <= moment < end for start, end in times) for moment, _ in times)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_max_parallel_holds_across_a_restart_of_the_planner(waves, how):
    waves.hosts.mark("hold", *waves.hosts.names)
    begun = waves.fleet.begin("run-secret-triggers", "--max-parallel", "2", "--skip-health-checks")

    def triggered():
        return [name for name in waves.hosts.names if "trigger" in waves.hosts.trace(name)]

    wait_for(lambda: triggered() == ["web1", "web2"], what="two triggers")
    if how == "kill":
        waves.fleet.planner.kill()
        waves.fleet.planner.start()
        wait_for(lambda: "taken up again" in str(waves.fleet.deployment(begun)["events"]))
        assert triggered() == ["web1", "web2"]
        waves.hosts.unmark("hold", *waves.hosts.names)
    else:
        # It lets running hosts finish, and begins no others.
        stopping = threading.Thread(target=waves.fleet.planner.stop)
        stopping.start()
        waves.hosts.unmark("hold", *waves.hosts.names)
        stopping.join()
        waves.fleet.planner.start()
    record = waves.fleet.await_end(begun)
    assert record["state"] == "SUCCEEDED", record["message"]
    for name in waves.hosts.names:
        assert waves.hosts.trace(name) == ["pre-deploy", "trigger"]
    assert most_at_once(record) == 2


# Failures.

def test_by_default_the_first_failed_host_stops_it(waves):
    waves.hosts.mark("unready", "web2")
    record = waves.deploy("unfreeze", *SOON, status=1)
    assert waves.short(record) == ["SUCCEEDED", "FAILED", "PENDING", "PENDING", "PENDING"]
    assert record["state"] == "FAILED" and "web2" in record["message"]
    assert "it is unready" in record["hosts"][1]["message"]


@pytest.mark.parametrize("most, end", [
    ("0", ["FAILED", "PENDING", "PENDING", "PENDING", "PENDING"]),
    ("1", ["FAILED", "SUCCEEDED", "FAILED", "PENDING", "PENDING"]),
    ("2", ["FAILED", "SUCCEEDED", "FAILED", "SUCCEEDED", "SUCCEEDED"]),
    ("39%", ["FAILED", "SUCCEEDED", "FAILED", "PENDING", "PENDING"]),
    ("40%", ["FAILED", "SUCCEEDED", "FAILED", "SUCCEEDED", "SUCCEEDED"]),
])
def test_it_stops_when_more_than_max_failures_have_failed(waves, most, end):
    waves.hosts.mark("sick", "web1", "web3")
    record = waves.deploy("unfreeze", "--max-failures", most, *SOON, status=1)
    assert waves.short(record) == end
    assert record["failedCount"] == end.count("FAILED")


def test_failures_from_before_a_restart_of_the_planner_count(waves):
    waves.hosts.mark("unready", "web1", "web3")
    waves.hosts.mark("hold", "web2")
    begun = waves.fleet.begin("run-secret-triggers", "--max-failures", "1", *SOON)
    wait_for(lambda: "trigger" in waves.hosts.trace("web2"), what="the trigger of web2")
    waves.fleet.planner.kill()
    waves.fleet.planner.start()
    waves.hosts.unmark("hold", "web2")
    record = waves.fleet.await_end(begun)
    assert waves.short(record) == ["FAILED", "SUCCEEDED", "FAILED", "PENDING", "PENDING"]


def test_hosts_that_run_come_to_their_end_when_it_stops(waves):
    waves.hosts.mark("hold", "web1")
    waves.hosts.mark("unready", "web2")
    begun = waves.fleet.begin("run-secret-triggers", "--max-parallel", "2", *SOON)
    wait_for(lambda: states(waves.fleet.deployment(begun))["web2"] == "FAILED", what="web2 failed")
    waves.hosts.unmark("hold", "web1")
    record = waves.fleet.await_end(begun)
    assert waves.short(record) == ["SUCCEEDED", "FAILED", "PENDING", "PENDING", "PENDING"]


def test_on_failure_continue_goes_on_with_the_others(waves):
    waves.hosts.mark("unready", "web1", "web3", "web5")
    record = waves.deploy("unfreeze", "--on-failure", "continue", *SOON, status=1)
    assert waves.short(record) == ["FAILED", "SUCCEEDED", "FAILED", "SUCCEEDED", "FAILED"]


def test_a_failed_canary_ends_it_before_the_next_wave(waves):
    waves.hosts.mark("sick", "web1")
    record = waves.deploy("unfreeze", "--canary", "1", *SOON, status=1)
    assert waves.short(record) == ["FAILED"] + ["PENDING"] * 4


def test_waves_that_are_lost_within_max_failures_do_not_keep_the_next_back(waves):
    waves.hosts.mark("sick", "web1", "web2", "web4")
    record = waves.deploy("unfreeze", "--canary", "1", "--batch", "1", "--max-failures", "2", *SOON, status=1)
    assert waves.short(record) == ["FAILED", "FAILED", "SUCCEEDED", "FAILED", "PENDING"]


def test_on_failure_rollback_brings_every_host_of_the_failed_wave_back(waves):
    waves.fleet.commit("good")
    waves.deploy("sync", "--max-parallel", "5")
    waves.fleet.commit("failing")
    waves.hosts.mark("sick", "web3")
    record = waves.deploy("sync", "--canary", "1", "--batch", "3", "--on-failure", "rollback", *SOON,
                          status=1)
    assert waves.short(record) == ["SUCCEEDED", "ROLLED_BACK", "ROLLED_BACK", "PENDING", "PENDING"]
    assert list(waves.fleet.versions().values()) == ["failing", "good", "good", "good", "good"]
    assert [step["kind"] for step in record["hosts"][1]["steps"]][-1] == "ROLLBACK"


def test_what_cannot_be_brought_back_is_said(tmp_path):
    hosts = MarkedHosts(tmp_path, 1)
    with Fleet(tmp_path, hosts=hosts.keys()) as fleet:
        hosts.mark("sick", "web1")
        assert fleet.deploy("sync", "--on-failure", "rollback", *SOON).status == 1
        record = fleet.latest()
        assert states(record) == {"web1": "ROLLBACK_FAILED"}
        assert "app" in record["hosts"][0]["message"]
        assert "nothing was published before" in record["hosts"][0]["message"]
        assert fleet.version("web1") == "0"


# Unreachable hosts.

@pytest.fixture
def without(waves):
    """without(HOSTS) stops these hosts until the end of the test, or until back(HOSTS)."""
    gone = []

    def down(*names):
        for name in names:
            waves.fleet.agents[name].kill()
            gone.append(name)

    yield down
    for name in gone:
        if waves.fleet.agents[name].process.poll() is not None:
            waves.fleet.agents[name].start()
    waves.fleet.await_online(*gone)


def test_a_host_that_is_down_fails_alone(waves, without):
    without("web1", "web3")
    record = waves.deploy("unfreeze", status=1)
    assert waves.short(record) == ["UNREACHABLE", "SUCCEEDED", "UNREACHABLE", "SUCCEEDED", "SUCCEEDED"]
    assert record["unreachableCount"] == 2 and "web1" in record["message"]
    assert "web1" not in str(waves.order) and "web3" not in str(waves.order)


def test_a_host_that_is_down_counts_where_a_number_of_failures_is_given(waves, without):
    without("web1")
    record = waves.deploy("unfreeze", "--max-failures", "0", status=1)
    assert waves.short(record) == ["UNREACHABLE"] + ["PENDING"] * 4


def test_a_canary_that_is_down_proves_nothing(waves, without):
    without("web1")
    record = waves.deploy("unfreeze", "--canary", "1", status=1)
    assert waves.short(record) == ["UNREACHABLE"] + ["PENDING"] * 4
    assert "the canary was not tried" in record["message"]


def test_a_batch_that_is_down_does_not_block_the_others(waves, without):
    without("web1", "web3")
    record = waves.deploy("unfreeze", "--batch", "1", status=1)
    assert waves.short(record) == ["UNREACHABLE", "SUCCEEDED", "UNREACHABLE", "SUCCEEDED", "SUCCEEDED"]


def test_a_host_that_is_down_is_caught_up_with_when_it_is_back(waves, without):
    without("web2", "web4")
    begun = waves.fleet.begin("run-secret-triggers", "--catch-up")
    wait_for(lambda: waves.fleet.deployment(begun)["succeededCount"] == 3, what="the others are done")
    assert waves.fleet.deployment(begun)["state"] == "RUNNING"
    for name in ("web4", "web2"):
        waves.fleet.agents[name].start()
    record = waves.fleet.await_end(begun)
    assert waves.short(record) == ["SUCCEEDED"] * 5
    for name in waves.hosts.names:
        assert waves.hosts.trace(name).count("trigger") == 1


def test_hosts_that_do_not_come_back_are_waited_for_no_longer_than_said(waves, without):
    without("web2")
    record = waves.deploy("unfreeze", "--catch-up", "--catch-up-timeout", "1s", status=1)
    assert waves.short(record) == ["SUCCEEDED", "UNREACHABLE"] + ["SUCCEEDED"] * 3


def test_a_host_that_is_lost_on_the_way_has_failed_and_can_be_resumed(waves, without):
    waves.hosts.mark("hold", "web2")
    begun = waves.fleet.begin("freeze", "run-secret-triggers", "unfreeze")
    wait_for(lambda: "trigger" in waves.hosts.trace("web2"), what="the trigger of web2")
    without("web2")
    record = waves.fleet.await_end(begun)
    assert waves.short(record)[:3] == ["SUCCEEDED", "FAILED", "PENDING"]
    assert "run-secret-triggers" in record["hosts"][1]["message"]
    assert record["hosts"][1]["remainingActions"] == ["run-secret-triggers", "unfreeze"]
    waves.hosts.unmark("hold", "web2")
    waves.fleet.agents["web2"].start()
    waves.fleet.await_online("web2")
    assert waves.fleet.ctl("resume", "deployment", begun).status == 0
    record = waves.fleet.deployment(begun)
    assert waves.short(record) == ["SUCCEEDED"] * 5
    assert actions_done(record, "web2") == ["pre-deploy-checks", "freeze", "run-secret-triggers!",
                                            "run-secret-triggers", "unfreeze", "health-checks"]
