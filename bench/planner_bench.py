#!/usr/bin/python3
"""Measures the planner's release binary against its goals and against peers, in one run.

Run it through tools/bench, which builds the binaries. GITOPS_BIN_DIR names their folder. GITOPS_BASE_BIN_DIR, if set,
names the same of an earlier commit: both are measured in turn, and the ratios are printed."""

import json
import os
import pathlib
import statistics
import subprocess
import sys

import report
import run
from report import milliseconds
from run import count, say

HERE = pathlib.Path(__file__).resolve().parent
PARTS = ["benchmarks", "deployments", "growth", "peers", "memory", "reconnect", "tls"]
FEW, MANY, HUGE = 200, 1000, 10_000
MORE = 3
AGENTS, TWICE, SERVICES = 5000, 10_000, 5


def seconds(value):
    return f"{value:.2f} s"


def kilobytes(value):
    return f"{value / 1e3:.1f} KB"


def times(value):
    return f"{value:.1f}×"


def ratio(value):
    return f"{value:.2f}×"


class Build:
    """One build of the suite, and what was measured with it."""

    def __init__(self, name, directory):
        self.name = name
        self.directory = directory
        self.deployments, self.growth = {}, {}  # by the number of hosts
        self.reconnect = {}
        self.memory = self.plan = self.records = None
        self.tls = {}  # the same with TLS: "deployments", "memory", "reconnect", "handshakes"

    def measure(self, what, *arguments):
        """A process of its own for each, since the helpers read GITOPS_BIN_DIR when they are imported."""
        say(" ".join([self.name, what, *map(str, arguments)]))
        done = subprocess.run([sys.executable, str(HERE / "planner_measure.py"), what, *map(str, arguments)],
                              env={**os.environ, "GITOPS_BIN_DIR": str(self.directory)},
                              stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout)
        print(json.dumps({"build": self.name, "what": what, "arguments": arguments, "found": found}),
              file=sys.stderr, flush=True)
        return found

    def deploy(self, what, hosts, more, into):
        """One planner more."""
        found = self.measure(what, hosts, more)
        known = into.setdefault(hosts, {kind: {"record": [], "wall": []} for kind in found})
        for kind, samples in found.items():
            for clock, values in samples.items():
                known[kind][clock] += values


class Bench:
    def __init__(self, _, quick):
        self.builds = [Build("gitops-planner", os.environ["GITOPS_BIN_DIR"])]
        if os.environ.get("GITOPS_BASE_BIN_DIR"):
            name = os.environ.get("GITOPS_BASE_NAME", "base")
            self.builds.append(Build(name, os.environ["GITOPS_BASE_BIN_DIR"]))
        self.rounds = 3 if quick else 8
        self.growth_rounds = 1 if quick else 2
        self.kills = 1 if quick else 3
        self.settle = 15 if quick else 45
        self.ansible = self.clush = None

    def deployments(self):
        # In turn, so that both builds see the same machine.
        for hosts in (FEW, MANY):
            for _ in range(self.rounds):
                for build in self.builds:
                    build.deploy("deployments", hosts, MORE, build.deployments)

    def growth(self):
        for hosts in (MANY, HUGE):
            for _ in range(self.growth_rounds):
                for build in self.builds:
                    build.deploy("silent_deployments", hosts, MORE, build.growth)

    def peers(self):
        self.ansible = self.builds[0].measure("ansible_ping", FEW)
        self.clush = self.builds[0].measure("clush_true", MANY)

    def memory(self):
        for build in self.builds:
            build.memory = build.measure("memory", AGENTS, SERVICES, self.settle)

    def reconnect(self):
        for agents in (AGENTS, TWICE):
            for build in self.builds:
                build.reconnect[agents] = build.measure("reconnect", agents, SERVICES, self.kills)

    def tls(self):
        """Ours alone, each beside its plain figure."""
        build = self.builds[0]
        build.tls["deployments"] = {}
        for _ in range(self.rounds):
            build.deploy("deployments", MANY, MORE, build.deployments)
            build.deploy("tls_deployments", MANY, MORE, build.tls["deployments"])
        build.tls["memory"] = build.measure("memory", AGENTS, SERVICES, self.settle, "tls")
        build.tls["reconnect"] = build.measure("reconnect", AGENTS, SERVICES, self.kills, "tls")
        build.tls["handshakes"] = build.measure("handshakes", 10)

    def benchmarks(self):
        for build in self.builds:
            runs = build.measure("benchmark", "plan_benchmark", "SelectAndPlan|PlanEverything")
            build.plan = {name: min(run["real_time"] for run in each) / 1e3 for name, each in runs.items()}
        for build in self.builds:
            runs = build.measure("benchmark", "record_benchmark", "BM_SaveHost")
            build.records = {name: max(run["items_per_second"] for run in each)
                             for name, each in runs.items()}

    def page(self, machine):
        return "\n\n".join([
            f"Deployments: the best of {self.rounds} planners ({self.growth_rounds} where agents do not report), each "
            f"with its first deployment and {MORE} more. Restarts: the worst of {self.kills} kills.",
            machine, table(self)])


