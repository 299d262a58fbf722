"""Faulty hooks in a real deployment: it stops and says why, changes nothing more, releases what pre- hooks
acquired, keeps the calls in its record, and can be resumed."""

import json
import threading

import pytest

from fleet import Fleet, HookEndpoint, actions_done, states
from marked_hosts import MarkedHosts
from harness import wait_for

SELECT = ["pre-select", "post-select"]
POINTS = SELECT + [f"{when}-{step}" for step in ("deploy", "reboot", "healthchecks")
                   for when in ("pre", "post")]


class Hooked:
    """Three hosts and two hooks: "drain", which is called first and succeeds, and "fault"."""

    def __init__(self, base):
        self.hosts = MarkedHosts(base, 3)
        self.drain, self.fault, self.elsewhere = HookEndpoint(), HookEndpoint(), HookEndpoint()
        self.fleet = Fleet(base, hosts=self.hosts.keys(), hooks=[
            {"name": "drain", "points": POINTS, "url": self.drain},
            {"name": "fault", "points": POINTS, "url": self.fault, "timeout": "2s", "retries": 0}])

    def state(self, host):
        return self.fleet.agents[host].service("app")["state"]

    def fail(self, answer, point, host=None):
        """Sets the answer of "fault" at a point, for one host if given."""
        self.fault.answer = lambda payload, call: (
            answer if call["point"] == point and (host is None or payload["host"] == host)
            else payload)

    def told(self, deployment, host):
        """The calls of "drain" for a host: (point, result)."""
        return [(call["point"], call["result"]) for call in self.drain.calls
                if call["headers"]["x-gitops-deployment"] == deployment["id"]
                and isinstance(call["payload"], dict) and call["payload"]["host"] == host]

    def calls(self, deployment, host):
        found = next(h for h in deployment["hosts"] if h["host"] == host)
        return [call for step in found["steps"] for call in step["hookCalls"]]

    def reset(self):
        self.hosts.reset()
        for endpoint in (self.drain, self.fault, self.elsewhere):
            endpoint.answer = None
            endpoint.calls.clear()
        self.fleet.ctl("unfreeze", "app", "--all", "-y")


@pytest.fixture(scope="module")
def module_hooked(tmp_path_factory):
    hooked = Hooked(tmp_path_factory.mktemp("hooked"))
    with hooked.hosts.booting(hooked.fleet), hooked.fleet:
        hooked.fleet.commit("1")
        assert hooked.fleet.deploy("sync").status == 0
        yield hooked
    for endpoint in (hooked.drain, hooked.fault, hooked.elsewhere):
        endpoint.close()


@pytest.fixture
def hooked(module_hooked):
    module_hooked.reset()
    return module_hooked


def late(handler):
    # Longer than the hook's timeout; never set.
    threading.Event().wait(3)
    try:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(payload(["freeze"]))
    except OSError:
        pass  # nobody waits any more


def silent(handler):
    # Until the hook is reset.
    handler.connection.settimeout(20)
    handler.connection.recv(1)
    handler.close_connection = True


