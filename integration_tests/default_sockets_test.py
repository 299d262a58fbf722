"""The unix sockets in /run/gitops that servers of root's have where no address is named: who may open
them, whose they stay, and that the programs of one machine find each other by them. Each test has a
/run and a loopback of its own."""

import contextlib
import json
import os
import pathlib
import re
import subprocess

import pytest

from fleet import Program
from gateway import token_row
from harness import BIN, Repository, Result, as_root, fleet_config, wait_for
from mount_namespace import MountNamespace

SEEN_BIN = pathlib.Path("/run/bin")
CTL = SEEN_BIN / "ctl/gitopsctl"
GATEWAY = SEEN_BIN / "gateway/gitops-gateway"
GROUP = 4242
OWN_LOOPBACK = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
# Of each server: its program, its default port, and what gitopsctl asks it.
SERVERS = {
    "agent": ("agent/gitops-agent", 8004, ["list", "services", "@{}"]),
    "planner": ("services/planner/gitops-planner", 8001, ["list", "hosts", "--planner", "{}"]),
    "hook-dispatcher": ("services/hook_dispatcher/gitops-hook-dispatcher", 8002,
                        ["list", "hooks", "--hook-dispatcher", "{}"]),
    "promotion-receiver": ("services/promotion_receiver/gitops-promotion-receiver", 8003,
                           ["list", "promotions", "--promotion-receiver", "{}"]),
}
ALL = pytest.mark.parametrize("name", SERVERS)
pytestmark = pytest.mark.skipif(not as_root(), reason="only root serves the sockets")


class Machine(MountNamespace):
    def __init__(self, directory):
        super().__init__(network=True)
        self.directory = directory
        self.programs = contextlib.ExitStack()
        directory.chmod(0o755)
        self.repository = Repository(directory / "upstream")
        self.repository.commit({"web/index.html": "version 1\n"})
        (directory / "config.toml").write_text(fleet_config(
            {"upstream": self.repository.url, "mount": directory / "revisions", "poll": "200ms"},
            [{"machine": "web1", "service": "web", "dirs": [{"local": str(directory / "etc"), "link": "web"}]}]
        ) + '[[hosts]]\nname = "web1"\naddress = "unix:/run/gitops/agent.sock"\n')
        (directory / "hooks.toml").write_text(
            '[[hooks]]\nname = "drain"\npoints = ["pre-select"]\nurl = "http://127.0.0.1:1/"\n')
        (directory / "pipelines").mkdir()

    def __enter__(self):
        super().__enter__()
        self.run("mount", "-t", "tmpfs", "tmpfs", "/run")
        # Where other accounts reach them, too.
        self.run("mkdir", SEEN_BIN)
        self.run("mount", "--bind", BIN.resolve(), SEEN_BIN)
        return self

    def __exit__(self, *_):
        self.programs.close()
        super().__exit__()

    def add_group(self):
        """The group "gitops", in here only."""
        group = self.directory / "group"
        group.write_text(open("/etc/group").read() + f"gitops:x:{GROUP}:\n")
        self.run("mount", "--bind", group, "/etc/group")

    def server(self, name, *flags, wrapper=(), state="state"):
        """A server of root's that is told no address to listen on; not started."""
        own = {"agent": ["--config", self.directory / "config.toml", "--hosts", "web1", "--root=false"],
               "planner": ["--config", self.directory / "config.toml"],
               "hook-dispatcher": ["--config", self.directory / "hooks.toml"],
               "promotion-receiver": ["--pipelines", self.directory / "pipelines"]}[name]
        directory = self.directory / state / name
        program = Program(SEEN_BIN / SERVERS[name][0], directory, [*own, "--state-dir", directory / "state", *flags])
        program.wrapper = [*self.wrapper, *wrapper]
        self.programs.callback(program.kill)
        return program

    def path_of(self, name):
        return self.path(f"/run/gitops/{name}.sock")

    def ctl(self, *words, account=(), env=None):
        return Result(subprocess.run(
            [*self.wrapper, *account, str(CTL), *words], capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "USER": "tester", **(env or {})},
            check=False, timeout=60))

    def ask(self, name, address, groups=None):
        """Whether a server answers there; `groups`: to an account that is only in these."""
        account = [] if groups is None else [
            "setpriv", "--reuid=65534", "--regid=65534", f"--groups={groups}"]
        words = [word.format(address) for word in SERVERS[name][2]]
        return self.ctl(*words, "--timeout", "5s", account=account)


@pytest.fixture(name="machine")
def machine_fixture(open_directory):
    with Machine(open_directory) as machine:
        yield machine


def unix(name):
    return f"unix:/run/gitops/{name}.sock"