class Row:
    """A figure: `read` takes it from a build, None where that was not measured."""

    def __init__(self, name, show, read, *goals, peer=None, median=None):
        self.name, self.show, self.read, self.goals = name, show, read, goals
        self.peer = peer  # (its name, its value)
        self.median = median

    def cells(self, builds):
        values = [self.read(build) for build in builds]
        ours, base = values[0], values[1] if len(values) > 1 else None
        if ours is None:
            return None
        ratio = ours / base if base else None
        judged = [goal(ours, base, ratio, self) for goal in self.goals]
        for text, met in judged:
            if met is False:
                say(f"missed: {self.name}: {self.show(ours)}, goal {text}")
        median = f" (median {self.show(self.median(builds[0]))})" if self.median else ""
        cells = [self.name, self.show(ours) + median]
        if len(builds) > 1:
            cells += ["", ""] if base is None else [self.show(base), f"{ratio:.2f}"]
        peer = ""
        if self.peer and self.peer[1] is not None:
            peer = f"{self.peer[0]} {self.show(self.peer[1])} ({self.peer[1] / ours:.1f}×)"
        marks = {True: " met", False: " missed", None: ""}
        return cells + ["; ".join(text + marks[met] for text, met in judged), peer]


def at_most(limit):
    return lambda ours, base, ratio, row: (f"≤ {row.show(limit)}", ours <= limit)


def of_base(limit):
    def judge(ours, base, ratio, row):
        return f"≤ {limit} of the base", None if ratio is None else round(ratio, 2) <= limit
    return judge


def faster_than_peer(limit):
    def judge(ours, base, ratio, row):
        value = row.peer[1]
        return f"{limit}× faster than {row.peer[0]}", None if value is None else value / ours >= limit
    return judge


def deployment_rows(bench):
    def rows(hosts, kind, name, goals, peer):
        def read(clock, choose):
            return lambda build: (choose(build.deployments[hosts][kind][clock])
                                  if hosts in build.deployments else None)
        return [Row(f"{name} over {hosts:,} hosts", seconds, read("record", min), *goals, peer=peer,
                    median=read("record", statistics.median)),
                Row(f"{name} over {hosts:,} hosts, wall time at the client", seconds, read("wall", min), peer=peer,
                    median=read("wall", statistics.median))]

    def silent(hosts, kind):
        return lambda build: min(build.growth[hosts][kind]["record"]) if hosts in build.growth else None

    def growth(kind):
        def read(build):
            return silent(HUGE, kind)(build) / silent(MANY, kind)(build) if HUGE in build.growth else None
        return read

    again, first = "`sync` that changes nothing", "first `sync` of a new planner"
    ansible, clush = ("ansible's ping", bench.ansible), ("clush's true", bench.clush)
    linear = HUGE / MANY * 1.1
    return [
        *rows(FEW, "next", again, [at_most(0.28)], ansible),
        *rows(FEW, "first", first, [at_most(0.28)], ansible),
        *rows(MANY, "next", again, [of_base(0.6), faster_than_peer(15)], clush),
        *rows(MANY, "first", first, [of_base(0.5), faster_than_peer(5)], clush),
        Row(f"{again} over {HUGE:,} hosts that do not report", seconds, silent(HUGE, "next")),
        Row(f"{first} over {HUGE:,} hosts that do not report", seconds, silent(HUGE, "first")),
        Row(f"{again}: time for {HUGE:,} hosts to that for {MANY:,}", times, growth("next"), at_most(linear)),
        Row(f"{first}: time for {HUGE:,} hosts to that for {MANY:,}", times, growth("first"), at_most(linear)),
    ]


