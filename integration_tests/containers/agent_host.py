"""A host with systemd and the real gitops-agent as its unit, and the repository that it follows.

    with AgentHost(directory) as host:
        host.add_unit("web", SHOWS_VERSION)
        host.follow(host.spec("web"))
        host.wait_service("web", state="OK")

The upstream lies on the machine and is seen in the host under the same path, so that a commit is as
quick as in the other tests; the agent, gitopsctl, systemd and all that is published are in the host.
"""

import json
import pathlib
import shutil

from host import SystemdHost, WORKSPACE, bin_dir

from harness import Repository, fleet_config, wait_for

AGENT_UNIT = WORKSPACE / "deploy/systemd/gitops-agent.service"
CONFIG = "/etc/gitops/config.toml"
VARIABLES = "/etc/default/gitops-agent"
INSTALLED_AGENT = "/usr/local/bin/gitops-agent"
CTL = "/opt/gitops/ctl/gitopsctl"
AGENT = "/opt/gitops/agent/gitops-agent"
CRASH_AGENT = "/opt/gitops/agent/gitops-agent-crash"
REVISIONS = "/var/lib/gitops"

# Writes what it was told to do, and the version that it saw then, to /run/web.seen. On a version
# that begins with "bad" it ends with status 3. The process itself reads, since systemd gives each
# ExecReload= command a mount namespace of its own, in which every mount is seen.
SERVER = """\
#!/bin/sh
# usage: server NAME
version() { cat /etc/$1/version; }
see() {
  now=$(version $1)
  echo "$2 $now" >> /run/$1.seen
  case $now in bad*) exit 3 ;; esac
}
trap 'see $1 reload' HUP
see $1 start
while :; do sleep 1000 & wait $!; kill $! ; done
"""
SIMPLE = """\
[Service]
ExecStart=/usr/local/bin/server %p
ExecReload=/bin/kill -HUP $MAINPID
"""
# Between two runs of the agent nothing is waited for without need.
QUICK = "[Service]\nRestartSec=100ms\n"
DROP_INS = "/etc/systemd/system/gitops-agent.service.d"
# An agent that was killed stays down, to be looked at.
STAYS_DOWN = "[Service]\nRestart=no\n"


