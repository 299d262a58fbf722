"""Many agents as one process (bench/agent_swarm.cc): each has its socket and its stream to the planner, and has
done already what a deployment asks of it."""

import pathlib
import queue
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from harness import BIN

SWARM = BIN / "bench/agent_swarm"


class Swarm:
    """So many agents that report to a planner at unix:SOCKETS/planner, and serve, unless `quiet`. With `tls` they do
    both over TLS: the planner has its files in `planner_tls`, and serves `planner_tcp`, too."""

    def __init__(self, hosts, services, quiet=False, tls=False):
        self.hosts = hosts
        # Paths of sockets are short.
        self.sockets = pathlib.Path(tempfile.mkdtemp(prefix="gitops-swarm-", dir="/tmp"))
        self.config = self.sockets / "fleet.toml"
        self.tls = tls
        command = [str(SWARM), str(hosts), str(services), str(self.sockets)]
        if tls:
            subprocess.run([*command, "--make-certificates"], check=True)
            self.planner_tls = self.sockets / "tls/planner"
            with socket.create_server(("127.2.0.1", 0)) as free:
                self.planner_tcp = f"127.2.0.1:{free.getsockname()[1]}"
        self.command = [*command, "--planner", self.planner_tcp if tls else self.planner,
                        *(["--tls"] if tls else []), *(["--quiet"] if quiet else [])]
        self._connected = queue.Queue()
        self.log = self.sockets / "log"

    @property
    def planner(self):
        return f"unix:{self.sockets}/planner"

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        first = self.process.stdout.readline()
        assert first == "serving\n", f"agent_swarm said {first!r}"
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def _read(self):
        for line in self.process.stdout:
            word, _, number = line.partition(" ")
            if word == "connected":
                self._connected.put((time.monotonic(), int(number)))

    def when_connected(self, hosts, seconds=120):
        """When so many (none or all) had an answer of the planner, by the monotonic clock."""
        deadline = time.monotonic() + seconds
        while True:
            at, number = self._connected.get(timeout=max(0.0, deadline - time.monotonic()))
            if number == hosts:
                return at

    def forget(self):
        """What was told until now is of the past."""
        while not self._connected.empty():
            self._connected.get()

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.sockets, ignore_errors=True)
