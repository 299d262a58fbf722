"""The example hooks in real deployments: a real HAProxy, files, and hours in which nothing may begin."""

import datetime
import re
import subprocess

import pytest

from fleet import Fleet, Program, states
from harness import BIN, ctl, wait_for
from haproxy import Haproxy

EXAMPLES = BIN / "examples" / "hooks" / "gitops-example-hooks"
HOSTS = ["web1", "web2", "web3"]
KEY = "a key that both ends have"

HOOKS = {
    "window": {"points": ["pre-select"], "mode": "read-only"},
    "skip": {"points": ["post-select"], "mode": "filter"},
    "lock": {"points": ["pre-deploy", "post-deploy"], "mode": "read-only"},
    "drain": {"points": ["pre-deploy", "pre-reboot", "post-deploy", "post-reboot",
                         "post-healthchecks"], "timeout": "30s"},
    "maintenance": {"points": ["pre-deploy", "post-healthchecks"], "mode": "read-only"},
}


class Endpoints:
    """gitops-example-hooks, serving."""

    def __init__(self, base, flags):
        addresses, self.log = base / "endpoints.addresses", base / "endpoints.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([EXAMPLES, "--address-file", addresses, *flags], stdout=log,
                                            stderr=log)
        wait_for(lambda: addresses.exists() or self.process.poll() is not None, what="the endpoints")
        assert addresses.exists(), self.log.read_text()
        self.address = addresses.read_text().split("=")[1].strip()

    def close(self):
        self.process.kill()
        self.process.wait()


class Site:
    """A fleet behind HAProxy, with hooks of examples/hooks as its endpoints."""

    def __init__(self, base, proxy, windows="", dispatcher_key=KEY, drain_timeout="20s"):
        self.proxy = proxy
        self.maintenance, self.locks = base / "maintenance", base / "locks"
        for directory in (self.maintenance, self.locks):
            directory.mkdir(parents=True)
        self.skip_list = base / "skip-list"
        self.skip_list.write_text("# nobody\n")
        (base / "key").write_text(KEY + "\n")
        (base / "dispatcher.key").write_text(dispatcher_key + "\n")
        flags = ["--listen", "127.0.0.1:0", "--hmac-key-file", base / "key",
                 "--haproxy-socket", proxy.socket, "--haproxy-backend", "app",
                 "--drain-timeout", drain_timeout, "--maintenance-dir", self.maintenance,
                 "--skip-list", self.skip_list, "--lock-dir", self.locks]
        if windows:
            flags += ["--freeze-windows", windows]
        self.endpoints = Endpoints(base, flags)
        names = [name for name in HOOKS if name != "window" or windows]
        hooks = [{"name": name, "url": f"http://{self.endpoints.address}/{name}",
                  "hmac_key_file": str(base / "dispatcher.key"), **HOOKS[name]} for name in names]
        # A host is healthy where it serves what is not bad on it.
        healthy = {name: {"health_checks": {"cmd": [{
            "cmd": ["sh", "-c", f"! grep -q bad-on-{name} {base / name / 'etc/app/version'}"],
            "period": "100ms", "timeout": "2s"}]}} for name in HOSTS}
        self.fleet = Fleet(base, hosts=healthy, hooks=hooks)

    def __enter__(self):
        try:
            self.fleet.__enter__()
        except BaseException:
            self.endpoints.close()
            raise
        return self

    def __exit__(self, *_):
        self.fleet.stop()
        self.endpoints.close()

    def in_maintenance(self):
        return sorted(file.name for file in self.maintenance.iterdir())

    def locked(self):
        return {file.name: file.read_text() for file in self.locks.iterdir()}


@pytest.fixture(name="proxy")
def proxy_fixture():
    with Haproxy(HOSTS) as proxy:
        yield proxy


@pytest.fixture(name="site")
def site_fixture(tmp_path, proxy):
    with Site(tmp_path, proxy) as site:
        yield site