def slow(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    try:
        for _ in range(40):
            handler.wfile.write(b" ")
            threading.Event().wait(0.1)
    except OSError:
        pass  # it has lost patience, as it should


def hang_up(handler):
    handler.close_connection = True
    handler.connection.close()


def payload(actions):
    return json.dumps({"host": "web2", "actions": actions}).encode()


# (answer, what the error says besides hook, point and host)
FAULTS = {
    "late": (late, "no complete answer within 2s"),
    "not at all": (silent, "no complete answer within 2s"),
    "slow": (slow, "no complete answer within 2s"),
    "hung up": (hang_up, "no answer"),
    "204": ((204, b""), "status 204"),
    "404": ((404, b"who?"), '"who?"'),
    "500": ((500, b"no capacity left"), 'status 500: only status 200 continues the deployment; the body '
            'starts: "no capacity left"'),
    "HTML": ((200, b"<html><body>Welcome"), "<html>"),
    "2 MB": ((200, payload(["freeze"] * 250_000)), "longer than 1048576 bytes"),
    "invalid UTF-8": ((200, b'{"host":"web2","actions":["\xff"]}'), "UTF-8"),
    "deep JSON": ((200, b'{"host":"web2","actions":[],"x":' + b"[" * 5000 + b"]" * 5000 + b"}"),
                  "deep"),
    "half of it": ((200, b'{"host":"web2","act'), "JSON"),
    "a key twice": ((200, b'{"host":"web2","actions":[],"actions":["reboot"]}'), "actions"),
    "unknown action": ((200, payload(["format"])), '"format"'),
    "another host": ({"host": "web1", "actions": ["freeze"]}, "web1"),
    "empty list": ((200, b"[]"), "status 200"),
    "list of hosts": ([{"host": "web2", "actions": ["freeze"]}], "status 200"),
    "no actions": ((200, b'{"host":"web2"}'), "actions"),
    "null": ((200, b"null"), "status 200"),
}


def stopped_before_web2(hooked, record, said):
    assert states(record) == {"web1": "SUCCEEDED", "web2": "FAILED", "web3": "PENDING"}
    for text in ('"fault"', "pre-deploy", "web2", said):
        assert text in record["message"], record["message"]
    # Nothing else was changed or checked.
    assert [hooked.state(name) for name in hooked.hosts.names] == ["FREEZE", "OK", "OK"]
    assert hooked.hosts.trace("web2") == hooked.hosts.trace("web3") == []
    assert record["hosts"][1]["remainingActions"] == ["freeze"]
    # "drain" was told to release what it acquired; it was not called for web3.
    assert hooked.told(record, "web2") == [("pre-deploy", None), ("post-deploy", "failed")]
    assert hooked.told(record, "web3") == []
    taken, failed = hooked.calls(record, "web2")[:2]
    assert (taken["hook"], taken["error"], taken["httpStatus"]) == ("drain", "", 200)
    assert (failed["hook"], failed["point"], failed["attemptCount"]) == ("fault", "pre-deploy", 1)
    assert said in failed["error"] and not failed["ignored"]
    assert json.loads(failed["request"]) == {"host": "web2", "actions": ["freeze"]}
    return failed


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_answer_stops_the_deployment_and_changes_nothing_more(hooked, fault):
    answer, said = FAULTS[fault]
    hooked.fail(answer, "pre-deploy", "web2")
    done = hooked.fleet.deploy("freeze")
    assert done.status == 1, done
    record = hooked.fleet.latest()
    assert record["state"] == "FAILED"
    failed = stopped_before_web2(hooked, record, said)
    assert len(failed["response"].encode()) <= 20_000
    # gitopsctl says so too.
    assert '"fault"' in done.err and "pre-deploy" in done.err


@pytest.mark.parametrize("flags", [("--max-failures", "3"), ("--on-failure", "continue")])
def test_a_faulty_answer_stops_the_deployment_also_where_a_failed_host_would_not(hooked, flags):
    hooked.fail((500, b"no"), "pre-deploy", "web2")
    assert hooked.fleet.deploy("freeze", *flags).status == 1
    stopped_before_web2(hooked, hooked.fleet.latest(), "status 500")


def test_a_redirect_is_not_followed(hooked):
    hooked.fail((302, b"", {"Location": hooked.elsewhere.url}), "pre-deploy", "web2")
    assert hooked.fleet.deploy("freeze").status == 1
    failed = stopped_before_web2(hooked, hooked.fleet.latest(), "status 302")
    assert failed["httpStatus"] == 302 and hooked.elsewhere.calls == []


@pytest.mark.parametrize("fault", ["late", "hung up", "204", "500", "HTML", "another host"])
def test_a_faulty_answer_is_ignored_where_the_user_says_so_and_kept_in_the_record(hooked, fault):
    hooked.fail(FAULTS[fault][0], "pre-deploy", "web2")
    done = hooked.fleet.deploy("freeze", "--ignore-hook-errors")
    assert done.status == 0, done
    assert [hooked.state(name) for name in hooked.hosts.names] == ["FREEZE"] * 3
    failed = [c for c in hooked.calls(hooked.fleet.latest(), "web2") if c["error"]]
    assert [(c["hook"], c["ignored"]) for c in failed] == [("fault", True)]


# What has been done, including boots and checks, when the hook fails at a point, and the last call of "drain".
STOPS = {
    "pre-deploy": ([], 0, ("post-deploy", "failed")),
    "post-deploy": (["pre-deploy-checks", "freeze"], 0, ("post-deploy", "ok")),
    "pre-reboot": (["pre-deploy-checks", "freeze"], 0, ("post-reboot", "failed")),
    "post-reboot": (["pre-deploy-checks", "freeze", "reboot"], 1, ("post-reboot", "ok")),
    "pre-healthchecks": (["pre-deploy-checks", "freeze", "reboot"], 1,
                         ("post-healthchecks", "failed")),
    "post-healthchecks": (["pre-deploy-checks", "freeze", "reboot", "health-checks"], 1,
                          ("post-healthchecks", "ok")),
}


@pytest.mark.parametrize("point", STOPS)
def test_wherever_a_hook_fails_it_can_be_resumed_and_nothing_is_done_twice(hooked, point):
    actions, boots, last = STOPS[point]
    before = hooked.hosts.boots("web1")
    hooked.fail((500, b"no"), point)
    assert hooked.fleet.deploy("freeze", "reboot", "--on", "web[12]").status == 1
    record = hooked.fleet.latest()
    assert states(record) == {"web1": "FAILED", "web2": "PENDING"}
    assert actions_done(record, "web1") == actions
    assert hooked.hosts.boots("web1") == before + boots
    assert hooked.told(record, "web1")[-1] == last
    assert all(text in record["message"] for text in ('"fault"', point, "status 500"))
    hooked.fault.answer = None
    resumed = hooked.fleet.ctl("resume", "deployment", record["id"])
    assert "SUCCEEDED" in resumed.out
    record = hooked.fleet.deployment(record["id"])
    for name in ("web1", "web2"):
        assert actions_done(record, name) == ["pre-deploy-checks", "freeze", "reboot", "health-checks"]
        assert hooked.state(name) == "FREEZE"
    assert hooked.hosts.boots("web1") == before + 1


def test_post_hooks_of_a_failed_action_are_told_so(hooked):
    hooked.fleet.deploy("dry-activate", "push", "--on", "web1")
    assert hooked.told(hooked.fleet.latest(), "web1") == []
    hooked.fleet.deploy("push", "--on", "web1")
    assert hooked.told(hooked.fleet.latest(), "web1") == [("pre-deploy", None),
                                                          ("post-deploy", "failed")]


def test_post_hooks_of_a_step_that_was_not_done_are_told_skipped(hooked):
    hooked.fault.answer = lambda payload, call: {**payload, "actions": ["skip"]} if isinstance(
        payload, dict) else payload
    hooked.fleet.deploy("freeze", "--on", "web1")
    assert hooked.told(hooked.fleet.latest(), "web1") == [("pre-deploy", None),
                                                          ("post-deploy", "skipped")]


SELECT_FAULTS = {
    "500": ((500, b"no"), "status 500"),
    "unknown action": ([{"host": "web1", "actions": ["format"]}], '"format"'),
    "host that is not in the fleet": ([{"host": "db9", "actions": ["freeze"]}], "db9"),
    "host twice": ([{"host": "web1", "actions": []}, {"host": "web1", "actions": []}], "web1"),
    "one host": ({"host": "web1", "actions": ["freeze"]}, "status 200"),
}


@pytest.mark.parametrize("point", SELECT)
@pytest.mark.parametrize("fault", SELECT_FAULTS)
def test_a_faulty_answer_while_hosts_are_selected_begins_nothing(hooked, fault, point):
    answer, said = SELECT_FAULTS[fault]
    hooked.fail(answer, point)
    for command in (["plan", "freeze"], ["deploy", "freeze", "--all", "-y"]):
        done = hooked.fleet.ctl(*command, check=False)
        assert done.status == 1, done
        assert all(text in done.err for text in ('"fault"', point, said)), done
    kept = hooked.fleet.latest()
    assert (kept["state"], kept["hosts"]) == ("FAILED", []), "nothing was begun"
    assert said in kept["hookCalls"][-1]["error"], "the call is kept"
    assert [hooked.state(name) for name in hooked.hosts.names] == ["OK"] * 3


def test_an_empty_list_from_a_select_hook_is_an_error_that_names_it_unless_that_is_allowed(hooked):
    hooked.fail([], "post-select")
    refused = hooked.fleet.deploy("freeze")
    assert refused.status == 1 and 'hook "fault" at post-select removed all hosts' in refused.err, refused
    assert hooked.fleet.deploy("freeze", "--allow-empty").status == 0
    assert (hooked.fleet.latest()["state"], hooked.fleet.latest()["hosts"]) == ("SUCCEEDED", [])
    assert [hooked.state(name) for name in hooked.hosts.names] == ["OK"] * 3


def test_two_hooks_that_undo_each_other_end_after_100_steps(hooked):
    done_last = []

    def wants(action, other):
        def answer(payload, call):
            if call["point"] == "pre-deploy":
                done_last[:] = payload["actions"]
            undone = call["point"] == "post-deploy" and done_last == [other]
            return {**payload, "actions": [action]} if undone else payload
        return answer

    hooked.drain.answer = wants("freeze", "unfreeze")
    hooked.fault.answer = wants("unfreeze", "freeze")
    assert hooked.fleet.deploy("freeze").status == 1
    record = hooked.fleet.latest()
    assert states(record) == {"web1": "FAILED", "web2": "PENDING", "web3": "PENDING"}
    assert "100 steps" in record["hosts"][0]["message"] and "web1" in record["message"]
    assert actions_done(record, "web1")[1:] == ["freeze", "unfreeze"] * 50


def test_a_hook_that_adds_reboot_gets_one_with_its_own_hooks(hooked):
    boots = hooked.hosts.boots("web1")
    hooked.fault.answer = lambda payload, call: (
        {**payload, "actions": ["reboot"]} if call["point"] == "post-deploy" else payload)
    assert hooked.fleet.deploy("freeze", "--on", "web1").status == 0
    record = hooked.fleet.latest()
    assert [step["kind"] for step in record["hosts"][0]["steps"]] == ["DEPLOY", "REBOOT",
                                                                      "HEALTHCHECKS"]
    assert [point for point, _ in hooked.told(record, "web1")][2:4] == ["pre-reboot", "post-reboot"]
    assert hooked.hosts.boots("web1") == boots + 1


def test_a_dispatcher_that_cannot_be_reached_stops_and_begins_nothing(hooked):
    hooked.fleet.dispatcher.kill()
    try:
        done = hooked.fleet.deploy("freeze")
        assert done.status != 0 and "hook" in done.err, done
        assert [hooked.state(name) for name in hooked.hosts.names] == ["OK"] * 3
    finally:
        hooked.fleet.dispatcher.start()
    wait_for(lambda: hooked.fleet.ctl("plan", "freeze", check=False).status == 0, what="a plan")
