"""Flux events and approvals through the real gateway and promotion receiver: a test for each row of
the table of answers, in the order in which requests are checked."""

import hashlib
import hmac
import http.client
import json
import signal
import socket
import threading
import time

import pytest

from fleet import Program
from gateway import Gateway
from harness import BIN, LOCAL_ACTOR, ctl, wait_for

RECEIVER = BIN / "services/promotion_receiver/gitops-promotion-receiver"
PIPELINE = """apiVersion: pipelines.weave.works/v1alpha1
kind: Pipeline
metadata: {name: search, namespace: shopping}
spec:
  appRef: {apiVersion: helm.toolkit.fluxcd.io/v2beta1, kind: HelmRelease, name: search}
  environments:
  - {name: dev, targets: [{namespace: shopping}]}
  - {name: prod, targets: [{namespace: shopping}]}
  promotion:
    manual: true
    strategy: {notification: {}, secretRef: {name: promotion}}
"""
KEY = b"hunter2"
EVENTS = "/pipelines/promotions/shopping/search"


def body(revision="0.13.4", age=0, **members):
    """The event of seed 003."""
    timestamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age))
    return json.dumps({
        "involvedObject": {
            "kind": "HelmRelease", "namespace": "shopping", "name": "search",
            "uid": "57c3579b-42da-4f27-afc5-8bd7778286e1",
            "apiVersion": "helm.toolkit.fluxcd.io/v2beta1", "resourceVersion": "155540"},
        "severity": "info", "timestamp": timestamp, "message": "Helm upgrade succeeded",
        "reason": "info", "metadata": {"revision": revision, "summary": "foobar"},
        "reportingController": "helm-controller",
        "reportingInstance": "helm-controller-7cdc7874f8-9qpft", **members}).encode()


def signed(text, algorithm="sha256", key=KEY):
    return {"X-Signature": f"{algorithm}={hmac.new(key, text, algorithm).hexdigest()}"}


class Suite:
    def __init__(self, directory, *gateway_flags, receiver_flags=()):
        self.pipelines = directory / "pipelines"
        self.secrets = directory / "secrets"
        self.pipelines.mkdir()
        (self.pipelines / "search.yaml").write_text(PIPELINE)
        secret = directory / "secrets/shopping/promotion"
        secret.mkdir(parents=True)
        (secret / "hmac-key").write_bytes(KEY + b"\n")
        (secret / "approval-key").write_text("approver")
        self.receiver = Program(RECEIVER, directory / "receiver", [
            "--pipelines", self.pipelines, "--secrets", self.secrets,
            "--state-dir", directory / "receiver/state",
            "--listen", f"unix:{directory}/receiver.sock", *receiver_flags]).start()
        self.address = f"unix:{directory}/receiver.sock"
        self.gateway = Gateway(directory / "gateway", [
            "--promotion-receiver", self.address, "--planner", "",
            *(gateway_flags or ["--rate-limit", "0"])]).start()

    def stop(self):
        self.gateway.kill()
        self.receiver.kill()

    def post(self, text, path=f"{EVENTS}/dev", headers=None):
        return self.gateway.request("POST", path, body=text, token=None,
                                    headers=signed(text) if headers is None else headers)

    def promotion(self, answer):
        return self.gateway.get(answer.headers["location"]).json["promotion"]


@pytest.fixture(name="suite")
def running_suite(tmp_path):
    suite = Suite(tmp_path)
    yield suite
    suite.stop()


def refused(answer, status, reason):
    assert (answer.status, answer.json["reason"]) == (status, reason), answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"hunter2" not in answer.body


def test_202_with_the_promotion_also_for_repeats_and_on_both_paths(suite):
    text = body()
    first = suite.post(text)
    assert first.status == 202 and first.json["id"] == first.headers["location"].split("/")[-1]
    assert suite.post(text).headers["location"] == first.headers["location"]
    again = suite.post(text, path="/promotion/shopping/search/dev")
    assert again.headers["location"] == first.headers["location"]
    promotion = suite.promotion(first)
    assert (promotion["revision"], promotion["environment"]) == ("0.13.4", "prod")
    assert promotion["eventCount"] == 3
    assert promotion["event"]["address"] == "127.0.0.1"


def test_every_algorithm_signs_and_nothing_else_does(suite):
    for algorithm in ("sha224", "sha256", "sha384", "sha512"):
        text = body(algorithm)
        assert suite.post(text, headers=signed(text, algorithm)).status == 202, algorithm
    text = body()
    md5 = hmac.new(KEY, text, hashlib.md5).hexdigest()
    for headers in ({}, {"X-Signature": "sha256"}, {"X-Signature": f"md5={md5}"},
                    signed(text, key=b"wrong"), {"X-Signature": "sha256=" + "0" * 64}):
        answer = suite.post(text, headers=headers)
        refused(answer, 401, "SIGNATURE_INVALID")
        assert hmac.new(KEY, text, "sha256").hexdigest() not in answer.body.decode()


