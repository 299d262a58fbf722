"""Endpoints that are not there, break off, or take their time."""

import socket
import threading
import time

import pytest

from hook_dispatcher import WEB1, Endpoint, hang_up, hook, says


def test_five_hundreds_and_lost_connections_are_tried_again_with_the_same_key(endpoint, dispatcher):
    left = [lambda handler: (503, "busy"), hang_up, lambda handler: (502, "bad"), lambda handler: WEB1]
    asked = endpoint(lambda request, handler: left.pop(0)(handler))
    response = dispatcher(hook(asked, retries=3)).dispatch(idempotency_key="k")
    assert not response.HasField("failure"), response.failure
    assert response.calls[0].attempt_count == len(asked.requests) == 4
    assert {request.headers["Idempotency-Key"] for request in asked.requests} == {"k/drain"}


def test_retries_are_used_up_exactly_and_two_by_default(endpoint, dispatcher):
    asked = endpoint(says((500, "no")))
    spec = hook(asked)
    del spec["retries"]
    assert dispatcher(spec).dispatch().calls[0].attempt_count == 3
    assert len(asked.requests) == 3


@pytest.mark.parametrize("said", [(404, ""), (429, ""), (302, "", {"Location": "/else"}), "<html>"])
def test_other_failures_are_not_tried_again(endpoint, dispatcher, said):
    asked = endpoint(says(said))
    assert dispatcher(hook(asked, retries=5)).dispatch().HasField("failure")
    assert len(asked.requests) == 1


def test_timeout_is_of_each_attempt_and_is_not_tried_again(endpoint, dispatcher):
    over = threading.Event()
    asked = endpoint(lambda request, handler: over.wait(20) and None)
    began = time.monotonic()
    response = dispatcher(hook(asked, retries=5, timeout="300ms")).dispatch()
    assert time.monotonic() - began < 15
    assert "no complete answer within 300ms" in response.failure.message
    assert response.failure.http_status == 0
    assert len(asked.requests) == 1
    over.set()


def test_hook_that_is_not_there_stops(dispatcher):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x"
    response = dispatcher(hook(url, retries=1)).dispatch()
    assert response.calls[0].attempt_count == 2
    assert response.failure.http_status == 0
    assert f"POST {url}" in response.failure.message


def drip(handler, *, header):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    if not header:
        handler.wfile.write(b"Content-Length: 100000\r\n\r\n")
    while not hung_up(handler, within=0.02):
        handler.wfile.write(b"X-A: b\r\n" if header else b" ")


def hung_up(handler, within=20):
    """Waits until the client has closed its side."""
    handler.connection.settimeout(within)
    try:
        return handler.connection.recv(1) == b""
    except TimeoutError:
        return False


def later(handler):
    hung_up(handler)
    Endpoint.say(handler, WEB1)


@pytest.mark.parametrize("behaviour", [
    pytest.param(later, id="answers late"),
    pytest.param(lambda handler: drip(handler, header=False), id="drips its body"),
    pytest.param(lambda handler: drip(handler, header=True), id="drips its headers"),
    pytest.param(hung_up, id="answers not at all"),
])
def test_hook_that_is_too_slow_stops_in_time(endpoint, dispatcher, behaviour):
    asked = endpoint(lambda request, handler: behaviour(handler))
    began = time.monotonic()
    response = dispatcher(hook(asked, timeout="500ms")).dispatch()
    assert 0.4 < time.monotonic() - began < 15
    assert "no complete answer within 500ms" in response.failure.message
