#!/usr/bin/python3
"""Measures the gateway's release binary, with the promotion receiver's and the planner's behind it, against its goals
and against peers, in one run.

Run it through tools/bench, which builds the binaries. GITOPS_BIN_DIR says where they are."""

import json
import pathlib
import shutil
import statistics
import sys

# Programs are started as the integration tests start them.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration_tests"))

import gateway_measure as measure  # noqa: E402
import gateway_peers  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402
from report import megabytes  # noqa: E402
from run import count, say  # noqa: E402

OURS = "gitops-gateway"
IDLE = 10_000
PARTS = ["events", "alone", "memory", "reads"]


def milliseconds(seconds):
    return f"{seconds * 1000:.2f} ms"


def microseconds(seconds):
    return f"{seconds * 1e6:.0f} µs"


class Bench:
    def __init__(self, directory, quick):
        self.directory = directory
        self.rounds = 1 if quick else 5
        self.seconds = 4 if quick else 10
        self.reads_asked = 1000 if quick else 5000
        self.runs = {}  # of the events, by the name of the server
        self.one_pipeline = self.one_connection = self.plain = self.tls = self.read = None
        self._made = 0

    def take(self, what, function, *arguments, **options):
        """One measurement, in a directory of its own."""
        self._made += 1
        directory = self.directory / str(self._made)
        say(what)
        found = function(directory, *arguments, **options)
        say(json.dumps({what: found}))
        shutil.rmtree(directory, ignore_errors=True)
        return found

    def events(self):
        # In turn, so that all see the same machine.
        for _ in range(self.rounds):
            self.runs.setdefault(OURS, []).append(self.take("events", measure.events, self.seconds))
            for kind in gateway_peers.peers():
                self.runs.setdefault(kind.name, []).append(self.take(
                    kind.name, lambda directory, kind=kind: measure.peer(kind, directory, self.seconds)))
        self.one_pipeline = self.take("events of one pipeline", measure.events, self.seconds, pipelines=1)

    def alone(self):
        self.one_connection = self.take("one event at a time", measure.one_at_a_time, self.seconds)

    def memory(self):
        self.plain = self.take("idle connections", measure.idle_connections, IDLE)
        self.tls = self.take("idle connections with TLS", measure.idle_connections, IDLE, tls=True)

    def reads(self):
        self.read = self.take("reads", measure.reads, self.reads_asked)

    def page(self, machine):
        parts = [f"Events: the best of {self.rounds} rounds of {self.seconds} s.",
                 f"{machine}\n- {gateway_peers.versions() or 'no peer is installed'}"]
        if self.runs:
            parts.append(events_table(self))
        rows = other_rows(self)
        if rows:
            parts.append(report.table(["figure", OURS, "goal"], rows))
        return "\n\n".join(parts)

    def best(self, name):
        """The round with the most events a second; None: not measured."""
        runs = self.runs.get(name)
        return max(runs, key=lambda run: run["per_second"]) if runs else None


def judged(name, text, met):
    if not met:
        say(f"missed: {name}: goal {text}")
    return f"{text} {'met' if met else 'missed'}"


def rate_goals(bench, ours):
    goals = []
    for peer, factor, text in [("webhook", 6, "6× webhook"), ("nginx", 0.25, "a quarter of nginx"),
                               ("Go handler", 1, "as many as the Go handler")]:
        theirs = bench.best(peer)
        if theirs:
            goals.append(judged("events per second", text, ours["per_second"] >= factor * theirs["per_second"]))
    return "; ".join(goals)


def rate_of_one_pipeline(found):
    refused = f" ({count(found['refused'])} of {count(found['sent'])} refused)" if found["refused"] else ""
    return count(found["per_second"]) + refused


def events_table(bench):
    """A column for each server."""
    ours = bench.best(OURS)
    peers = [name for name in bench.runs if name != OURS]
    medians = {name: statistics.median(run["per_second"] for run in runs) for name, runs in bench.runs.items()}

    def rate(name):
        found = bench.best(name)["per_second"]
        compared = "" if name == OURS else f"; ours {ours['per_second'] / found:.2f}×"
        return f"{count(found)} (median {count(medians[name])}{compared})"

    def latency(key, name):
        return milliseconds(bench.best(name)[key])

    slow = judged("p99", "< 20 ms", ours["p99"] < 0.020)
    sent, refused, accepted, kept = (sum(run[key] for run in bench.runs[OURS])
                                     for key in ("sent", "refused", "accepted", "kept"))
    return report.table(["figure", OURS, "goal", *peers], [
        ["events per second", rate(OURS), rate_goals(bench, ours), *map(rate, peers)],
        ["latency, median", latency("p50", OURS), "", *(latency("p50", name) for name in peers)],
        ["latency, 99th percentile", latency("p99", OURS), slow, *(latency("p99", name) for name in peers)],
        ["accepted events that are in the store", f"{count(kept)} of {count(accepted)}",
         judged("events in the store", "all", kept == accepted)] + ["none is kept"] * len(peers),
        ["events refused with `503`", f"{count(refused)} of {count(sent)}",
         judged("events refused", "none", refused == 0)] + [""] * len(peers),
        ["events per second of one pipeline", rate_of_one_pipeline(bench.one_pipeline), ""] + [""] * len(peers),
        *([f"CPU of the {name} for an event", microseconds(ours["cpu"][name]), ""] + [""] * len(peers)
          for name in ("gateway", "receiver")),
    ])


def connection_row(kind, found):
    each = (found["resident"] - found["before"]) / IDLE
    return [f"memory of {kind}", f"{each / 1024:.1f} KiB", judged(f"memory of {kind}", "≤ 64 KiB", each <= 64 << 10)]


def other_rows(bench):
    rows = []
    if bench.one_connection:
        rows += [["an event while nothing else comes, median", milliseconds(bench.one_connection["p50"]), ""],
                 ["the same, 99th percentile", milliseconds(bench.one_connection["p99"]), ""]]
    if bench.plain:
        name = f"resident memory with {IDLE:,} idle connections"
        rows += [[name, megabytes(bench.plain["resident"]),
                  judged(name, "≤ 150 MB", bench.plain["resident"] <= 150e6)],
                 [f"{name}, with TLS", megabytes(bench.tls["resident"]), ""],
                 *(connection_row(kind, found) for kind, found in
                   (("an idle connection", bench.plain), ("an idle connection with TLS", bench.tls))),
                 ["resident memory without connections", megabytes(bench.plain["before"]), ""]]
    for what, goal in (("service", 1.5), ("host", None)) if bench.read else ():
        rest, plain = bench.read[f"rest_{what}"]["p50"], bench.read[f"grpc_{what}"]["p50"]
        name = f"`GET` of a {what}, median"
        rows.append([name, f"{milliseconds(rest)}; the gRPC call {milliseconds(plain)} ({rest / plain:.2f}×)",
                     judged(name, f"≤ {goal}× the gRPC call", rest <= goal * plain) if goal else ""])
    return rows


if __name__ == "__main__":
    run.main(__doc__, Bench, PARTS, "gateway results")
