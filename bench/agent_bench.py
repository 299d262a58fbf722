#!/usr/bin/python3
"""Measures the agent's release binary against its goals and against peers, in one run.

Run it through tools/bench, which builds the binaries. GITOPS_BIN_DIR says where they are."""

import json
import pathlib
import shutil
import sys

# Agents and repositories are made as the integration tests make them.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration_tests"))

import floor  # noqa: E402
import host  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402
from report import Figure, megabytes, milliseconds  # noqa: E402
from run import say  # noqa: E402
from upstream import CHANGED, FILES, Upstream  # noqa: E402

GOAL_MEMORY = 25e6
GOAL_ACTIVE = 0.060
GOAL_ROLLBACK = 0.020
# How often the second may be as much as the first.
GOAL_FLOOR = 1.35  # by hand, commit to files seen
GOAL_P90 = 1.5  # median, 90th percentile
GOAL_OF_MANY = 1.3  # one service, one of 500 of which the others are not touched: commit to active
GOAL_ROLLBACK_OF_MANY = 2  # the same for a rollback
GOAL_DOUBLE = 2.2  # 500 services, 1,000: idle CPU, restart
GOAL_TENFOLD = 12  # 50 services, 500: idle CPU
# And at least.
GOAL_GIT_SYNC = 3  # ours, git-sync's: commit to files seen
GOAL_RESET = 10  # ours, git reset --hard: rollback
# The number of services that the goals speak of when idle.
MANY = 50


