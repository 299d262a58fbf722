"""Turns the numbers into tables, and puts them into docs/performance.md."""

import datetime
import os
import pathlib
import platform
import re
import shutil
import subprocess

BEGIN = "<!-- {}: begin; tools/bench writes what stands between these lines -->"
END = "<!-- {}: end -->"


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


class Figure:
    """A row of the first table: ours, the goal if there is one, and the peers' of the same run."""

    def __init__(self, name, value, show, goal=None, peers=None, median=None):
        self.name, self.value, self.show, self.goal = name, value, show, goal
        self.peers = peers or {}
        self.median = median  # where the value is the best of several runs

    @property
    def missed(self):
        return self.goal is not None and self.value > self.goal

    def row(self, peers):
        goal = "" if self.goal is None else f"≤ {self.show(self.goal)} {'missed' if self.missed else 'met'}"
        median = "" if self.median is None else f" (median {self.show(self.median)})"
        cells = [self.name, self.show(self.value) + median, goal]
        for peer in peers:
            theirs = self.peers.get(peer)
            cells.append("" if theirs is None
                         else f"{self.show(theirs)} ({theirs / self.value:.1f}×)" if self.value
                         else self.show(theirs))
        return cells


def figures_table(figures, ours="gitops-agent"):
    peers = list(dict.fromkeys(peer for figure in figures for peer in figure.peers))
    header = ["figure", ours, "goal"] + [f"{peer} (times ours)" for peer in peers]
    return table(header, [figure.row(peers) for figure in figures])


def machine(directory):
    """The machine, one fact a line."""
    def first(pattern, file):
        found = re.search(pattern, pathlib.Path(file).read_text(), re.M)
        return found.group(1).strip() if found else "unknown"

    def said(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else "unknown"

    memory = int(first(r"^MemTotal:\s+(\d+)", "/proc/meminfo")) * 1024
    model = first(r"^model name\s*:(.*)$", "/proc/cpuinfo")
    system = first(r'^PRETTY_NAME="?([^"\n]*)', "/etc/os-release")
    disk = said("stat", "-f", "-c", "%T", str(directory))
    commit = said("git", "rev-parse", "--short=12", "HEAD")
    # Where others use the machine too, `chrt -r 1 tools/bench agent` lets none of them come in
    # between. It also keeps out the kernel's own threads; the planner is better off with `nice -n -20`.
    ahead = "" if os.sched_getscheduler(0) == os.SCHED_OTHER else ", at real-time priority"
    if os.nice(0) < 0:
        ahead += f", at nice {os.nice(0)}"
    return "\n".join([
        f"- {os.cpu_count()} cores, {model}; {memory / 1e9:.0f} GB of memory; files on {disk}",
        f"- {system}, kernel {platform.release()}, {said('git', '--version')}"
        f"{', git-sync ' + said('git-sync', '--version') if shutil.which('git-sync') else ''}",
        f"- {datetime.date.today().isoformat()}, commit {commit}; load average at the start "
        f"{os.getloadavg()[0]:.1f}{ahead}",
    ] + (["- **The machine was busy with other work: times are longer than on an idle one.**"]
         if os.getloadavg()[0] > os.cpu_count() else []))


def write(path, text, section="results"):
    """Replaces what stands between the markers of a section."""
    page = pathlib.Path(path)
    begin, end = BEGIN.format(section), END.format(section)
    before, _, rest = page.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{path}: the lines \"{begin}\" and \"{end}\" are missing")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
