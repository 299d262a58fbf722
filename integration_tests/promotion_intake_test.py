"""gitops-promotion-receiver: events and approvals as the gateway passes them on. Nothing is carried out here:
what becomes of a promotion is tested elsewhere."""

import hashlib
import hmac
import json
import os
import signal
import subprocess
import threading
import time

import grpc
import pytest

import protos
from fleet import Program
from harness import BIN, Result, wait_for

RECEIVER = BIN / "services" / "promotion_receiver" / "gitops-promotion-receiver"
pb = protos.messages("gitops/v1/promotion")

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


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def event(revision="0.13.4", environment="dev", key=b"hunter2", algorithm="sha256", pipeline="search", age=0,
          **members):
    """An event as Flux sent it in 2022 (seed 003), signed."""
    body = {
        "involvedObject": {
            "kind": "HelmRelease", "namespace": "shopping", "name": "search",
            "uid": "57c3579b-42da-4f27-afc5-8bd7778286e1",
            "apiVersion": "helm.toolkit.fluxcd.io/v2beta1", "resourceVersion": "155540"},
        "severity": "info", "timestamp": rfc3339(time.time() - age), "message": "Helm upgrade succeeded",
        "reason": "info", "metadata": {"revision": revision, "summary": "foobar"},
        "reportingController": "helm-controller", "reportingInstance": "helm-controller-7cdc7874f8-9qpft"}
    body.update(members)
    raw = json.dumps(body).encode()
    signature = hmac.new(key, raw, algorithm).hexdigest()
    return pb.ReceivedEvent(namespace="shopping", pipeline=pipeline, environment=environment, body=raw,
                            signature=f"{algorithm}={signature}", address="192.0.2.7")


class Receiver(Program):
    def __init__(self, directory, *flags):
        super().__init__(RECEIVER, directory, [])
        self.pipelines = self.directory / "pipelines"
        self.secrets = self.directory / "secrets"
        self.pipelines.mkdir()
        (self.pipelines / "search.yaml").write_text(PIPELINE)
        self.secret("hmac-key", "hunter2\n")
        self.secret("approval-key", "approver")
        self.flags = ["--pipelines", str(self.pipelines), "--secrets", str(self.secrets), "--state-dir",
                      str(self.directory / "state"), "--listen", "127.0.0.1:0", *flags]

    def secret(self, key, value):
        path = self.secrets / "shopping" / "promotion" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name("." + key).write_text(value)
        path.with_name("." + key).rename(path)

    def ask(self, method, request, timeout=20):
        with grpc.insecure_channel(self.address()) as channel:
            stub = protos.stubs("gitops/v1/promotion").PromotionServiceStub(channel)
            return getattr(stub, method)(request, timeout=timeout)

    def send(self, *events):
        return list(self.ask("ReceiveEvents", pb.ReceiveEventsRequest(events=events)).outcomes)

    def accept(self, one):
        outcome, = self.send(one)
        assert outcome.promotion, outcome.error.message
        return outcome.promotion

    def get(self, promotion):
        return self.ask("GetPromotion", pb.GetPromotionRequest(id=promotion)).promotion

    def promotions(self):
        found, token = [], ""
        while True:
            page = self.ask("ListPromotions", pb.ListPromotionsRequest(page_token=token))
            found += page.promotions
            token = page.next_page_token
            if not token:
                return found


def reason_of(outcome):
    return [detail.value for detail in outcome.error.details]


def refused(receiver, one, reason):
    outcome, = receiver.send(one)
    assert not outcome.promotion
    assert reason.encode() in b"".join(reason_of(outcome)), outcome.error
    return outcome.error.message


@pytest.fixture(name="receiver")
def running_receiver(tmp_path):
    receiver = Receiver(tmp_path / "receiver")
    receiver.start()
    yield receiver
    receiver.stop()


def test_event_of_flux_is_stored_and_shown(receiver):
    promotion = receiver.get(receiver.accept(event()))
    assert promotion.revision == promotion.version == "0.13.4"
    assert (promotion.source_environment, promotion.environment) == ("dev", "prod")
    assert promotion.event.metadata["summary"] == "foobar"
    assert promotion.event.reporting_controller == "helm-controller"
    assert 'gitops_promotion_webhooks_total{pipeline="shopping/search",result="new"} 1' in receiver.metrics()


def test_every_signature_algorithm_is_accepted_and_wrong_keys_are_not(receiver):
    for number, algorithm in enumerate(["sha224", "sha256", "sha384", "sha512"]):
        receiver.accept(event(revision=str(number), algorithm=algorithm))
    message = refused(receiver, event(key=b"wrong"), "SIGNATURE_INVALID")
    assert "hunter2" not in message
    one = event()
    one.signature = ""
    refused(receiver, one, "SIGNATURE_INVALID")
    refused(receiver, event(pipeline="none"), "PIPELINE_UNKNOWN")
    assert "hunter2" not in receiver.logged()


