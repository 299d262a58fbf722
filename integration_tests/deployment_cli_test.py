"""Deployments and the fleet through gitopsctl: contracts, section 8, with real agents."""

import json
import os
import re
import subprocess

import pytest

from fleet import Fleet, HookEndpoint, actions_done, states
from harness import ACCOUNT, BIN, LOCAL_ACTOR, wait_for
from marked_hosts import MarkedHosts

SOON = ["--health-timeout", "1s"]
KEPT = 2
ID = re.compile(r"^\d{8}-\d{6}-[a-z0-9]{6}$")


class Shown:
    def __init__(self, base):
        self.hosts = MarkedHosts(base, 3)
        self.hook = HookEndpoint()
        self.fleet = Fleet(base, hosts=self.hosts.keys(), planner_flags=[
            "--heartbeat", "200ms", "--stale-after", "1s", "--connect-timeout", "1s"], hooks=[
                {"name": "drain", "points": ["pre-deploy"], "url": self.hook},
                {"name": "undrain", "points": ["post-deploy"], "url": self.hook}])

    def begin_held(self, *arguments):
        """A deployment that waits in the trigger of web1 until the trigger is released."""
        self.hosts.mark("hold", "web1")
        begun = self.fleet.begin("run-secret-triggers", *arguments)
        wait_for(lambda: "trigger" in self.hosts.trace("web1"), what="the trigger of web1")
        return begun

    def let_go(self):
        self.hosts.unmark("hold", "web1")

    def host(self, name):
        return self.fleet.ctl("get", "host", name, "-o", "json").json()

    def reset(self):
        self.hosts.reset()
        self.hook.answer = None
        self.hook.calls.clear()
        self.fleet.ctl("unfreeze", "app", "--all", "-y")


@pytest.fixture(scope="module")
def module_shown(tmp_path_factory):
    shown = Shown(tmp_path_factory.mktemp("shown"))
    with shown.fleet:
        shown.fleet.commit("1")
        assert shown.fleet.deploy("sync").status == 0
        yield shown
    shown.hook.close()


@pytest.fixture
def shown(module_shown):
    module_shown.reset()
    return module_shown


# Deployments and their exit statuses.

def test_deploy_waits_for_the_end_and_tells_it_on_the_way(shown):
    done = shown.fleet.deploy("unfreeze", "--canary", "1")
    assert done.status == 0 and "SUCCEEDED, 3 of 3 hosts done" in done.out
    for told in ("web1: pre-deploy: drain answered", "web1: unfreeze done", "web2: SUCCEEDED",
                 "wave 1: done (1 of 3 hosts)"):
        assert told in done.err, done
    assert "\x1b" not in done.out + done.err


def test_deploy_does_not_wait_where_it_is_detached(shown):
    shown.hosts.mark("hold", "web1")
    done = shown.fleet.deploy("run-secret-triggers", "--detach", "-o", "name")
    assert done.status == 0 and ID.match(done.out.strip())
    assert shown.fleet.deployment(done.out.strip())["state"] in ("PENDING", "RUNNING")
    shown.let_go()
    assert shown.fleet.await_end(done.out.strip())["state"] == "SUCCEEDED"


def test_waiting_that_takes_too_long_is_status_4_and_the_deployment_goes_on(shown):
    shown.hosts.mark("hold", "web1")
    done = shown.fleet.deploy("run-secret-triggers", "--timeout", "500ms")
    assert done.status == 4, done
    begun = shown.fleet.latest()["id"]
    assert begun in done.err
    shown.let_go()
    assert shown.fleet.await_end(begun)["state"] == "SUCCEEDED"


