"""docs/how-to: every command of each page is run, on a host that is as the page assumes, and prints what the
page shows."""

import contextlib
import functools
import pathlib
import tempfile

import pytest
from debian_packages import AGENT, CTL, SERVER, make_packages
from doc_host import CLONE, DocHost
from fleet_hosts import Network

from doc_pages import Page
from host import SystemdHost, WORKSPACE

PAGES = {path.stem: Page(path) for path in sorted((WORKSPACE / "docs/how-to").glob("*.md"))}
PROGRAMS = {"gitops-agent": "agent", "gitopsctl": "ctl", "gitops-planner": "services/planner",
            "gitops-hook-dispatcher": "services/hook_dispatcher", "gitops-gateway": "gateway"}
# The reasons of a page for which it leaves blocks out.
NOT_RUN = {
    "audit": [],
    "backup": [],
    "bootstrap": ["the agent stays in the foreground; the unit below does the same"],
    "build-and-release": [
        "a build takes minutes", "a build takes minutes", "a build takes minutes",
        "the test hosts cannot reach Debian; a test compares the list with what the programs are linked to"],
    "certificates": [],
    "ci-jobs": ["an excerpt of the token file", "an excerpt of a workflow", "an excerpt of a pipeline"],
    "containers": ["it compiles everything"] +
                  ["it needs images, and no test runs it yet"] * 9,
    "deploy": ["an excerpt of the config", "its output is the API's JSON"],
    "from-gitopper": [],
    "from-morph": [],
    "hooks": ["an excerpt", "a build takes minutes"],
    "install": ["a build takes minutes"],
    "join-hosts": ["there are no 200 hosts"],
    "private-repositories": ["an excerpt of the config"] * 4,
    "promote-by-pull-request": ["an excerpt of a pipeline"],
    "run-the-planner": ["a build takes minutes"],
    "secrets-and-checks": ["an excerpt of the config"],
    "upgrade": [],
    "when-something-is-wrong": ["a message", "breaks what a deployment holds; deployment_locks_test.py does"],
}

UNIT = "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
ONE_HOST = """\
[global]
upstream = "file:///srv/ops"
poll = "200ms"

[[services]]
machine = "web1"
service = "nginx"
action = "reload"
dirs = [ { local = "/etc/nginx", link = "nginx" } ]
"""
FLEET = """\
[global]
upstream = "file:///srv/ops"
poll = "200ms"

[[services]]
machines = ["web*", "db*"]
service = "app"
tracking = "coordinated"
mount = "/srv/${machine}/revisions"
dirs = [ { local = "/srv/${machine}/app", link = "app" } ]

[[hosts]]
name = "web1"
tags = ["prod", "web", "canary"]
address = "127.0.0.1:8011"
[[hosts]]
name = "web2"
tags = ["prod", "web"]
address = "127.0.0.1:8012"
[[hosts]]
name = "web3"
tags = ["prod", "web"]
address = "127.0.0.1:8013"
[[hosts]]
name = "db1"
tags = ["prod", "db"]
address = "127.0.0.1:8014"
[hosts.secrets.tls-key]
source = "secrets/db1.key"
destination = "/etc/postgresql/tls.key"
permissions = "0400"
mk_dirs = true
action = ["systemctl", "reload", "postgresql"]
"""
HOSTS = ("web1", "web2", "web3", "db1")
PLANNER = "unix:/run/gitops/planner.sock"


def install(host, *programs):
    for program in programs or PROGRAMS:
        host.run(["ln", "-s", f"/opt/gitops/{PROGRAMS[program]}/{program}", "/usr/local/bin/"])
        if program != "gitopsctl":
            unit = f"{program}.service"
            host.write(f"/etc/systemd/system/{unit}", (WORKSPACE / "deploy/systemd" / unit).read_text())
    host.run("systemctl daemon-reload")


def repository(host, files):
    host.run("git config --global user.name me; git config --global user.email me@localhost; "
             "git init -q -b main /srv/ops")
    for path, text in files.items():
        host.write(f"/srv/ops/{path}", text)
    host.run("git -C /srv/ops add -A; GIT_COMMITTER_DATE=@1764000000 git -C /srv/ops commit -qm 'the first version' "
             "--date=@1764000000")


def one_host(host, config=ONE_HOST):
    repository(host, {"nginx/nginx.conf": "worker_processes 1;\n"})
    host.write("/etc/systemd/system/nginx.service", UNIT)
    host.write("/etc/gitops/config.toml", config)
    host.run("systemctl daemon-reload")