@ALL
def test_a_server_of_roots_answers_over_tcp_and_over_its_socket_to_root_and_the_group(machine, name):
    machine.add_group()
    port = SERVERS[name][1]
    server = machine.server(name).start()
    assert server.address() == f"127.0.0.1:{port}", "clients are told the TCP address"
    for address in (f"127.0.0.1:{port}", unix(name)):
        answer = machine.ask(name, address)
        assert answer.status == 0, answer
    socket = machine.path_of(name).stat()
    assert (socket.st_mode & 0o7777, socket.st_uid, socket.st_gid) == (0o660, 0, GROUP)
    assert machine.ask(name, unix(name), groups=GROUP).status == 0
    assert machine.ask(name, unix(name), groups=65534).status != 0


@ALL
def test_without_the_group_the_socket_is_for_root_alone(machine, name):
    machine.server(name).start()
    socket = machine.path_of(name).stat()
    assert (socket.st_mode & 0o7777, socket.st_uid, socket.st_gid) == (0o600, 0, 0)


@ALL
def test_a_second_server_leaves_the_socket_to_the_first(machine, name):
    machine.server(name).start()
    first = machine.path_of(name).stat().st_ino
    second = machine.server(name, wrapper=OWN_LOOPBACK, state="second").start()
    assert "another process listens there" in second.logged()
    assert machine.path_of(name).stat().st_ino == first
    assert second.stop() == 0
    assert machine.ask(name, unix(name)).status == 0, "nor does it take it away at its end"


@ALL
def test_the_socket_that_a_killed_server_left_is_replaced(machine, name):
    machine.server(name).start().kill()
    left = machine.path_of(name).stat().st_ino
    server = machine.server(name).start()
    assert machine.path_of(name).stat().st_ino != left
    answer = machine.ask(name, unix(name))
    assert answer.status == 0, answer
    assert "without a unix socket" not in server.logged()


@ALL
def test_listen_replaces_both_defaults_and_is_repeatable(machine, name):
    server = machine.server(name, "--listen", "unix:/run/other.sock", "--listen", "127.0.0.1:0").start()
    assert not machine.path_of(name).exists()
    for address in (server.address(), "unix:/run/other.sock"):
        assert machine.ask(name, address).status == 0, address
    assert server.address().startswith("127.0.0.1:")


@ALL
def test_without_root_there_is_tcp_only(machine, name):
    machine.run("mkdir", "-m", "0777", "/run/gitops")
    state = machine.directory / "plain" / name
    state.mkdir(parents=True)
    for path in (machine.directory / "plain", state):
        os.chown(path, 65534, 65534)
    server = machine.server(name, state="plain", wrapper=[
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]).start()
    assert machine.ask(name, server.address()).status == 0
    assert not machine.path_of(name).exists()


def test_who_acts_over_the_socket_is_recorded_by_account_whatever_they_claim(machine):
    machine.add_group()
    machine.server("agent", "--insecure=false").start()
    wait_for(lambda: "CURRENT" in machine.ctl("list", "services", f"@{unix('agent')}").out, what="the revision")

    def frozen_by(*account, user):
        done = machine.ctl("freeze", "web", f"@{unix('agent')}", account=account, env={"USER": user})
        assert done.status == 0, done
        return json.loads(machine.ctl("get", "service", "web", f"@{unix('agent')}", "-o", "json").out)["frozenBy"]

    assert frozen_by(user="mallory") == "root"
    nobody = frozen_by(*NOBODY, user="root")
    assert nobody == "nobody (uid 65534)"


def test_over_plain_tcp_everybody_is_a_viewer_and_is_told_what_to_do(machine):
    server = machine.server("agent", "--insecure=false", "--listen", "127.0.0.1:0").start()
    at = f"@{server.address()}"
    wait_for(lambda: "CURRENT" in machine.ctl("list", "services", at).out, what="the revision")
    refused = machine.ctl("freeze", "web", at)
    assert refused.status == 3, refused
    for told in ("role viewer", "unix socket", "--tls-dir", "--insecure"):
        assert told in refused.err
    assert "FREEZE" not in machine.ctl("list", "services", at).out


