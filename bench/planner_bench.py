#!/usr/bin/python3
"""Measures the planner's release binary against its goals and against peers, in one run.

Run it through tools/bench, which builds the binaries. GITOPS_BIN_DIR says where they are."""

import argparse
import json
import os
import pathlib
import sys
import tempfile

# Programs are started as the integration tests start them.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration_tests"))

import planner_measure as measure  # noqa: E402
import report  # noqa: E402
import swarm  # noqa: E402
from report import Figure, milliseconds  # noqa: E402

FEW, MANY = 200, 1000
MORE = 3
AGENTS, SERVICES = 5000, 5
GOAL_FEW, GOAL_MANY = 0.28, 0.6
GOAL_PLAN = 0.050
GOAL_EACH = 50e3
GOAL_BACK = 15.0


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def seconds(value):
    return f"{value:.2f} s"


def kilobytes(value):
    return f"{value / 1e3:.1f} KB"


class Bench:
    def __init__(self, directory, quick):
        self.directory = pathlib.Path(directory)
        self.rounds = 3 if quick else 8
        self.kills = 2 if quick else 5
        self.settle = 15 if quick else 45
        self.found = {}

    def place(self, name):
        path = self.directory / name
        path.mkdir()
        return path

    def note(self, name, what):
        self.found[name] = what
        say(json.dumps({name: what}))

    def deployments(self):
        for hosts in (FEW, MANY):
            say(f"deployments over {hosts} hosts")
            self.note(hosts, measure.deployments(self.place(f"deploy{hosts}"), hosts, self.rounds,
                                                 more=MORE))

    def peers(self):
        say(f"ansible over {FEW} hosts, clush over {MANY}")
        place = self.place("peers")
        self.note("ansible", measure.ansible_ping(place, FEW))
        self.note("clush", measure.clush_true(place, MANY))

    def agents(self):
        say(f"{AGENTS} agents: memory")
        self.note("memory", measure.memory(self.place("memory"), AGENTS, SERVICES, self.settle))
        say(f"{AGENTS} agents: the planner is killed")
        api = swarm.load_api(self.place("api"))
        self.note("reconnect", measure.reconnect(self.place("reconnect"), AGENTS, SERVICES, api,
                                                 self.kills))

    def benchmarks(self):
        say("planning over 100,000 hosts")
        self.note("plan", {name: min(run["real_time"] for run in runs) / 1e3 for name, runs in
                           measure.benchmark("plan_benchmark", ".*", self.directory).items()})
        say("records appended")
        self.note("records", {
            name: max(run["items_per_second"] for run in runs) for name, runs in
            measure.benchmark("record_benchmark", "BM_SaveHost", self.directory).items()})


def figures(found):
    def deployment(hosts, kind, what, name, goal, peer, value):
        took = found[hosts][kind][what]
        return Figure(f"`sync` that changes nothing over {hosts:,} hosts at once, {name}",
                      took["best"], seconds, goal,
                      {peer: value} if value is not None else {}, median=took["median"])

    rows = []
    for hosts, goal, peer, value in ((FEW, GOAL_FEW, "ansible's ping", found["ansible"]),
                                     (MANY, GOAL_MANY, "clush's true", found["clush"])):
        rows += [
            deployment(hosts, "next", "record", "by its record", goal, peer, value),
            deployment(hosts, "next", "wall", "as who waits for gitopsctl sees it", None, peer,
                       value),
            deployment(hosts, "first", "record",
                       "by its record, the first of a new planner (no connection is made yet)",
                       goal, peer, value),
        ]
    memory, back = found["memory"], found["reconnect"]
    return rows + [
        Figure("selecting and planning over 100,000 hosts", found["plan"]["BM_SelectAndPlan"],
               milliseconds, GOAL_PLAN),
        Figure("the same, when all hosts have changed since the last time",
               found["plan"]["BM_SelectAndPlanAfterAllChanged"], milliseconds),
        Figure("planning over all of 100,000 hosts", found["plan"]["BM_PlanEverything"],
               milliseconds),
        Figure(f"memory for each connected agent ({AGENTS:,}, {SERVICES} services each)",
               memory["each"], kilobytes, GOAL_EACH),
        Figure(f"planner killed and started again: until all {AGENTS:,} agents are back",
               max(back["back"]), seconds, GOAL_BACK),
        Figure("until it serves", max(back["serving"]), seconds),
        Figure("the slowest answer while they came back", max(back["slowest"]), seconds),
        Figure("the median answer meanwhile", max(back["answers"]), milliseconds),
        Figure("host records stored a second, one writer",
               found["records"]["BM_SaveHost/real_time/threads:1"], "{:,.0f}".format),
        Figure("host records stored a second, 16 writers",
               found["records"]["BM_SaveHost/real_time/threads:16"], "{:,.0f}".format),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds; some minutes")
    parser.add_argument("--page", help="put the results between the planner's markers of this page")
    parser.add_argument("--only", choices=["deployments", "peers", "agents", "benchmarks"],
                        help="measure only this, and print the numbers")
    arguments = parser.parse_args()
    if "GITOPS_BIN_DIR" not in os.environ:
        parser.error("GITOPS_BIN_DIR must name the release binaries' folder; run tools/bench")
    with tempfile.TemporaryDirectory(prefix="gitops-bench.") as directory:
        described = report.machine(directory)
        bench = Bench(directory, arguments.quick)
        if arguments.only:
            getattr(bench, arguments.only)()
            return
        bench.deployments()
        bench.peers()
        bench.agents()
        bench.benchmarks()
    found = figures(bench.found)
    missing = [name for name in ("ansible", "clush") if bench.found[name] is None]
    kind = (f"Deployments: the best of {bench.rounds} planners, each with its first deployment and "
            f"{MORE} more. Agents that come back: the worst of {bench.kills} kills.")
    text = "\n\n".join([kind, described, report.figures_table(found, "gitops-planner")]
                       + [f"Not installed, so not measured: {', '.join(missing)}."] * bool(missing))
    print(text)
    if arguments.page:
        report.write(arguments.page, text, "planner results")
        say(f"written to {arguments.page}")
    for figure in found:
        if figure.missed:
            say(f"missed: {figure.name}: {figure.show(figure.value)}, goal {figure.show(figure.goal)}")


if __name__ == "__main__":
    main()
