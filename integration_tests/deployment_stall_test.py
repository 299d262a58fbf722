"""A hook that stalls on every one of 200 hosts: nothing deadlocks, as many hosts as were asked for stand at it
at a time, and planner and dispatcher answer all the while. Planner, dispatcher, endpoint and sockets are real;
the hosts are a swarm of agents in one process."""

import collections
import threading
import time
import urllib.request

import grpc
import pytest

import protos
from agent_swarm import Swarm
from fleet import DISPATCHER, PLANNER, HookEndpoint, Program, states
from harness import ctl, wait_for

pytestmark = pytest.mark.alone

HOSTS = 200
# The time limit of an answer while all hosts are stalled.
SOON = 3.0


class Stalling:
    """An endpoint that answers each call after `seconds`, and counts the calls in progress."""

    def __init__(self):
        self.changed = threading.Condition()
        self.over = threading.Event()
        self.endpoint = HookEndpoint(self.answer)
        self.stall(0)

    def stall(self, seconds):
        self.seconds, self.now, self.peak = seconds, 0, 0
        self.endpoint.calls.clear()

    def answer(self, payload, call):
        with self.changed:
            self.now += 1
            self.peak = max(self.peak, self.now)
            self.changed.notify_all()
        self.over.wait(self.seconds)
        with self.changed:
            self.now -= 1
        return payload

    def await_stalled(self, number):
        with self.changed:
            assert self.changed.wait_for(lambda: self.now == number, timeout=30), self.now

    def asked(self):
        """The number of calls for each host."""
        return collections.Counter(call["payload"]["host"] for call in self.endpoint.calls)

    def close(self):
        self.over.set()
        self.endpoint.close()


class SwarmFleet:
    """200 hosts with a planner, and a dispatcher whose one hook stalls before each deploy step."""

    def __init__(self, base, swarm, stalling):
        self.swarm = swarm
        hooks = base / "hooks.toml"
        hooks.write_text(f'[[hooks]]\nname = "stall"\npoints = ["pre-deploy"]\n'
                         f'url = "{stalling.endpoint.url}"\ntimeout = "60s"\n')
        address = f"unix:{swarm.sockets}/hooks"
        self.dispatcher = Program(DISPATCHER, base / "dispatcher",
                                  ["--config", hooks, "--listen", address])
        self.planner = Program(PLANNER, base / "planner", [
            "--config", swarm.config, "--listen", swarm.planner, "--hook-dispatcher", address,
            "--state-dir", base / "planner" / "state"])
        self.dispatcher.start()
        self.planner.start()
        swarm.when_connected(HOSTS)

    def ctl(self, *arguments, **options):
        return ctl(*arguments, "--planner", self.swarm.planner, **options)

    def begin(self, *flags):
        return self.ctl("deploy", "sync", "--all", "-y", *flags, "--detach", "-o", "json").json()["id"]

    def await_end(self, deployment):
        self.ctl("watch", "deployment", deployment, check=False, timeout=60)
        return self.deployment(deployment)

    def deployment(self, deployment):
        return self.ctl("get", "deployment", deployment, "-o", "json").json()

    def locks(self):
        hosts = self.ctl("list", "hosts", "-o", "json").json()["hosts"]
        return collections.Counter(host["lock"]["deployment"] for host in hosts if host["lock"])

    def stop(self):
        self.planner.kill()
        self.dispatcher.kill()


class Asking:
    """Calls planner and dispatcher over gRPC and HTTP again and again; keeps the longest duration of each kind of
    call, and every error."""

    def __init__(self, fleet):
        pb, rpc = (of("gitops/v1/planner") for of in (protos.messages, protos.stubs))
        hooks_pb, hooks_rpc = (of("gitops/v1/hooks") for of in (protos.messages, protos.stubs))
        self.channels = [grpc.insecure_channel(f"unix:{fleet.swarm.sockets}/{name}")
                         for name in ("planner", "hooks")]
        planner = rpc.PlannerServiceStub(self.channels[0])
        dispatcher = hooks_rpc.HookDispatcherServiceStub(self.channels[1])
        self.questions = {
            "ListDeployments": lambda: planner.ListDeployments(pb.ListDeploymentsRequest(), timeout=20),
            "ListHosts": lambda: planner.ListHosts(pb.ListHostsRequest(page_size=100), timeout=20),
            "the planner's /healthz": lambda: self._healthz(fleet.planner),
            "ListHooks": lambda: dispatcher.ListHooks(hooks_pb.ListHooksRequest(), timeout=20),
            "the dispatcher's /healthz": lambda: self._healthz(fleet.dispatcher),
        }
        self.longest, self.count, self.errors = {}, 0, []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)

    @staticmethod
    def _healthz(program):
        with urllib.request.urlopen(f"http://{program.address('http')}/healthz", timeout=20) as answer:
            assert answer.status == 200

    def _run(self):
        while not self.ended.wait(0.05):
            for name, ask in self.questions.items():
                began = time.monotonic()
                try:
                    ask()
                except (OSError, grpc.RpcError) as error:
                    self.errors.append((name, str(error)))
                self.longest[name] = max(self.longest.get(name, 0), time.monotonic() - began)
            self.count += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        for channel in self.channels:
            channel.close()


