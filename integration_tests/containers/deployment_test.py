"""Deployments over real hosts: units, secrets, reboots, networks that break, hosts that are off."""

import dataclasses
import datetime
import re

import pytest

from fleet import actions_done, states
from fleet_hosts import KEYS, REBOOT_REQUIRED, REFUSES, TRIGGERED, HostFleet, everywhere
from harness import wait_for

CONNECT_TIMEOUT = 2
RETURN_TIMEOUT = 4
STALE_AFTER = 2


@pytest.fixture(name="site", scope="module")
def site_fixture(tmp_path_factory):
    flags = ["--connect-timeout", f"{CONNECT_TIMEOUT}s", "--return-timeout", f"{RETURN_TIMEOUT}s",
             "--heartbeat", "400ms", "--stale-after", f"{STALE_AFTER}s"]
    with HostFleet(tmp_path_factory.mktemp("fleet"), hosts=3, planner_flags=flags) as fleet:
        yield fleet


@pytest.fixture(name="fleet")
def fleet_fixture(site):
    site.restore()
    yield site


def host_of(deployment, name):
    return next(host for host in deployment["hosts"] if host["host"] == name)


def moment(text):
    # Python's own parser takes no nanoseconds.
    return datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d*Z?$|Z$", r"\1+00:00", text))


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def lasted(part):
    return (moment(part["endTime"]) - moment(part["startTime"])).total_seconds()


# Reboot, secrets, hooks, checks.

ACTIONS = ["upload-secrets", "sync", "run-secret-triggers", "reboot"]


@dataclasses.dataclass
class Rebooted:
    """web1 and web2 after a deployment of all of these, both at once."""
    fleet: HostFleet
    version: str
    head: str
    before: dict  # {host: (boot id, lines that web had written, those of db)}
    boots: dict   # {host: start of the boot in which post-reboot was asked}
    record: dict
    calls: list


@pytest.fixture(name="rebooted", scope="module")
def rebooted_fixture(site):
    site.restore()
    site.settle()
    names = ("web1", "web2")
    for name in names:
        # No health check passes in this boot.
        site.agents[name].run(["touch", REBOOT_REQUIRED])
    before = {name: (site.shown(name)["bootId"], len(site.agents[name].did("web")),
                     len(site.agents[name].did("db"))) for name in names}
    version, head = site.commit(), site.head
    boots = {}

    def note_boot(payload, call):
        if call["point"] == "post-reboot":
            boots[payload["host"]] = site.agents[payload["host"]].started()
        return payload

    site.endpoint.answer = note_boot
    with site.power_restored(*names):
        done = site.deploy(*ACTIONS, "--on", "web[12]", "--max-parallel", "2")
        assert done.status == 0, done
    site.await_online(*names)
    return Rebooted(site, version, head, before, boots, site.latest(), list(site.endpoint.calls))


@pytest.mark.parametrize("name", ["web1", "web2"])
def test_reboot_of_a_deployment_brings_another_boot_that_runs_the_new_version(rebooted, name):
    fleet = rebooted.fleet
    host = fleet.agents[name]
    kernel, started = fleet.shown(name)["bootId"].split(".")
    assert [kernel, started] != rebooted.before[name][0].split(".")
    assert started == host.started() == rebooted.boots[name], "hooks go on only when it is back"
    assert host.run("test -e " + REBOOT_REQUIRED, check=False).status == 1
    assert host.serving() == everywhere(rebooted.version)
    assert {host.active(unit) for unit in ("web", "db", "gitops-agent")} == {"active"}
    assert fleet.shown(name)["state"] == "ONLINE"


@pytest.mark.parametrize("name", ["web1", "web2"])
def test_secrets_lie_there_before_and_after_the_activation_as_upload_at_says(rebooted, name):
    fleet, version = rebooted.fleet, rebooted.version
    host = fleet.agents[name]
    # web is reloaded and db restarted by the sync, in the order of their names; "late" was not there yet.
    _, webs, dbs = rebooted.before[name]
    assert host.did("web")[webs] == f"reload {version} early"
    assert host.did("db")[dbs] == f"start {version} early"
    assert host.did("web")[-1].endswith(f"{version} early+late")
    stat = host.run(f"stat -c '%n %U %G %a' {KEYS}/early {KEYS}/late /etc/plain-secret").stdout
    assert stat.splitlines() == [f"{KEYS}/early www-data adm 440", f"{KEYS}/late root root 400",
                                 "/etc/plain-secret games root 600"]
    for path, secret in ((f"{KEYS}/early", "early"), (f"{KEYS}/late", "late"),
                         ("/etc/plain-secret", "plain")):
        assert host.read(path) == fleet.secrets[secret]
    # One command of two secrets, when both were there.
    assert host.read(TRIGGERED) == "early late\n"


