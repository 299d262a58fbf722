"""The rules of morph's hooks (its design of hooks over HTTP), each a test, over real programs."""

import json
import signal

import pytest

from fleet import Fleet, HookEndpoint, actions_done, states
from marked_hosts import MarkedHosts
from harness import wait_for

SELECT = ["pre-select", "post-select"]
POINTS = SELECT + [f"{when}-{step}" for step in ("deploy", "reboot", "healthchecks")
                   for when in ("pre", "post")]
# In the order of the dispatcher's file; each is called at every point.
MODES = {"change": "transform", "narrow": "filter", "look": "read-only"}


class Rules:
    def __init__(self, base):
        self.hosts = MarkedHosts(base, 3)
        self.hooks = {name: HookEndpoint() for name in MODES}
        self.fleet = Fleet(base, hosts=self.hosts.keys(), hooks=[
            {"name": name, "mode": mode, "points": POINTS, "url": self.hooks[name], "retries": 0}
            for name, mode in MODES.items()])

    def deploy(self, *arguments, status=0):
        """Runs it and returns its record."""
        done = self.fleet.deploy(*arguments)
        assert done.status == status, done
        return self.fleet.latest()

    def seen(self, point=None, hook="change", planning=False):
        """The calls of a hook: (point, [(host, actions)]), without those of plans."""
        return [(call["point"], told(call["payload"])) for call in self.hooks[hook].calls
                if point in (None, call["point"]) and (planning or call["point"] not in SELECT)]

    def answer(self, point, give, hook="change"):
        """Sets the answer of the hook at a point; elsewhere it returns its payload."""
        self.hooks[hook].answer = lambda payload, call: (
            give(payload) if call["point"] == point else payload)

    def history(self, host):
        return [change["toState"] for change in
                reversed(self.fleet.agents[host].service("app")["changes"])]

    def reset(self):
        self.hosts.reset()
        for hook in self.hooks.values():
            hook.answer = None
            hook.calls.clear()
        self.fleet.ctl("unfreeze", "app", "--all", "-y")


def told(payload):
    payload = payload if isinstance(payload, list) else [payload]
    return [(one["host"], one["actions"]) for one in payload]


@pytest.fixture(scope="module")
def module_rules(tmp_path_factory):
    rules = Rules(tmp_path_factory.mktemp("rules"))
    with rules.hosts.booting(rules.fleet), rules.fleet:
        rules.fleet.commit("1")
        rules.deploy("sync")
        yield rules
    for hook in rules.hooks.values():
        hook.close()


@pytest.fixture
def rules(module_rules):
    module_rules.reset()
    return module_rules


# Payloads.

def test_a_single_host_payload_is_a_host_and_its_actions(rules):
    rules.deploy("freeze", "unfreeze", "--on", "web2")
    call = next(c for c in rules.hooks["change"].calls if c["point"] == "pre-deploy")
    assert call["payload"] == {"host": "web2", "actions": ["freeze", "unfreeze"]}
    assert call["headers"]["content-type"] == "application/json"


def test_a_multi_host_payload_is_a_list_of_single_host_payloads(rules):
    rules.deploy("freeze", "--on", "web[23]")
    every = [{"host": name, "actions": ["freeze"]} for name in rules.hosts.names]
    payloads = {c["point"]: c["payload"] for c in rules.hooks["change"].calls}
    assert (payloads["pre-select"], payloads["post-select"]) == (every, every[1:])


def test_hooks_are_multi_host_when_selecting_and_single_host_when_deploying(rules):
    rules.deploy("sync", "reboot", "--on", "web1")
    forms = {call["point"]: type(call["payload"]) for call in rules.hooks["change"].calls}
    assert forms == {point: list if point in SELECT else dict for point in POINTS}


def test_the_endpoint_transforms_the_payload_and_returns_it_in_the_same_format(rules):
    rules.answer("pre-deploy", lambda payload: {**payload, "actions": ["freeze"]})
    record = rules.deploy("unfreeze", "--on", "web1")
    assert actions_done(record, "web1")[1:2] == ["freeze"]
    assert rules.fleet.agents["web1"].service("app")["state"] == "FREEZE"