def test_a_default_address_on_this_machine_means_the_socket_where_it_may_be_opened(machine):
    machine.add_group()
    machine.server("agent", "--insecure=false").start()
    for at in ("@localhost", "@127.0.0.1", "@127.0.0.1:8004"):
        wait_for(lambda: "CURRENT" in machine.ctl("list", "services", at).out, what="the revision")
        assert machine.ctl("freeze", "web", at).status == 0, at
    stranger = machine.ctl("unfreeze", "web", "@localhost",
                           account=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    assert stranger.status == 3 and "role viewer" in stranger.err


NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", f"--groups={GROUP}"]


def grants(machine, text):
    """A file for --grants; replaced as an editor does."""
    file = machine.directory / "grants.toml"
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(file)
    return file


def test_grants_limit_an_account_at_the_agent_and_a_bad_file_leaves_them_in_force(machine):
    machine.add_group()
    file = grants(machine, '[[grants]]\nsubject = "nobody"\nrole = "operator"\nactions = ["freeze"]\n')
    agent = machine.server("agent", "--grants", file).start()
    at = f"@{unix('agent')}"
    wait_for(lambda: "CURRENT" in machine.ctl("list", "services", at).out, what="the revision")

    def unfreeze(account=NOBODY):
        return machine.ctl("unfreeze", "web", at, account=account)

    assert machine.ctl("freeze", "web", at, account=NOBODY).status == 0
    refused = unfreeze()
    assert refused.status == 3 and "nobody (uid 65534) may not unfreeze on host" in refused.err, refused
    assert unfreeze(account=()).status == 0, "root has no grants, so no limits"

    grants(machine, '[[grants]]\nsubject = "nobody"\nrole = "operator"\nactoins = ["freeze"]\n')
    wait_for(lambda: "the new file of grants is invalid" in agent.logged(), what="the fault")
    assert re.search(r'unknown key \\*"actoins\\*" \(did you mean \\*"actions', agent.logged())
    assert unfreeze().status == 3
    grants(machine, '[[grants]]\ngroup = "gitops"\nrole = "operator"\nactions = ["unfreeze"]\n')
    wait_for(lambda: unfreeze().status == 0, what="the new grants")
    assert machine.ctl("freeze", "web", at, account=NOBODY).status == 3


def test_grants_limit_an_account_to_hosts_of_the_planner(machine):
    machine.add_group()
    file = grants(machine, '[[grants]]\nsubject = "nobody"\nrole = "operator"\non = ["db*"]\n')
    machine.server("planner", "--grants", file).start()
    machine.server("agent", "--planner", unix("planner")).start()
    wait_for(lambda: "ONLINE" in machine.ctl("list", "hosts").out, what="the host is online")
    for words in (["freeze", "web", "--on", "web1"], ["deploy", "freeze", "--service", "web", "--on", "web1", "-y"],
                  ["plan", "freeze", "--service", "web"]):
        refused = machine.ctl(*words, account=NOBODY)
        assert refused.status == 3 and "on host web1" in refused.err, refused
    assert machine.ctl("list", "services", account=NOBODY).status == 0
    assert machine.ctl("freeze", "web", "--on", "web1").status == 0


@pytest.mark.parametrize("name", ["agent", "planner"])
@pytest.mark.parametrize("text, told", [
    ('[[grants]]\nsubject = "a"\nrole = "operater"\n', 'grants.toml:3'), (None, "grants.toml")])
def test_a_server_does_not_start_with_bad_grants(machine, name, text, told):
    file = machine.directory / "grants.toml"
    if text is not None:
        file.write_text(text)
    server = machine.server(name, "--grants", file).start(wait=False)
    assert server.process.wait(timeout=30) == 2, server.logged()
    assert told in server.logged() and "--grants" in server.logged()


def test_programs_of_one_machine_find_each_other_by_their_sockets(machine):
    tokens = machine.directory / "tokens.toml"
    tokens.write_text(token_row("admin", "admin", "secret"))
    config = machine.directory / "config.toml"
    config.write_text(config.read_text().replace("unix:/run/gitops/agent.sock", "localhost"))
    planner = ["--planner", "localhost"]
    # First, so that it finds no socket at first.
    gateway = Program(GATEWAY, machine.directory / "gateway", [
        "--insecure=false", "--listen", "127.0.0.1:0", "--tokens", tokens])
    gateway.wrapper = machine.wrapper
    machine.programs.callback(gateway.kill)
    gateway.start()
    machine.server("agent", "--insecure=false", *planner).start()
    machine.server("planner", "--insecure=false", "--hook-dispatcher", "localhost").start()
    machine.server("hook-dispatcher", "--insecure=false").start()
    machine.server("promotion-receiver", "--insecure=false", *planner).start()

    # The agent tells the planner.
    wait_for(lambda: "ONLINE" in machine.ctl("list", "hosts", *planner).out, what="the host is online")
    # The planner calls the dispatcher, and the agent.
    assert "drain" in machine.ctl("list", "hooks", *planner).out
    frozen = machine.ctl("deploy", "freeze", "--on", "web1", "-y", *planner, "--ignore-hook-errors", "--skip-health-checks")
    assert frozen.status == 0, frozen
    assert "FREEZE" in machine.ctl("list", "services", f"@{unix('agent')}").out
    # The gateway calls all of them.
    through = {"env": {"GITOPS_GATEWAY": f"http://{gateway.address('http')}", "GITOPS_TOKEN": "secret"}}
    assert "web1" in machine.ctl("list", "hosts", **through).out
    assert "drain" in machine.ctl("list", "hooks", **through).out
    promotions = machine.ctl("list", "promotions", **through)
    assert promotions.status == 0, promotions