def running_agent(host):
    one_host(host)
    install(host, "gitops-agent", "gitopsctl")
    host.run("systemctl start gitops-agent && gitopsctl wait service nginx @localhost --timeout 1m")


def fleet(host):
    """A planner, and four agents that share the host."""
    repository(host, {"app/version": "1\n"})
    install(host)
    host.write("/etc/systemd/system/postgresql.service", UNIT)
    host.write("/etc/gitops/config.toml", FLEET)
    host.write("/etc/gitops/secrets/db1.key", "a key\n")
    host.run("groupadd --system gitops; systemctl daemon-reload; systemctl start gitops-planner postgresql")
    for port, name in enumerate(HOSTS, 8011):
        host.run(f"systemd-run --quiet --unit agent-{name} gitops-agent --config /etc/gitops/config.toml --name {name} "
                 f"--root=false --state-dir /var/lib/agents/{name} --listen 127.0.0.1:{port} "
                 f"--metrics-listen 127.0.0.1:0 --planner {PLANNER} --insecure")
    host.run("gitopsctl wait service app --on '*' --for sync=NEVER --timeout 1m")


def deployed_fleet(host):
    fleet(host)
    host.run("gitopsctl deploy sync --all --max-parallel 4 -y")
    host.run("echo 2 > /srv/ops/app/version; git -C /srv/ops commit -qam 'the second version'; "
             "gitopsctl wait service app --on '*' --for sync=BEHIND --timeout 1m")


def bootstrap(host):
    """With https://git.example/ops.git, which wants the token TOKEN."""
    one_host(host)
    install(host, "gitops-agent", "gitopsctl")
    host.write("/srv/ops/gitopper/config.toml", ONE_HOST)
    host.run("rm /etc/gitops/config.toml; cd /srv/ops && git add -A && git commit -qm 'the config'; "
             "git clone -q --bare /srv/ops /srv/git/ops.git; echo '127.0.0.1 git.example' >> /etc/hosts")
    host.run(["systemd-run", "--quiet", "/usr/bin/python3", f"{CLONE}/integration_tests/containers/git_example.py"])
    host.run("curl -sS --retry 50 --retry-connrefused --retry-delay 1 https://git.example/")


def from_gitopper(host):
    running_agent(host)
    install(host, "gitops-gateway")
    host.write(f"{CLONE}/config.toml", ONE_HOST.replace('"web1"', '"localhost"'))
    host.run("mkdir -m 700 -p /root/.ssh /run/sshd; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; "
             "cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys; echo '127.0.0.1 web1' >> /etc/hosts; "
             "/usr/sbin/sshd; ssh-keyscan web1 2>/dev/null > /root/.ssh/known_hosts")


def private_repositories(host):
    key = "/etc/gitops/id_ed25519"
    one_host(host, ONE_HOST.replace(
        'upstream = "file:///srv/ops"', 'upstream = "git@git.example:/srv/ops"\n'
        f'ssh_key = "{key}"\nknown_hosts = "/etc/gitops/known_hosts"'))
    install(host, "gitops-agent", "gitopsctl")
    host.run("useradd --create-home --shell /usr/bin/git-shell git; mkdir -p /home/git/.ssh /run/sshd; "
             f"ln -s {key}.pub /home/git/.ssh/authorized_keys; echo '127.0.0.1 git.example' >> /etc/hosts; "
             "git config --system safe.directory '*'; /usr/sbin/sshd -o StrictModes=no; systemctl start gitops-agent")


def something_is_wrong(host):
    running_agent(host)
    install(host, "gitops-planner", "gitops-hook-dispatcher")
    host.write("/etc/gitops/config.toml", ONE_HOST.replace("[[services]]", '[[services]]\ntracking = "coordinated"') +
               '[[hosts]]\nname = "web1"\naddress = "unix:/run/gitops/agent.sock"\n')
    host.write("/etc/default/gitops-agent", f"GITOPS_PLANNER={PLANNER}\n")
    host.run("groupadd --system gitops; systemctl start gitops-planner; systemctl restart gitops-agent; "
             "gitopsctl wait service nginx --on '*' --timeout 1m && gitopsctl deploy sync --all -y; "
             "mkdir -p /etc/old /var/lib/gitops/old; mount --bind /var/lib/gitops/old /etc/old")


