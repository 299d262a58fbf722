"""What becomes of good answers: modes, chains, errors that are ignored, and the record of a call."""

import json
import time

import pytest

from hook_dispatcher import WEB1, answered, hook, says


@pytest.mark.parametrize("actions", [
    pytest.param(["switch", "push"], id="reordered"),
    pytest.param([], id="removed"),
    pytest.param(["push", "switch", "reboot"], id="reboot added"),
    pytest.param(["skip", "push", "push", "push"], id="repeated"),
])
def test_transform_may_change_the_list(endpoint, dispatcher, actions):
    asked = endpoint(says({"host": "web1", "actions": actions}))
    response = dispatcher(hook(asked)).dispatch()
    assert answered(response) == [("web1", actions)]
    assert not response.HasField("failure")


def test_select_hook_may_reorder_remove_and_add_hosts_of_the_fleet(endpoint, dispatcher):
    asked = endpoint(says([{"host": "db1", "actions": ["sync"]}, WEB1]))
    running = dispatcher(hook(asked, points=["pre-select"]))
    response = running.dispatch("pre-select", {"web1": ["push"], "web2": ["push"]},
                                known_hosts=["db1"])
    assert answered(response) == [("db1", ["sync"]), ("web1", ["push", "switch"])]


def test_empty_list_at_a_select_point_is_fine(endpoint, dispatcher):
    response = dispatcher(hook(endpoint(says([])), points=["post-select"])).dispatch("post-select")
    assert answered(response) == []
    assert not response.HasField("failure")


def test_filter_may_remove_but_neither_add_nor_move(endpoint, dispatcher):
    asked = endpoint(says({"host": "web1", "actions": ["switch"]},
                          {"host": "web1", "actions": ["switch", "push"]},
                          {"host": "web1", "actions": ["push", "switch", "reboot"]}))
    running = dispatcher(hook(asked, mode="filter"))
    assert answered(running.dispatch()) == [("web1", ["switch"])]
    for _ in range(2):
        response = running.dispatch()
        assert "a filter may only remove" in response.failure.message
        assert answered(response) == [("web1", ["push", "switch"])]


def test_answer_of_a_read_only_hook_is_ignored_but_not_its_status(endpoint, dispatcher):
    asked = endpoint(says("<html>", {"host": "db1", "actions": ["format"]}, "x" * (2 << 20),
                          (204, ""), (500, "")))
    running = dispatcher(hook(asked, mode="read-only"))
    for _ in range(3):
        response = running.dispatch()
        assert answered(response) == [("web1", ["push", "switch"])]
        assert not response.HasField("failure"), response.failure
    for status in (204, 500):
        assert running.dispatch().failure.http_status == status


# Chains.

def test_hooks_of_a_point_run_in_the_order_of_the_file_each_fed_the_answer_before(
        endpoint, dispatcher):
    def add(action):
        def answer(request, handler):
            payload = request.json()
            payload["actions"].append(action)
            return payload
        return answer
    first, second = endpoint(add("reboot")), endpoint(add("test"))
    running = dispatcher(hook(first, "z"), hook(second, "a"), hook(endpoint(), "elsewhere", ["post-deploy"]))
    response = running.dispatch()
    assert answered(response) == [("web1", ["push", "switch", "reboot", "test"])]
    assert second.requests[0].json()["actions"] == ["push", "switch", "reboot"]
    assert [call.hook for call in response.calls] == ["z", "a"]


def test_two_hooks_that_undo_each_other_leave_what_the_last_one_said(endpoint, dispatcher):
    adds = endpoint(says({"host": "web1", "actions": ["push", "switch", "reboot"]}))
    removes = endpoint(says(WEB1))
    for order, left in (((adds, removes), ["push", "switch"]),
                        ((removes, adds), ["push", "switch", "reboot"])):
        running = dispatcher(*(hook(one, f"hook{i}") for i, one in enumerate(order)))
        assert answered(running.dispatch()) == [("web1", left)]


def test_failure_stops_the_chain_and_keeps_the_last_good_answer(endpoint, dispatcher):
    never = endpoint()
    running = dispatcher(hook(endpoint(says({"host": "web1", "actions": ["push"]})), "good"),
                         hook(endpoint(says((409, "locked by alice"))), "lock"),
                         hook(never, "never"))
    response = running.dispatch()
    assert answered(response) == [("web1", ["push"])]
    failure = response.failure
    assert (failure.hook, failure.point, failure.http_status) == ("lock", "pre-deploy", 409)
    for part in ("lock", "pre-deploy", "409", "locked by alice"):
        assert part in failure.message
    assert not never.requests


@pytest.mark.parametrize("keys, fields", [({"on_error": "ignore"}, {}), ({}, {"ignore_errors": True})],
                         ids=["by the config", "for one run"])
def test_ignored_failure_keeps_the_payload_and_the_chain_goes_on(endpoint, dispatcher, keys, fields):
    running = dispatcher(hook(endpoint(says((500, "broken"))), "broken", **keys),
                         hook(endpoint(says({"host": "web1", "actions": ["switch"]})), "next"))
    response = running.dispatch(**fields)
    assert answered(response) == [("web1", ["switch"])]
    assert not response.HasField("failure")
    broken, after = response.calls
    assert broken.ignored and "status 500" in broken.error
    assert not after.ignored and json.loads(after.request) == WEB1


def test_record_of_a_call_holds_what_went_out_what_came_back_and_how_long_it_took(
        endpoint, dispatcher):
    def answer(request, handler):
        time.sleep(0.05)
        return {"host": "web1", "actions": ["skip"]}
    asked = endpoint(answer)
    url = asked.url.replace("//", "//user:hunter2@") + "?token=hush"
    response = dispatcher(hook(url)).dispatch()
    call, = response.calls
    assert (call.hook, call.point, call.host, call.attempt_count) == ("drain", "pre-deploy", "web1", 1)
    assert json.loads(call.request) == WEB1
    assert json.loads(call.response) == {"host": "web1", "actions": ["skip"]}
    assert call.http_status == 200 and not call.error
    assert 0.05 <= call.duration.ToMilliseconds() / 1000 < 10
    assert abs(call.start_time.ToSeconds() - time.time()) < 60
    assert call.url == asked.url
    assert "Basic" in asked.requests[0].headers["Authorization"]
    assert "hunter2" not in str(response) and "hush" not in str(response)