@pytest.fixture(scope="module")
def stalling():
    stalling = Stalling()
    yield stalling
    stalling.close()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, stalling):
    with Swarm(HOSTS, services=1) as swarm:
        fleet = SwarmFleet(tmp_path_factory.mktemp("stall"), swarm, stalling)
        yield fleet
        fleet.stop()


def test_a_hook_stalled_10_s_on_each_of_200_hosts_stalls_them_all_at_once_and_nothing_else(
        fleet, stalling):
    stalling.stall(10)
    with Asking(fleet) as asking:
        began = time.monotonic()
        begun = fleet.begin("--max-parallel", str(HOSTS))
        stalling.await_stalled(HOSTS)
        # All are locked, so a deployment that must not wait is refused at once.
        assert fleet.locks() == {begun: HOSTS}
        refused = fleet.ctl("deploy", "freeze", "--on", "web7", "-y", "--no-wait", check=False,
                            timeout=10)
        assert refused.status == 1 and begun in refused.err, refused
        assert {host["state"] for host in fleet.deployment(begun)["hosts"]} == {"RUNNING"}
        assert stalling.now == HOSTS, "they were asked about while all were stalled"
        record = fleet.await_end(begun)
        took = time.monotonic() - began
    print(f"{HOSTS} hosts, each stalled 10 s, took {took:.1f} s; {asking.count} rounds of questions, "
          f"the longest answers: {asking.longest}")
    assert (record["state"], record["succeededCount"]) == ("SUCCEEDED", HOSTS)
    assert stalling.peak == HOSTS and stalling.asked() == dict.fromkeys(states(record), 1)
    # If one waited for another, this would take 20 s.
    assert 10 <= took < 20
    assert asking.errors == [] and asking.count > 10
    assert max(asking.longest.values()) < SOON, asking.longest
    assert fleet.locks() == {}


def test_no_more_hosts_than_max_parallel_stand_at_it_and_no_fewer(fleet, stalling):
    stalling.stall(2)
    begun = fleet.begin("--limit", "100", "--max-parallel", "50")
    stalling.await_stalled(50)
    record = fleet.await_end(begun)
    assert (record["state"], record["succeededCount"]) == ("SUCCEEDED", 100)
    assert stalling.peak == 50 and stalling.asked() == dict.fromkeys(states(record), 1)


def test_a_deployment_that_is_cancelled_ends_with_the_hosts_that_stand_at_it(fleet, stalling):
    stalling.stall(3)
    begun = fleet.begin("--max-parallel", "50")
    stalling.await_stalled(50)
    began = time.monotonic()
    fleet.ctl("cancel", "deployment", begun, "-y", timeout=10)
    answered = time.monotonic() - began
    record = fleet.await_end(begun)
    took = time.monotonic() - began
    print(f"cancel was answered after {answered:.2f} s, and the deployment ended after {took:.1f} s")
    assert record["state"] == "CANCELLED"
    assert answered < SOON and took < 3 + SOON
    # These finished their step; no other host was begun, and no hook was called for one.
    assert collections.Counter(states(record).values()) == {"STOPPED": 50, "PENDING": HOSTS - 50}
    assert len(stalling.asked()) == 50
    wait_for(lambda: not fleet.locks(), what="the locks are given back")
    # A resume begins the hosts that had not begun, and no others.
    stalling.stall(0)
    fleet.ctl("resume", "deployment", begun, timeout=60)
    assert set(states(fleet.deployment(begun)).values()) == {"SUCCEEDED"}
    assert len(stalling.asked()) == HOSTS - 50
