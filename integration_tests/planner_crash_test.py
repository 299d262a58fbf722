"""The planner is killed at every named place (docs/reference/planner-crash-points.md) of a deployment, and
started again. It goes on by itself, and what happened is what happens when nobody kills it: on the hosts,
at the hooks and in the record."""

import re
import time

import pytest

from fleet import CRASH_PLANNER, Fleet, HookEndpoint, actions_done, states
from harness import ROOT, wait_for

# For 3 hosts, one at a time, the first in a wave of its own. Each host asks 4 times, does 3 actions and one
# check; NAME:N is the Nth time, over all hosts.
DEPLOYMENT = [
    "planner-before-lock", "planner-after-lock",
    "planner-before-wave", "planner-before-wave:2",
    "planner-before-hook", "planner-before-hook:2", "planner-before-hook:7",
    "planner-after-hook", "planner-after-hook:2", "planner-after-hook:7", "planner-after-hook:12",
    "planner-after-hook-stored", "planner-after-hook-stored:2", "planner-after-hook-stored:7",
    "planner-before-action", "planner-before-action:2", "planner-before-action:3",
    "planner-before-action:4", "planner-before-action:9",
    "planner-after-action", "planner-after-action:2", "planner-after-action:3",
    "planner-after-action:4", "planner-after-action:9",
    "planner-after-action-stored", "planner-after-action-stored:4", "planner-after-action-stored:8",
    "planner-after-host", "planner-after-host:2", "planner-after-host:3",
    "planner-before-end",
]
# With a host beside it whose moves are cut off wherever they are.
BESIDE = ["planner-before-hook:6", "planner-after-hook:6", "planner-after-hook-stored:6",
          "planner-before-action:5", "planner-after-action:5", "planner-after-action:7",
          "planner-after-action-stored:6", "planner-after-host:2"]
# Each host does one action before, and asks twice.
REBOOT = ["planner-before-hook:3", "planner-after-hook:3", "planner-before-action:2",
          "planner-after-action:2", "planner-after-action-stored:2", "planner-after-hook:4",
          "planner-after-action:4"]
ROLLBACK = [f"planner-{when}-rollback{which}" for when in ("before", "after")
            for which in ("", ":2", ":3")]

NAMES = {point.split(":")[0] for point in [*DEPLOYMENT, *BESIDE, *REBOOT, *ROLLBACK]}

POINTS = [f"{when}-{what}" for when in ("pre", "post")
          for what in ("select", "deploy", "reboot", "healthchecks")]


def test_every_crash_point_of_the_sources_is_tried():
    named = set()
    for file in (ROOT / "services" / "planner").rglob("*.cc"):
        if not file.name.endswith("_test.cc"):
            named |= set(re.findall(r'CrashPoint\("([^"]+)"\)', file.read_text()))
    assert named == NAMES


