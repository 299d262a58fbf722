"""The hook dispatcher as its callers and endpoints see it: contracts, section 5, line by line, and
what endpoints do that they should not."""

import concurrent.futures
import hashlib
import hmac
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import grpc
import pytest

from harness import wait_for
from hook_dispatcher import DISPATCHER, Dispatcher, Endpoint, answered, hang_up, hooks_config, pb

POINTS = [f"{when}-{step}" for step in ("select", "deploy", "reboot", "healthchecks")
          for when in ("pre", "post")]
SELECT_POINTS = POINTS[:2]
WEB1 = {"host": "web1", "actions": ["push", "switch"]}


@pytest.fixture
def endpoint():
    """Makes endpoints, and ends them."""
    made = []

    def make(*arguments, **options):
        made.append(Endpoint(*arguments, **options))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def dispatcher(tmp_path):
    """Makes dispatchers of hooks (dicts), and stops them."""
    made = []

    def make(*hooks, **options):
        made.append(Dispatcher(tmp_path / f"dispatcher{len(made)}", hooks_config(*hooks), **options))
        return made[-1].start()
    yield make
    for one in made:
        one.__exit__()


def hook(endpoint, name="drain", points=("pre-deploy",), **keys):
    return {"name": name, "points": list(points), "url": getattr(endpoint, "url", endpoint),
            "retries": 0, **keys}


def says(*said):
    """An endpoint's answer: these in turn, the last one for ever."""
    left = list(said)
    return lambda request, handler: left.pop(0) if len(left) > 1 else left[0]


# What goes out.