def test_drain_waits_for_an_open_session_while_new_ones_go_to_the_others(site):
    proxy, fleet = site.proxy, site.fleet
    slow = proxy.occupy("web1")
    fleet.commit("2")
    deployment = fleet.begin("sync", "--on", "web1")
    wait_for(lambda: proxy.state("web1") == "DRAIN", what="web1 is drained")
    assert proxy.answering() == {"web2", "web3"}
    # Nothing is done while somebody is still served.
    assert fleet.version("web1") is None and site.in_maintenance() == []
    assert fleet.deployment(deployment)["state"] == "RUNNING"
    assert site.locked() == {"web1": deployment}
    proxy.let_go()
    assert {proxy.answer_of(connection) for connection in slow.values()} == set(slow), "each was served"
    assert fleet.await_end(deployment)["state"] == "SUCCEEDED"
    assert fleet.version("web1") == "2"
    assert proxy.state("web1") == "UP" and proxy.answering() == set(HOSTS)
    assert proxy.state("web1", "site") == "UP", "the backend of another name"
    assert site.locked() == {} and site.in_maintenance() == []


def test_session_that_does_not_end_stops_the_deployment_and_the_host_gets_traffic_again(tmp_path, proxy):
    with Site(tmp_path, proxy, drain_timeout="500ms") as site:
        slow = proxy.occupy("web1")
        site.fleet.commit("2")
        done = site.fleet.deploy("sync")
        assert done.status == 1
        assert "web1 still has 1 sessions after 500ms; it gets traffic again" in done.err, done
        assert "status 504" in done.err and '"drain"' in done.err and "pre-deploy" in done.err, done
        assert proxy.states() == dict.fromkeys(HOSTS, "UP")
        assert site.fleet.versions() == dict.fromkeys(HOSTS), "no other host was begun"
        assert site.locked() == {}, "what the hook before it took is given back"
        proxy.let_go()
        assert {proxy.answer_of(connection) for connection in slow.values()} == set(slow)


def test_host_takes_traffic_again_only_after_its_health_checks(site):
    fleet, proxy = site.fleet, site.proxy
    fleet.commit("bad-on-web1")
    deployment = fleet.begin("sync", "--on", "web1")
    wait_for(lambda: fleet.version("web1") == "bad-on-web1", what="web1 is changed")
    wait_for(lambda: site.locked() == {}, what="web1 is deployed")
    assert proxy.state("web1") == "DRAIN" and site.in_maintenance() == ["web1"]
    assert proxy.answering() == {"web2", "web3"}
    file = fleet.base / "web1/etc/app/version"
    file.write_text("healed\n")
    assert fleet.await_end(deployment)["state"] == "SUCCEEDED"
    assert proxy.answering() == set(HOSTS) and site.in_maintenance() == []


def test_failed_host_stays_drained_and_in_maintenance_while_the_others_serve(site):
    fleet, proxy = site.fleet, site.proxy
    fleet.commit("bad-on-web2")
    done = fleet.deploy("sync", "--health-timeout", "1s", "--on-failure", "continue")
    assert done.status == 1
    record = fleet.latest()
    assert states(record) == {"web1": "SUCCEEDED", "web2": "FAILED", "web3": "SUCCEEDED"}
    assert proxy.states() == {"web1": "UP", "web2": "DRAIN", "web3": "UP"}
    assert proxy.answering() == {"web1", "web3"}
    assert site.in_maintenance() == ["web2"]
    assert site.locked() == {}, "a lock is given back whatever happened"
    # The next deployment that is healthy brings it back.
    fleet.commit("good")
    assert fleet.deploy("sync", "--on", "web2").status == 0
    assert proxy.answering() == set(HOSTS) and site.in_maintenance() == []


def test_hosts_on_the_skip_list_are_left_out_of_the_plan_and_of_the_deployment(site):
    site.skip_list.write_text("web2  # its disk is being changed\n\nnobody-knows-this-one\n")
    site.fleet.commit("2")
    plan = site.fleet.ctl("plan", "sync", "-o", "json").json()
    assert [host["host"] for host in plan["hosts"]] == ["web1", "web3"]
    assert site.fleet.deploy("sync").status == 0
    assert site.fleet.versions() == {"web1": "2", "web2": None, "web3": "2"}
    site.skip_list.write_text("")
    assert site.fleet.deploy("sync").status == 0
    assert site.fleet.versions() == dict.fromkeys(HOSTS, "2")


