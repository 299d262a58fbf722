"""A fleet of real hosts: containers with systemd on a network of their own, each with the agent as its
unit, and a planner and a hook dispatcher on the machine, which they reach over that network.

    with HostFleet(directory, hosts=3) as fleet:
        fleet.commit("2")                              # of both services, web and db
        assert fleet.deploy("sync").status == 0
        assert fleet.serving("web1") == {"web": "2", "db": "2"}
"""

import atexit
import concurrent.futures
import contextlib
import ipaddress
import json
import shutil
import subprocess
import urllib.request
import uuid

from agent_host import CONFIG, AgentHost
from host import podman

import fleet as local  # agent_host has put its directory in the path
from harness import ctl, fleet_config, toml, wait_for

AGENT_PORT = 8004
PORTS = {"web": 80, "db": 81}
KEYS = "/etc/keys"
TRIGGERED = "/var/lib/triggered"
# While it is there, what reloads web waits.
HOLD = "/run/hold"
# Gone after a boot, as the file of that name on a real host.
REBOOT_REQUIRED = "/run/reboot-required"
REFUSES = "/run/refuses-changes"

# Serves the version that it has read at its start, or at SIGHUP; on one that is bad for this host it
# ends with status 3. It writes down what it did, and which keys lay there then.
SERVER = """\
#!/usr/bin/python3
import os, signal, socket, sys
name, port = sys.argv[1], int(sys.argv[2])
version = ""
def read(verb):
    global version
    try: version = open(f"/etc/{name}/version").read().strip()
    except OSError: version = "none"
    keys = "+".join(key for key in ("early", "late") if os.path.exists(f"/etc/keys/{key}"))
    with open(f"/var/lib/{name}.seen", "a") as seen: seen.write(f"{verb} {version} {keys}".strip() + "\\n")
    if f"bad-on-{os.uname().nodename}" in version: os._exit(3)
signal.signal(signal.SIGHUP, lambda *_: read("reload"))
read("start")
server = socket.create_server(("0.0.0.0", port))
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
while True:
    client, _ = server.accept()
    try:
        client.settimeout(2)
        client.recv(4096)
        client.sendall(f"HTTP/1.0 200 OK\\r\\nContent-Length: {len(version)}\\r\\n\\r\\n{version}".encode())
    except OSError: pass
    client.close()
"""
UNIT = """\
[Service]
Type=notify
ExecStart=/usr/local/bin/versioned {name} {port}
ExecReload=/bin/sh -c 'while [ -e %s ]; do sleep 0.05; done'
ExecReload=/bin/kill -HUP $MAINPID
[Install]
WantedBy=multi-user.target
""" % HOLD

# Cuts the host off as a broken cable does: nobody is told.
CUT = """\
table inet cut {
  chain in { type filter hook input priority 0; policy drop; iif lo accept; }
  chain out { type filter hook output priority 0; policy drop; oif lo accept; }
}
"""


class Network:
    """A network of containers, with addresses that a host keeps over its reboots."""

    def __init__(self):
        self.name = f"gitops-test-{uuid.uuid4().hex[:8]}"
        atexit.register(self.remove)
        podman("network", "create", "--disable-dns", self.name)
        described = json.loads(podman("network", "inspect", self.name).stdout)[0]["subnets"][0]
        self.gateway = described["gateway"]
        self._subnet = ipaddress.ip_network(described["subnet"])

    def address(self, number):
        return str(self._subnet[10 + number])

    def remove(self):
        atexit.unregister(self.remove)
        podman("network", "rm", "--force", self.name, check=False)