@pytest.mark.parametrize("arguments, status", [
    pytest.param(["deploy", "unfreeze", "--all", "-y"], 0, id="done"),
    pytest.param(["deploy", "push", "--all", "-y"], 1, id="failed"),
    pytest.param(["deploy", "format", "--all", "-y"], 2, id="no action"),
    pytest.param(["deploy", "--all", "-y"], 2, id="no action at all"),
    pytest.param(["get", "deployment", "20200101-000000-aaaaaa"], 1, id="no such deployment"),
    pytest.param(["watch", "deployment", "20200101-000000-aaaaaa"], 1, id="nothing to watch"),
    pytest.param(["resume", "deployment", "20200101-000000-aaaaaa"], 1, id="nothing to resume"),
    pytest.param(["get", "host", "web9"], 1, id="no such host"),
])
def test_exit_status(shown, arguments, status):
    assert shown.fleet.ctl(*arguments, check=False).status == status


def test_updates_of_a_deployment_are_an_object_a_line(shown):
    done = shown.fleet.deploy("unfreeze", "-o", "json", "-w")
    updates = [json.loads(line) for line in done.out.splitlines()]
    assert all({"initialDone", "resumeToken"} <= set(update) for update in updates)
    assert all(bool(update.get("deployment")) != bool(update.get("host")) for update in updates)
    assert [u for u in updates if u.get("deployment")][-1]["deployment"]["state"] == "SUCCEEDED"
    ended = {u["host"]["host"]: u["host"]["state"] for u in updates if u.get("host")}
    assert ended == {"web1": "SUCCEEDED", "web2": "SUCCEEDED", "web3": "SUCCEEDED"}


def test_a_deployment_can_be_watched_to_its_end_by_others(shown):
    begun = shown.begin_held()
    watch = subprocess.Popen([str(BIN / "ctl/gitopsctl"), "watch", "deployment", begun, "-o", "json",
                              "--planner", shown.fleet.planner.address()],
                             stdout=subprocess.PIPE, text=True)
    first = json.loads(watch.stdout.readline())
    assert first["deployment"]["id"] == begun and first["deployment"]["state"] == "RUNNING"
    shown.let_go()
    rest = [json.loads(line) for line in watch.communicate(timeout=30)[0].splitlines()]
    assert watch.returncode == 0
    assert [u for u in rest if u.get("deployment")][-1]["deployment"]["state"] == "SUCCEEDED"


def test_the_record_tells_who_when_what_each_step_and_each_hook_call(shown):
    assert shown.fleet.deploy("freeze", "--on", "web1", "--reason", "audit 12").status == 0
    record = shown.fleet.latest()
    assert ID.match(record["id"]) and record["reason"] == "audit 12"
    principal = record["principal"]
    assert record["actor"] == LOCAL_ACTOR and record["planner"]
    assert (principal["kind"], principal["authentication"], principal["name"], principal["uid"]) == (
        "USER", "UNIX_SOCKET", ACCOUNT, os.geteuid())
    change = shown.fleet.agents["web1"].service("app")["changes"][0]
    assert (change["actor"], change["principal"]) == (record["actor"], principal)
    assert record["createTime"] <= record["startTime"] <= record["endTime"]
    assert record["spec"]["actions"] == ["freeze"] and record["spec"]["selection"]["on"] == ["web1"]
    deploy, health = record["hosts"][0]["steps"]
    assert (deploy["kind"], deploy["result"], health["kind"]) == ("DEPLOY", "OK", "HEALTHCHECKS")
    assert [a["operationId"] for a in deploy["actions"]][-1].startswith(f"{record['id']}/web1/")
    assert [(c["hook"], c["point"], c["httpStatus"], json.loads(c["request"]), json.loads(c["response"]))
            for c in deploy["hookCalls"]] == [
        ("drain", "pre-deploy", 200, {"host": "web1", "actions": ["freeze"]},
         {"host": "web1", "actions": ["freeze"]}),
        ("undrain", "post-deploy", 200, {"host": "web1", "actions": []},
         {"host": "web1", "actions": []})]
    assert float(deploy["hookCalls"][0]["duration"].rstrip("s")) > 0
    wide = shown.fleet.ctl("get", "deployment", record["id"], "-o", "wide").out
    assert "audit 12" in wide and '"actions": ["freeze"]' in wide