# Answers that stop.

@pytest.mark.parametrize("status", [201, 204, 302, 404, 500])
def test_non_200_ok_responses_cause_deployments_to_stop(rules, status):
    rules.hooks["change"].answer = lambda payload, call: (
        payload if call["point"] != "pre-deploy" or payload["host"] == "web1"
        else (status, b"" if status == 204 else b"no"))
    record = rules.deploy("freeze", status=1)
    assert states(record)["web1"] == "SUCCEEDED" and states(record)["web3"] == "PENDING"
    assert all(text in record["message"] for text in ('"change"', "pre-deploy", str(status)))
    frozen = [rules.fleet.agents[name].service("app")["state"] for name in rules.hosts.names]
    assert frozen == ["FREEZE", "OK", "OK"]


def test_unless_the_user_opts_into_ignoring_the_result_by_a_command_line_option(rules):
    rules.hooks["change"].answer = lambda payload, call: (500, b"no")
    record = rules.deploy("freeze", "--ignore-hook-errors")
    assert set(states(record).values()) == {"SUCCEEDED"}
    calls = [c for h in record["hosts"] for s in h["steps"] for c in s["hookCalls"]]
    assert {(c["httpStatus"], c["ignored"]) for c in calls if c["hook"] == "change"} == {(500, True)}


def test_hooks_are_composable_one_point_calls_several_each_fed_the_answer_before(rules):
    rules.answer("pre-deploy", lambda p: {**p, "actions": [*p["actions"], "freeze"]})
    rules.answer("pre-deploy", lambda p: {**p, "actions": p["actions"][1:]}, hook="narrow")
    record = rules.deploy("unfreeze", "unfreeze", "--on", "web1")
    asked = {hook: rules.seen("pre-deploy", hook)[0][1][0][1] for hook in MODES}
    assert asked == {"change": ["unfreeze", "unfreeze"],
                     "narrow": ["unfreeze", "unfreeze", "freeze"], "look": ["unfreeze", "freeze"]}
    assert actions_done(record, "web1") == ["pre-deploy-checks", "unfreeze", "freeze",
                                            "health-checks"]


# Actions.

SEED_ACTIONS = ["push", "reboot", "switch-boot", "switch", "test", "dry-activate", "upload-secrets",
                "run-secret-triggers", "skip"]


def test_every_action_of_the_list_is_one(rules):
    plan = rules.fleet.ctl("plan", *SEED_ACTIONS, "-o", "json").json()
    assert [host["actions"] for host in plan["hosts"]] == [SEED_ACTIONS] * 3


def test_build_is_no_action(rules):
    assert rules.fleet.ctl("plan", "build", check=False).status == 2
    rules.answer("pre-deploy", lambda payload: {**payload, "actions": ["build"]})
    assert '"build"' in rules.deploy("freeze", status=1)["message"]


@pytest.mark.parametrize("action", ["switch", "switch-boot", "test"])
def test_push_is_performed_before_switch_transparently(rules, action):
    # No host has Nix, so it gets no further than the push.
    record = rules.deploy(action, "--on", "web1", status=1)
    assert actions_done(record, "web1") == ["pre-deploy-checks", "+push!"]
    assert "Nix" in record["hosts"][0]["message"]
    assert record["hosts"][0]["remainingActions"] == [action]
    assert rules.seen() == [("pre-deploy", [("web1", [action])]), ("post-deploy", [("web1", [action])])]


def test_removing_push_but_not_switch_changes_nothing_in_practice(rules):
    rules.answer("pre-deploy", lambda payload: {**payload, "actions": payload["actions"][1:]})
    record = rules.deploy("push", "switch", "--on", "web1", status=1)
    assert actions_done(record, "web1") == ["pre-deploy-checks", "+push!"]


