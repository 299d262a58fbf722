"""The Debian packages, on a host that has nothing but Debian's smallest base and systemd: installed with apt,
upgraded while services run, removed and purged. With the programs as they are built for tests, and with release
builds, which take many minutes. The long tests build on each other, in their order."""

import hashlib
import re
import subprocess

import pytest

from debian_packages import AGENT, CTL, NAMES, SERVER, BareHost, make_packages
from host import WORKSPACE

SERVERS = {"gitops-planner": "planner", "gitops-hook-dispatcher": "hook-dispatcher",
           "gitops-promotion-receiver": "promotion-receiver", "gitops-gateway": "gateway"}
CONFIG = """\
[global]
upstream = "file:///srv/ops"
poll = "200ms"
[[services]]
machine = "web1"
service = "web"
action = "restart"
dirs = [ { local = "/etc/web", link = "web" } ]
[[hosts]]
name = "web1"
address = "unix:/run/gitops/agent.sock"
"""
# It reads its file again and again, and ends if it cannot.
WEB = "[Service]\nExecStart=/bin/sh -c 'while cat /etc/web/version; do sleep 0.1; done'\n"
MOST_KIB = 25 * 1024


@pytest.fixture(name="built", scope="module", params=["tests", pytest.param("release", marks=pytest.mark.long)])
def built_fixture(request, tmp_path_factory):
    """How the programs are built, and where packages of two versions lie."""
    directory = tmp_path_factory.mktemp("debs")
    directory.chmod(0o755)
    for version in ("1.0", "1.1"):
        make_packages(directory / version, version, release=request.param == "release")
    return request.param, directory


@pytest.fixture(name="bare", scope="module")
def bare_fixture(built):
    with BareHost(mounts={built[1]: "/debs:ro"}) as host:
        yield host


def install(host, version, *names):
    host.apt("install", *(f"/debs/{version}/{name}_{version}_amd64.deb" for name in names))


def test_the_same_programs_give_the_same_packages_and_lintian_has_nothing_to_say(built, tmp_path):
    again = make_packages(tmp_path / "again", "1.0", release=built[0] == "release")
    for name in NAMES:
        former = built[1] / "1.0" / again[name].name
        assert hashlib.sha256(former.read_bytes()).digest() == hashlib.sha256(again[name].read_bytes()).digest(), name
    said = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", *(again[name] for name in NAMES)],
                          capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


def test_apt_installs_the_agent_with_little_more_than_git(built, bare):
    bare.apt("install", "git")
    before = bare.installed_kib()
    install(bare, "1.0", AGENT)
    added = {name: size for name, size in bare.installed_kib().items() if name not in before}
    print(f"{built[0]}: {sum(added.values())} KiB: {added}")
    assert bare.run("gitops-agent --version").ok
    if built[0] == "release":
        assert sum(added.values()) < MOST_KIB


@pytest.mark.long
def test_nothing_runs_before_it_is_enabled_and_every_program_starts_with_its_config(bare):
    install(bare, "1.0", SERVER, CTL)
    units = ["gitops-agent", *SERVERS]
    for unit in units:
        assert (bare.shown(unit, "ActiveState"), bare.shown(unit, "UnitFileState")) == ("inactive", "disabled")
    bare.run("git config --global user.name me; git config --global user.email me@localhost; git init -q -b main /srv/ops")
    bare.write("/srv/ops/web/version", "1\n")
    bare.run("cd /srv/ops && git add -A && git commit -qm first")
    bare.write("/etc/systemd/system/web.service", WEB)
    bare.write("/etc/gitops/config.toml", CONFIG)
    for name, variable in [("agent", "PLANNER"), ("gateway", "PLANNER"), ("promotion-receiver", "PLANNER")]:
        bare.write(f"/etc/default/gitops-{name}", f"GITOPS_{variable}=unix:/run/gitops/planner.sock\n")
    # Each returns when the program serves (Type=notify).
    bare.run(["systemctl", "enable", "--now", *units])
    for unit, name in SERVERS.items():
        account = bare.run(f"stat -c %U /proc/{bare.shown(unit, 'MainPID')}").stdout.strip()
        assert account == unit
        assert bare.run(f"stat -c '%U %a' /etc/gitops/tls/{name}").stdout.strip() == f"{unit} 700"
    bare.run("gitopsctl wait service web @localhost --timeout 1m")
    bare.run("gitopsctl wait service web --on web1 --planner unix:/run/gitops/planner.sock --timeout 1m")
    assert bare.run("gitopsctl check --planner unix:/run/gitops/planner.sock").ok
    assert "ready" in bare.run("systemctl status gitops-agent").stdout


