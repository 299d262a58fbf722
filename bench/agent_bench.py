#!/usr/bin/python3
"""Measures the agent's release binary against its goals and against peers, in one run.

Run it through tools/bench, which builds the binaries. GITOPS_BIN_DIR says where they are."""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile

# Agents and repositories are made as the integration tests make them.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration_tests"))

import host  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
from report import Figure, megabytes, milliseconds  # noqa: E402
from upstream import CHANGED, FILES, Upstream  # noqa: E402

GOAL_MEMORY = 25e6
GOAL_ACTIVE = 0.060
GOAL_ROLLBACK = 0.020
# The number of services that the goals speak of when idle.
MANY = 50


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Bench:
    def __init__(self, directory, quick):
        self.directory = pathlib.Path(directory)
        self.quick = quick
        self.sizes = [1, 10, MANY, 200, 500]
        self.rounds = 10 if quick else 40
        self.window = 16 if quick else 40
        self.api = host.load_api()

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
        found = {}
        for services in self.sizes:
            directory = self.place("agent", services)
            upstream = Upstream(directory / "upstream", services)
            say(f"{services} services: idle")
            idle = measure.agent_idle(directory / "idle", upstream, services, self.api,
                                      self.settle(services), self.window)
            say(f"{services} services: commit to active, rollback")
            latency = measure.agent_latency(directory / "latency", upstream, services, self.api,
                                            self.rounds)
            found[services] = {**idle, **latency}
            say(json.dumps({services: found[services]}))
            shutil.rmtree(directory)
        return found

    def peers(self):
        found = {}
        for kind in peers.peers():
            directory = self.place(kind.name)
            upstream = Upstream(directory / "upstream", 1)
            say(f"{kind.name}: {MANY} copies idle")
            idle = measure.peer_idle(kind, directory / "idle", upstream, MANY, 5, self.window)
            say(f"{kind.name}: commit to files seen")
            latency = measure.peer_latency(kind, directory / "latency", upstream, self.rounds)
            found[kind.name] = {**idle, **latency}
            say(json.dumps({kind.name: found[kind.name]}))
            shutil.rmtree(directory)
        say("git reset --hard: rollback")
        directory = self.place("reset")
        upstream = Upstream(directory / "upstream", 1)
        found["git reset --hard"] = measure.peer_rollback(directory, upstream, self.rounds)
        return found


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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter windows; some minutes")
    parser.add_argument("--page", help="put the results between the markers of this page")
    arguments = parser.parse_args()
    if "GITOPS_BIN_DIR" not in os.environ:
        parser.error("GITOPS_BIN_DIR must name the release binaries' folder; run tools/bench")
    with tempfile.TemporaryDirectory(prefix="gitops-bench.") as directory:
        described = report.machine(directory)
        bench = Bench(directory, arguments.quick)
        agents = bench.agents()
        others = bench.peers()
    found = figures(agents, others)
    kind = ("A quick run: 10 rounds, short windows." if arguments.quick
            else f"{bench.rounds} rounds for each latency.")
    text = "\n\n".join([f"{kind} A commit changes {CHANGED} of {FILES} files.", described,
                        report.figures_table(found), "### How it grows", growth(agents)])
    print(text)
    if arguments.page:
        report.write(arguments.page, text)
        say(f"written to {arguments.page}")
    for figure in found:
        if figure.missed:
            say(f"missed: {figure.name}: {figure.show(figure.value)}, goal {figure.show(figure.goal)}")


if __name__ == "__main__":
    main()