def test_actions_are_performed_left_to_right_repeatable_and_not_collapsed(rules):
    before = len(rules.history("web1"))
    actions = ["freeze", "unfreeze", "run-secret-triggers", "run-secret-triggers", "freeze", "freeze",
               "unfreeze"]
    record = rules.deploy(*actions, "--on", "web1")
    assert actions_done(record, "web1") == ["pre-deploy-checks", *actions, "health-checks"]
    assert rules.hosts.trace("web1") == ["pre-deploy", "trigger", "trigger", "health"]
    assert rules.history("web1")[before:] == ["FREEZE", "OK", "FREEZE", "FREEZE", "OK"]


def test_the_order_of_actions_is_significant(rules):
    rules.deploy("unfreeze", "freeze", "--on", "web1")
    rules.deploy("freeze", "unfreeze", "--on", "web2")
    found = [rules.fleet.agents[name].service("app")["state"] for name in ("web1", "web2")]
    assert found == ["FREEZE", "OK"]


def test_after_each_action_it_is_removed_and_later_hooks_do_not_see_it(rules):
    rules.deploy("freeze", "unfreeze", "reboot", "unfreeze", "--on", "web1")
    assert rules.seen() == [
        ("pre-deploy", [("web1", ["freeze", "unfreeze", "reboot", "unfreeze"])]),
        ("post-deploy", [("web1", ["reboot", "unfreeze"])]),
        ("pre-reboot", [("web1", ["reboot", "unfreeze"])]),
        ("post-reboot", [("web1", ["unfreeze"])]),
        ("pre-deploy", [("web1", ["unfreeze"])]),
        ("post-deploy", [("web1", [])]),
        ("pre-healthchecks", [("web1", [])]),
        ("post-healthchecks", [("web1", [])])]


def test_skip_ignores_the_remaining_actions_on_the_host(rules):
    rules.answer("pre-deploy", lambda p: (
        {**p, "actions": ["skip", *p["actions"]]} if p["host"] == "web2" else p))
    record = rules.deploy("freeze")
    assert states(record) == {"web1": "SUCCEEDED", "web2": "SKIPPED", "web3": "SUCCEEDED"}
    assert rules.fleet.agents["web2"].service("app")["state"] == "OK"
    assert rules.hosts.trace("web2") == []


def test_what_stands_before_skip_is_done(rules):
    record = rules.deploy("freeze", "skip", "unfreeze", "--on", "web1")
    assert rules.fleet.agents["web1"].service("app")["state"] == "FREEZE"
    assert actions_done(record, "web1") == ["pre-deploy-checks", "freeze", "health-checks"]


# Hook points.

def test_every_hook_point_is_called_once_at_its_step(rules):
    record = rules.deploy("sync", "reboot", "--on", "web1")
    asked = [(call["point"], call["result"]) for call in rules.hooks["look"].calls
             if call["headers"]["x-gitops-deployment"] == record["id"]]
    assert asked == [("pre-select", None), ("post-select", "ok"), ("pre-deploy", None),
                     ("post-deploy", "ok"), ("pre-reboot", None), ("post-reboot", "ok"),
                     ("pre-healthchecks", None), ("post-healthchecks", "ok")]
    assert [step["kind"] for step in record["hosts"][0]["steps"]] == ["DEPLOY", "REBOOT",
                                                                      "HEALTHCHECKS"]


def test_the_host_is_back_with_another_boot_when_post_reboot_is_called(rules):
    boots = rules.hosts.boots("web1")
    agent = rules.fleet.agents["web1"].process.pid
    then = []

    def look(payload, call):
        if call["point"].endswith("-reboot"):
            then.append(rules.hosts.boots("web1"))
        return payload

    rules.hooks["look"].answer = look
    rules.deploy("reboot", "--on", "web1")
    assert then == [boots, boots + 1]
    assert rules.fleet.agents["web1"].process.pid != agent


def test_dry_activate_is_no_deployment_and_has_no_deploy_hooks(rules):
    record = rules.deploy("dry-activate", "--on", "web1", status=1)
    assert actions_done(record, "web1") == ["dry-activate!"]
    assert "Nix" in record["hosts"][0]["message"]
    assert rules.seen() == []


