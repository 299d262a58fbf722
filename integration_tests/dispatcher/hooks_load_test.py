"""Many calls at a time, large ones, and those that nobody waits for any more."""

import threading
import time

import pytest

from harness import wait_for
from hook_dispatcher import answered, hook, says


@pytest.mark.alone
def test_hook_stalled_on_each_of_200_hosts_holds_up_no_other(endpoint, dispatcher):
    stall, hosts = 3, 200

    def answer(request, handler):
        time.sleep(stall)
        return request.body
    asked = endpoint(answer)
    running = dispatcher(hook(asked))
    began = time.monotonic()
    calls = [running.stub.DispatchHook.future(running.request(hosts={f"host{i}": ["push"]}), timeout=60)
             for i in range(hosts)]
    for i, call in enumerate(calls):
        assert answered(call.result()) == [(f"host{i}", ["push"])]
    took = time.monotonic() - began
    print(f"{hosts} calls, each stalled {stall} s, took {took:.1f} s")
    assert took < 2 * stall + 2


@pytest.mark.alone
def test_other_calls_are_served_while_200_are_stalled(endpoint, dispatcher):
    over = threading.Event()
    stalled = endpoint(lambda request, handler: over.wait(60) and request.body)
    running = dispatcher(hook(stalled), hook(endpoint(), "quick", ["pre-reboot"]))
    calls = [running.stub.DispatchHook.future(running.request(hosts={f"host{i}": []}), timeout=60)
             for i in range(200)]
    wait_for(lambda: len(stalled.requests) == 200, seconds=30, what="200 stalled calls")
    began = time.monotonic()
    assert not running.dispatch("pre-reboot").HasField("failure")
    assert time.monotonic() - began < 5
    over.set()
    for call in calls:
        call.cancel()


def test_selection_of_50000_hosts_passes(endpoint, dispatcher):
    asked = endpoint(says("ok"))
    running = dispatcher(hook(asked, points=["pre-select"], mode="read-only", timeout="60s"))
    hosts = {f"host{i}.some-rather-long-name.fleet.example": ["push", "switch", "run-secret-triggers"] * 3
             for i in range(50_000)}
    response = running.dispatch("pre-select", hosts, known_hosts=list(hosts))
    assert not response.HasField("failure"), response.failure
    assert len(response.hosts) == len(hosts)
    assert len(asked.requests[0].json()) == len(hosts)
    assert len(response.calls[0].request) <= 16 << 10


def test_client_that_cancels_ends_the_http_request(endpoint, dispatcher):
    closed = threading.Event()

    def answer(request, handler):
        handler.connection.settimeout(20)
        if handler.connection.recv(1) == b"":
            closed.set()
    asked = endpoint(answer)
    running = dispatcher(hook(asked, timeout="60s"))
    call = running.stub.DispatchHook.future(running.request())
    wait_for(lambda: asked.requests, what="the request")
    call.cancel()
    assert closed.wait(10)