def test_host_that_another_tool_has_locked_stops_the_deployment_with_its_holder(site):
    # Not a deployment of this planner, whose own locks would come first.
    (site.locks / "web2").write_text("a backup")
    site.fleet.commit("2")
    done = site.fleet.deploy("sync")
    assert done.status == 1
    assert 'web2 is locked by "a backup"' in done.err and "status 409" in done.err, done
    assert site.fleet.versions() == {"web1": "2", "web2": None, "web3": None}
    assert site.locked() == {"web2": "a backup"}, "it is not ours to give back"
    assert site.proxy.answering() == set(HOSTS)
    (site.locks / "web2").unlink()
    assert site.fleet.ctl("resume", "deployment", site.fleet.latest()["id"], check=False).status == 0
    assert site.fleet.versions() == dict.fromkeys(HOSTS, "2") and site.locked() == {}


def test_second_planner_over_the_same_hosts_is_stopped_by_the_lock_that_both_respect(tmp_path, site):
    other = Program(site.fleet.planner.binary, tmp_path / "other", [
        "--config", site.fleet.config, "--listen", f"unix:{site.fleet.sockets}/other", "--name", "other",
        "--state-dir", tmp_path / "other/state", "--hook-dispatcher", f"unix:{site.fleet.sockets}/hooks"])
    other.start()
    try:
        slow = site.proxy.occupy("web1")
        site.fleet.commit("2")
        first = site.fleet.begin("sync", "--on", "web1")
        wait_for(lambda: site.locked() == {"web1": first}, what="the lock of the first")
        done = ctl("deploy", "sync", "--on", "web1", "-y", "--planner",
                   f"unix:{site.fleet.sockets}/other", check=False)
        assert done.status == 1 and f'web1 is locked by "{first}"' in done.err, done
        site.proxy.let_go()
        assert site.fleet.await_end(first)["state"] == "SUCCEEDED"
        assert site.locked() == {} and site.fleet.version("web1") == "2"
        assert {site.proxy.answer_of(connection) for connection in slow.values()} == set(slow)
    finally:
        other.kill()


DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def window(begin, end):
    """From so many hours from now to so many."""
    now = datetime.datetime.now(datetime.timezone.utc)
    times = [now + datetime.timedelta(hours=hours) for hours in (begin, end)]
    return "-".join(f"{DAYS[time.weekday()]} {time:%H:%M}" for time in times)


def test_freeze_window_refuses_with_its_hours_and_changes_nothing(tmp_path, proxy):
    hours = window(-2, 2)
    with Site(tmp_path, proxy, windows=f"{window(30, 31)},{hours}") as site:
        site.fleet.commit("2")
        for command in (["plan", "sync"], ["deploy", "sync", "--all", "-y"]):
            done = site.fleet.ctl(*command, check=False)
            assert done.status == 1, done
            for told in ('hook "window"', "pre-select", "status 423", hours):
                assert told in done.err, done
        assert site.fleet.versions() == dict.fromkeys(HOSTS)
        assert proxy.states() == dict.fromkeys(HOSTS, "UP")
        assert site.fleet.deploy("sync", "--ignore-hook-errors").status == 0, "who must, can"
        assert site.fleet.versions() == dict.fromkeys(HOSTS, "2")


def test_outside_its_freeze_windows_a_deployment_begins(tmp_path, proxy):
    with Site(tmp_path, proxy, windows=f"{window(2, 4)},{window(-4, -2)}") as site:
        site.fleet.commit("2")
        assert site.fleet.deploy("sync").status == 0
        assert site.fleet.versions() == dict.fromkeys(HOSTS, "2")


def test_request_signed_with_another_key_is_refused_and_stops_the_deployment(tmp_path, proxy):
    with Site(tmp_path, proxy, dispatcher_key="another key") as site:
        site.fleet.commit("2")
        done = site.fleet.deploy("sync")
        assert done.status == 1 and re.search(r"status 401", done.err), done
        assert site.fleet.versions() == dict.fromkeys(HOSTS)
        assert KEY not in done.err + site.fleet.dispatcher.logged() + site.endpoints.log.read_text()
