"""What the gateway does with Flux's requests before it passes them on, what it answers when they cannot be
stored, and signed approvals: with the real promotion receiver behind it."""

import socket
import sqlite3
import time

import pytest

from gateway_promotions_test import EVENTS, KEY, Suite, body, refused, signed
from harness import wait_for


@pytest.fixture(name="suite", scope="module")
def running_suite(tmp_path_factory):
    suite = Suite(tmp_path_factory.mktemp("suite"))
    yield suite
    suite.stop()


def connect(suite):
    host, port = suite.gateway.address("http").rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=30)


def told(suite, request):
    """The status of the answer to these bytes."""
    with connect(suite) as connection:
        connection.sendall(request)
        return int(connection.makefile("rb").readline().split()[1])


def head(path, method="POST", *headers):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


# Size, rate and address.

def test_413_for_a_body_over_max_body_whatever_its_form(tmp_path):
    suite = Suite(tmp_path, "--rate-limit", "0", "--max-body", "4KiB")
    try:
        refused(suite.post(body(message="x" * 5000)), 413, "RESOURCE_EXHAUSTED")
        assert suite.post(body(message="Helm upgrade succeeded" + " " * 1000)).status == 202
        assert told(suite, head(f"{EVENTS}/dev", "POST", "Content-Length: 5000")) == 413, "before it is read"
        chunks = b"800\r\n" + b"x" * 2048 + b"\r\n"
        assert told(suite, head(f"{EVENTS}/dev", "POST", "Transfer-Encoding: chunked") + chunks * 3) == 413
    finally:
        suite.stop()


def test_path_method_size_rate_and_pipeline_are_checked_in_this_order(tmp_path):
    suite = Suite(tmp_path, "--rate-limit", "0.01/s:1")
    try:
        large = "Content-Length: 2000000000"
        assert suite.post(body()).status == 202
        assert told(suite, head(f"{EVENTS}/dev/more", "PUT", large)) == 404
        assert told(suite, head(f"{EVENTS}/dev", "PUT", large)) == 405
        assert told(suite, head(f"{EVENTS}/dev", "POST", large)) == 413
        refused(suite.post(body(), path="/promotion/shopping/none/dev", headers={}), 429, "RATE_LIMITED")
    finally:
        suite.stop()


def allowed(suite, address):
    """Whether an event that says it comes from `address` is within the rate."""
    text = body(f"of {address}")
    answer = suite.post(text, headers={**signed(text), "X-Forwarded-For": address})
    assert answer.status in (202, 429), answer.body
    return answer.status == 202


def test_without_trusted_proxies_x_forwarded_for_is_not_believed(tmp_path):
    suite = Suite(tmp_path, "--rate-limit", "0.01/s:2")
    try:
        assert [allowed(suite, f"192.0.2.{number}") for number in range(4)] == [True, True, False, False]
        event = suite.gateway.get("/v1/promotions", headers={"X-Forwarded-For": "192.0.2.9"})
        assert event.status == 429, "tokens have the same limit of their address"
    finally:
        suite.stop()


def test_with_trusted_proxies_the_limit_is_the_clients_and_of_a_64_for_ipv6(tmp_path):
    suite = Suite(tmp_path, "--rate-limit", "0.01/s:2", "--trusted-proxies", "127.0.0.1")
    try:
        for address in ("192.0.2.1", "192.0.2.2", "2001:db8:1:1::1"):
            assert [allowed(suite, address) for _ in range(3)] == [True, True, False], address
        assert not allowed(suite, "2001:db8:1:1:ffff::7"), "the same /64"
        assert allowed(suite, "2001:db8:1:2::1")
        assert not allowed(suite, "198.51.100.1, 192.0.2.1"), "only the last address is the proxy's word"
        listed = suite.gateway.get("/v1/promotions", headers={"X-Forwarded-For": "203.0.113.1"}).json["promotions"]
        assert "192.0.2.2" in [each["event"]["address"] for each in listed]
    finally:
        suite.stop()


# What cannot be stored now.

