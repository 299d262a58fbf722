"""A mount namespace that outlives the agents in it, as a host's outlives its agent's restarts."""

import os
import pathlib
import subprocess

from harness import wait_for


class MountNamespace:
    """Nothing mounted in it is seen outside. Used as a context manager, it is gone at the end, and
    its mounts with it. With `network` it has a loopback of its own, so that no port is taken."""

    def __init__(self, network=False):
        self._kinds = ["-m", "-n"] if network else ["-m"]

    def __enter__(self):
        ours = os.readlink("/proc/self/ns/mnt")
        self.holder = subprocess.Popen(
            ["unshare", *self._kinds, "--propagation", "private", "sleep", "infinity"])
        wait_for(lambda: self._ready(ours), what="the mount namespace")
        if "-n" in self._kinds:
            self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        self.holder.kill()
        self.holder.wait()

    def _ready(self, ours):
        # Private, too, once sleep has taken the place of unshare.
        process = pathlib.Path(f"/proc/{self.holder.pid}")
        return (os.readlink(process / "ns/mnt") != ours and
                (process / "comm").read_text().strip() == "sleep")

    @property
    def wrapper(self):
        """What a command begins with to run in here."""
        return ["nsenter", "-t", str(self.holder.pid), *self._kinds]

    def path(self, path):
        """Where a path in here is found from outside."""
        return pathlib.Path(f"/proc/{self.holder.pid}/root{path}")

    def run(self, *command):
        return subprocess.run([*self.wrapper, *map(str, command)], capture_output=True, text=True,
                              check=True).stdout

    def mounts_below(self, path):
        """The mount points at and below a path, in the order they were made."""
        lines = pathlib.Path(f"/proc/{self.holder.pid}/mountinfo").read_text().splitlines()
        return [point for point in (line.split()[4] for line in lines)
                if point == str(path) or point.startswith(f"{path}/")]
