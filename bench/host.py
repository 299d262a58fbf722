"""The agent as a host in the benchmarks: the release binary, asked over gRPC."""

import os
import pathlib
import queue
import re
import subprocess
import threading
import time

import grpc

import processes
import protos
from harness import Agent, fleet_config, wait_for
from upstream import MARKER, other_name

# More than there are rounds: nobody removes old files while rounds are timed, neither the agent nor
# its peers. On ext4 without a journal, making files is slow for a minute after others were removed.
KEPT = 1000


def load_api():
    """Python's side of the agent's API, generated for this run."""
    return (protos.messages("gitops/v1/agent"), protos.stubs("gitops/v1/agent"), protos.messages("gitops/v1/types"))


class Host:
    """An agent with that many services on one upstream: app, and small others."""

    def __init__(self, directory, upstream, services, poll, api):
        directory = pathlib.Path(directory)
        self.published = directory / "published"
        self.pb, self.rpc, self.types = api
        root = os.geteuid() == 0
        names = ["app"] + [other_name(number) for number in range(1, services)]
        config = fleet_config(
            {"upstream": upstream.url, "branch": "main", "mount": directory / "mount", "poll": poll,
             "keep_revisions": KEPT},
            [{"machine": "web1", "service": name,
              "dirs": [{"local": self.published / name, "link": name}]} for name in names])
        # Mounts in a namespace of its own, which another process keeps while the agent restarts; nsenter becomes the
        # agent, so its process is the agent's.
        self.namespace = None
        wrapper = []
        if root:
            self.namespace = subprocess.Popen(["unshare", "-m", "--propagation", "private", "cat"],
                                              stdin=subprocess.PIPE)
            own = os.readlink("/proc/self/ns/mnt")
            wait_for(lambda: os.readlink(f"/proc/{self.namespace.pid}/ns/mnt") != own, 10, "a mount namespace")
            wrapper = ["nsenter", f"--mount=/proc/{self.namespace.pid}/ns/mnt"]
        self.agent = Agent(directory, config, root=root, wrapper=wrapper,
                           flags=["--log-level", "warning"])
        self.services = services

    def __enter__(self):
        self.start_seconds = self.restarted()
        return self

    def restarted(self):
        """Starts the agent; seconds until all services are OK."""
        began = time.monotonic()
        self.agent.start()
        channel = grpc.insecure_channel(self.agent.address())
        self.stub = self.rpc.AgentServiceStub(channel)
        wait_for(self.all_ok, 300, "all services to be OK")
        return time.monotonic() - began

    def restarted_without_mounts(self):
        """Starts the agent as after a reboot: none of its mounts is there; seconds until all are."""
        self.agent.stop()
        enter = ["nsenter", f"--mount=/proc/{self.namespace.pid}/ns/mnt"]
        subprocess.run([*enter, "xargs", "-r", "-n", "200", "umount"], input="\n".join(self.mounted()), text=True,
                       check=True)
        began = time.monotonic()
        self.restarted()
        wait_for(lambda: len(self.mounted()) == self.services, 300, "all mounts")
        return time.monotonic() - began

    def mounted(self):
        table = pathlib.Path(f"/proc/{self.namespace.pid}/mounts").read_text()
        return [line.split()[1] for line in table.splitlines() if line.split()[1].startswith(f"{self.published}/")]

    def settled(self):
        """Seconds of CPU that the agent takes until it rests, after its start."""
        used = processes.Cpu.of(self.pid).total
        while True:
            time.sleep(1)
            before, used = used, processes.Cpu.of(self.pid).total
            if used - before < 0.02:
                return used

    def __exit__(self, *_):
        self.agent.__exit__()
        if self.namespace is not None:
            self.namespace.stdin.close()
            self.namespace.wait()

    @property
    def pid(self):
        return self.agent.process.pid

    def marker(self):
        """The published file as the host's processes see it."""
        return pathlib.Path(f"/proc/{self.pid}/root{self.published}/app/{MARKER}")

    def all_ok(self):
        listed = self.stub.ListServices(self.pb.ListServicesRequest(page_size=10_000)).services
        return len(listed) == self.services and all(
            one.state == self.types.SERVICE_STATE_OK and one.hash for one in listed)

    @property
    def pids(self):
        return [self.pid]

    def polls(self, copies=None):
        """Polls so far; there is one agent, whatever the number of copies asked for."""
        return sum(int(count) for count in re.findall(
            r'^gitops_git_operation_duration_seconds_count\{[^}]*op="ls-remote"[^}]*\} (\d+)',
            self.agent.metrics(), re.M))

    def rollback(self, commit):
        """Seconds until the answer; it is answered when the older revision is served."""
        began = time.monotonic()
        answer = self.stub.RollbackService(
            self.pb.RollbackServiceRequest(service="app", hash=commit), timeout=60)
        took = time.monotonic() - began
        assert answer.service.hash == commit, answer
        return took

    def unfreeze(self):
        self.stub.UnfreezeService(self.pb.UnfreezeServiceRequest(service="app"), timeout=60)


class Watch:
    """Tells when app became active at a commit, from the agent's stream of changes."""

    def __init__(self, host):
        self._states = queue.Queue()
        self._ok = host.types.SERVICE_STATE_OK
        self._call = host.stub.WatchServices(host.pb.WatchServicesRequest(services=["app"]))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for change in self._call:
                self._states.put((time.monotonic(), change.service.hash, change.service.state))
        except grpc.RpcError:
            pass

    def active_at(self, commit, seconds=60):
        """The moment, by the monotonic clock."""
        deadline = time.monotonic() + seconds
        while True:
            at, seen, state = self._states.get(timeout=max(0.0, deadline - time.monotonic()))
            if seen == commit and state == self._ok:
                return at

    def close(self):
        self._call.cancel()