def test_503_while_the_store_takes_no_writes(suite):
    database, = (suite.receiver.directory / "state").glob("promotions.db")
    with sqlite3.connect(database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        text = body("stored later")
        began = time.monotonic()
        answer = suite.post(text)
        assert answer.status == 503, answer.body
        assert 1 <= int(answer.headers["retry-after"]) <= 4
        assert time.monotonic() - began < 10, "Flux gives up after 15 s"
        other.execute("ROLLBACK")
    assert wait_for(lambda: suite.post(text).status == 202, what="the store to take writes")


# Signed approvals.

def approve(suite, revision, key=b"approver", algorithm="sha256", timestamp=None, method="POST", path=None, text=b"",
            sent=None, **headers):
    """A signed approval; what is given is signed, and `sent` is sent in place of the body that was signed."""
    real = f"/approval/shopping/search/prod/{revision}"
    stamp = str(int(time.time())) if timestamp is None else timestamp
    message = b"\n".join([method.encode(), (path or real).encode(), stamp.encode(), text])
    return suite.post(text if sent is None else sent, real, {
        "X-Timestamp": stamp, **signed(message, algorithm, key), **headers})


def test_a_signature_approves_only_what_was_signed_once_and_in_time(suite):
    suite.post(body("1.0.0"))
    now = int(time.time())
    refused(approve(suite, "1.0.0", key=KEY), 401, "SIGNATURE_INVALID")
    refused(approve(suite, "1.0.0", method="GET"), 401, "SIGNATURE_INVALID")
    refused(approve(suite, "1.0.0", path="/approval/shopping/search/prod/2.0.0"), 401, "SIGNATURE_INVALID")
    refused(approve(suite, "1.0.0", sent=b"another body"), 401, "SIGNATURE_INVALID")
    refused(approve(suite, "1.0.0", **{"X-Timestamp": str(now - 1)}), 401, "SIGNATURE_INVALID")
    for stamp in ("", "soon", "1e9"):
        refused(approve(suite, "1.0.0", timestamp=stamp), 401, "SIGNATURE_INVALID")
    for stamp in (now - 320, now + 320):
        refused(approve(suite, "1.0.0", timestamp=str(stamp)), 401, "EVENT_STALE")
    refused(approve(suite, "1.0.1"), 422, "NOTHING_WAITS")
    again = {"timestamp": str(now), "algorithm": "sha512"}
    done = approve(suite, "1.0.0", **again)
    assert done.status == 202, done.body
    assert suite.promotion(done)["approval"]["actor"] == "approval key of shopping/search"
    refused(approve(suite, "1.0.0", **again), 401, "SIGNATURE_REUSED")


def test_a_used_signature_stays_used_over_a_restart(suite):
    suite.post(body("3.0.0"))
    now = str(int(time.time()))
    assert approve(suite, "3.0.0", timestamp=now).status == 202
    suite.receiver.kill()
    suite.receiver.start()
    wait_for(lambda: suite.gateway.get("/v1/pipelines").status == 200, what="the receiver")
    refused(approve(suite, "3.0.0", timestamp=now), 401, "SIGNATURE_REUSED")


def test_only_the_revision_that_waits_is_approved(suite):
    suite.post(body("4.0.0"))
    suite.post(body("4.0.1"))
    refused(approve(suite, "4.0.0"), 422, "NOTHING_WAITS")
    assert approve(suite, "4.0.1").status == 202
    refused(approve(suite, "4.0.1", algorithm="sha384"), 422, "NOTHING_WAITS")


def test_paths_and_methods_of_approvals(suite):
    signature = {"X-Timestamp": str(int(time.time())), "X-Signature": "sha256=00"}
    refused(suite.post(b"", "/approval/shopping/none/prod/1", signature), 404, "PIPELINE_UNKNOWN")
    assert suite.post(b"", "/approval/shopping/search/prod", signature).status == 404
    answer = suite.gateway.request("GET", "/approval/shopping/search/prod/1", token=None)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    refused(suite.post(b"", "/approval/shopping/search/prod/1", {}), 401, "UNAUTHENTICATED")
    large = suite.gateway.request("POST", "/approval/shopping/search/prod/1", b"x" * 100_000, token=None)
    assert large.status == 413


def test_without_an_approval_key_no_signature_approves(tmp_path):
    suite = Suite(tmp_path)
    try:
        (suite.secrets / "shopping/promotion/approval-key").unlink()
        suite.receiver.kill()
        suite.receiver.start()
        assert wait_for(lambda: suite.post(body("1")).status == 202, what="the receiver")
        for key in (b"approver", KEY, b""):
            refused(approve(suite, "1", key=key), 401, "SIGNING_KEY_MISSING")
        assert suite.gateway.post("/approval/shopping/search/prod/1", token="approver").status == 202
    finally:
        suite.stop()