@pytest.mark.parametrize("name", ["web1", "web2"])
def test_hooks_are_asked_around_each_step_with_what_is_left(rebooted, name):
    calls = rebooted.calls
    everything = "+".join(ACTIONS)
    mine = [(call["point"], "+".join(call["payload"]["actions"]), call["result"]) for call in calls
            if isinstance(call["payload"], dict) and call["payload"]["host"] == name]
    assert mine == [("pre-deploy", everything, None), ("post-deploy", "reboot", "ok"),
                    ("pre-reboot", "reboot", None), ("post-reboot", "", "ok"),
                    ("pre-healthchecks", "", None), ("post-healthchecks", "", "ok")]
    selects = [(call["point"], [entry["host"] for entry in call["payload"]]) for call in calls
               if isinstance(call["payload"], list)]
    assert selects == [("pre-select", ["web1", "web2", "web3"]), ("post-select", ["web1", "web2"])]
    assert {call["headers"]["x-gitops-deployment"] for call in calls
            if isinstance(call["payload"], dict)} == {rebooted.record["id"]}


@pytest.mark.parametrize("name", ["web1", "web2"])
def test_record_holds_every_step_action_check_and_hook_call_and_no_secret(rebooted, name):
    fleet, record = rebooted.fleet, rebooted.record
    assert record["state"] == "SUCCEEDED" and states(record)[name] == "SUCCEEDED"
    host = host_of(record, name)
    assert (host["actions"], host["remainingActions"]) == (ACTIONS, [])
    assert [step["kind"] for step in host["steps"]] == ["DEPLOY", "REBOOT", "HEALTHCHECKS"]
    assert actions_done(record, name) == [
        "pre-deploy-checks", "upload-secrets", "sync", "+upload-secrets", "run-secret-triggers",
        "reboot", "health-checks"]
    for earlier, later in zip(host["steps"], host["steps"][1:]):
        assert moment(earlier["endTime"]) <= moment(later["startTime"]), "steps never overlap"
    for step in host["steps"]:
        assert step["result"] == "OK"
        assert [call["point"] for call in step["hookCalls"]] == [f"pre-{step['kind'].lower()}",
                                                                 f"post-{step['kind'].lower()}"]
        for call in step["hookCalls"]:
            assert (call["hook"], call["httpStatus"], call["error"]) == ("trace", 200, "")
            assert f'"host":"{name}"' in call["request"].replace(" ", "") == call["response"].replace(" ", "")
        for action in step["actions"]:
            assert moment(action["startTime"]) <= moment(action["endTime"])
    assert {(m["service"], m["toHash"]) for m in host["moves"]} == {
        (service, rebooted.head) for service in ("web", "db")}
    said = repr(record) + fleet.planner.logged() + fleet.dispatcher.logged() + fleet.agents[name].logs()
    said += repr(rebooted.calls)
    assert not [secret for secret in fleet.secrets.values() if secret in said]


def test_pre_deploy_check_that_fails_keeps_the_host_as_it_is(fleet):
    old = fleet.settle()
    fleet.agents["web2"].run(["touch", REFUSES])
    new = fleet.commit()
    done = fleet.deploy("sync", "--max-parallel", "3", "--on-failure", "continue",
                        "--health-timeout", "2s")
    assert done.status == 1
    record = fleet.latest()
    assert states(record) == {"web1": "SUCCEEDED", "web2": "FAILED", "web3": "SUCCEEDED"}
    assert fleet.serving() == {"web1": everywhere(new), "web2": everywhere(old),
                               "web3": everywhere(new)}
    assert "test" in host_of(record, "web2")["message"]
    assert actions_done(record, "web2") == ["pre-deploy-checks!"]


# Going back.

def test_unit_that_fails_on_one_host_brings_its_whole_wave_back(fleet):
    old = fleet.settle()
    old_head = fleet.head
    fleet.commit("bad-on-web2")
    done = fleet.deploy("sync", "--batch", "2", "--on-failure", "rollback")
    assert done.status == 1
    assert fleet.serving() == {name: everywhere(old) for name in fleet.agents}
    record = fleet.latest()
    assert states(record) == {"web1": "ROLLED_BACK", "web2": "ROLLED_BACK", "web3": "PENDING"}
    for name in ("web1", "web2"):
        host = fleet.agents[name]
        for service in ("web", "db"):
            assert host.service(service)["hash"] == old_head
            assert (host.service(service)["state"], host.active(service)) == ("OK", "active")
    web1, web2, web3 = (host_of(record, name) for name in ("web1", "web2", "web3"))
    # web1 ran the new version, and was brought back from it.
    assert [line.split()[:2] for line in fleet.agents["web1"].did("db")[-2:]] == [
        ["start", str(int(old) + 1)], ["start", old]]
    for host in (web1, web2):
        assert f"back at {old_head}" in host["message"] and host["steps"][-1]["kind"] == "ROLLBACK"
    assert "status 3" in web2["message"], "why it failed"
    assert web3["steps"] == [] and not [c for c in fleet.endpoint.calls
                                        if isinstance(c["payload"], dict) and c["payload"]["host"] == "web3"]
    assert "web2" in done.err and "ROLLED_BACK" in done.err, done