def test_401_for_events_from_another_time_and_400_for_none(suite):
    refused(suite.post(body(age=2 * 3600)), 401, "EVENT_STALE")
    refused(suite.post(body(age=-600)), 401, "EVENT_STALE")
    for text in (b"no JSON", b"[]", body(timestamp=None)):
        refused(suite.post(text), 400, "EVENT_MALFORMED")


def test_404_405_and_413_are_told_before_the_signature_is_looked_at(suite):
    refused(suite.post(body(), path="/pipelines/promotions/shopping/none/dev", headers={}), 404,
            "PIPELINE_UNKNOWN")
    assert suite.post(body(), path=f"{EVENTS}/dev/more", headers={}).status == 404
    answer = suite.gateway.request("GET", f"{EVENTS}/dev", token=None)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    host, port = suite.gateway.address("http").rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"POST {EVENTS}/dev HTTP/1.1\r\nHost: x\r\n"
                           "Content-Length: 2000000000\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_422_for_what_the_pipeline_does_not_promote(suite):
    refused(suite.post(body(), path=f"{EVENTS}/none"), 422, "EVENT_ENVIRONMENT_UNKNOWN")
    refused(suite.post(body(), path=f"{EVENTS}/prod"), 422, "LAST_ENVIRONMENT")
    refused(suite.post(body(metadata={})), 422, "EVENT_WITHOUT_REVISION")
    other = {"kind": "HelmRelease", "namespace": "shopping", "name": "other",
             "apiVersion": "helm.toolkit.fluxcd.io/v2"}
    refused(suite.post(body(involvedObject=other)), 422, "OBJECT_MISMATCH")


def test_events_without_success_are_accepted_and_promote_nothing(suite):
    for members in ({"message": "Helm upgrade has started"},
                    {"severity": "error", "reason": "UpgradeFailed", "message": "no"},
                    {"reason": "RollbackSucceeded", "message": "Helm rollback succeeded"}):
        answer = suite.post(body(**members))
        assert answer.status == 202
        assert suite.promotion(answer)["state"] == "IGNORED", members


def test_429_over_the_rate_of_an_address(tmp_path):
    suite = Suite(tmp_path, "--rate-limit", "1/s:5")
    try:
        answers = [suite.post(body()) for _ in range(20)]
        limited = [answer for answer in answers if answer.status == 429]
        assert len(limited) >= 10
        for answer in limited:
            assert 1 <= int(answer.headers["retry-after"]) <= 4
            assert answer.json["reason"] == "RATE_LIMITED"
    finally:
        suite.stop()


def test_503_while_the_receiver_is_away_and_202_when_it_is_back(suite):
    suite.receiver.stop(signal.SIGKILL)
    answer = suite.post(body())
    refused(answer, 503, "PROMOTION_RECEIVER_UNREACHABLE")
    assert 1 <= int(answer.headers["retry-after"]) <= 4
    suite.receiver.start()
    assert wait_for(lambda: suite.post(body()).status == 202, what="the receiver to be back")


def test_what_was_acknowledged_survives_kills_of_gateway_and_receiver(suite):
    acknowledged, stop = {}, threading.Event()

    def load(number):
        count = 0
        text = body(f"{number}.0.0")
        while not stop.is_set():
            try:
                answer = suite.post(text)
            except (OSError, http.client.HTTPException, AttributeError):
                continue  # sent again byte for byte, as Flux does
            if answer.status == 202:
                acknowledged[f"{number}.{count}.0"] = answer.json["id"]
                count += 1
                text = body(f"{number}.{count}.0")

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for program in (suite.receiver, suite.gateway) * 2:
            before = len(acknowledged)
            wait_for(lambda: len(acknowledged) > before + 20, what="events to be acknowledged")
            program.stop(signal.SIGKILL)
            program.start()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    promotions, page = [], ""
    while True:
        listed = suite.gateway.get(f"/v1/promotions?pageToken={page}").json
        promotions += listed["promotions"]
        page = listed["nextPageToken"]
        if not page:
            break
    stored = {promotion["id"]: promotion["revision"] for promotion in promotions}
    assert len(stored) == len(promotions)
    for revision, promotion in acknowledged.items():
        assert stored[promotion] == revision
    # A repeat after a lost answer has the promotion of the first one.
    revisions = list(stored.values())
    assert len(revisions) == len(set(revisions))