def test_deployments_are_listed_newest_first_in_every_form(shown):
    first = shown.fleet.begin("unfreeze")
    shown.fleet.await_end(first)
    second = shown.fleet.begin("unfreeze")
    shown.fleet.await_end(second)
    listed = shown.fleet.ctl("list", "deployments", "-o", "json").json()["deployments"]
    assert [d["id"] for d in listed][:2] == [second, first]
    assert listed[0]["state"] == "SUCCEEDED" and listed[0]["endTime"] and listed[0]["rollbackOf"] == ""
    names = shown.fleet.ctl("list", "deployments", "-o", "name").out.split()
    assert names[:2] == [second, first]
    table = shown.fleet.ctl("list", "deployments").out
    assert "SUCCEEDED" in table and first in table
    assert f"id: {second}" in shown.fleet.ctl("get", "deployment", second, "-o", "yaml").out.replace(
        '"', "")


def test_deployments_are_listed_by_state_host_service_actor_and_time(shown):
    assert shown.fleet.deploy("unfreeze", "--on", "web1", "--service", "app").status == 0
    by_service = shown.fleet.latest()["id"]
    assert shown.fleet.deploy("push", "--on", "web2").status == 1
    failed = shown.fleet.latest()["id"]

    def listed(*flags):
        return shown.fleet.ctl("list", "deployments", *flags, "-o", "name").out.split()
    assert listed("--state", "failed", "--host", "web2")[0] == failed
    assert by_service in listed("--state", "failed", "--state", "succeeded", "--since", "1h")
    assert by_service in listed("--host", "web1") and failed not in listed("--host", "web1")
    assert by_service in listed("--service", "app") and failed not in listed("--service", "app")
    assert listed("--actor", "nobody") == [] == listed("--until", "2000-01-01T00:00:00Z")
    assert shown.fleet.ctl("list", "deployments", "--state", "done", check=False).status == 2


@pytest.mark.parametrize("arguments", [
    ["deploy", "sync", "--all", "-y", "--service", ""],
    ["deploy", "sync", "--all", "-y", "--revision="],
    ["freeze", "app", "-y", "--on", ""],
    ["plan", "sync", "--tagged", "", "--all"],
    ["list", "services", "--on", ""],
    ["get", "service", ""],
])
def test_an_empty_value_is_never_everything(shown, arguments):
    before = shown.fleet.latest()["id"]
    done = shown.fleet.ctl(*arguments, check=False)
    assert done.status == 2 and "empty" in done.err, done
    assert shown.fleet.latest()["id"] == before


def test_a_watched_list_of_deployments_is_an_object_a_line_each_time_that_one_changes(shown):
    begun = shown.begin_held("--on", "web1")
    watch = subprocess.Popen([str(BIN / "ctl/gitopsctl"), "list", "deployments", "-w", "-o", "json",
                              "--planner", f"unix:{shown.fleet.sockets}/planner"],
                             stdout=subprocess.PIPE, text=True)

    def await_state(state):
        for line in watch.stdout:
            update = json.loads(line)
            if update["id"] == begun and update["state"] == state:
                return update
        raise AssertionError(f"the watch ended before {begun} was {state}")

    try:
        assert await_state("RUNNING")["removed"] is False
        shown.let_go()
        assert await_state("SUCCEEDED")["succeededCount"] == 1
    finally:
        watch.kill()
        watch.communicate()


# Cancel, resume, roll back.

def test_a_cancelled_deployment_ends_the_step_it_is_in_begins_no_more_and_can_be_resumed(shown):
    begun = shown.begin_held("reboot")
    shown.fleet.ctl("cancel", "deployment", begun, "-y", "--reason", "not today")
    shown.let_go()
    record = shown.fleet.await_end(begun)
    assert record["state"] == "CANCELLED"
    assert states(record) == {"web1": "STOPPED", "web2": "PENDING", "web3": "PENDING"}
    assert record["hosts"][0]["remainingActions"] == ["reboot"]
    assert "not today" in str(record["events"])
    done = shown.fleet.ctl("cancel", "deployment", begun, "-y", check=False)
    assert done.status == 1, done


