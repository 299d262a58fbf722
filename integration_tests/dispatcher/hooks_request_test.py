"""What an endpoint is sent: contracts, section 5, line by line; and questions that cannot be asked."""

import hashlib
import hmac
import re
import ssl
import subprocess

import grpc
import pytest

from hook_dispatcher import POINTS, SELECT_POINTS, WEB1, answered, hook, pb, says


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
            running.dispatch(point, result=f"STEP_RESULT_{result.upper()}")
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


@pytest.mark.parametrize("point, hosts, told", [
    ("pre-everything", {"web1": []}, "unknown hook point"),
    ("pre-deploy", {"web1": ["explode"]}, "unknown action"),
    ("pre-deploy", {}, "takes exactly one host"),
    ("pre-deploy", {"web1": [], "web2": []}, "takes exactly one host"),
    ("pre-select", [("web1", []), ("web1", [])], "twice"),
])
def test_bad_question_is_an_invalid_argument(endpoint, dispatcher, point, hosts, told):
    asked = endpoint()
    with pytest.raises(grpc.RpcError) as raised:
        dispatcher(hook(asked, points=POINTS)).dispatch(point, hosts)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert told in raised.value.details()
    assert not asked.requests
