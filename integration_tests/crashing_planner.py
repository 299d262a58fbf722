"""A fleet whose planner is killed at crash points of a deployment (docs/reference/planner-crash-points.md) and
started again, and the result of a deployment, to compare with one without a crash."""

import pytest

from fleet import CRASH_PLANNER, Fleet, HookEndpoint, actions_done, states
from harness import wait_for

POINTS = [f"{when}-{what}" for when in ("pre", "post")
          for what in ("select", "deploy", "reboot", "healthchecks")]


def cases(short, long):
    """Crash points as parameters: NAME or NAME:N, the Nth time. The long ones run only with tools/test --long."""
    return [*short, *(pytest.param(point, marks=pytest.mark.long) for point in long)]


def taken_up(deployment):
    """How often a restarted planner continued it."""
    return sum("taken up again" in event["message"] for event in deployment["events"])


class Crashing:
    """Three hosts that log every action, under a planner that is killed."""

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

    # One deployment and its result.

    def deploy(self, *arguments, killed_at=(), with_it=()):
        """Kills the planner once at each of the points. The agents `with_it` are killed together with it, and
        started after it."""
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
        deployment_id = self.fleet.latest()["id"]
        if with_it:
            # By then the planner has called them without an answer.
            wait_for(lambda: taken_up(self.fleet.deployment(deployment_id)), what="the deployment's next start")
            for name in with_it:
                self.fleet.agents[name].start()
        deployment = self.fleet.await_end(deployment_id)
        assert taken_up(deployment) == len(killed_at)
        return Outcome(self, deployment, begun)

    def unfreeze(self):
        self.fleet.ctl("unfreeze", "app", "--all", "-y")


class Outcome:
    """The result of a deployment, without what differs between any two of them."""

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
        """The calls of the hooks, in order, without repeated ones."""
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
        """The maximum number of hosts between their first hook and their last at a time."""
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
    """whole(what, *deploy): the result without a crash; computed once."""
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


def freezing(crashing, *flags):
    def deploy(killed_at, **options):
        crashing.commit()
        try:
            return crashing.deploy(*Crashing.ACTIONS, "--canary", "1", *flags, killed_at=killed_at,
                                   **options)
        finally:
            crashing.unfreeze()
    return deploy
