#!/usr/bin/python3
"""Measures the agent's release binary against its goals and against peers, in one run.

Run it through tools/bench, which builds the binaries. GITOPS_BIN_DIR says where they are."""

import json
import pathlib
import shutil
import sys

# Agents and repositories are made as the integration tests make them.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration_tests"))

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
# The number of services that the goals speak of when idle.
MANY = 50


class Bench:
    def __init__(self, directory, quick):
        self.directory = directory
        self.quick = quick
        self.sizes = [1, 10, MANY, 200, 500]
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
            self.found[services] = {**idle, **latency}
            say(json.dumps({services: self.found[services]}))
            shutil.rmtree(directory)

    def peers(self):
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
        Figure("rollback to a revision on disk, median", one["rollback"]["median"], milliseconds,
               GOAL_ROLLBACK, theirs(lambda f: f["rollback"]["median"])),
    ]


def growth(agents):
    def latency(found):
        return f"{found['median'] * 1000:.0f} / {found['p90'] * 1000:.0f}"

    rows = [[services, f"{found['start']:.1f} s", f"{found['spawned']:.1f}",
             milliseconds(found["cpu"]), milliseconds(found["own_cpu"]),
             megabytes(found["memory"]["resident"]), megabytes(found["memory"]["private"]),
             found["memory"]["threads"], latency(found["active"]), latency(found["rollback"])]
            for services, found in agents.items()]
    return report.table(
        ["services", "start to all OK", "spawned per poll", "CPU per poll", "of it the agent's own",
         "resident", "private", "threads", "commit to active, median / p90, ms",
         "rollback, median / p90, ms"], rows)


if __name__ == "__main__":
    run.main(__doc__, Bench, ["agents", "peers"], "results")