class FleetHost(AgentHost):
    """A host of the fleet, with the units web and db enabled and not yet running."""

    def __init__(self, name, directory, network, address):
        # Together, as one word: SystemdHost gives it to podman's --network.
        super().__init__(directory, name=name, network=f"{network.name}:ip={address}")
        self.address = address

    def install(self, config, planner):
        self.write("/usr/local/bin/versioned", SERVER, "0755")
        for name, port in PORTS.items():
            self.add_unit(name, UNIT.format(name=name, port=port))
        self.write(CONFIG, config)
        self.agent_variables(GITOPS_LISTEN=f"0.0.0.0:{AGENT_PORT}", GITOPS_PLANNER=planner,
                             GITOPS_INSECURE="true")
        self.run("systemctl enable gitops-agent web db")
        self.start_agent()

    # What happens to hosts.

    def cut_off(self):
        self.run(["nft", "-f", "-"], stdin=CUT)

    def mend(self):
        self.run("! nft list table inet cut >/dev/null 2>&1 || nft delete table inet cut")

    def hold(self):
        """What reloads web now waits, until let_go()."""
        self.run(["touch", HOLD])

    def let_go(self):
        self.run(["rm", "-f", HOLD])

    def await_held(self):
        self.wait_for(lambda: self.active("web") == "reloading", what="a reload that waits")

    # What a test sees.

    def did(self, service):
        """What the server of a service wrote: ["start 1", "reload 2 early"]."""
        return self.read(f"/var/lib/{service}.seen").splitlines()

    def started(self):
        """When this boot began, as its agent puts it into the boot id."""
        return self.read("/proc/1/stat").split()[21]

    def serving(self):
        served = {}
        for service, port in PORTS.items():
            with urllib.request.urlopen(f"http://{self.address}:{port}/", timeout=5) as answer:
                served[service] = answer.read().decode()
        return served