class AgentHost(SystemdHost):
    """A booted host whose agent is installed and not yet started."""

    def __init__(self, directory, **options):
        self.directory = pathlib.Path(directory)
        self.directory.chmod(0o755)
        self.repository = None
        self._stays_down = False
        mounts = {bin_dir(): "/opt/gitops:ro", self.directory: str(self.directory)}
        super().__init__(mounts=mounts, **options)

    def __enter__(self):
        super().__enter__()
        try:
            self.write("/usr/local/bin/server", SERVER, "0755")
            self.write("/etc/systemd/system/gitops-agent.service", AGENT_UNIT.read_text())
            self.write(f"{DROP_INS}/quick.conf", QUICK)
            self.run(f"ln -s {AGENT} {INSTALLED_AGENT} && systemctl daemon-reload")
        except BaseException:
            self.remove()
            raise
        return self

    # The services and their upstream.

    def new_repository(self, files, name="upstream"):
        shutil.rmtree(self.directory / name, ignore_errors=True)
        self.repository = Repository(self.directory / name)
        self.repository.commit(files, "first")
        return self.repository

    def spec(self, service, link=None, **keys):
        """A service that is published to /etc/SERVICE from the folder of that name."""
        name = service.split("@")[0]
        return {"machine": self.hostname, "service": service,
                "dirs": [{"local": f"/etc/{name}", "link": link or name}], **keys}

    def follow(self, *services, start=True, **global_keys):
        """Writes the config, and starts the agent with it."""
        keys = {"upstream": self.repository.url, "branch": "main", "poll": "100ms", **global_keys}
        self.write(CONFIG, fleet_config(keys, services))
        if start:
            self.start_agent()

    def add_unit(self, name, text=SIMPLE, start=False):
        self.write(f"/etc/systemd/system/{name}.service", text)
        self.run("systemctl daemon-reload")
        if start:
            self.run(["systemctl", "start", name])

    # The agent.

    def start_agent(self):
        self.run("systemctl restart gitops-agent")
        self.await_agent()

    def await_agent(self):
        try:
            wait_for(lambda: self.ctl("list", "machines", check=False).ok)
        except AssertionError:
            raise AssertionError("the agent does not answer: " +
                                 self.ctl("list", "machines", check=False).stderr) from None

    def agent_variables(self, **variables):
        self.write(VARIABLES, "".join(f"{k}={v}\n" for k, v in variables.items()))

    def start_agent_to_crash(self, point):
        """Starts the agent anew, to be killed at this place (docs/reference/crash-points.md)."""
        if not self._stays_down:
            self.write(f"{DROP_INS}/stays-down.conf", STAYS_DOWN)
            self.run("systemctl daemon-reload")
            self._stays_down = True
        self.agent_variables(GITOPS_CRASH_AT=point)
        self.run(f"ln -sf {CRASH_AGENT} {INSTALLED_AGENT} && systemctl restart gitops-agent")

    def await_crash(self):
        wait_for(lambda: self.active("gitops-agent") == "failed", what="the agent is killed")
        assert self.properties("gitops-agent", "Result", "ExecMainStatus") == {
            "Result": "signal", "ExecMainStatus": "9"}

    def start_agent_again(self):
        """After a crash, as it is installed."""
        self.run(f"rm -f {VARIABLES}; ln -sf {AGENT} {INSTALLED_AGENT}")
        self.start_agent()

    def forget(self, *units):
        """As before the agent's first start: ends it and these units, and removes what they left."""
        patterns = [pattern for unit in units for pattern in (unit, f"{unit}@*")]
        self.run(["systemctl", "stop", "gitops-agent", *patterns], check=False)
        self.run(["systemctl", "reset-failed"], check=False)
        self.run("awk '$4 ~ /\\/var\\/lib\\/gitops\\// {print $5}' /proc/self/mountinfo | "
                 "sort -r | xargs -r -n1 umount")
        files = " ".join(f"/etc/{unit} /run/{unit}.* /etc/systemd/system/{unit}.service* "
                         f"/etc/systemd/system/{unit}@* /etc/systemd/system/*.wants/{unit}[.@]*"
                         for unit in units)
        self.run(f"rm -rf /var/lib/gitops-agent {REVISIONS} {CONFIG} {VARIABLES} "
                 f"{DROP_INS}/stays-down.conf "
                 f"{files}; ln -sf {AGENT} {INSTALLED_AGENT}; systemctl daemon-reload")
        self._stays_down = False

    # What a test sees.

    def ctl(self, *arguments, **options):
        return self.run([CTL, *arguments, "@127.0.0.1"], **options)

    def service(self, name):
        answer = self.ctl("get", "service", name, "-o", "json", check=False)
        return json.loads(answer.stdout) if answer.ok else {"error": answer.stderr}

    def wait_service(self, name, seconds=30, **wanted):
        """Waits until the service has these fields (state="OK", hash=…); returns it."""
        last = {}

        def reached():
            nonlocal last
            last = self.service(name)
            return all(last.get(key) == value for key, value in wanted.items())

        try:
            wait_for(reached, seconds)
        except AssertionError:
            raise AssertionError(f"{name} did not become {wanted} within {seconds} s; it is "
                                 f"{json.dumps(last, indent=1)}") from None
        return last

    def properties(self, unit, *names):
        """Of a unit, as systemctl shows them: {name: text}."""
        shown = self.run(["systemctl", "show", unit, "--property", ",".join(names)]).stdout
        return dict(line.split("=", 1) for line in shown.splitlines())

    def active(self, unit):
        return self.properties(unit, "ActiveState")["ActiveState"]

    def seen(self, name="web"):
        """What the server wrote: ["start 1", "reload 2"]."""
        return self.run(f"cat /run/{name}.seen 2>/dev/null", check=False).stdout.splitlines()