class Bench:
    def __init__(self, directory, quick):
        self.directory = directory
        self.quick = quick
        self.sizes = [1, 10, MANY, 200, 500, 1000]
        self.rounds = 10 if quick else 40
        self.window = 16 if quick else 40
        self.api = host.load_api()
        self.found, self.others = {}, {}  # by the number of services, and by the peer

    def place(self, *names):
        path = self.directory.joinpath(*map(str, names))
        path.mkdir(parents=True)
        return path

    def settle(self, services):
        """Memory is looked at after an idle minute where the goal is."""
        if self.quick:
            return 12
        return 60 if services == MANY else 15

    def agents(self):
        for services in self.sizes:
            directory = self.place("agent", services)
            upstream = Upstream(directory / "upstream", services)
            say(f"{services} services: idle")
            idle = measure.agent_idle(directory / "idle", upstream, services, self.api,
                                      self.settle(services), self.window)
            say(f"{services} services: commit to active, rollback")
            latency = measure.agent_latency(directory / "latency", upstream, services, self.api,
                                            self.rounds)
            say(f"{services} services: pull, restart")
            pull = measure.agent_pull(directory / "pull", upstream, services, self.api, max(5, self.rounds // 2))
            restart = measure.agent_restart(directory / "restart", upstream, services, self.api, 3)
            self.found[services] = {**idle, **latency, **pull, **restart}
            say(json.dumps({services: self.found[services]}))
            shutil.rmtree(directory)

    def peers(self):
        say("by hand: commit to files seen")
        directory = self.place("floor")
        self.others[floor.ByHand.name] = measure.peer_latency(
            floor.ByHand, directory / "latency", Upstream(directory / "upstream", 1), self.rounds)
        say(json.dumps(self.others[floor.ByHand.name]))
        shutil.rmtree(directory)
        for kind in peers.peers():
            directory = self.place(kind.name)
            upstream = Upstream(directory / "upstream", 1)
            say(f"{kind.name}: {MANY} copies idle")
            idle = measure.peer_idle(kind, directory / "idle", upstream, MANY, 5, self.window)
            say(f"{kind.name}: commit to files seen")
            latency = measure.peer_latency(kind, directory / "latency", upstream, self.rounds)
            self.others[kind.name] = {**idle, **latency}
            say(json.dumps({kind.name: self.others[kind.name]}))
            shutil.rmtree(directory)
        say("git reset --hard: rollback")
        directory = self.place("reset")
        upstream = Upstream(directory / "upstream", 1)
        self.others["git reset --hard"] = measure.peer_rollback(directory, upstream, self.rounds)

    def page(self, machine):
        kind = ("A quick run: 10 rounds, short windows." if self.quick
                else f"{self.rounds} rounds for each latency.")
        parts = [f"{kind} A commit changes {CHANGED} of {FILES} files.", machine]
        if self.found:
            judged = figures(self.found, self.others)
            parts += [report.figures_table(judged), "### How it grows", growth(self.found)]
            for figure in judged:
                if figure.missed:
                    say(f"missed: {figure.name}: {figure.show(figure.value)}, goal {figure.show(figure.goal)}")
        return "\n\n".join(parts)


def figures(agents, others):
    one, many = agents[1], agents[MANY]

    def theirs(read):
        values = {}
        for name, found in others.items():
            try:
                values[name] = read(found)
            except KeyError:
                continue
        return values

    return [
        Figure(f"processes spawned per idle poll of {MANY} services", many["spawned"],
               "{:.1f}".format, peers=theirs(lambda f: f["spawned"])),
        Figure(f"CPU per idle poll of {MANY} services", many["cpu"], milliseconds,
               peers=theirs(lambda f: f["cpu"])),
        Figure(f"resident memory, {MANY} services idle", many["memory"]["resident"], megabytes,
               GOAL_MEMORY, theirs(lambda f: f["memory"]["resident"])),
        Figure("the most it was since its start", many["memory"]["peak"], megabytes,
               peers=theirs(lambda f: f["memory"]["peak"])),
        Figure("of it private (not shared with other processes)", many["memory"]["private"],
               megabytes, peers=theirs(lambda f: f["memory"]["private"])),
        Figure("commit to active, median", one["active"]["median"], milliseconds, GOAL_ACTIVE),
        Figure("commit to files seen, median", one["visible"]["median"], milliseconds,
               peers=theirs(lambda f: f["visible"]["median"])),
        Figure("commit to files seen, 90th percentile", one["visible"]["p90"], milliseconds,
               peers=theirs(lambda f: f["visible"]["p90"])),
        Figure("the same after a pull at that moment (a webhook), median", one["pull"]["median"], milliseconds),
        Figure("rollback to a revision on disk, median", one["rollback"]["median"], milliseconds,
               GOAL_ROLLBACK, theirs(lambda f: f["rollback"]["median"])),
        *ratios(agents, others),
    ]


def ratios(agents, others):
    """What has to do with how it grows, and with others: each as how often one contains the other."""
    def times(name, value, of, goal):
        return [Figure(name, value() / of(), "{:.2f}×".format, goal)] if value and of else []

    def of(found, key, what, each="median"):
        return (lambda: found[key][what][each]) if what in found.get(key, {}) else None

    def number(services, what):
        return (lambda: agents[services][what]) if services in agents else None

    reset, sync, hand = "git reset --hard", "git-sync", floor.ByHand.name
    return [
        *times("commit to files seen, times the same operations by hand", of(agents, 1, "visible"),
               of(others, hand, "visible"), GOAL_FLOOR),
        *times("commit to files seen, times git-sync", of(agents, 1, "visible"), of(others, sync, "visible"),
               1 / GOAL_GIT_SYNC),
        *times("commit to files seen, 90th percentile, times the median", of(agents, 1, "visible", "p90"),
               of(agents, 1, "visible"), GOAL_P90),
        *times("commit to files seen of one of 500 services, times that of one alone", of(agents, 500, "visible"),
               of(agents, 1, "visible"), GOAL_OF_MANY),
        *times("rollback of one of 500 services, times that of one alone", of(agents, 500, "rollback"),
               of(agents, 1, "rollback"), GOAL_ROLLBACK_OF_MANY),
        *times("rollback, times git reset --hard", of(agents, 1, "rollback"), of(others, reset, "rollback"),
               1 / GOAL_RESET),
        *times("rollback of one of 500 services, times git reset --hard", of(agents, 500, "rollback"),
               of(others, reset, "rollback"), None),
        *times("CPU per idle poll of 500 services, times that of 50", number(500, "cpu"), number(50, "cpu"),
               GOAL_TENFOLD),
        *times("CPU per idle poll of 1,000 services, times that of 500", number(1000, "cpu"), number(500, "cpu"),
               GOAL_DOUBLE),
        *times("CPU of a restart with nothing to do, 1,000 services, times 500", of(agents, 1000, "restart_cpu", "min"),
               of(agents, 500, "restart_cpu", "min"), GOAL_DOUBLE),
    ]


def growth(agents):
    def latency(found):
        return f"{found['median'] * 1000:.0f} / {found['p90'] * 1000:.0f}"

    def seconds(found, what):
        return f"{found[what]['min']:.2f} s" if what in found else ""

    rows = [[services, f"{found['start']:.1f} s", f"{found['spawned']:.1f}",
             milliseconds(found["cpu"]), milliseconds(found["own_cpu"]),
             megabytes(found["memory"]["resident"]), megabytes(found["memory"]["private"]),
             found["memory"]["threads"], seconds(found, "restart"), seconds(found, "restart_cpu"), seconds(found, "reboot"),
             latency(found["active"]),
             latency(found["visible"]), latency(found["pull"]), latency(found["rollback"])]
            for services, found in agents.items()]
    return report.table(
        ["services", "start to all OK", "spawned per poll", "CPU per poll", "of it the agent's own",
         "resident", "private", "threads", "restart with nothing to do", "its CPU",
         "all mounted after a reboot",
         "commit to active, median / p90, ms",
         "to files seen", "to files seen after a pull", "rollback"], rows)


if __name__ == "__main__":
    run.main(__doc__, Bench, ["agents", "peers"], "results")
