"""Revisions that `sync` publishes, plans and their tokens, and checks of hosts: contracts, sections 4 and 8, with
real agents."""

import http.server
import signal
import threading

import pytest

from fleet import Fleet, HookEndpoint, actions_done, states
from harness import toml, wait_for
from marked_hosts import CANARY, MarkedHosts

SOON = ["--health-timeout", "1s"]


class Health:
    """The endpoint of an http check: answers 200 unless told otherwise, and after how many tries."""

    def __init__(self):
        health = self
        self.paths, self.bad = [], 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                health.paths.append((self.path, self.headers.get("X-Probe")))
                status = 503 if health.bad > 0 else 200
                health.bad -= 1
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def check(self):
        return {"description": "answers", "host": "127.0.0.1", "path": "/health", "scheme": "http",
                "port": self.server.server_address[1], "headers": {"X-Probe": "yes"},
                "period": "100ms", "timeout": "5s"}


class Synced:
    def __init__(self, base):
        self.hosts = MarkedHosts(base, 3)
        self.health = Health()
        self.hook = HookEndpoint()
        keys = self.hosts.keys()
        keys["web1"]["health_checks"]["http"] = [self.health.check()]
        # A second service of web3.
        other = {"machine": "web3", "service": "other", "tracking": "coordinated",
                 "mount": base / "web3" / "revisions",
                 "dirs": [{"local": str(base / "web3/etc/other"), "link": "app"}]}
        lines = [f'{key} = {toml(value)}' for key, value in other.items()]
        self.fleet = Fleet(base, hosts=keys, extra_config="\n".join(["", "[[services]]", *lines, ""]),
                           hooks=[{"name": "select", "points": ["pre-select", "post-select"],
                                   "url": self.hook}])

    def deploy(self, *arguments, status=0):
        done = self.fleet.deploy(*arguments)
        assert done.status == status, done
        return self.fleet.latest()

    def refused(self, *arguments):
        done = self.fleet.deploy(*arguments)
        assert done.status == 1, done
        kept = self.fleet.latest()
        assert (kept["state"], kept["hosts"]) == ("FAILED", []), "nothing was begun"
        assert kept["id"] in done.err and kept["hookCalls"], "what its hooks were asked is kept"
        return done.err

    def plan(self, *arguments):
        return self.fleet.ctl("plan", *arguments, "-o", "json").json()

    def reset(self):
        self.hosts.reset()
        self.health.paths.clear()
        self.health.bad = 0
        self.hook.answer = None
        for service in ("app", "other"):
            self.fleet.ctl("unfreeze", service, "--all", "-y")


@pytest.fixture(scope="module")
def module_synced(tmp_path_factory):
    synced = Synced(tmp_path_factory.mktemp("synced"))
    with synced.fleet:
        yield synced
    synced.hook.close()
    synced.health.server.shutdown()


@pytest.fixture
def synced(module_synced):
    module_synced.reset()
    return module_synced


# Revisions of sync.

def test_a_coordinated_service_publishes_nothing_until_a_deployment_says_sync(synced):
    assert set(synced.fleet.versions().values()) == {None}
    record = synced.deploy("sync")
    assert set(synced.fleet.versions().values()) == {"0"}
    moves = {host["host"]: [(m["service"], m["fromHash"]) for m in host["moves"]]
             for host in record["hosts"]}
    assert moves == {"web1": [("app", "")], "web2": [("app", "")],
                     "web3": [("app", ""), ("other", "")]}


def test_sync_goes_to_the_tip_for_all_hosts_the_same_as_of_the_plan(synced):
    shown = synced.fleet.commit("planned")
    plan = synced.plan("sync")
    assert {r["hash"] for r in plan["revisions"]} == {shown}
    later = synced.fleet.commit("later")
    record = synced.deploy("--plan", plan["token"])
    assert set(synced.fleet.versions().values()) == {"planned"}, "what was shown is what runs"
    assert [r["hash"] for r in record["revisions"]] == [shown]
    assert synced.deploy("sync")["revisions"][0]["hash"] == later
    assert set(synced.fleet.versions().values()) == {"later"}


@pytest.mark.parametrize("digits", [40, 12])
def test_sync_goes_to_the_revision_that_is_named(synced, digits):
    wanted = synced.fleet.commit(f"wanted {digits}")
    synced.fleet.commit("not this")
    synced.deploy("sync", "--revision", wanted[:digits])
    assert set(synced.fleet.versions().values()) == {f"wanted {digits}"}


def test_a_revision_that_no_upstream_has_is_refused_before_anything_is_begun(synced):
    assert "d" * 40 in synced.refused("sync", "--revision", "d" * 40)


def test_sync_of_one_service_leaves_the_others(synced):
    synced.fleet.commit("before")
    synced.deploy("sync")
    synced.fleet.commit("after")
    record = synced.deploy("sync", "--service", "other", "--on", "web3")
    assert synced.fleet.version("web3") == "before"
    assert (synced.fleet.base / "web3/etc/other/version").read_text() == "after\n"
    assert [m["service"] for m in record["hosts"][0]["moves"]] == ["other"]