def tls_rows():
    """What TLS costs: the goals are shares of the plain figures."""
    def of_plain(kind):
        def read(build):
            if not build.tls:
                return None
            ours = build.tls["deployments"][MANY][kind]["record"]
            return min(ours) / min(build.deployments[MANY][kind]["record"])
        return read

    def found(what, read):
        return lambda build: read(build.tls[what]) if build.tls else None

    return [
        Row(f"TLS: `sync` that changes nothing over {MANY:,} hosts, times plain text", ratio, of_plain("next"),
            at_most(1.3)),
        Row(f"TLS: first `sync` of a new planner over {MANY:,} hosts, times plain text", ratio, of_plain("first")),
        Row(f"TLS: memory per connected agent ({AGENTS:,}, {SERVICES} services each)", kilobytes,
            found("memory", lambda memory: memory["each"])),
        Row(f"TLS: kill -9 and restart, {AGENTS:,} agents connected by full handshakes", seconds,
            found("reconnect", lambda back: max(back["back"])), at_most(20)),
        Row("TLS: full handshakes with client certificates per second and core of the planner", count,
            found("handshakes", lambda rate: rate["per_core"])),
    ]


def figures(bench):
    def plan(name):
        return lambda build: build.plan[name] if build.plan else None

    def records(name):
        return lambda build: build.records[name] if build.records else None

    def back(agents, what):
        return lambda build: max(build.reconnect[agents][what]) if agents in build.reconnect else None

    def doubled(build):
        if TWICE not in build.reconnect:
            return None
        return (statistics.median(build.reconnect[TWICE]["back"]) /
                statistics.median(build.reconnect[AGENTS]["back"]))

    rows = [
        *deployment_rows(bench),
        Row("selecting and planning over 100,000 hosts", milliseconds, plan("BM_SelectAndPlan"), of_base(0.6)),
        Row("selecting and planning, all hosts changed since the last plan", milliseconds,
            plan("BM_SelectAndPlanAfterAllChanged")),
        Row("planning over all of 100,000 hosts", milliseconds, plan("BM_PlanEverything")),
        Row(f"memory per connected agent ({AGENTS:,}, {SERVICES} services each)", kilobytes,
            lambda build: build.memory["each"] if build.memory else None, at_most(40e3)),
    ]
    for agents in (AGENTS, TWICE):
        rows += [
            Row(f"kill -9 and restart: all {agents:,} agents connected", seconds, back(agents, "back")),
            Row(f"kill -9 and restart, {agents:,} agents: first answer", seconds, back(agents, "serving")),
            Row(f"kill -9 and restart, {agents:,} agents: slowest answer meanwhile", seconds,
                back(agents, "slowest")),
        ]
    return rows + [
        Row(f"kill -9 and restart: time for {TWICE:,} agents to that for {AGENTS:,} (medians)", times, doubled,
            at_most(2.2)),
        Row("host records stored per second, one writer", count, records("BM_SaveHost/real_time/threads:1")),
        Row("host records stored per second, 16 writers", count, records("BM_SaveHost/real_time/threads:16")),
        *tls_rows(),
    ]


def table(bench):
    header = ["figure", "gitops-planner"]
    if len(bench.builds) > 1:
        header += [bench.builds[1].name, "ratio"]
    rows = [row.cells(bench.builds) for row in figures(bench)]
    return report.table(header + ["goal", "peer (times ours)"], [row for row in rows if row])


if __name__ == "__main__":
    run.main(__doc__, Bench, PARTS, "planner results")
