"""What hostile, broken, slow and too many HTTP clients get from the real gateway, with a real receiver
behind it: an error that says why, and nobody else notices."""

import hmac
import json
import pathlib
import re
import resource
import socket
import time

import pytest

from gateway_promotions_test import EVENTS, Suite, body, signed
from harness import wait_for
from raw_http import RawHttp, request

HOLD = "/v1/pipelines/shopping/search/environments/prod:hold"


def resident(program):
    """Megabytes of memory in use."""
    status = pathlib.Path(f"/proc/{program.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


@pytest.fixture(scope="module", name="suite")
def running_suite(tmp_path_factory):
    suite = Suite(tmp_path_factory.mktemp("suite"), "--rate-limit", "0", "--log-format", "json")
    yield suite
    suite.stop()


@pytest.fixture(name="fresh")
def suite_of_its_own(tmp_path):
    suite = Suite(tmp_path)
    yield suite
    suite.stop()


@pytest.fixture(autouse=True)
def still_served(suite):
    """Whatever a client did, the next one is served by the same process."""
    process = suite.gateway.process
    yield
    assert suite.gateway.process is process and suite.gateway.running(), suite.gateway.logged()
    assert suite.gateway.get("/healthz", token=None).status == 200


def client(suite, **options):
    return RawHttp(suite.gateway.address("http"), **options)


def ask(suite, data, of_head=False):
    with client(suite) as connection:
        connection.send(data)
        return connection.answer(of_head)


def problem(answer, status, reason=None):
    assert answer is not None and answer.status == status, answer and (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert reason is None or answer.json["reason"] == reason, answer.body


# Too much.

@pytest.mark.parametrize("path, headers", [
    (f"{EVENTS}/dev", ()), ("/approval/shopping/search/prod/1", [("X-Signature", "sha256=00")]),
    (HOLD, ()), ("/webhooks/git/github", ())])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_2_gb_is_refused_and_takes_no_memory(suite, path, headers, chunked):
    before = resident(suite.gateway)
    length = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(2 << 30))
    piece = b"%x\r\n%s\r\n" % (1 << 20, b"x" * (1 << 20)) if chunked else b"x" * (1 << 20)
    with client(suite) as connection:
        connection.send(request("POST", path, [*headers, length]))
        sent = 0
        while sent < 2 << 30 and connection.send(piece):
            sent += 1 << 20
        assert sent < 100 << 20, "it is not read to its end"
        answer = connection.answer()
    # The end of what was sent may have reset the connection, which discards the answer.
    if answer is not None:
        problem(answer, 404 if path.startswith("/webhooks") else 413)
    assert resident(suite.gateway) < before + 24


def test_a_body_that_is_too_large_is_told_before_it_is_sent(suite):
    for path in (f"{EVENTS}/dev", "/promotion/shopping/search/dev", HOLD):
        with client(suite) as connection:
            connection.send(request("POST", path, [("Content-Length", str(2 << 30)),
                                                   ("Expect", "100-continue")]))
            problem(connection.answer(), 413)
            assert connection.closed()


def test_bodies_that_are_not_there_yet_share_64_mib(suite):
    before = resident(suite.gateway)
    announced = request("POST", f"{EVENTS}/dev", [("Content-Length", str(1 << 20)), ("Expect", "100-continue")],
                        token=None)
    waiting = []
    try:
        for _ in range(64):
            waiting.append(client(suite))
            waiting[-1].send(announced)
            assert waiting[-1].answer().status == 100
        answer = ask(suite, announced)
        problem(answer, 503)
        assert answer.headers["retry-after"] == "1"
        assert resident(suite.gateway) < before + 24, "room is taken by what has arrived"
    finally:
        for connection in waiting:
            connection.socket.close()
    text = body("64.0.0")
    wait_for(lambda: suite.post(text).status == 202, what="room for bodies again")


@pytest.mark.parametrize("start, more", [
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ", b"x" * 4096),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n" * 700),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"a:\r\n" * 1000),
    (b"GET /", b"x" * 4096),
    (b"G", b"G" * 4096),
])
def test_an_endless_header_is_cut(suite, start, more):
    before = resident(suite.gateway)
    with client(suite) as connection:
        connection.send(start)
        sent = 0
        while sent < 200 << 20 and connection.send(more):
            sent += len(more)
        answer = connection.answer()
    assert sent < 100 << 20
    assert answer is None or answer.status in (400, 431)
    assert resident(suite.gateway) < before + 8