def test_a_service_that_no_host_has_is_refused(synced):
    assert "nosuch" in synced.refused("sync", "--service", "nosuch")


def test_sync_of_a_frozen_service_fails_and_names_who_froze_it(synced):
    synced.fleet.commit("frozen out")
    synced.fleet.agents["web2"].ctl("freeze", "app", "--reason", "audit", env={"USER": "alice"})
    before = synced.fleet.version("web2")
    frozen_by = synced.fleet.agents["web2"].service("app")["changes"][0]["actor"]

    def plan_that_fails():
        done = synced.fleet.ctl("plan", "sync", "-o", "json", check=False)
        return done if done.json()["hosts"][1]["frozenServices"] == ["app"] else None

    plan = wait_for(plan_that_fails, what="the plan shows what is frozen")
    assert plan.status == 1, "it is known that the deployment will fail"
    assert plan.json()["hosts"][1]["willFail"] == [f"app is frozen by {frozen_by}: audit"]
    record = synced.deploy("sync", status=1)
    assert states(record) == {"web1": "SUCCEEDED", "web2": "FAILED", "web3": "PENDING"}
    assert f"frozen by {frozen_by}" in record["hosts"][1]["message"]
    assert synced.fleet.version("web2") == before


def test_sync_goes_on_a_frozen_service_where_unfreeze_stands_before_it(synced):
    synced.fleet.commit("thawed")
    synced.fleet.ctl("freeze", "app", "--all", "-y")
    synced.deploy("unfreeze", "sync")
    assert set(synced.fleet.versions().values()) == {"thawed"}
    synced.deploy("sync", "freeze")
    assert synced.fleet.agents["web1"].service("app")["state"] == "FREEZE"


# Plan tokens.

def test_a_plan_shows_hosts_waves_actions_moves_and_hooks_and_changes_nothing(synced):
    before, tip = synced.fleet.agents["web2"].service("app")["hash"], synced.fleet.commit("shown")
    count = len(synced.fleet.ctl("list", "deployments", "-o", "json").json()["deployments"])
    plan = synced.plan("sync", "unfreeze", "--canary", "1", "--on", "web[12]")
    assert [(h["host"], h["wave"], h["actions"]) for h in plan["hosts"]] == [
        ("web1", 1, ["sync", "unfreeze"]), ("web2", 2, ["sync", "unfreeze"])]
    [move] = plan["hosts"][1]["moves"]
    assert (move["service"], move["fromHash"], move["toHash"]) == ("app", before, tip)
    commit = move["commit"]
    assert (commit["hash"], commit["subject"], commit["author"]) == (tip, "version shown", "Test")
    assert commit["time"] and not move["changesNothing"]
    assert [hook["name"] for hook in plan["hooks"]] == ["select"]
    assert [call["point"] for call in plan["hookCalls"]] == ["pre-select", "post-select"]
    assert len(synced.fleet.ctl("list", "deployments", "-o", "json").json()["deployments"]) == count
    table = synced.fleet.ctl("plan", "sync", "--on", "web1").out
    assert "web1" in table and "gitopsctl deploy --plan" in table and "shown" not in synced.fleet.versions()


def test_a_plan_token_can_be_used_again_and_by_name_form(synced):
    token = synced.fleet.ctl("plan", "unfreeze", "--on", "web1", "-o", "name").out.strip()
    for _ in range(2):
        assert states(synced.deploy("--plan", token)) == {"web1": "SUCCEEDED"}


def test_a_plan_token_that_does_not_exist_is_refused(synced):
    before = synced.fleet.latest()["id"]
    done = synced.fleet.deploy("--plan", "0" * 32)
    assert done.status == 1 and "no plan with this token" in done.err
    assert synced.fleet.latest()["id"] == before, "no hook was asked, so there is nothing to keep"


def test_nothing_may_stand_beside_a_plan_token(synced):
    token = synced.plan("unfreeze", "--on", "web1")["token"]
    for more in (["sync"], ["--on", "web2"], ["--canary", "1"], ["--revision", "abcd"]):
        assert synced.fleet.ctl("deploy", *more, "--plan", token, "-y", check=False).status == 2


def test_a_plan_is_refused_with_what_changed_when_a_hook_changed_its_mind(synced):
    token = synced.plan("unfreeze")["token"]
    synced.hook.answer = lambda hosts, call: [h for h in hosts if h["host"] != "web2"]
    assert "web2" in synced.refused("--plan", token)


def test_a_plan_is_refused_with_what_changed_when_the_hooks_are_others(synced):
    token = synced.plan("unfreeze")["token"]
    config = synced.fleet.hooks_config.read_text()
    try:
        synced.fleet.hooks_config.write_text(config.replace('"select"', '"renamed"'))
        synced.fleet.dispatcher.stop()
        synced.fleet.dispatcher.start()
        said = synced.refused("--plan", token)
        assert "select" in said or "renamed" in said, said
    finally:
        synced.fleet.hooks_config.write_text(config)
        synced.fleet.dispatcher.stop()
        synced.fleet.dispatcher.start()