@pytest.mark.long
def test_a_program_that_hangs_is_started_again_by_the_watchdog(bare):
    before = bare.shown("gitops-gateway", "MainPID")
    assert bare.shown("gitops-gateway", "WatchdogUSec") == "3min"
    bare.write("/run/systemd/system/gitops-gateway.service.d/soon.conf",
               "[Service]\nWatchdogSec=2s\nTimeoutStopSec=1s\nRestartSec=100ms\n")
    bare.run("systemctl daemon-reload; systemctl restart gitops-gateway")
    hung = bare.shown("gitops-gateway", "MainPID")
    assert hung != before
    bare.run(["kill", "-STOP", hung])
    bare.wait_for(lambda: bare.shown("gitops-gateway", "NRestarts") == "1", what="the watchdog acts")
    bare.wait_for(lambda: bare.shown("gitops-gateway", "ActiveState") == "active", what="the gateway is back")
    bare.run("rm -r /run/systemd/system/gitops-gateway.service.d; systemctl daemon-reload")


@pytest.mark.long
def test_an_upgrade_keeps_state_and_config_and_touches_no_service(bare):
    bare.run("gitopsctl freeze web @localhost --reason kept")
    bare.run("echo '# mine' >> /etc/default/gitops-planner")
    service, mounted = bare.shown("web", "InvocationID"), bare.run("findmnt -n -o ID /etc/web").stdout
    assert service
    programs = {unit: bare.shown(unit, "MainPID") for unit in ["gitops-agent", *SERVERS]}
    install(bare, "1.1", *NAMES)
    for unit, former in programs.items():
        assert bare.shown(unit, "ActiveState") == "active"
        assert bare.shown(unit, "MainPID") not in ("0", former), f"{unit} runs the new version"
    assert bare.shown("web", "InvocationID") == service
    assert bare.run("findmnt -n -o ID /etc/web").stdout == mounted
    kept = bare.run("gitopsctl get service web @localhost").stdout
    assert "FREEZE" in kept and "kept" in kept
    assert "# mine" in bare.read("/etc/default/gitops-planner")


@pytest.mark.long
def test_a_purge_leaves_nothing_of_ours_and_what_services_read(bare):
    service = bare.shown("web", "InvocationID")
    bare.apt("remove", *NAMES)
    assert bare.run("ls /var/lib/gitops-agent/agent.db /etc/default/gitops-agent").ok, "until the purge"
    said = bare.apt("purge", *NAMES)
    assert "/var/lib/gitops stays" in said.stdout + said.stderr
    assert (bare.shown("web", "ActiveState"), bare.shown("web", "InvocationID")) == ("active", service)
    assert bare.read("/etc/web/version") == "1\n"
    left = bare.run("find / -xdev -name '*gitops*' -not -path '/proc/*' -not -path '/debs*' -not -path '/var/lib/gitops/*' "
                    "-not -path '/var/log/*' -not -path '/srv/*'; getent passwd group | grep gitops", check=False).stdout.split()
    assert sorted(left) == ["/etc/gitops", "/var/lib/gitops"]
    assert bare.run("find /etc/gitops -type f").stdout.split() == ["/etc/gitops/config.toml"]


@pytest.mark.long
def test_a_purge_without_published_files_removes_the_revisions_too(bare):
    bare.run("systemctl stop web; umount /etc/web")
    install(bare, "1.0", AGENT)
    bare.apt("purge", AGENT)
    assert not bare.run("ls /var/lib/gitops", check=False).ok


def test_programs_that_are_not_built_are_named(tmp_path):
    missing = subprocess.run([WORKSPACE / "tools/package", "--bin-dir", tmp_path], capture_output=True, text=True, check=False)
    assert missing.returncode == 1 and re.search("agent/gitops-agent is not there: build it first", missing.stderr)