def test_a_header_over_16_kib_is_told(suite):
    problem(ask(suite, request("GET", "/healthz", [("X", "x" * (17 << 10))])), 431)
    assert ask(suite, request("GET", "/healthz", [("X", "x" * (15 << 10))])).status == 200


def test_ten_thousand_connections_are_held_and_the_oldest_makes_room_for_the_next(suite):
    most = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host, port = suite.gateway.address("http").rsplit(":", 1)
    before = resident(suite.gateway)
    connections = []
    try:
        for _ in range(most + 200):
            connections.append(socket.create_connection((host, int(port)), timeout=20))
        # The answer of the newest shows that all before it were accepted.
        connections[-1].sendall(request("GET", "/healthz", token=None))
        assert connections[-1].recv(4096).startswith(b"HTTP/1.1 200")
        assert connections[0].recv(1) == b"", "the oldest was closed"
        connections[most // 2].sendall(request("GET", "/healthz", token=None))
        assert connections[most // 2].recv(4096).startswith(b"HTTP/1.1 200"), "others were not"
        assert suite.post(body("10000.0.0")).status == 202
        assert resident(suite.gateway) < before + 100
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Too slow.

def test_requests_that_come_slowly_are_ended_after_10_s_and_delay_nobody(suite):
    with client(suite) as header, client(suite) as body_, client(suite) as chunks:
        begin = time.monotonic()
        header.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
        body_.send(request("POST", f"{EVENTS}/dev", [("Content-Length", "1000")]))
        chunks.send(request("POST", f"{EVENTS}/dev", [("Transfer-Encoding", "chunked")]))
        ended, slowest = {}, 0

        def all_ended():
            nonlocal slowest
            # A byte now and then does not help.
            for connection, piece in ((header, b"x"), (body_, b"x"), (chunks, b"1\r\nx\r\n")):
                if connection not in ended and not holds(suite, connection):
                    ended[connection] = time.monotonic() - begin
                elif connection not in ended:
                    connection.send(piece)
            asked = time.monotonic()
            assert suite.gateway.get("/healthz", token=None).status == 200
            slowest = max(slowest, time.monotonic() - asked)
            return len(ended) == 3

        wait_for(all_ended, 60, "the end of the slow clients")
        assert slowest < 5
        for connection in (header, body_, chunks):
            problem(connection.answer(), 408)
            assert 9 < ended[connection] < 25, ended


@pytest.mark.long
def test_a_client_that_does_not_read_its_answers_is_ended_after_30_s(suite):
    before, begin = resident(suite.gateway), time.monotonic()
    with client(suite, receive_buffer=2048) as reader:
        reader.send(request("GET", "/openapi.json", token=None) * 100)
        wait_for(lambda: not holds(suite, reader), 60, "the end of the slow reader")
        assert 29 < time.monotonic() - begin < 50
        received = 0
        while (answer := read_or_none(reader)) is not None:
            assert answer.status == 200
            received += 1
        assert received < 100
        assert resident(suite.gateway) < before + 24


def holds(suite, connection):
    """Whether the gateway still has its end of the connection."""
    port, server = connection.socket.getsockname()[1], int(suite.gateway.address("http").rsplit(":", 1)[1])
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        local, remote, state = words[1].split(":")[1], words[2].split(":")[1], words[3]
        if (int(local, 16), int(remote, 16)) == (server, port):
            return state == "01"  # established
    return False


def read_or_none(connection):
    try:
        return connection.answer()
    except AssertionError:
        return None


def test_a_client_that_does_not_read_its_stream_costs_a_bounded_amount_and_delays_nobody(suite):
    before = resident(suite.gateway)
    watch = request("GET", "/v1/events", [("Accept", "text/event-stream")])
    slow = [client(suite, receive_buffer=2048) for _ in range(20)]
    good = client(suite)
    try:
        for connection in [*slow, good]:
            connection.send(watch)
        last = None
        for number in range(60):
            last = suite.post(body(f"7.{number}.0", message="Helm upgrade succeeded" + "x" * 8000))
            assert last.status == 202
        seen = b""
        while last.json["id"].encode() not in seen:
            data = good.socket.recv(1 << 16)
            assert data, "the stream ended"
            seen = seen[-100:] + data
        assert resident(suite.gateway) < before + 60
    finally:
        for connection in [*slow, good]:
            connection.socket.close()


# What two servers could read differently.

SMUGGLED = b"GET /v1/promotions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-admin\r\n\r\n"
POST = f"POST {EVENTS}/dev HTTP/1.1\r\nHost: x\r\n".encode()


@pytest.mark.parametrize("rest", [
    b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
    b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
    b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    b"Content-Length: 4, 4\r\n\r\nbody",
    b"Content-Length: +4\r\n\r\nbody",
    b"Content-Length: -4\r\n\r\nbody",
    b"Content-Length: 4 4\r\n\r\nbody",
    b"Content-Length: 0x4\r\n\r\nbody",
    b"Content-Length: 4.0\r\n\r\nbody",
    b"Content-Length:\r\n\r\n",
    b"Content-Length: 18446744073709551620\r\n\r\nbody",
    b"Content-Length : 4\r\n\r\nbody",
    b"Content-Length\t: 4\r\n\r\nbody",
    b"Content-Length: 4\n\nbody",
    b"Content-Length:\r\n 4\r\n\r\nbody",
    b"X: a\r\n Content-Length: 4\r\n\r\nbody",
    b"X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"X: a\rContent-Length: 4\r\n\r\nbody",
    b"X: a\0b\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: identity\r\n\r\n",
    b"Transfer-Encoding:\r\n\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-encoding: identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n",
    b"Host: y\r\n\r\n",
    b"Host : y\r\n\r\n",
])
def test_a_request_whose_end_is_not_certain_is_refused_and_nothing_after_it_is_read(suite, rest):
    with client(suite) as connection:
        connection.send(POST + rest + SMUGGLED)
        answer = connection.answer()
        assert answer.status in (400, 501), answer.body
        problem(answer, answer.status)
        assert answer.headers["connection"] == "close"
        assert connection.closed(), "what follows was taken for a request"


@pytest.mark.parametrize("start", [
    b"GET /healthz HTTP/1.1\nHost: x\n\n", b"GET /healthz\r\n\r\n", b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET\t/healthz\tHTTP/1.1\r\nHost: x\r\n\r\n", b"GET /healthz HTTP/1.1\r\n\r\n",
    b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x y\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: a@b\r\n\r\n",
    b"GET http://a@b/healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
    b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
])
def test_a_malformed_first_line_or_host_is_refused(suite, start):
    with client(suite) as connection:
        connection.send(start + SMUGGLED)
        assert connection.answer().status == 400
        assert connection.closed()


@pytest.mark.parametrize("chunks", [
    b"ffffffff\r\nx", b"ffffffffffffffff\r\nx", b"ffffffffffffffffff\r\nx", b"7fffffffffffffff\r\nx",
    b"100001\r\nx", b"-5\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n",
    b"\r\nhello\r\n0\r\n\r\n", b"g\r\nhello\r\n0\r\n\r\n", b"3\r\nhello\r\n0\r\n\r\n", b"7\r\nhello\r\n0\r\n\r\n",
    b"5;a\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"5\r\nhelloXX0\r\n\r\n", b"1;" + b"e" * 100_000,
    b"0\r\nX: " + b"t" * 100_000,
])
def test_chunks_that_lie_about_their_size_are_refused(suite, chunks):
    with client(suite) as connection:
        connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + SMUGGLED)
        answer = connection.answer()
        assert answer.status in (400, 413, 431), answer.body
        problem(answer, answer.status)
        assert connection.closed()


def test_an_honest_chunked_event_is_accepted(suite):
    text = body("3.0.0")
    chunks = b"".join(b"%x;name=\"v\"\r\n%s\r\n" % (len(text[i:i + 100]), text[i:i + 100])
                      for i in range(0, len(text), 100))
    (name, value), = signed(text).items()
    answer = ask(suite, POST + f"{name}: {value}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks +
                 b"0\r\nX-Trailer: ignored\r\n\r\n")
    assert answer.status == 202, answer.body


def test_pipelined_requests_are_answered_in_their_order(suite):
    texts = [body(f"8.{number}.0") for number in range(30)]
    requests = []
    for text in texts:
        requests.append(request("POST", f"{EVENTS}/dev", signed(text).items(), text, token=None))
        requests.append(request("GET", "/v1/promotions?pageSize=1"))
        requests.append(request("GET", "/nowhere"))
    with client(suite) as connection:
        connection.send(b"".join(requests))
        ids = []
        for text in texts:
            accepted = connection.answer()
            assert accepted.status == 202, accepted.body
            ids.append(accepted.json["id"])
            assert connection.answer().status == 200
            assert connection.answer().status == 404
    for text, promotion in zip(texts, ids):
        stored = suite.gateway.get(f"/v1/promotions/{promotion}").json["promotion"]
        assert stored["revision"] == json.loads(text)["metadata"]["revision"]


# What is no text, or another path than it looks like.

@pytest.mark.parametrize("path, status", [
    (b"/v1/promotions/\xff", 400), ("/v1/promotions/%ff", 400), ("/v1/promotions/%c0%af", 400),
    ("/v1/promotions/%ed%a0%80", 400), ("/v1/promotions/%00", 400), ("/v1/promotions/a%0d%0ab", 400),
    ("/v1/promotions/a%2fb", 400), ("/v1/promotions/a%2Fb", 400), ("/v1/promotions/..", 400),
    ("/v1/promotions/%2e%2e", 400), ("/v1/promotions/.%2e", 400), ("/v1/promotions/.", 400),
    ("/v1/promotions/%252e%252e", 404), ("/v1/promotions/%252f", 404), ("/v1/promotions/%2500", 404),
    ("/v1/promotions/%", 400), ("/v1/promotions/%zz", 400), ("/v1//promotions", 400),
    ("/v1/promotions/", 400), ("//v1/promotions", 404), ("/v1/../metrics", 400), ("/v1/promotions/../../metrics", 400),
    ("/healthz/../metrics", 404), ("/./healthz", 404), ("/healthz/", 404), ("/healthz%00", 404),
    ("/HEALTHZ", 404), ("/%68ealthz", 404), ("/healthz;x", 404), ("/healthz\\..\\metrics", 404),
    (b"/healthz\0", 400), (b"/healthz\x7f", 400), ("/v1/promotions#x", 404),
    ("/v1/promotions?pageToken=%ff", 400), (b"/v1/promotions?pageToken=\xff", 400),
    ("/v1/promotions?pageToken=%c0%80", 400), ("/v1/promotions?pageToken=%00", 400),
    ("/v1/promotions?pageSize=%zz", 400), ("/v1/promotions?pageSize=1&pageSize=2", 400),
    ("/v1/promotions?pagesize=1", 400), ("http:///healthz", 400), ("http://x", 400), ("healthz", 400), ("", 400),
])
def test_a_path_or_query_that_is_not_plain_is_refused(suite, path, status):
    answer = ask(suite, request("GET", path))
    problem(answer, status)
    answer.body.decode()


@pytest.mark.parametrize("path", [
    "%2e%2e/search/dev", "../search/dev", "shopping/%2e%2e/dev", "shopping/search%00/dev", "shopping/search%ff/dev",
    "shopping/search%2fdev/dev", "shopping/%c0%ae%c0%ae/dev", "SHOPPING/search/dev", "shopping/search%20/dev",
    "shopping/" + "x" * 8000 + "/dev", "shopping/sear%63h%2e/dev"])
@pytest.mark.parametrize("prefix", ["/pipelines/promotions/", "/promotion/"])
def test_a_webhook_of_a_name_that_no_pipeline_has_is_404(suite, prefix, path):
    text = body()
    answer = ask(suite, request("POST", prefix + path, signed(text).items(), text, token=None))
    problem(answer, 404, "PIPELINE_UNKNOWN")


def test_an_escaped_name_is_that_name(suite):
    text = body("5.5.5")
    answer = ask(suite, request("POST", "/promotion/shopping/sear%63h/%64ev", signed(text).items(), text, token=None))
    assert answer.status == 202, answer.body


@pytest.mark.parametrize("text", [
    b'{"reason": "\xff"}', b'{"reason": "\xc0\x80"}', b'{"reason": "\xed\xa0\x80"}', b'{"reason": "\\ud800"}',
    b'{"reason": "a", "reason": "b"}', b'\xef\xbb\xbf{"reason": "a"}', '{"reason": "a"}'.encode("utf-16"),
    b'{"reason": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"reason": "a"} x', b'{"reason": "a",}', b"{", b"null",
    b'{"reason": NaN}', b'{"\xff": 1}'])
def test_json_that_is_not_json_changes_nothing(suite, text):
    problem(ask(suite, request("POST", HOLD, body=text)), 400, "INVALID_ARGUMENT")
    problem(ask(suite, request("POST", f"{EVENTS}/dev", signed(text).items(), text, token=None)), 400,
            "EVENT_MALFORMED")
    assert not suite.gateway.get("/v1/pipelines/shopping/search").json["pipeline"]["environments"][1].get("hold")


@pytest.mark.parametrize("name, value", [
    ("traceparent", b"\xff\xfe"), ("X-Forwarded-For", b"\xff"), ("User-Agent", b"\xc0\x80"), ("Accept", b"\xff"),
    ("If-None-Match", b"\"\xff\""), ("Last-Event-ID", b"\xff"), ("Idempotency-Key", b"\xff"),
    ("Cookie", b"\xff" * 4000)])
def test_headers_that_are_no_text_are_ignored_where_they_mean_nothing(suite, name, value):
    assert ask(suite, request("GET", "/v1/promotions?pageSize=1", [(name, value)])).status == 200


def test_credentials_that_are_no_text_are_401(suite):
    text = body("6.6.6")
    for value in (b"\xff", b"sha256=\xff" * 10, b"sha256=" + b"\xc0" * 64, b"x" * 10_000):
        problem(ask(suite, request("POST", f"{EVENTS}/dev", [("X-Signature", value)], text, token=None)), 401,
                "SIGNATURE_INVALID")
    for value in (b"Bearer \xff", b"Bearer", b"Bearer ", b"Basic \xff", b"\xff", b"bearer " + b"x" * 10_000):
        problem(ask(suite, request("GET", "/v1/promotions", [("Authorization", value)], token=None)), 401,
                "UNAUTHENTICATED")


def test_the_log_stays_json_whatever_clients_send(suite):
    ask(suite, request("GET", b"/v1/promotions/\xff\xfe\"x", [("traceparent", b"\xff")]))
    ask(suite, request("GET", "/v1/promotions/%0a%22", [("X-Forwarded-For", b"\xff")]))
    marker = b"/v1/promotions/last-of-the-log"
    ask(suite, request("GET", marker))
    wait_for(lambda: marker.decode() in suite.gateway.logged(), what="the log")
    for line in suite.gateway.log.read_bytes().splitlines():
        assert json.loads(line.decode())["message"]
        assert b"hunter2" not in line and b"token-admin" not in line


# What is there twice.

def test_a_header_that_is_there_twice_is_not_believed(suite):
    text = body("2.2.2")
    (name, value), = signed(text).items()
    for pair in ([(name, value), (name, value)], [(name, value), (name, "")], [(name, ""), (name, value)],
                 [(name, value), (name.lower(), "sha256=" + "0" * 64)]):
        problem(ask(suite, request("POST", f"{EVENTS}/dev", pair, text, token=None)), 401, "SIGNATURE_INVALID")
    bearer = "Bearer token-viewer"
    for pair in ([bearer, "Bearer token-admin"], [bearer, bearer], ["", bearer], [bearer, ""]):
        headers = [("Authorization", value) for value in pair]
        problem(ask(suite, request("GET", "/v1/promotions", headers, token=None)), 401, "UNAUTHENTICATED")
    problem(ask(suite, request("GET", "/v1/promotions", [("Host", "x")])), 400)
    # The type of a body says nothing that its bytes do not say.
    types = [("Content-Type", "application/json"), ("Content-Type", "text/html")]
    assert ask(suite, request("POST", f"{EVENTS}/dev", [*types, (name, value)], text, token=None)).status == 202


def test_a_repeated_key_of_a_request_is_refused(suite):
    for keys in (["a", "b"], ["a", "a"]):
        headers = [("Idempotency-Key", key) for key in keys]
        answer = ask(suite, request("POST", HOLD.replace(":hold", ":replay"), headers, b'{"revision": "1.0.0"}'))
        problem(answer, 400, "INVALID_ARGUMENT")
        assert answer.json["violations"][0]["field"] == "requestId"


def approval(suite, timestamps, revision="9.9.9"):
    path = f"/approval/shopping/search/prod/{revision}"
    message = b"\n".join([b"POST", path.encode(), timestamps[0], b""])
    headers = [("X-Timestamp", value) for value in timestamps]
    headers.append(("X-Signature", "sha256=" + hmac.new(b"approver", message, "sha256").hexdigest()))
    return ask(suite, request("POST", path, headers, b"", token=None))


# Methods.

@pytest.mark.parametrize("path, allow", [
    ("/healthz", "GET, HEAD"), ("/metrics", "GET, HEAD"), ("/openapi.json", "GET, HEAD"),
    ("/v1/promotions", "GET, HEAD"), ("/v1/events", "GET, HEAD"), (HOLD, "POST"), (f"{EVENTS}/dev", "POST"),
    ("/promotion/shopping/search/dev", "POST"),
    ("/approval/shopping/search/prod/1", "POST"), ("/list/services", "GET, HEAD"), ("/state/freeze/app", "POST")])
def test_other_methods_are_405_with_those_that_are_there(suite, path, allow):
    for method in ("OPTIONS", "TRACE", "CONNECT", "PUT", "PATCH", "DELETE", "PROPFIND", "get", "BREW"):
        answer = ask(suite, request(method, path))
        assert (answer.status, answer.headers["allow"]) == (405, allow), (method, answer.headers, answer.body)
        assert b"token-admin" not in answer.body, "a TRACE would show it"
    other = ask(suite, request("POST" if "GET" in allow else "GET", path))
    assert (other.status, other.headers["allow"]) == (405, allow)
    with client(suite) as connection:
        connection.send(request("HEAD", path) + request("GET", "/healthz"))
        head = connection.answer(of_head=True)
        assert (head.status == 405) == (allow == "POST")
        assert connection.answer().body == b"ok", "the answer to HEAD had a body"


def test_methods_that_clients_invent_make_no_series_of_metrics(suite):
    for number in range(50):
        ask(suite, request(f"BREW{number}", "/v1/promotions"))
    metrics = ask(suite, request("GET", "/metrics")).body.decode()
    assert 'method="other"' in metrics and "BREW" not in metrics


# Time.

def test_events_are_accepted_within_an_hour_behind_and_five_minutes_ahead_of_the_receivers_clock(suite):
    for age, status in ((3590, 202), (3660, 401), (-290, 202), (-330, 401), (10 * 365 * 86400, 401),
                        (-10 * 365 * 86400, 401)):
        answer = suite.post(body("4.0.0", age=age))
        assert answer.status == status, (age, answer.body)
        if status == 401:
            assert answer.json["reason"] == "EVENT_STALE"
    for timestamp in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"):
        answer = suite.post(body("4.0.0", timestamp=timestamp))
        assert (answer.status, answer.json["reason"]) == (401, "EVENT_STALE"), timestamp
    for timestamp in ("", "now", "2026-13-01T00:00:00Z", "2026-01-01", 0, [], "99999-01-01T00:00:00Z"):
        answer = suite.post(body("4.0.0", timestamp=timestamp))
        assert answer.status in (400, 401), (timestamp, answer.body)


def test_a_captured_event_moves_nothing_back_when_it_is_sent_again(fresh):
    old = body("1.0.0", age=60)
    first, second = fresh.post(old), fresh.post(body("1.1.0"))
    replayed = fresh.post(old)
    assert replayed.status == 202 and replayed.json["id"] == first.json["id"]
    wait_for(lambda: fresh.promotion(second)["state"] == "WAITING_APPROVAL", what="the newest to wait")
    assert fresh.promotion(first)["state"] == "SUPERSEDED"
    assert len(fresh.gateway.get("/v1/promotions").json["promotions"]) == 2


def test_approvals_are_accepted_within_five_minutes_of_the_receivers_clock(suite):
    now = time.time()
    for offset, reason in ((-330, "EVENT_STALE"), (330, "EVENT_STALE"), (-280, "NOTHING_WAITS"),
                           (280, "NOTHING_WAITS")):
        answer = approval(suite, [str(int(now + offset)).encode()])
        assert answer.json["reason"] == reason, (offset, answer.body)
    for timestamp in (b"", b"now", b"-1", b"1e9", b"99999999999999999999", b"0x10", b"\xff"):
        problem(approval(suite, [timestamp]), 401)
    stamp = str(int(now)).encode()
    problem(approval(suite, [stamp, stamp]), 401, "SIGNATURE_INVALID")
    problem(approval(suite, [stamp, b"0"]), 401, "SIGNATURE_INVALID")


def test_a_captured_approval_is_worth_nothing_for_the_same_revision_later(fresh):
    fresh.post(body("1.0.0", age=30))
    stamp = [str(int(time.time())).encode()]
    assert approval(fresh, stamp, "1.0.0").status == 202
    fresh.post(body("2.0.0", age=20))
    again = fresh.post(body("1.0.0", age=10))
    fresh.receiver.kill()
    fresh.receiver.start()
    wait_for(lambda: fresh.gateway.get("/v1/promotions").status == 200, what="the receiver")
    problem(approval(fresh, stamp, "1.0.0"), 401, "SIGNATURE_REUSED")
    wait_for(lambda: fresh.promotion(again)["state"] == "WAITING_APPROVAL", what="it to wait")
    assert not fresh.promotion(again)["approval"]