@pytest.mark.parametrize("change", ["host added", "tag removed", "host removed"])
def test_a_plan_is_refused_with_what_changed_when_the_fleet_did(synced, change):
    config = synced.fleet.config.read_text()
    changed = config + '\n[[hosts]]\nname = "web9"\naddress = "unix:/nonexistent/9"\ntags = ["x"]\n'
    wanted, planned = (changed, config) if change == "host added" else (config, changed)
    arguments = ["--tagged", "x"] if change == "tag removed" else []
    if change == "tag removed":
        wanted = planned.replace('tags = ["x"]', "tags = []")
    try:
        follow(synced, planned)
        token = synced.plan("unfreeze", *arguments)["token"]
        follow(synced, wanted)
        assert "web9" in synced.refused("--plan", token)
    finally:
        follow(synced, config)


def follow(synced, config):
    """Writes this config and waits until the planner uses it."""
    fresh = synced.fleet.config.with_suffix(".new")
    fresh.write_text(config)
    fresh.rename(synced.fleet.config)
    synced.fleet.planner.process.send_signal(signal.SIGHUP)

    def followed():
        hosts = synced.fleet.ctl("list", "hosts", "-o", "json").json()["hosts"]
        found = [h["tags"] for h in hosts if h["host"] == "web9" and h["configured"]]
        wanted = [["x"] if 'tags = ["x"]' in config else []] if "web9" in config else []
        return found == wanted

    wait_for(followed, what="the planner follows its config")


# Checks.

def test_health_checks_are_http_from_the_planner_and_commands_on_the_host_until_they_succeed(synced):
    synced.health.bad = 2
    synced.hosts.mark("sick", "web1")
    begun = synced.fleet.begin("unfreeze", "--on", "web1")
    wait_for(lambda: len(synced.health.paths) >= 3 and synced.hosts.trace("web1").count("health") >= 2,
             what="both checks are tried again")
    assert synced.fleet.deployment(begun)["state"] == "RUNNING"
    synced.hosts.unmark("sick", "web1")
    assert synced.fleet.await_end(begun)["state"] == "SUCCEEDED"
    assert synced.health.paths == [("/health", "yes")] * 3, "once it has succeeded it is left alone"


@pytest.mark.parametrize("fails", ["http", "cmd"])
def test_a_host_that_does_not_become_healthy_in_time_fails_and_is_told_why(synced, fails):
    if fails == "http":
        synced.health.bad = 1000
    else:
        synced.hosts.mark("sick", "web1")
    record = synced.deploy("unfreeze", "--on", "web1", *SOON, status=1)
    assert actions_done(record, "web1") == ["pre-deploy-checks", "unfreeze", "health-checks!"]
    told = record["hosts"][0]["message"]
    assert ("503" if fails == "http" else "it is sick") in told
    assert "answers" in told if fails == "http" else "sick web1" in told


def test_pre_deploy_checks_run_once_before_the_first_change(synced):
    # Two deploy steps, with a step of another kind between them that fails.
    begun = synced.deploy("run-secret-triggers", "dry-activate", "--on", "web1", status=1)
    assert actions_done(begun, "web1") == ["pre-deploy-checks", "run-secret-triggers", "dry-activate!"]
    resumed = synced.fleet.ctl("resume", "deployment", begun["id"], check=False)
    assert resumed.status == 1
    synced.deploy("freeze", "unfreeze", "run-secret-triggers", "--on", "web1")
    assert synced.hosts.trace("web1") == ["pre-deploy", "trigger", "pre-deploy", "trigger", "health"]


def test_a_host_that_is_not_ready_is_not_changed(synced):
    synced.hosts.mark("unready", "web1")
    record = synced.deploy("freeze", "--on", "web1", *SOON, status=1)
    assert actions_done(record, "web1") == ["pre-deploy-checks!"]
    assert "it is unready" in record["hosts"][0]["message"]
    assert synced.fleet.agents["web1"].service("app")["state"] == "OK"


def test_checks_can_be_left_out(synced):
    synced.hosts.mark("sick", "web1")
    synced.hosts.mark("unready", "web1")
    record = synced.deploy("unfreeze", "--on", "web1", "--skip-health-checks", "--skip-pre-deploy-checks")
    assert actions_done(record, "web1") == ["unfreeze"]
    assert synced.hosts.trace("web1") == [] and synced.health.paths == []


def test_secrets_are_uploaded_with_their_fields_and_told_nowhere(synced):
    record = synced.deploy("upload-secrets", "run-secret-triggers", "--on", "web1")
    secret = synced.hosts.file("web1", "token")
    assert secret.read_text() == CANARY and secret.stat().st_mode & 0o777 == 0o400
    assert CANARY not in str(record)
    for program in (synced.fleet.planner, synced.fleet.dispatcher, synced.fleet.agents["web1"]):
        assert CANARY not in program.logged()
    for state in (synced.fleet.base / "planner/state", synced.fleet.agents["web1"].state):
        for file in state.rglob("*"):
            assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file