def test_the_page_lists_every_crash_point():
    page = (ROOT / "docs" / "reference" / "planner-crash-points.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) == NAMES


class Crashing:
    """Three hosts, on which everything that is done leaves a trace, under a planner that is killed."""

    ACTIONS = ("sync", "run-secret-triggers", "freeze")

    def __init__(self, base):
        self.base = base
        self.endpoint = HookEndpoint()
        self.number = 0
        hosts = {name: self.host_keys(name) for name in ("web1", "web2", "web3")}
        self.fleet = Fleet(base, hosts=hosts, planner_binary=CRASH_PLANNER,
                           hooks=[{"name": "trace", "points": POINTS, "url": self.endpoint}])
        for name, agent in self.fleet.agents.items():
            agent.directory.mkdir(parents=True, exist_ok=True)
            self.boot_id(name).write_text("boot 0\n")
            script = agent.directory / "reboot.sh"
            script.write_text(f"echo reboot >> {self.trace(name)}\n"
                              f"echo boot $(wc -l < {self.trace(name)}) > {self.boot_id(name)}\n")
            agent.flags += [f"--reboot-command=sh {script}", f"--boot-id-file={self.boot_id(name)}"]

    def trace(self, name):
        return self.base / name / "trace"

    def boot_id(self, name):
        return self.base / name / "boot_id"

    def host_keys(self, name):
        healthy = f"! grep -q bad-on-{name} {self.base / name / 'etc/app/version'}"
        return {
            "health_checks": {"cmd": [{"cmd": ["sh", "-c", healthy], "period": "200ms",
                                       "timeout": "2s"}]},
            "secrets": {"token": {"source": "token", "destination": str(self.base / name / "token"),
                                  "owner": {"user": "root", "group": "root"},
                                  "action": ["sh", "-c", f"echo trigger >> {self.trace(name)}"]}},
        }

    def commit(self, text="good"):
        self.number += 1
        return self.fleet.commit(f"{self.number} {text}")

    def history(self, name):
        return self.fleet.agents[name].service("app")["changes"]

    def done_on(self, name):
        trace = self.trace(name)
        return trace.read_text().split() if trace.exists() else []

    # One deployment, and all that came of it.

    def deploy(self, *arguments, killed_at=(), with_it=()):
        """The planner is killed once at each of the points, and then left alone. The agents `with_it` die
        when it does, and come back after it."""
        begun = {name: (self.history(name), self.done_on(name)) for name in self.fleet.hosts}
        self.endpoint.calls.clear()
        planner = self.fleet.planner
        for number, point in enumerate([*killed_at, ""]):
            planner.kill()
            planner.start(env={"GITOPS_CRASH_AT": point}, wait=number == 0)
            if number == 0:
                # The answer may be lost with the planner.
                self.fleet.deploy(*arguments, "--detach", check=not point)
            if point:
                planner.await_crash()
                for name in with_it:
                    self.fleet.agents[name].kill()
        wait_for(planner.addresses.exists, what="the planner's start")
        if with_it:
            up = time.monotonic()
            wait_for(lambda: time.monotonic() > up + 1.5, what="the planner to miss them")
            for name in with_it:
                self.fleet.agents[name].start()
        deployment = self.fleet.await_end(self.fleet.latest()["id"])
        if killed_at:
            told = [event["message"] for event in deployment["events"]]
            assert sum("taken up again" in text for text in told) == len(killed_at)
        return Outcome(self, deployment, begun)

    def unfreeze(self):
        self.fleet.ctl("unfreeze", "app", "--all", "-y")


class Outcome:
    """All that a deployment came to, without what differs between two of them."""

    def __init__(self, crashing, deployment, begun):
        self.deployment = deployment
        self.calls = list(crashing.endpoint.calls)
        self.facts = {"state": deployment["state"], "hosts": states(deployment)}
        for host in deployment["hosts"]:
            name = host["host"]
            history, done = begun[name]
            fresh = [change for change in crashing.history(name) if change not in history]
            self.facts[name] = {
                "history": [(change["toState"], change["fromHash"] != change["toHash"])
                            for change in fresh],
                "trace": crashing.done_on(name)[len(done):],
                "actions": actions_done(deployment, name),
                "steps": [(step["number"], step["kind"], step["result"],
                           [call["point"] for call in step["hookCalls"]])
                          for step in host["steps"]],
                "operations": [action["operationId"].partition("/")[2]
                               for step in host["steps"] for action in step["actions"]],
                "remaining": host["remainingActions"],
                "version": crashing.fleet.version(name) == f"{crashing.number} good",
            }
        hosts = crashing.fleet.ctl("list", "hosts", "-o", "json").json()["hosts"]
        self.facts["locks"] = [host["lock"] for host in hosts if host["lock"]]

    def asked(self):
        """What the hooks were asked, in order, without what was asked again."""
        keys, asked = set(), []
        for call in self.calls:
            key = call["headers"]["idempotency-key"].partition("/")[2]
            if key not in keys:
                keys.add(key)
                asked.append((key, call["payload"], call["result"]))
        return asked

    def asked_again(self):
        keys = [call["headers"]["idempotency-key"] for call in self.calls]
        return [key for key in set(keys) for _ in range(keys.count(key) - 1)]

    def most_at_once(self):
        """How many hosts were between their first hook and their last at a time."""
        names = [call["payload"]["host"] for call in self.calls
                 if not call["point"].endswith("-select")]
        return max(sum(name in names[:i + 1] and name in names[i:] for name in set(names))
                   for i in range(len(names)))


@pytest.fixture(scope="module")
def crashing(tmp_path_factory):
    crashing = Crashing(tmp_path_factory.mktemp("crashing"))
    with crashing.fleet:
        crashing.commit()
        crashing.deploy("sync")
        yield crashing
    crashing.endpoint.close()


@pytest.fixture(scope="module")
def whole(crashing):
    """whole(what, *deploy): what comes of it when nobody kills the planner; asked once."""
    known = {}

    def find(what, deploy):
        if what not in known:
            known[what] = deploy(killed_at=())
        return known[what]

    return find


def freezing(crashing, *flags):
    def deploy(killed_at, **options):
        crashing.commit()
        try:
            return crashing.deploy(*Crashing.ACTIONS, "--canary", "1", *flags, killed_at=killed_at,
                                   **options)
        finally:
            crashing.unfreeze()
    return deploy


def test_what_comes_of_it_when_nobody_kills_the_planner(crashing, whole):
    outcome = whole("one", freezing(crashing))
    assert outcome.facts["state"] == "SUCCEEDED" and outcome.facts["locks"] == []
    for name in crashing.fleet.hosts:
        assert outcome.facts[name] == {
            "history": [("FREEZE", False), ("OK", True), ("OK", False)], "trace": ["trigger"],
            "actions": ["sync", "run-secret-triggers", "freeze", "health-checks"],
            "steps": [(1, "deploy", "OK", ["pre-deploy", "post-deploy"]),
                      (2, "healthchecks", "OK", ["pre-healthchecks", "post-healthchecks"])],
            "operations": [f"{name}/1", f"{name}/2", f"{name}/3", ""],
            "remaining": [], "version": True}
    assert outcome.asked_again() == [] and outcome.most_at_once() == 1


@pytest.mark.parametrize("point", DEPLOYMENT)
def test_a_deployment_goes_on_where_the_planner_was_killed(crashing, whole, point):
    undisturbed = whole("one", freezing(crashing))
    outcome = freezing(crashing)(killed_at=[point])
    assert outcome.facts == undisturbed.facts
    assert outcome.asked() == undisturbed.asked()
    # An answer that was not stored is asked for again, by the same key.
    unstored = point.split(":")[0] == "planner-after-hook"
    assert len(outcome.asked_again()) == (1 if unstored else 0)
    assert outcome.most_at_once() == 1


@pytest.mark.parametrize("point", BESIDE)
def test_no_more_hosts_are_under_way_after_a_restart_than_before(crashing, whole, point):
    undisturbed = whole("one", freezing(crashing))
    outcome = freezing(crashing, "--max-parallel", "2")(killed_at=[point])
    assert outcome.facts == undisturbed.facts
    assert sorted(map(repr, outcome.asked())) == sorted(map(repr, undisturbed.asked()))
    again = outcome.asked_again()
    assert len(again) == len(set(again)) <= 2
    assert outcome.most_at_once() <= 2


def test_killed_after_every_single_action_it_comes_to_the_same_end(crashing, whole):
    undisturbed = whole("one", freezing(crashing))
    # A host's last action is followed by its hooks and checks, its check by a hook.
    outcome = freezing(crashing)(killed_at=["planner-after-action-stored"] * 12)
    assert outcome.facts == undisturbed.facts
    assert outcome.asked() == undisturbed.asked()
    assert outcome.asked_again() == []


@pytest.mark.parametrize("point", ["planner-before-action", "planner-after-action",
                                   "planner-after-action:3"])
def test_a_host_that_went_down_with_the_planner_is_waited_for(crashing, whole, point):
    undisturbed = whole("one", freezing(crashing))
    outcome = freezing(crashing)(killed_at=[point], with_it=["web1"])
    assert outcome.facts == undisturbed.facts
    assert outcome.asked() == undisturbed.asked()
    assert outcome.asked_again() == []


@pytest.mark.parametrize("point", REBOOT)
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


@pytest.mark.parametrize("point", ROLLBACK)
def test_a_wave_is_brought_back_once_whenever_the_planner_is_killed(crashing, whole, point):
    def deploy(killed_at):
        good = crashing.fleet.agents["web3"].service("app")["hash"]
        crashing.commit("bad-on-web3")
        outcome = crashing.deploy("sync", "--on-failure", "rollback", "--health-timeout", "500ms",
                                  killed_at=killed_at)
        for agent in crashing.fleet.agents.values():
            assert agent.service("app")["hash"] == good
        return outcome

    undisturbed = whole("rollback", deploy)
    assert undisturbed.facts["state"] == "FAILED"
    assert set(undisturbed.facts["hosts"].values()) == {"ROLLED_BACK"}
    outcome = deploy(killed_at=[point])
    assert outcome.facts == undisturbed.facts
    assert outcome.asked() == undisturbed.asked()
    assert outcome.asked_again() == []


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
