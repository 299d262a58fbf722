"""A planner for a swarm of agents, as a process, and a client that queries it continuously."""

import contextlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time

import grpc

import protos
from agent_swarm import SWARM
from fleet import PLANNER, Program
from harness import wait_for

API = "gitops/v1/planner"


class SilentSwarm:
    """As agent_swarm.Swarm, but its agents do not report. In several processes, so that as many agents as there may
    be open files can be served: each has a listening socket and a connection."""

    MOST = 5000  # agents of a process
    tls = False

    def __init__(self, hosts):
        self.hosts = hosts
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gitops-swarm-", dir="/tmp"))
        self.config = self.directory / "fleet.toml"
        self.planner = f"unix:{self.directory}/planner"
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        text = ""
        for number, begin in enumerate(range(0, self.hosts, self.MOST)):
            text += self._start(number, min(self.MOST, self.hosts - begin))
        self.config.write_text(text)
        return self

    def _start(self, number, hosts):
        """One process. What the configuration gets for it."""
        directory = self.directory / str(number)
        directory.mkdir()
        process = subprocess.Popen([str(SWARM), str(hosts), "5", str(directory)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self._stack.callback(process.wait)
        self._stack.callback(process.stdin.close)
        assert process.stdout.readline() == "serving\n"
        text = (directory / "fleet.toml").read_text()
        text = re.sub(r'^(name|machine) = "', rf'\g<0>rack{number}-', text, flags=re.MULTILINE)
        return text if number == 0 else text[text.index("[[hosts]]"):]

    def when_connected(self, hosts):
        pass

    def __exit__(self, *_):
        self._stack.close()


class Planner:
    """The release binary, for a swarm. `config`: with the swarm's fleet file."""

    def __init__(self, directory, swarm, config=True):
        flags = ["--listen", swarm.planner, "--state-dir", pathlib.Path(directory) / "state",
                 "--log-level", "warning"]
        if swarm.tls:
            flags += ["--listen", swarm.planner_tcp, "--tls-dir", swarm.planner_tls]
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

    def __init__(self, address):
        self._pb = protos.messages(API)
        self._online = protos.messages("gitops/v1/deployment").HOST_STATE_ONLINE
        self._channel = grpc.insecure_channel(address, options=[
            ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 50)])
        self._stub = protos.stubs(API).PlannerServiceStub(self._channel)
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
        """Only answers from now on count: the planner was killed."""
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