def test_what_is_no_promotion_is_refused_with_its_reason(receiver):
    refused(receiver, event(age=2 * 3600), "EVENT_STALE")
    refused(receiver, event(age=-600), "EVENT_STALE")
    refused(receiver, event(environment="none"), "EVENT_ENVIRONMENT_UNKNOWN")
    refused(receiver, event(involvedObject={"kind": "HelmRelease"}), "OBJECT_MISMATCH")
    refused(receiver, event(metadata={}), "EVENT_WITHOUT_REVISION")
    refused(receiver, event(environment="prod"), "LAST_ENVIRONMENT")
    refused(receiver, event(timestamp=None), "EVENT_MALFORMED")
    assert receiver.promotions() == []


def test_repeats_share_a_promotion_and_a_returning_revision_is_a_new_one(receiver):
    first = event("A", age=30)
    a = receiver.accept(first)
    assert receiver.accept(first) == a
    assert receiver.get(a).event_count == 2
    b = receiver.accept(event("B", age=20))
    assert receiver.accept(first) == a, "a late repeat"
    again = receiver.accept(event("A", age=10))
    assert len({a, b, again}) == 3
    states = {promotion.id: promotion.state for promotion in receiver.promotions()}
    assert states[a] == states[b] == pb.PROMOTION_STATE_SUPERSEDED
    late = receiver.accept(event("C", age=15))
    assert receiver.get(late).state == pb.PROMOTION_STATE_SUPERSEDED


def test_events_without_a_success_are_recorded_as_ignored(receiver):
    ignored = receiver.accept(event(message="Helm upgrade has started"))
    assert receiver.get(ignored).state == pb.PROMOTION_STATE_IGNORED
    assert receiver.accept(event(message="Helm upgrade has started")) == ignored
    failed = receiver.accept(event(severity="error", reason="UpgradeFailed"))
    assert "severity" in receiver.get(failed).message


def test_what_was_acknowledged_is_there_after_a_kill(receiver):
    acknowledged, stop = [], threading.Event()

    def load(number):
        count = 0
        while not stop.is_set():
            try:
                outcome, = receiver.send(event(f"{number}-{count}"))
            except (grpc.RpcError, OSError, AttributeError):
                continue
            if outcome.promotion:
                acknowledged.append(outcome.promotion)
            count += 1

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            before = len(acknowledged)
            wait_for(lambda: len(acknowledged) > before + 20, what="events to be acknowledged")
            receiver.stop(signal.SIGKILL)
            receiver.start()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    stored = [promotion.id for promotion in receiver.promotions()]
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)


def test_rotated_key_and_changed_pipelines_are_taken_up(receiver):
    receiver.secret("hmac-key", "hunter3")
    receiver.accept(event("1", key=b"hunter3"))
    receiver.accept(event("2", key=b"hunter2"))
    (receiver.pipelines / "search.yaml").write_text(PIPELINE.replace("name: dev", "name: test"))
    wait_for(lambda: receiver.send(event("3", environment="test"))[0].promotion, what="the new pipeline")
    (receiver.pipelines / "search.yaml").write_text("nonsense: [")
    wait_for(lambda: "gitops_pipeline_files_bad 1" in receiver.metrics(), what="the bad file")
    receiver.accept(event("4", environment="test"))
    pipeline, = receiver.ask("ListPipelines", pb.ListPipelinesRequest()).pipelines
    assert "search.yaml:" in pipeline.error


def test_signed_approval_of_what_does_not_wait_is_refused(receiver):
    now, path = str(int(time.time())), "/approval/shopping/search/prod/9"
    signed = f"POST\n{path}\n{now}\n".encode()
    signature = hmac.new(b"approver", signed, hashlib.sha256).hexdigest()
    request = pb.ReceiveApprovalRequest(namespace="shopping", pipeline="search", environment="prod", revision="9",
                                        method="POST", path=path, timestamp=now,
                                        signature=f"sha256={signature}")
    with pytest.raises(grpc.RpcError) as refusal:
        receiver.ask("ReceiveApproval", request)
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    with pytest.raises(grpc.RpcError) as refusal:
        receiver.ask("ReceiveApproval", request)
    assert refusal.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert "used before" in refusal.value.details()


def run(*arguments, timeout=20):
    """gitops-promotion-receiver until it ends by itself."""
    return Result(subprocess.run([str(RECEIVER), *map(str, arguments)], capture_output=True, text=True,
                                 timeout=timeout, check=False, env={"PATH": os.environ["PATH"]}))


def test_check_config_names_the_faults_of_pipelines(tmp_path):
    (tmp_path / "good.yaml").write_text(PIPELINE)
    good = run("--check-config", "--pipelines", tmp_path)
    assert (good.status, good.out) == (0, f"{tmp_path}: good; 1 pipeline\n")
    (tmp_path / "bad.yaml").write_text(PIPELINE.replace("appRef", "appref").replace("search,", "cart,"))
    bad = run("--check-config", "--pipelines", tmp_path)
    assert bad.status == 2
    assert f'{tmp_path}/bad.yaml:5: spec: unknown key "appref" (did you mean "appRef"?)' in bad.err
    assert run("--check-config").status == 2
    assert "give --pipelines" in run().err
    assert run("--check-config", "--pipelines", tmp_path / "none").status == 2