def test_a_resumed_deployment_goes_on_where_it_failed_under_its_own_id(shown):
    shown.hosts.mark("unready", "web2")
    assert shown.fleet.deploy("freeze", "unfreeze", *SOON).status == 1
    begun = shown.fleet.latest()["id"]
    shown.hosts.unmark("unready", "web2")
    assert shown.fleet.ctl("resume", "deployment", begun).status == 0
    record = shown.fleet.deployment(begun)
    assert set(states(record).values()) == {"SUCCEEDED"}
    assert actions_done(record, "web1") == ["pre-deploy-checks", "freeze", "unfreeze", "health-checks"]
    assert actions_done(record, "web2")[:2] == ["pre-deploy-checks!", "pre-deploy-checks"]
    assert shown.fleet.ctl("resume", "deployment", begun, check=False).status == 1


def test_rollback_of_a_deployment_is_one_that_brings_its_hosts_back(shown):
    before = shown.fleet.version("web3")
    shown.fleet.commit("rolled out")
    assert shown.fleet.deploy("sync", "--on", "web[12]").status == 0
    rolled_out = shown.fleet.latest()["id"]
    done = shown.fleet.ctl("rollback", "deployment", rolled_out, "-y")
    assert set(shown.fleet.versions().values()) == {before}, done
    record = shown.fleet.latest()
    assert record["rollbackOf"] == rolled_out and record["state"] == "SUCCEEDED"
    assert [host["host"] for host in record["hosts"]] == ["web2", "web1"]


# Hosts.

def test_the_holder_of_a_lock_is_shown_while_it_holds_it(shown):
    begun = shown.begin_held("--on", "web1")
    lock = shown.host("web1")["lock"]
    assert lock["deployment"] == begun and lock["actor"] and lock["acquireTime"]
    assert shown.host("web2")["lock"] is None
    assert begun in shown.fleet.ctl("list", "hosts").out
    assert shown.fleet.ctl("list", "locks", "-o", "json").json()["locks"] == [lock]
    shown.let_go()
    shown.fleet.await_end(begun)
    assert shown.host("web1")["lock"] is None
    done = shown.fleet.ctl("break", "lock", "web1", "-y", check=False)
    assert done.status == 1 and "web1" in done.err


def test_an_agent_that_goes_silent_is_shown_as_stale_with_since_when(shown):
    online = shown.host("web3")
    assert online["state"] == "ONLINE" and online["serviceCount"] == 1 and online["version"]
    shown.fleet.agents["web3"].kill()
    try:
        wait_for(lambda: shown.host("web3")["state"] == "STALE", what="web3 is stale")
        stale = shown.host("web3")
        assert stale["stateTime"] >= online["stateTime"] and stale["lastSeenTime"]
        assert re.search(r"web3 +STALE +\d+[sm] ", shown.fleet.ctl("list", "hosts").out)
        check = shown.fleet.ctl("check", check=False)
        assert check.status == 1 and "web3" in check.out
    finally:
        shown.fleet.agents["web3"].start()
        shown.fleet.await_online("web3")


# Hooks.

def test_hooks_are_listed(shown):
    hooks = shown.fleet.ctl("list", "hooks", "-o", "json").json()["hooks"]
    assert [(h["name"], h["points"], h["mode"]) for h in hooks] == [
        ("drain", ["pre-deploy"], "TRANSFORM"), ("undrain", ["post-deploy"], "TRANSFORM")]


def test_hooks_can_be_tested_with_a_payload_and_nothing_is_deployed(shown):
    shown.hook.answer = lambda payload, call: {**payload, "actions": ["freeze"]}
    before = shown.fleet.latest()["id"]

    def hooks_test(point, payload):
        return subprocess.run([str(BIN / "ctl/gitopsctl"), "hooks", "test", point, "-o", "json",
                               "--planner", shown.fleet.planner.address()],
                              input=json.dumps(payload), capture_output=True, text=True, timeout=30)

    done = hooks_test("pre-deploy", {"host": "web1", "actions": ["sync"]})
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["hosts"] == [{"host": "web1", "actions": ["freeze"]}]
    assert shown.hook.seen() == ["pre-deploy web1 sync"]
    shown.hook.answer = lambda payload, call: (503, b"closed")
    done = hooks_test("post-deploy", {"host": "web1", "actions": []})
    failure = json.loads(done.stdout)["failure"]
    assert done.returncode == 1 and (failure["hook"], failure["httpStatus"]) == ("undrain", 503)
    assert shown.fleet.latest()["id"] == before
    assert shown.fleet.agents["web1"].service("app")["state"] == "OK"