def test_request_is_a_post_with_the_headers_of_the_contract(endpoint, dispatcher):
    asked = endpoint()
    dispatcher(hook(asked)).dispatch(deployment="d1", idempotency_key="d1/web1/1/pre-deploy",
                                     traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    request, = asked.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Gitops-Hook"] == "drain"
    assert request.headers["X-Gitops-Point"] == "pre-deploy"
    assert request.headers["X-Gitops-Deployment"] == "d1"
    assert request.headers["Idempotency-Key"] == "d1/web1/1/pre-deploy/drain"
    assert request.headers["traceparent"] == "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert "X-Signature" not in request.headers
    assert "X-Gitops-Result" not in request.headers


@pytest.mark.parametrize("point", POINTS)
def test_payload_has_the_form_of_its_point(endpoint, dispatcher, point):
    asked = endpoint()
    response = dispatcher(hook(asked, points=[point])).dispatch(point)
    assert not response.HasField("failure"), response
    assert answered(response) == [("web1", ["push", "switch"])]
    request, = asked.requests
    assert request.json() == ([WEB1] if point in SELECT_POINTS else WEB1)


def test_result_is_told_at_post_points_only(endpoint, dispatcher):
    asked = endpoint()
    running = dispatcher(hook(asked, points=POINTS))
    for point in POINTS:
        for result in ("ok", "failed", "skipped"):
            running.dispatch(point, result=result)
            told = asked.requests[-1].headers.get("X-Gitops-Result")
            assert told == (result if point.startswith("post-") else None), point


def test_hook_is_asked_at_its_points_only(endpoint, dispatcher):
    asked = endpoint()
    running = dispatcher(hook(asked, points=["pre-reboot"]))
    assert answered(running.dispatch("pre-deploy")) == [("web1", ["push", "switch"])]
    assert not asked.requests
    running.dispatch("pre-reboot")
    assert len(asked.requests) == 1


def test_signature_is_the_hmac_of_the_body_and_the_key_is_printed_nowhere(
        tmp_path, endpoint, dispatcher):
    (tmp_path / "key").write_text("topsecret\n")
    asked = endpoint(says((500, "no"), b"{}"))
    running = dispatcher(hook(asked, hmac_key_file=tmp_path / "key", retries=1),
                         flags=["--log-level", "debug"])
    response = running.dispatch()
    for request in asked.requests:
        right = hmac.new(b"topsecret", request.body, hashlib.sha256).hexdigest()
        assert request.headers["X-Signature"] == f"sha256={right}"
    listed = running.stub.ListHooks(pb.ListHooksRequest())
    assert listed.hooks[0].is_signed
    for text in (running.logged(), str(response), str(listed)):
        assert "topsecret" not in text


def test_traceparent_is_made_where_none_is_given(endpoint, dispatcher):
    asked = endpoint()
    dispatcher(hook(asked, "a"), hook(asked, "b")).dispatch()
    first, second = (request.headers["traceparent"] for request in asked.requests)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", first)
    assert first == second


def test_no_header_can_be_injected(endpoint, dispatcher):
    asked = endpoint()
    dispatcher(hook(asked)).dispatch(deployment="d1\r\nX-Evil: 1", idempotency_key="k\nX-Evil: 1",
                                     traceparent="x\r\nX-Evil: 1")
    assert "X-Evil" not in asked.requests[0].headers
    assert asked.requests[0].headers["X-Gitops-Deployment"] == "d1%0D%0AX-Evil: 1"


# What comes back, and the modes.

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
    assert (call.hook, call.point, call.host, call.attempts) == ("drain", "pre-deploy", "web1", 1)
    assert json.loads(call.request) == WEB1
    assert json.loads(call.response) == {"host": "web1", "actions": ["skip"]}
    assert call.http_status == 200 and not call.error
    assert 0.05 <= call.duration.ToMilliseconds() / 1000 < 10
    assert abs(call.start_time.ToSeconds() - time.time()) < 60
    assert call.url == asked.url
    assert "Basic" in asked.requests[0].headers["Authorization"]
    assert "hunter2" not in str(response) and "hush" not in str(response)


# Retries and time.

def test_five_hundreds_and_lost_connections_are_tried_again_with_the_same_key(endpoint, dispatcher):
    left = [lambda handler: (503, "busy"), hang_up, lambda handler: (502, "bad"), lambda handler: WEB1]
    asked = endpoint(lambda request, handler: left.pop(0)(handler))
    response = dispatcher(hook(asked, retries=3)).dispatch(idempotency_key="k")
    assert not response.HasField("failure"), response.failure
    assert response.calls[0].attempts == len(asked.requests) == 4
    assert {request.headers["Idempotency-Key"] for request in asked.requests} == {"k/drain"}


def test_retries_are_used_up_exactly_and_two_by_default(endpoint, dispatcher):
    asked = endpoint(says((500, "no")))
    spec = hook(asked)
    del spec["retries"]
    assert dispatcher(spec).dispatch().calls[0].attempts == 3
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
    assert time.monotonic() - began < 5
    assert "no whole answer within 300ms" in response.failure.message
    assert response.failure.http_status == 0
    assert len(asked.requests) == 1
    over.set()


# What endpoints do that they should not.

def drip(handler, *, header):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    if not header:
        handler.wfile.write(b"Content-Length: 100000\r\n\r\n")
    while True:
        handler.wfile.write(b"X-A: b\r\n" if header else b" ")
        time.sleep(0.02)


def later(handler):
    time.sleep(1.5)
    Endpoint.say(handler, WEB1)


@pytest.mark.parametrize("behaviour", [
    pytest.param(later, id="answers late"),
    pytest.param(lambda handler: drip(handler, header=False), id="drips its body"),
    pytest.param(lambda handler: drip(handler, header=True), id="drips its headers"),
    pytest.param(lambda handler: time.sleep(3), id="answers not at all"),
])
def test_hook_that_is_too_slow_stops_in_time(endpoint, dispatcher, behaviour):
    asked = endpoint(lambda request, handler: behaviour(handler))
    began = time.monotonic()
    response = dispatcher(hook(asked, timeout="500ms")).dispatch()
    assert 0.4 < time.monotonic() - began < 5
    assert "no whole answer within 500ms" in response.failure.message


@pytest.mark.parametrize("said, told", [
    pytest.param((204, ""), ["status 204", "body is empty"], id="204"),
    pytest.param((201, WEB1), ["status 201"], id="201 with a good body"),
    pytest.param((302, WEB1, {"Location": "http://127.0.0.1:1/"}),
                 ["status 302", "redirect", "not followed"], id="302"),
    pytest.param((500, "Internal Error"), ["status 500", "Internal Error"], id="500"),
    pytest.param("<html>It works!</html>", ["status 200", "no JSON", "<html>It works!"], id="HTML"),
    pytest.param("x" * (2 << 20), ["status 200", "longer than 1048576 bytes", "xxxx"], id="2 MB"),
    pytest.param(b'{"host":"web1\xff","actions":[]}', ["not UTF-8"], id="invalid UTF-8"),
    pytest.param("[" * 100000 + "]" * 100000, ["nested deeper"], id="deep JSON"),
    pytest.param('{"host":"web1","actions":[],"n":NaN}', ["no JSON"], id="NaN"),
    pytest.param('{"host":"web1","actions":[],"n":1e999}', ["too large"], id="huge number"),
    pytest.param('{"host":"web1","actions":[],"actions":["push"]}', ["twice"], id="key twice"),
    pytest.param({"host": "web1", "actions": ["push", "explode"]},
                 ['unknown action "explode"'], id="unknown action"),
    pytest.param({"host": "web1", "actions": ["swich"]}, ['did you mean "switch"'],
                 id="misspelt action"),
    pytest.param({"host": "web1", "actions": ["push"] * 1001}, ["1001 actions"], id="endless list"),
    pytest.param({"host": "db1", "actions": []}, ['another host, "db1"'], id="another host"),
    pytest.param([WEB1], ["not an object"], id="list"),
    pytest.param({"host": "web1"}, ['no array "actions"'], id="no actions"),
    pytest.param("", ["body is empty"], id="nothing"),
])
def test_hook_that_answers_wrongly_stops_and_says_what_it_was(endpoint, dispatcher, said, told):
    asked = endpoint(says(said))
    response = dispatcher(hook(asked)).dispatch()
    for part in ['hook "drain" at pre-deploy', *told]:
        assert part in response.failure.message
    assert answered(response) == [("web1", ["push", "switch"])]
    assert response.calls[0].error == response.failure.message
    assert len(response.failure.message) < 1000
    assert len(asked.requests) == 1


@pytest.mark.parametrize("said, told", [
    pytest.param([WEB1, WEB1], "twice", id="a duplicated host"),
    pytest.param([{"host": "stranger", "actions": []}], "not in the fleet", id="a host not in the fleet"),
    pytest.param(WEB1, "expected a list", id="one host"),
    pytest.param([WEB1, 7], "element 2", id="no host"),
])
def test_select_hook_that_answers_wrongly_stops(endpoint, dispatcher, said, told):
    response = dispatcher(hook(endpoint(says(said)), points=["pre-select"])).dispatch("pre-select")
    assert told in response.failure.message
    assert answered(response) == [("web1", ["push", "switch"])]


def test_redirect_reaches_nobody(endpoint, dispatcher):
    other = endpoint()
    asked = endpoint(says((307, "", {"Location": other.url})))
    assert dispatcher(hook(asked)).dispatch().failure.http_status == 307
    assert not other.requests


def test_hook_that_is_not_there_stops(dispatcher):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x"
    response = dispatcher(hook(url, retries=1)).dispatch()
    assert response.calls[0].attempts == 2
    assert response.failure.http_status == 0
    assert f"POST {url}" in response.failure.message


def test_only_the_named_authority_is_trusted_and_the_client_certificate_is_shown(
        tmp_path, endpoint, dispatcher):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "stranger"):
        openssl("req", "-x509", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                "-out", f"{name}.crt", "-days", "2")
    (tmp_path / "ext").write_text("subjectAltName=DNS:localhost\n")
    for name in ("server", "client"):
        openssl("req", "-new", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-CAcreateserial", "-extfile", "ext", "-out", f"{name}.crt", "-days", "2")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    tls.load_verify_locations(tmp_path / "ca.crt")
    tls.verify_mode = ssl.CERT_REQUIRED
    asked = endpoint(tls=tls)
    client = {"client_cert_file": tmp_path / "client.crt", "client_key_file": tmp_path / "client.key"}
    for keys in ({}, client, {"ca_file": tmp_path / "ca.crt"},
                 {"ca_file": tmp_path / "stranger.crt", **client}):
        assert dispatcher(hook(asked, **keys)).dispatch().HasField("failure"), keys
    assert not asked.requests
    response = dispatcher(hook(asked, ca_file=tmp_path / "ca.crt", **client)).dispatch()
    assert not response.HasField("failure"), response.failure
    assert len(asked.requests) == 1


# Many at once.

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


# Questions that cannot be asked.

@pytest.mark.parametrize("point, hosts, told", [
    ("pre-everything", {"web1": []}, "unknown hook point"),
    ("pre-deploy", {"web1": ["explode"]}, "unknown action"),
    ("pre-deploy", {}, "one host at a time"),
    ("pre-deploy", {"web1": [], "web2": []}, "one host at a time"),
    ("pre-select", [("web1", []), ("web1", [])], "twice"),
])
def test_bad_question_is_an_invalid_argument(endpoint, dispatcher, point, hosts, told):
    asked = endpoint()
    with pytest.raises(grpc.RpcError) as raised:
        dispatcher(hook(asked, points=POINTS)).dispatch(point, hosts)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert told in raised.value.details()
    assert not asked.requests


# The program.

def run(*arguments, env=None):
    return subprocess.run([str(DISPATCHER), *map(str, arguments)], capture_output=True, text=True,
                          timeout=30, env=env or {})


def test_config_is_checked_with_every_fault_at_once(tmp_path):
    config = tmp_path / "hooks.toml"
    config.write_text(hooks_config(hook("http://lb/")) + '[hook-dispatcher]\nlog-level = "debug"\n')
    done = run("--config", config, "--check-config")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "1 hooks" in done.stdout
    config.write_text('[[hooks]]\nname = "a"\npoints = ["pre-deplyo"]\nulr = "http://lb/"\n'
                      '[hook-dispatcher]\nlog-levle = "debug"\n')
    done = run("--config", config, "--check-config")
    assert done.returncode == 2
    for told in (f'{config}:3: [[hooks]] "a": points: unknown hook point "pre-deplyo" (did you mean '
                 '"pre-deploy"?)',
                 f'{config}:4: [[hooks]] "a": unknown key "ulr" (did you mean "url"?)',
                 f'{config}:6: [hook-dispatcher]: unknown key "log-levle" (did you mean "log-level"?)'):
        assert told in done.stderr
    assert run("--config", config).returncode == 2


def test_flags_are_those_of_every_server(tmp_path):
    assert run("--version").stdout.startswith("gitops-hook-dispatcher ")
    usage = run("--help").stdout
    for told in ("127.0.0.1:8002", "127.0.0.1:9223", "--address-file", "--state-dir", "--tls-dir"):
        assert told in usage
    assert run().returncode == 2
    assert "--config" in run().stderr
    assert 'did you mean "--listen"' in run("--lsiten", "x").stderr
    assert run("--config", tmp_path / "none").returncode == 1


def test_state_dir_and_store_are_accepted_and_nothing_is_opened(tmp_path, endpoint, dispatcher):
    running = dispatcher(hook(endpoint()), flags=["--state-dir", str(tmp_path / "state")],
                         env={"GITOPS_STORE": "etcd://127.0.0.1:2379/gitops"})
    running.dispatch()
    assert not (tmp_path / "state").exists()


def test_fleet_hooks_and_programs_may_share_one_file(tmp_path, endpoint, dispatcher):
    asked = endpoint()
    running = dispatcher(hook(asked))
    running.reload('[global]\nupstream = "x"\n[fleet]\norder_by_tags = ["a"]\n[[hosts]]\nname = "web1"\n'
                   + hooks_config(hook(asked, "other")) + '[planner]\nlisten = "x"\n')
    assert running.dispatch().calls[0].hook == "other"


def test_sighup_takes_up_a_good_config_with_its_keys_and_keeps_the_old_one_over_a_bad_one(
        tmp_path, endpoint, dispatcher):
    key = tmp_path / "key"
    key.write_text("first")
    asked = endpoint()
    running = dispatcher(hook(asked, hmac_key_file=key))

    def signed_with():
        running.dispatch()
        request = asked.requests[-1]
        return {hmac.new(text, request.body, hashlib.sha256).hexdigest(): text
                for text in (b"first", b"second")}[request.headers["X-Signature"].split("=")[1]]
    assert signed_with() == b"first"
    key.write_text("second")
    running.reload(hooks_config(hook(asked, hmac_key_file=key)))
    assert signed_with() == b"second"
    running.reload("[[hooks]]\nnmae = 1\n", expect="the one before stays in force")
    assert 'did you mean' in running.logged()
    assert signed_with() == b"second"
    key.unlink()
    running.reload(hooks_config(hook(asked, hmac_key_file=key)), expect="the one before stays in force")
    assert signed_with() == b"second"
    assert "second" not in running.logged().replace("seconds", "")


def test_hooks_are_listed_in_the_order_of_the_file_without_secrets(dispatcher):
    running = dispatcher(hook("https://user:hunter2@lb:8443/x?token=hush", "z", POINTS, mode="filter",
                              timeout="1.5s", retries=7, on_error="ignore"),
                         {"name": "a", "points": ["pre-deploy"], "url": "http://lb/"})
    first, second = running.stub.ListHooks(pb.ListHooksRequest()).hooks
    assert (first.name, list(first.points), first.url) == ("z", POINTS, "https://lb:8443/x")
    assert (first.mode, first.retries, first.on_error) == ("filter", 7, "ignore")
    assert first.timeout.ToMilliseconds() == 1500
    assert (second.name, second.mode, second.retries, second.on_error) == ("a", "transform", 2, "stop")
    assert second.timeout.ToSeconds() == 10


def test_metrics_and_health_are_served(endpoint, dispatcher):
    running = dispatcher(hook(endpoint()), hook(endpoint(says((500, ""))), "down", on_error="ignore"),
                         hook(endpoint(says((500, ""))), "bad"))
    running.dispatch()

    def get(path):
        with urllib.request.urlopen(f"http://{running.address('http')}{path}", timeout=10) as answer:
            return answer.read().decode()
    assert get("/healthz").strip() == get("/readyz").strip() == "ok"
    text = get("/metrics")
    for line in ('gitops_hook_requests_total{hook="drain",point="pre-deploy",result="ok"} 1',
                 'gitops_hook_requests_total{hook="down",point="pre-deploy",result="ignored"} 1',
                 'gitops_hook_requests_total{hook="bad",point="pre-deploy",result="failed"} 1',
                 'gitops_hook_duration_seconds_count{hook="drain"} 1',
                 'gitops_build_info{component="hook-dispatcher"'):
        assert line in text
    assert re.search(r'grpc_server_handled_total\{.*grpc_method="DispatchHook".*\} 1', text)


def test_sigterm_lets_a_call_come_to_its_end(endpoint, dispatcher):
    goes_on = threading.Event()
    asked = endpoint(lambda request, handler: goes_on.wait(20) and request.body)
    running = dispatcher(hook(asked))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        call = pool.submit(running.dispatch)
        wait_for(lambda: asked.requests, what="the request")
        running.process.terminate()
        wait_for(lambda: "stopping" in running.logged(), what="the end to begin")
        goes_on.set()
        assert answered(call.result(30)) == [("web1", ["push", "switch"])]
    assert running.process.wait(30) == 0
