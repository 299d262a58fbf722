"""Hosts of a fleet whose checks, triggers and reboots a test decides, by files in their directories:

    hosts = MarkedHosts(base, 3)
    with Fleet(base, hosts=hosts.keys()) as fleet, hosts.booting(fleet):
        hosts.mark("sick", "web2")       # its health check now fails
"""

import contextlib
import pathlib
import shlex
import threading

CANARY = "canary-91c7"


class MarkedHosts:
    """`tags`: {host: its tags}. Marks of a host: "sick" (its health check fails), "unready" (its
    pre-deploy check fails), "hold" (its secret's trigger waits)."""

    MARKS = ("sick", "unready", "hold")

    def __init__(self, base, number, tags=None):
        self.base = pathlib.Path(base)
        self.names = [f"web{i + 1}" for i in range(number)]
        self.tags = tags or {}
        (self.base / "token").write_text(CANARY)

    def file(self, host, name):
        return self.base / host / name

    def keys(self):
        """What Fleet takes as `hosts`."""
        return {name: self._keys(name) for name in self.names}

    def _keys(self, name):
        trace = shlex.quote(str(self.file(name, "trace")))

        def check(kind, mark):
            marked = shlex.quote(str(self.file(name, mark)))
            return {"description": f"{mark} {name}", "period": "100ms", "timeout": "5s",
                    "cmd": ["sh", "-c", f"echo {kind} >> {trace}; "
                                        f"! test -e {marked} || {{ echo it is {mark}; exit 1; }}"]}

        hold = shlex.quote(str(self.file(name, "hold")))
        return {
            "tags": self.tags.get(name, []),
            "health_checks": {"cmd": [check("health", "sick")]},
            "pre_deploy_checks": {"cmd": [check("pre-deploy", "unready")]},
            "secrets": {"token": {
                "source": "token", "destination": str(self.file(name, "token")),
                "owner": {"user": "root", "group": "root"},
                "action": ["sh", "-c", f"echo trigger >> {trace}; "
                                       f"while test -e {hold}; do sleep 0.02; done"]}},
        }

    def mark(self, mark, *hosts):
        assert mark in self.MARKS
        for host in hosts:
            self.file(host, mark).touch()

    def unmark(self, mark, *hosts):
        for host in hosts:
            self.file(host, mark).unlink(missing_ok=True)

    def reset(self):
        """As they were at the start."""
        for mark in (*self.MARKS, "trace"):
            self.unmark(mark, *self.names)

    def trace(self, host):
        """The checks ("pre-deploy", "health") and triggers that ran on it."""
        file = self.file(host, "trace")
        return file.read_text().split() if file.exists() else []

    def boots(self, host):
        """How often it was booted."""
        return int(self.file(host, "boot_id").read_text().split()[-1])

    @contextlib.contextmanager
    def booting(self, fleet):
        """While this lasts, `reboot` ends an agent by force, and the agent comes back with another boot
        id. To be entered before the fleet."""
        for name, agent in fleet.agents.items():
            self.file(name, "boot_id").write_text("boot 1\n")
            script = self.file(name, "reboot.sh")
            script.write_text(f"touch {shlex.quote(str(self.file(name, 'going-down')))}\n"
                              "kill -KILL $PPID\n")
            agent.flags += [f"--reboot-command=sh {script}",
                            f"--boot-id-file={self.file(name, 'boot_id')}"]
        ended = threading.Event()

        def boot_what_went_down():
            while not ended.wait(0.05):
                for name, agent in fleet.agents.items():
                    down = self.file(name, "going-down")
                    if down.exists() and agent.process.poll() is not None:
                        down.unlink()
                        self.file(name, "boot_id").write_text(f"boot {self.boots(name) + 1}\n")
                        agent.start(wait=False)

        machines = threading.Thread(target=boot_what_went_down)
        machines.start()
        try:
            yield self
        finally:
            ended.set()
            machines.join()