def approval(suite, revision, key="approver", timestamp=None, text=b""):
    path = f"/approval/shopping/search/prod/{revision}"
    timestamp = str(int(time.time() if timestamp is None else timestamp))
    message = b"\n".join([b"POST", path.encode(), timestamp.encode(), text])
    return suite.post(text, path=path, headers={"X-Timestamp": timestamp,
                                                **signed(message, key=key.encode())})


def test_an_approval_is_signed_with_its_own_key_and_accepted_once(suite):
    suite.post(body("main@sha1:0123456789abcdef0123456789abcdef01234567"))
    revision = "main@sha1:0123456789abcdef0123456789abcdef01234567"
    refused(approval(suite, revision, key=KEY.decode()), 401, "SIGNATURE_INVALID")
    assert approval(suite, revision, timestamp=time.time() - 600).status == 401
    refused(approval(suite, "main@sha1:ffff"), 422, "NOTHING_WAITS")
    now = time.time()
    done = approval(suite, revision, timestamp=now)
    assert done.status == 202, done.body
    assert suite.promotion(done)["approval"]["actor"] == "approval key of shopping/search"
    assert approval(suite, revision, timestamp=now).status in (401, 422)


def test_an_approval_names_a_revision_with_slashes_in_either_way(suite):
    for written in ("main/0123456789abcdef", "main%2Ffedcba9876543210"):
        suite.post(body(written.replace("%2F", "/")))
        done = approval(suite, written)
        assert done.status == 202, done.body
        assert done.json["promotion"]["revision"] == written.replace("%2F", "/")


def test_a_person_approves_with_the_token_of_an_approver(suite):
    suite.post(body("1.0.0"))
    path = "/approval/shopping/search/prod/1.0.0"
    assert suite.gateway.post(path, token="operator").status == 403
    assert suite.gateway.post(path, token=None).status == 401
    done = suite.gateway.post(path, {"reason": "tested"}, token="approver")
    assert done.status == 202, done.body
    assert done.json["promotion"]["approval"]["reason"] == "tested"
    assert "approver" in done.json["promotion"]["approval"]["actor"]


def test_what_waits_for_a_pipeline_that_is_gone_can_only_be_rejected(suite):
    promotion = suite.promotion(suite.post(body("1.0.0")))
    path = "/v1/pipelines/shopping/search/environments/prod"
    (suite.pipelines / "search.yaml").unlink()
    wait_for(lambda: suite.gateway.get("/v1/pipelines/shopping/search").status == 404, what="the pipeline to go")
    refused(suite.gateway.post(f"{path}:approve", {"revision": "1.0.0"}), 404, "PIPELINE_UNKNOWN")
    stale = suite.gateway.post(f"{path}:reject", {"revision": "1.0.0"}, headers={"If-Match": '"stale"'})
    assert stale.status == 412, stale.body
    assert suite.gateway.get(f"/v1/promotions/{promotion['id']}").json["promotion"]["state"] == "WAITING_APPROVAL"
    rejected = suite.gateway.post(f"{path}:reject", {"revision": "1.0.0", "reason": "retired"})
    assert rejected.status == 200, rejected.body
    promotion = rejected.json["promotion"]
    assert promotion["state"] == "REJECTED"
    assert promotion["principal"]["onBehalfOf"] and promotion["principal"]["kind"] == "SERVER", promotion


def test_gitopsctl_shows_decides_and_holds_promotions(suite):
    suite.post(body("1.0.0"))

    def run(*arguments, **options):
        return ctl(*arguments, "--promotion-receiver", suite.address, **options)

    assert run("list", "pipelines", "-o", "name").out == "shopping/search\n"
    promotion = run("list", "promotions", "-o", "json").json()["promotions"][0]
    assert promotion["state"] == "WAITING_APPROVAL"
    assert run("get", "promotion", promotion["id"], "-o", "json").json()["event"]["body"]
    manifests = run("get", "pipeline", "search", "--flux-manifests", "--address", "https://ops").out
    assert "/pipelines/promotions/shopping/search/dev" in manifests
    assert "/shopping/search/prod" not in manifests
    wrong = run("promotions", "approve", "shopping/search", "prod", "2.0.0", check=False)
    assert wrong.status == 1 and "NOTHING_WAITS" in wrong.err
    run("promotions", "hold", "shopping/search", "prod", "--reason", "a test")
    assert "held" in run("list", "pipelines").out
    run("promotions", "release", "shopping/search", "prod")
    approved = run("promotions", "approve", "shopping/search", "prod", "1.0.0", "-o", "json").json()
    assert approved["approval"]["actor"] == LOCAL_ACTOR
    through = ctl("list", "promotions", "-o", "json", "--gateway",
                  "http://" + suite.gateway.address("http"), env={"GITOPS_TOKEN": "token-viewer"})
    assert through.json()["promotions"][0]["id"] == promotion["id"]