class HostFleet(local.Fleet):
    """See the module. Everything else is as of a Fleet on this machine: the same forms of gitopsctl."""

    def __init__(self, base, hosts=3, planner_flags=()):
        self.network = Network()
        self.addresses = {f"web{i + 1}": self.network.address(i) for i in range(hosts)}
        self.endpoint = local.HookEndpoint()
        self._versions = 0
        points = [f"{when}-{what}" for what in ("select", "deploy", "reboot", "healthchecks")
                  for when in ("pre", "post")]
        super().__init__(base, hosts, planner_flags=["--insecure", *planner_flags],
                         hooks=[{"name": "trace", "points": points, "url": self.endpoint}])
        flags = self.planner.flags
        flags[flags.index("--listen") + 1] = f"{self.network.gateway}:0"
        self.secrets = {name: f"canary-{uuid.uuid4().hex}" for name in ("early", "late", "plain")}
        (self.base / "secrets").mkdir()
        for name, content in self.secrets.items():
            (self.base / "secrets" / name).write_text(content)

    def _agent(self, name, _flags):
        return FleetHost(name, self.repository.path, self.network, self.addresses[name])

    def write_config(self):
        services = [{"machine": name, "service": service, "action": action,
                     "tracking": "coordinated", "healthy_within": "10s",
                     "dirs": [{"local": f"/etc/{service}", "link": service}]}
                    for name in self.hosts for service, action in (("web", "reload"), ("db", "restart"))]
        text = fleet_config({"upstream": self.repository.url, "branch": "main", "poll": "500ms"},
                            services)
        for name in self.hosts:
            keys = {"name": name, "address": f"{self.addresses[name]}:{AGENT_PORT}",
                    **self.host_keys(name)}
            text += "\n[[hosts]]\n" + "".join(f"{k} = {toml(v)}\n" for k, v in keys.items())
        self.config.write_text(text)

    def host_keys(self, name):
        quick = {"period": "100ms", "timeout": "2s"}
        trigger = ["sh", "-c", f"ls {KEYS} | xargs >> {TRIGGERED}"]
        secret = {"mk_dirs": True, "action": trigger}
        return {
            "tags": ["prod", "first" if name == "web1" else "other"],
            "health_checks": {
                "http": [{"port": port, **quick} for port in PORTS.values()],
                "cmd": [{"cmd": ["systemctl", "is-active", "web", "db"], **quick},
                        {"cmd": ["test", "!", "-e", REBOOT_REQUIRED], **quick}]},
            "pre_deploy_checks": {"cmd": [{"cmd": ["test", "!", "-e", REFUSES], **quick}]},
            "secrets": {
                "early": {"source": "secrets/early", "destination": f"{KEYS}/early",
                          "owner": {"user": "www-data", "group": "adm"}, "permissions": "0440",
                          **secret},
                "late": {"source": "secrets/late", "destination": f"{KEYS}/late",
                         "upload_at": "post-activation", **secret},
                "plain": {"source": "secrets/plain", "destination": "/etc/plain-secret",
                          "owner": {"user": "games"}, "permissions": "0600"},
            },
        }

    # Life.

    def start(self, agents=True):
        self.dispatcher.start()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            # pylint: disable=unnecessary-dunder-call  # stop() is its end
            list(pool.map(lambda host: host.__enter__(), self.agents.values()))
            # The network's own address is there since its first host is.
            self.planner.start()
            list(pool.map(lambda host: host.install(self.config.read_text(), self.planner.address()),
                          self.agents.values()))
        self.await_online(seconds=60)
        return self

    def stop(self):
        for program in (self.planner, self.dispatcher):
            program.kill()
        for host in self.agents.values():
            host.remove()
        self.endpoint.close()
        self.network.remove()
        shutil.rmtree(self.sockets, ignore_errors=True)

    @contextlib.contextmanager
    def power_restored(self, *names):
        """Hosts that go down in here come up again, as machines do that reboot."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            boots = [pool.submit(self.agents[name].come_back) for name in names]
            yield
            for boot in boots:
                boot.result()

    def restore(self):
        """As before a test: every host up, reachable, and free to do what it is asked for."""
        self.endpoint.answer = None
        self.endpoint.calls.clear()
        for host in self.agents.values():
            if host.is_off():
                host.power_on()
            host.mend()
            host.run(f"rm -rf {HOLD} {REBOOT_REQUIRED} {REFUSES} {KEYS} {TRIGGERED}; "
                     "systemctl start gitops-agent")
        self.await_online(seconds=60)

    # What tests do and see.

    def ctl(self, *arguments, **options):
        return ctl(*arguments, "--planner", self.planner.address(), "--insecure", **options)

    def commit(self, text=""):
        """A new version of both services; returns its words, and keeps its hash in self.head."""
        self._versions += 1
        version = f"{self._versions} {text}".strip()
        self.head = self.repository.commit({f"{name}/version": f"{version}\n" for name in PORTS})
        return version

    def settle(self):
        """A new version that runs on all hosts; returns it."""
        version = self.commit()
        done = self.deploy("sync", "--max-parallel", "3")
        assert done.status == 0, done
        self.endpoint.calls.clear()
        return version

    def serving(self, *names):
        return {name: self.agents[name].serving() for name in names or self.agents}

    def shown(self, name):
        """A host as `list hosts` shows it."""
        hosts = self.ctl("list", "hosts", "-o", "json").json()["hosts"]
        return next(host for host in hosts if host["host"] == name)

    def await_dialled_in_vain(self, name):
        """Until the planner has found its connection dead and tries to make another one."""
        def dials():
            found = subprocess.run(["ss", "-Htn", "state", "syn-sent", "dst", self.addresses[name]],
                                   capture_output=True, text=True, check=True)
            return found.stdout.strip()

        wait_for(dials, 40, f"the planner dials {name} anew")

    def logs(self, lines):
        texts = [f"planner: {self.planner.logged()[-6000:]}",
                 f"dispatcher: {self.dispatcher.logged()[-2000:]}"]
        texts += [f"{name}: {host.logs(lines=lines)}" for name, host in self.agents.items()
                  if not host.is_off()]
        return "\n".join(texts)


def everywhere(version):
    """What a host serves that is at a version."""
    return {"web": version, "db": version}