@functools.cache
def packages():
    """A directory with the packages of two versions."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="gitops-debs."))
    directory.chmod(0o755)
    for version in ("1.0", "1.1"):
        make_packages(directory, version)
    return directory


def install_packages(host, *names):
    debs = " ".join(f"{CLONE}/dist/{name}_1.0_*.deb" for name in names)
    host.run(f"apt-get install -qq {debs}", environment={"DEBIAN_FRONTEND": "noninteractive"})


def packaged_agent(host):
    one_host(host)
    install_packages(host, AGENT, CTL)
    host.run("systemctl start gitops-agent && gitopsctl wait service nginx @localhost --timeout 1m")


def packaged_planner(host):
    packaged_agent(host)
    install_packages(host, SERVER)
    host.run("systemctl start gitops-planner")


@contextlib.contextmanager
def site_to_install_on():
    """The machine of a planner, which may log in to three hosts; all of them share /srv/ops."""
    with contextlib.ExitStack() as stack:
        operations = stack.enter_context(tempfile.TemporaryDirectory(prefix="gitops-ops."))
        network = Network()
        stack.callback(network.remove)
        names = ("planner.example", "web1", "web2", "web3")
        known = "".join(f"{network.address(i)} {name}\n" for i, name in enumerate(names))
        mounts = {operations: "/srv/ops"}
        hosts = [stack.enter_context(
            DocHost("planner", network=f"{network.name}:ip={network.address(0)}",
                    mounts={**mounts, first_packages(stack): f"{CLONE}/dist:ro"}))]
        for i, name in enumerate(names[1:], 1):
            hosts.append(stack.enter_context(
                SystemdHost(name, network=f"{network.name}:ip={network.address(i)}", mounts=mounts)))
        planner, webs = hosts[0], hosts[1:]
        planner.run("mkdir -m 700 -p /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519")
        for host in hosts:
            host.run(["tee", "-a", "/etc/hosts"], stdin=known)
            host.run("git config --system safe.directory '*'")
        for web in webs:
            web.write("/root/.ssh/authorized_keys", planner.read("/root/.ssh/id_ed25519.pub"), "0600")
            web.run("mkdir -p /run/sshd; /usr/sbin/sshd")
        planner.run("ssh-keyscan web1 web2 web3 2>/dev/null > /root/.ssh/known_hosts")
        repository(planner, {"app/version": "1\n"})
        yield planner


def first_packages(stack):
    """A directory with the packages of the first version only, as tools/package leaves it."""
    directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gitops-dist.")))
    directory.chmod(0o755)
    for made in packages().glob("*_1.0_*.deb"):
        (directory / made.name).hardlink_to(made)
    return directory


def run_the_planner(host):
    one_host(host, ONE_HOST + '[[hosts]]\nname = "web1"\naddress = "127.0.0.1:8004"\n')
    install(host, "gitops-agent", "gitopsctl")
    host.run("echo '127.0.0.1 planner.example' >> /etc/hosts; systemctl start gitops-agent")


def join_hosts(host):
    one_host(host)
    install(host, "gitops-agent", "gitopsctl", "gitops-planner")
    host.run("echo '127.0.0.1 planner.example' >> /etc/hosts")


PREPARED = {
    "audit": deployed_fleet,
    "backup": packaged_planner,
    "bootstrap": bootstrap,
    "build-and-release": one_host,
    "certificates": lambda host: install(host, "gitopsctl"),
    "deploy": deployed_fleet,
    "from-gitopper": from_gitopper,
    "hooks": fleet,
    "join-hosts": join_hosts,
    "private-repositories": private_repositories,
    "promote-by-pull-request": lambda host: host.run("groupadd --system gitops"),
    "run-the-planner": run_the_planner,
    "secrets-and-checks": deployed_fleet,
    "upgrade": packaged_agent,
    "when-something-is-wrong": something_is_wrong,
}
WITH_PACKAGES = {"backup", "upgrade"}


# Packages are built and installed: long.
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name in WITH_PACKAGES else ())
                                  for name in PREPARED])
def test_every_command_of_the_page_prints_what_it_shows(name):
    with DocHost(mounts={packages(): f"{CLONE}/dist:ro"} if name in WITH_PACKAGES else {}) as host:
        PREPARED[name](host)
        with host.session() as session:
            PAGES[name].run(session)


@pytest.mark.long
def test_three_hosts_and_a_planner_are_installed_as_the_page_says():
    with site_to_install_on() as planner, planner.session() as session:
        PAGES["install"].run(session)


@pytest.mark.parametrize("name", PAGES)
def test_blocks_are_left_out_only_for_a_known_reason(name):
    page = PAGES[name]
    assert page.not_understood == []
    assert [block.not_run for block in page.not_run] == NOT_RUN[name]
    assert name in {*PREPARED, "install"} or page.not_run == page.blocks