def test_reboot_hooks_are_called_only_if_a_reboot_is_requested(rules):
    boots = [rules.hosts.boots(name) for name in rules.hosts.names]
    rules.deploy("sync")
    rules.answer("pre-deploy", lambda p: {**p, "actions": ["unfreeze"]})
    rules.deploy("unfreeze", "reboot")
    assert {point for point, _ in rules.seen()} == {
        "pre-deploy", "post-deploy", "pre-healthchecks", "post-healthchecks"}
    assert [rules.hosts.boots(name) for name in rules.hosts.names] == boots


def test_select_hooks_modify_the_list_before_the_flags_are_evaluated(rules):
    rules.answer("pre-select", lambda hosts: [
        {**host, "actions": ["freeze"]} for host in reversed(hosts) if host["host"] != "web2"])
    plan = rules.fleet.ctl("plan", "unfreeze", "--limit", "1", "-o", "json").json()
    assert [(host["host"], host["actions"]) for host in plan["hosts"]] == [("web3", ["freeze"])]
    assert rules.seen("post-select", planning=True) == [("post-select", [("web3", ["freeze"])])]


def test_select_hooks_modify_the_list_after_the_flags_are_evaluated(rules):
    rules.answer("post-select", lambda hosts: [
        {"host": "web3", "actions": ["unfreeze"]}, {**hosts[0], "actions": ["freeze"]}])
    record = rules.deploy("unfreeze", "--on", "web[12]")
    assert [(host["host"], host["actions"]) for host in record["hosts"]] == [
        ("web3", ["unfreeze"]), ("web1", ["freeze"])]
    assert rules.fleet.agents["web1"].service("app")["state"] == "FREEZE"


# Limits on what a hook may do.

def test_a_read_only_hook_triggers_external_actions_without_modifying_the_plan(rules):
    rules.hooks["look"].answer = lambda payload, call: b"thank you"
    record = rules.deploy("freeze", "--on", "web1")
    assert actions_done(record, "web1")[1:2] == ["freeze"]


def test_a_filter_only_hook_may_remove_parts_of_the_plan(rules):
    rules.answer("post-select", lambda hosts: hosts[1:], hook="narrow")
    rules.answer("pre-deploy", lambda p: {**p, "actions": p["actions"][:1]}, hook="change")
    assert states(rules.deploy("freeze", "unfreeze")) == {"web2": "SUCCEEDED", "web3": "SUCCEEDED"}
    assert rules.fleet.agents["web2"].service("app")["state"] == "FREEZE"


def test_a_filter_only_hook_may_not_add_to_the_plan(rules):
    rules.answer("pre-deploy", lambda p: {**p, "actions": [*p["actions"], "reboot"]}, hook="narrow")
    boots = rules.hosts.boots("web1")
    record = rules.deploy("freeze", "--on", "web1", status=1)
    assert '"narrow"' in record["message"] and "only remove" in record["message"]
    assert rules.hosts.boots("web1") == boots
    assert rules.fleet.agents["web1"].service("app")["state"] == "OK"


def test_a_hook_without_restrictions_may_do_anything(rules):
    boots = rules.hosts.boots("web1")
    rules.answer("pre-deploy", lambda p: {**p, "actions": ["unfreeze", "reboot"]})
    rules.deploy("freeze", "--on", "web1")
    assert rules.hosts.boots("web1") == boots + 1


def test_hooks_introduce_no_local_state(rules):
    rules.hosts.mark("hold", "web1")
    begun = rules.fleet.begin("run-secret-triggers")
    wait_for(lambda: "trigger" in rules.hosts.trace("web1"), what="the trigger of web1")
    dispatcher = rules.fleet.dispatcher
    kept = {file.name for file in dispatcher.directory.iterdir()}
    assert kept == {"addresses", "log"}
    dispatcher.stop(signal.SIGKILL)
    dispatcher.start()
    rules.hosts.unmark("hold", "web1")
    record = rules.fleet.await_end(begun)
    assert record["state"] == "SUCCEEDED", json.dumps(record, indent=1)
    assert [point for point, _ in rules.seen()] == 3 * [
        "pre-deploy", "post-deploy", "pre-healthchecks", "post-healthchecks"]
