"""A planner and a swarm of agents, as processes, and one who asks the planner all the while."""

import importlib
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import grpc

from fleet import PLANNER, Program
from harness import BIN, ROOT, wait_for

SWARM = BIN / "bench/agent_swarm"


def load_api(directory):
    """Python's side of the planner's API, generated for this run."""
    names = ["types", "agent", "operation", "hooks", "deployment", "planner"]
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}", f"--python_out={directory}",
                    f"--grpc_out={directory}", "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin",
                    *(f"gitops/v1/{name}.proto" for name in names)], check=True)
    sys.path.insert(0, str(directory))
    online = importlib.import_module("gitops.v1.deployment_pb2").HOST_STATE_ONLINE
    return (importlib.import_module("gitops.v1.planner_pb2"),
            importlib.import_module("gitops.v1.planner_pb2_grpc"), online)


class Swarm:
    """So many agents that report to a planner at unix:SOCKETS/planner, and serve, unless `quiet`."""

    def __init__(self, hosts, services, quiet=False):
        self.hosts = hosts
        # Paths of sockets are short.
        self.sockets = pathlib.Path(tempfile.mkdtemp(prefix="gitops-swarm-", dir="/tmp"))
        self.config = self.sockets / "fleet.toml"
        self.command = [str(SWARM), str(hosts), str(services), str(self.sockets),
                        "--planner", self.planner, *(["--quiet"] if quiet else [])]
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


class Planner:
    """The release binary, for a swarm. `config`: with the swarm's fleet file."""

    def __init__(self, directory, swarm, config=True):
        flags = ["--listen", swarm.planner, "--state-dir", pathlib.Path(directory) / "state",
                 "--log-level", "warning"]
        if config:
            flags += ["--config", swarm.config]
        self.program = Program(PLANNER, directory, flags)

    def start(self, wait=True):
        self.program.start(wait)
        return self

    def stop(self):
        self.program.stop()

    def kill(self):
        self.program.kill()

    @property
    def pid(self):
        return self.program.process.pid

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.program.kill()


class Prober:
    """Asks for a page of hosts every 100 ms; how long each answer took is kept."""

    def __init__(self, address, api):
        self._pb, rpc, self._online = api
        self._channel = grpc.insecure_channel(address, options=[
            ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 50)])
        self._stub = rpc.PlannerServiceStub(self._channel)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.forget()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self._channel.close()

    def forget(self):
        """The planner was killed: what counts is what comes from now on."""
        self.first, self.took, self.errors = None, [], []

    def await_first(self):
        wait_for(lambda: self.first is not None, 30, "an answer of the planner")

    def _run(self):
        while not self._ended.wait(0.02 if self.first is None else 0.1):
            began, took, waited = time.monotonic(), self.took, self.first is None
            try:
                # The first one waits in line with the agents to be connected.
                self._stub.ListHosts(self._pb.ListHostsRequest(page_size=100), timeout=30,
                                     wait_for_ready=self.first is None)
            except grpc.RpcError as error:
                if self.first is not None:
                    self.errors.append(str(error.code()))
                continue
            # What was asked before it was killed is of another time.
            if took is not self.took:
                continue
            if waited:
                self.first = time.monotonic()
            else:
                took.append(time.monotonic() - began)

    def online(self):
        """How many hosts the planner has online."""
        count, token = 0, ""
        while True:
            page = self._stub.ListHosts(
                self._pb.ListHostsRequest(page_size=1000, page_token=token), timeout=30,
                wait_for_ready=True)
            count += sum(1 for host in page.hosts if host.state == self._online)
            token = page.next_page_token
            if not token:
                return count