def test_host_whose_agent_is_away_when_it_is_to_be_brought_back_is_told_as_such(fleet):
    old = fleet.settle()
    new = fleet.commit("bad-on-web2")
    web1 = fleet.agents["web1"]

    def stop_agent_of_web1(payload, call):
        if call["point"] == "post-deploy" and call["result"] == "failed":
            web1.run("systemctl stop gitops-agent")
        return payload

    fleet.endpoint.answer = stop_agent_of_web1
    assert fleet.deploy("sync", "--on", "web[12]", "--batch", "2", "--on-failure", "rollback").status == 1
    record = fleet.latest()
    assert states(record) == {"web1": "ROLLBACK_FAILED", "web2": "ROLLED_BACK"}
    assert "could not be brought back" in host_of(record, "web1")["message"]
    assert fleet.serving("web1", "web2") == {"web1": everywhere(new), "web2": everywhere(old)}


# Networks and hosts that are not there.

def test_host_cut_off_before_its_turn_is_unreachable_alone_and_shown_stale(fleet):
    old = fleet.settle()
    new = fleet.commit()
    # The plan needs no answer from it, and its connection is still held for good.
    cut = now()
    fleet.agents["web2"].cut_off()
    done = fleet.deploy("sync")
    assert done.status == 1
    record = fleet.latest()
    assert states(record) == {"web1": "SUCCEEDED", "web2": "UNREACHABLE", "web3": "SUCCEEDED"}
    web2 = host_of(record, "web2")
    assert lasted(web2) < CONNECT_TIMEOUT + 2
    assert web2["remainingActions"] == ["sync"] and fleet.addresses["web2"] in web2["message"]
    wait_for(lambda: fleet.shown("web2")["state"] == "STALE", what="web2 is stale")
    shown = fleet.shown("web2")
    seconds = (moment(shown["stateTime"]) - cut).total_seconds()
    assert -1 < seconds < STALE_AFTER + 2, shown
    assert -3 < (moment(shown["lastSeenTime"]) - cut).total_seconds() < 1, shown
    line = next(line for line in fleet.ctl("list", "hosts", "-o", "wide").out.splitlines() if "web2" in line)
    assert line.index("STALE") < line.index(f"{moment(shown['stateTime']):%d %b %Y %H:%M:%S} UTC"), line
    fleet.agents["web2"].mend()
    fleet.await_online("web2", seconds=40)
    assert fleet.serving() == {"web1": everywhere(new), "web2": everywhere(old), "web3": everywhere(new)}


def test_hosts_cut_off_in_the_midst_go_on_when_mended_in_time_and_fail_when_not(fleet):
    fleet.settle()
    before = {name: len(host.did("web")) for name, host in fleet.agents.items()}
    new = fleet.commit()
    mended, lost = fleet.agents["web2"], fleet.agents["web3"]
    for host in (mended, lost):
        host.hold()
    deployment = fleet.begin("sync", "--max-parallel", "3")
    for host in (mended, lost):
        host.await_held()
        host.cut_off()
        host.let_go()
    # Both come to their end unseen, and are done when the planner has noticed.
    fleet.await_dialled_in_vain("web2")
    mended.mend()
    record = fleet.await_end(deployment)
    assert states(record) == {"web1": "SUCCEEDED", "web2": "SUCCEEDED", "web3": "FAILED"}
    web3 = host_of(record, "web3")
    assert f"did not come back within {RETURN_TIMEOUT}s" in web3["message"]
    assert web3["remainingActions"] == ["sync"]
    # The planner knows not; resumed, it finds that all is done.
    lost.mend()
    fleet.await_online("web3", seconds=40)
    resumed = fleet.ctl("resume", "deployment", deployment, check=False, timeout=90)
    assert resumed.status == 0, resumed
    assert states(fleet.await_end(deployment))["web3"] == "SUCCEEDED"
    assert fleet.serving() == {name: everywhere(new) for name in fleet.agents}
    for name, host in fleet.agents.items():
        assert host.did("web")[before[name]:] == [f"reload {new}"], f"{name}: once, whatever was asked"


def test_host_that_is_off_is_caught_up_when_it_is_back(fleet):
    old = fleet.settle()
    off = fleet.agents["web3"]
    off.run("sync")
    off.power_off()
    new = fleet.commit()
    deployment = fleet.begin("sync", "--catch-up")
    wait_for(lambda: [e for e in fleet.deployment(deployment)["events"]
                      if "waits for 1 unreachable" in e["message"]], 30, "the wait for web3")
    assert fleet.serving("web1", "web2") == {name: everywhere(new) for name in ("web1", "web2")}
    record = fleet.deployment(deployment)
    assert (record["state"], states(record)["web3"]) == ("RUNNING", "UNREACHABLE")
    off.power_on()
    record = fleet.await_end(deployment)
    assert record["state"] == "SUCCEEDED" and states(record)["web3"] == "SUCCEEDED"
    assert off.serving() == everywhere(new) != everywhere(old)
