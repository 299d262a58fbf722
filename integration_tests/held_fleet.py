"""Fleets in which a test can hold a host where it wants it (in a hook, its action, its reboot, its health
checks), and cut it off, slow it down, pause and kill it there."""

import pathlib
import shutil
import signal
import socket
import tempfile
import threading
import time

from fleet import Fleet, HookEndpoint
from harness import CRASH_AGENT, wait_for

POINTS = [f"{when}-{what}" for when in ("pre", "post")
          for what in ("deploy", "reboot", "healthchecks")]
HELD = ("action", "reboot", "checks")


class Link:
    """A socket in front of another, as a network is: it can be slow, and swallow everything."""

    def __init__(self, path, target):
        self.path = path
        self.target = str(target)
        self.delay = 0  # seconds, for each piece
        self.open = threading.Event()
        self.open.set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self.open.clear()

    def mend(self):
        self.open.set()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near):
        self.open.wait()
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(self.target)
        except OSError:
            near.close()
            return
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        try:
            while data := source.recv(1 << 16):
                time.sleep(self.delay)
                self.open.wait()
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        self.open.set()


class HeldFleet(Fleet):
    """Hosts whose trigger command, reboot and health check can be held, and say when they are reached. Those
    named in `linked` are reached, and reach the planner, through a Link; `host_keys(name)` has further
    keys of [[hosts]]."""

    def __init__(self, base, names, linked=(), planner_flags=(), host_keys=None,
                 **options):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gitops-", dir="/tmp"))
        self.endpoint = HookEndpoint()
        base = pathlib.Path(base)
        keys = {}
        for name in names:
            (base / name).mkdir(parents=True)
            keys[name] = {**self._keys(base, name), **(host_keys(name) if host_keys else {})}
            if name in linked:
                keys[name]["address"] = f"unix:{self.directory}/{name}"
        hooks = [{"name": "trace", "points": POINTS, "url": self.endpoint}]
        flags = ["--connect-timeout", "1s", "--return-timeout", "3s", *planner_flags]
        super().__init__(base, hosts=keys, hooks=hooks, planner_flags=flags, **options)
        self.links = {}
        for name in linked:
            there = Link(self.directory / name, self.sockets / name)
            back = Link(self.directory / f"{name}-back", self.sockets / "planner")
            self.links[name] = (there, back)
            flags = self.agents[name].flags
            flags[flags.index("--planner") + 1] = f"unix:{back.path}"
        for name, agent in self.agents.items():
            agent.binary = CRASH_AGENT  # as any other, until it is told where to die
            agent.flags += self._reboot_flags(name)

    def _keys(self, base, name):
        here = base / name
        hold = "while [ -e {0}/hold-action ]; do sleep 0.02; done"
        action = f"echo begun >> {{0}}/trace; {hold}; echo done >> {{0}}/trace"
        check = "touch {0}/in-checks; test ! -e {0}/hold-checks"
        return {
            "health_checks": {"cmd": [{"cmd": ["sh", "-c", check.format(here)],
                                       "period": "100ms", "timeout": "2s"}]},
            "secrets": {"token": {"source": "token", "destination": str(here / "token"),
                                  "owner": {"user": "root", "group": "root"},
                                  "action": ["sh", "-c", action.format(here)]}},
        }

    def _reboot_flags(self, name):
        """The host goes down and comes up, another boot, before its agent has the command's end."""
        here = self.base / name
        (here / "boot_id").write_text("boot 0\n")
        script = here / "reboot.sh"
        script.write_text(f"cd {here}\necho reboot >> reboots\n"
                          "echo boot $(wc -l < reboots) > boot_id\n"
                          "while [ -e hold-reboot ]; do sleep 0.02; done\n")
        return [f"--reboot-command=sh {script}", f"--boot-id-file={here / 'boot_id'}"]

    def stop(self):
        super().stop()
        for name in self.hosts:
            self.release(name)
        for there, back in self.links.values():
            there.close()
            back.close()
        self.endpoint.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    # Holding.

    def hold(self, what, *names):
        """what: one of HELD."""
        for name in names:
            (self.base / name / f"hold-{what}").touch()

    def release(self, *names):
        for name in names:
            for what in HELD:
                (self.base / name / f"hold-{what}").unlink(missing_ok=True)

    def trace(self, name):
        """"begun" and "done" for each time that its trigger was run."""
        file = self.base / name / "trace"
        return file.read_text().split() if file.exists() else []

    def await_action(self, *names):
        for name in names:
            wait_for(lambda: self.trace(name)[-1:] == ["begun"], what=f"the action on {name}")

    def await_checks(self, *names):
        for name in names:
            wait_for((self.base / name / "in-checks").exists, what=f"the checks of {name}")

    def reboots(self, name):
        file = self.base / name / "reboots"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def await_reboot(self, *names):
        for name in names:
            wait_for(lambda: self.reboots(name), what=f"the reboot of {name}")

    def forget(self):
        """Clears what earlier deployments left to be seen."""
        for name in self.hosts:
            for file in ("trace", "in-checks", "reboots"):
                (self.base / name / file).unlink(missing_ok=True)
        self.endpoint.calls.clear()
        self.endpoint.answer = None

    # Faults.

    def signal(self, name, which):
        self.agents[name].process.send_signal(which)

    def pause(self, name):
        self.signal(name, signal.SIGSTOP)

    def cut(self, name):
        for link in self.links[name]:
            link.cut()

    def slow(self, name, seconds):
        for link in self.links[name]:
            link.delay = seconds

    def heal(self):
        """All is as it should be, whatever was done to it."""
        for there, back in self.links.values():
            for link in (there, back):
                link.delay = 0
                link.mend()
        for name, agent in self.agents.items():
            self.release(name)
            if agent.process.poll() is not None:
                agent.start(wait=False)
            agent.process.send_signal(signal.SIGCONT)
        self.await_online()

    # What there is to see.

    def locks(self):
        """{host: deployment}"""
        hosts = self.ctl("list", "hosts", "-o", "json").json()["hosts"]
        return {host["host"]: host["lock"]["deployment"] for host in hosts if host["lock"]}

    @staticmethod
    def outlast_lease():
        """Returns after GITOPS_LOCK_TTL=1s: that a lease has ended is seen by no condition, only by the clock."""
        time.sleep(1.5)

    def hooks_of(self, name):
        return [call["point"] for call in self.endpoint.calls if call["payload"]["host"] == name]