# One service over the fleet.

def outcomes(done):
    return {o["host"]: o["code"] for o in done.json()["outcomes"]}


def test_freeze_unfreeze_pull_rollback_and_diff_go_over_the_selected_hosts(shown):
    fleet = shown.fleet
    first = fleet.agents["web1"].service("app")["hash"]
    assert outcomes(fleet.ctl("freeze", "app", "--on", "web[12]", "-y", "-o", "json")) == {
        "web1": 0, "web2": 0}
    assert [a.service("app")["state"] for a in fleet.agents.values()] == ["FREEZE", "FREEZE", "OK"]
    fleet.ctl("unfreeze", "app", "--all", "-y")
    assert outcomes(fleet.ctl("pull", "app", "--on", "web1", "-o", "json")) == {"web1": 0}
    fleet.commit("to be rolled back")
    assert fleet.deploy("sync").status == 0
    assert outcomes(fleet.ctl("rollback", "app", first, "--all", "-y", "-o", "json")) == {
        "web1": 0, "web2": 0, "web3": 0}
    assert {a.service("app")["hash"] for a in fleet.agents.values()} == {first}
    assert fleet.ctl("diff", "app").status == 0
    (fleet.base / "web2/etc/app/version").write_text("changed by hand\n")
    diff = fleet.ctl("diff", "app", "-o", "name", check=False)
    assert diff.status == 1 and diff.out.split() == ["web2"], diff


def test_who_froze_a_service_over_the_fleet_is_named_once_and_how_it_was_asked_for(shown):
    shown.fleet.ctl("freeze", "app", "--on", "web1")
    service = shown.fleet.agents["web1"].service("app")
    assert service["frozenBy"] == f"{ACCOUNT} through the planner as {LOCAL_ACTOR}"
    principal = service["frozenByPrincipal"]
    assert (principal["kind"], principal["name"]) == ("SERVER", f"the planner as {ACCOUNT}")
    assert service["frozenBy"].startswith(principal["onBehalfOf"] + " through ")


def test_of_several_hosts_that_are_asked_one_that_is_away_is_a_failure_and_all_are_status_3(shown):
    shown.fleet.agents["web3"].kill()
    try:
        done = shown.fleet.ctl("freeze", "app", "--all", "-y", "-o", "json", check=False)
        assert done.status == 1 and {h: c == 0 for h, c in outcomes(done).items()} == {
            "web1": True, "web2": True, "web3": False}
        assert shown.fleet.ctl("freeze", "app", "--on", "web3", check=False).status == 3
    finally:
        shown.fleet.agents["web3"].start()
        shown.fleet.await_online("web3")


def test_services_are_listed_over_the_fleet(shown):
    services = shown.fleet.ctl("list", "services", "-o", "json").json()["services"]
    assert [(s["host"], s["service"]) for s in services] == [(n, "app") for n in shown.hosts.names]
    assert {"hash", "state", "stateInfo", "changeTime"} <= set(services[0])


# Retention as configured. This test restarts the planner, so it comes last.

def test_only_so_many_deployments_are_kept(shown):
    shown.fleet.planner.stop()
    shown.fleet.planner.flags += ["--keep-deployments", str(KEPT)]
    shown.fleet.planner.start()
    shown.fleet.await_online()
    newest = []
    for _ in range(KEPT + 1):
        newest.append(shown.fleet.begin("unfreeze", "--on", "web1"))
        shown.fleet.await_end(newest[-1])

    def kept():
        return shown.fleet.ctl("list", "deployments", "-o", "name").out.split()

    wait_for(lambda: kept() == newest[:-KEPT - 1:-1], what=f"the newest {KEPT}")
