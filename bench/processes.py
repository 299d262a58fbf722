"""What the kernel says about a process: its CPU time, its memory, and what it spawns."""

import os
import pathlib
import re
import signal
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
# A new process, as strace shows the call that makes it; a thread is none.
_SPAWN = re.compile(r"\b(?:clone3?|v?fork)\(")


class Cpu:
    """CPU seconds of a process so far: its own, and those of its children that have ended."""

    def __init__(self, own, children):
        self.own = own
        self.children = children

    @classmethod
    def of(cls, pid):
        # The name, in brackets, may hold anything.
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        utime, stime, cutime, cstime = (int(field) / TICKS for field in fields[11:15])
        return cls(utime + stime, cutime + cstime)

    @classmethod
    def of_all(cls, pids):
        return sum((cls.of(pid) for pid in pids), cls(0, 0))

    def __add__(self, other):
        return Cpu(self.own + other.own, self.children + other.children)

    def __sub__(self, other):
        return Cpu(self.own - other.own, self.children - other.children)

    @property
    def total(self):
        return self.own + self.children


def memory(pid):
    """Bytes: {"resident", "peak", "anonymous", "private", "proportional"}, and the number of threads."""
    def fields(name):
        text = pathlib.Path(f"/proc/{pid}/{name}").read_text()
        return {key: int(value) for key, value in re.findall(r"^(\w+):\s+(\d+)", text, re.M)}

    status, rollup = fields("status"), fields("smaps_rollup")
    return {"resident": status["VmRSS"] * 1024,
            "peak": status["VmHWM"] * 1024,
            "anonymous": status["RssAnon"] * 1024,
            "private": (rollup["Private_Clean"] + rollup["Private_Dirty"]) * 1024,
            "proportional": rollup["Pss"] * 1024,
            "threads": status["Threads"]}


def memory_of_all(pids):
    each = [memory(pid) for pid in pids]
    return {key: sum(one[key] for one in each) for key in each[0]}


def spawned_during(pids, seconds, directory):
    """How many processes these and their descendants make within that time; strace counts."""
    output = pathlib.Path(directory) / "strace"
    command = ["strace", "-f", "-q", "-e", "trace=clone,clone3,fork,vfork", "-e", "signal=none",
               "-o", str(output)]
    for pid in pids:
        command += ["-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    tracer.send_signal(signal.SIGINT)
    try:
        tracer.wait(timeout=30)
    except subprocess.TimeoutExpired:
        tracer.kill()
        tracer.wait()
    lines = output.read_text(errors="replace").splitlines()
    return sum(1 for line in lines if _SPAWN.search(line) and "CLONE_THREAD" not in line)
