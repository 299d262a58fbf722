"""A planner for a swarm of agents, as a process, and one who asks it all the while."""

import importlib
import pathlib
import subprocess
import sys
import threading
import time

import grpc

from fleet import PLANNER, Program
from harness import ROOT, wait_for


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
