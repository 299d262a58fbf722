"""What a Flux event means, through the real gateway and promotion receiver: the forms of revisions, what
reports a success, repeats and order, keys, and which check is made first. See also
gateway_promotions_test.py, which has the answers in general."""

import json
import signal
import time

import pytest

from gateway_promotions_test import KEY, Suite, body, refused, signed
from harness import wait_for

SHA = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "0cc9a8446c95009ef382f5eade883a67c257f77d50f84e78ecef2aac9428d1e5"
PIPELINE = """apiVersion: pipelines.weave.works/v1alpha1
kind: Pipeline
metadata: {{name: {name}, namespace: shopping}}
spec:
  {more}
  appRef: {{apiVersion: {api}, kind: HelmRelease, name: search}}
  environments:
  - {{name: dev, targets: [{{namespace: shopping}}]{dev}}}
  - {{name: prod, targets: {targets}}}
  promotion:
    manual: true
    strategy: {{notification: {{}}{secret}}}
"""


SECRET = ", secretRef: {{name: {}}}"


@pytest.fixture(name="suite", scope="module")
def running_suite(tmp_path_factory):
    suite = Suite(tmp_path_factory.mktemp("suite"))
    yield suite
    suite.stop()


def add(suite, name, more="", api="helm.toolkit.fluxcd.io/v2beta1", dev="", targets="[{namespace: shopping}]",
        secret=SECRET.format("promotion")):
    """A pipeline of its own, so that no test sees the events of another."""
    (suite.pipelines / f"{name}.yaml").write_text(PIPELINE.format(
        name=name, more=more, api=api, dev=dev, targets=targets, secret=secret))
    suite.receiver.process.send_signal(signal.SIGHUP)
    wait_for(lambda: suite.gateway.get(f"/v1/pipelines/shopping/{name}").status == 200, what=f"the pipeline {name}")

    def post(text, environment="dev", headers=None):
        return suite.post(text, f"/pipelines/promotions/shopping/{name}/{environment}", headers)

    return post


def accepted(suite, answer):
    """The promotion of an answer."""
    assert answer.status == 202, answer.body
    return suite.promotion(answer)


def named(**changes):
    """The involved object, with changes."""
    return {"kind": "HelmRelease", "namespace": "shopping", "name": "search",
            "apiVersion": "helm.toolkit.fluxcd.io/v2beta1", **changes}


# Revisions.

@pytest.mark.parametrize("metadata, revision, version", [
    ({"revision": "0.13.4"}, "0.13.4", "0.13.4"),
    ({"helm.toolkit.fluxcd.io/revision": "0.13.5"}, "0.13.5", "0.13.5"),
    ({"helm.toolkit.fluxcd.io/revision": "no", "revision": "0.13.6"}, "0.13.6", "0.13.6"),
    ({"revision": "1.2.3+0cc9a8446c95", "oci-digest": f"sha256:{DIGEST}"}, "1.2.3+0cc9a8446c95", "1.2.3"),
    ({"revision": "1.2.3+0cc9a8446c96", "oci-digest": f"sha256:{DIGEST}"}, "1.2.3+0cc9a8446c96",
     "1.2.3+0cc9a8446c96"),
    ({"revision": "1.2.4+0cc9a8446c95"}, "1.2.4+0cc9a8446c95", "1.2.4+0cc9a8446c95"),
    ({"revision": f"main@sha1:{SHA}"}, f"main@sha1:{SHA}", f"main@sha1:{SHA}")])
def test_a_revision_is_read_in_each_of_its_forms(suite, metadata, revision, version):
    promotion = accepted(suite, suite.post(body(metadata=metadata)))
    assert (promotion["revision"], promotion["version"]) == (revision, version)


def test_a_revision_of_another_group_is_none(suite):
    refused(suite.post(body(metadata={"kustomize.toolkit.fluxcd.io/revision": "1"})), 422, "EVENT_WITHOUT_REVISION")


def test_both_forms_of_a_commit_are_the_same_revision(suite):
    post = add(suite, "commits")
    first = accepted(suite, post(body(f"main@sha1:{SHA}", age=20)))
    assert accepted(suite, post(body(f"main/{SHA}", age=10)))["id"] == first["id"]
    assert accepted(suite, post(body(f"main@sha1:{SHA[::-1]}")))["id"] != first["id"]


def test_all_metadata_is_kept_and_shown(suite):
    metadata = {"revision": "7", "summary": "a cart", "team": "shop", "change_request": "41"}
    assert accepted(suite, suite.post(body(metadata=metadata)))["event"]["metadata"] == metadata


# Success.

@pytest.mark.parametrize("reason", ["ReconciliationSucceeded", "InstallSucceeded", "UpgradeSucceeded",
                                    "TestSucceeded"])
def test_a_reason_that_reports_a_success_promotes(suite, reason):
    promotion = accepted(suite, suite.post(body(f"1-{reason}", reason=reason, message="")))
    assert promotion["state"] not in ("IGNORED", "SUPERSEDED")


@pytest.mark.parametrize("members, why", [
    ({"severity": "error"}, "severity"),
    ({"severity": "trace"}, "severity"),
    ({"reason": "Progressing"}, "Progressing"),
    ({"reason": "RollbackSucceeded"}, "RollbackSucceeded"),
    ({"reason": "UninstallSucceeded"}, "UninstallSucceeded"),
    ({"reason": "upgradesucceeded"}, "upgradesucceeded"),
    ({"reason": "info", "message": "Helm upgrade has started"}, "Helm upgrade has started"),
    ({"reason": "info", "message": "Helm rollback succeeded"}, "Helm rollback succeeded")])
def test_every_other_event_is_recorded_as_ignored_with_the_reason(suite, members, why):
    promotion = accepted(suite, suite.post(body(f"of {why}", **members)))
    assert promotion["state"] == "IGNORED"
    assert why in promotion["message"]


def test_success_reasons_of_a_pipeline_replace_the_list(suite):
    post = add(suite, "reasons", more="successReasons: [Deployed]")
    assert accepted(suite, post(body("1", reason="Deployed")))["state"] != "IGNORED"
    assert accepted(suite, post(body("2", reason="UpgradeSucceeded")))["state"] == "IGNORED"


# Repeats and order.

def test_a_revision_that_returns_is_a_new_promotion_and_an_older_event_is_superseded(suite):
    post = add(suite, "order")
    first = body("A", age=50)
    a = accepted(suite, post(first))
    b = accepted(suite, post(body("B", age=40)))
    assert accepted(suite, post(first))["id"] == a["id"], "a late repeat"
    again = accepted(suite, post(body("A", age=30)))
    assert len({a["id"], b["id"], again["id"]}) == 3
    late = accepted(suite, post(body("C", age=35)))
    assert late["state"] == "SUPERSEDED"
    states = {a["id"]: "SUPERSEDED", b["id"]: "SUPERSEDED", late["id"]: "SUPERSEDED",
              again["id"]: "WAITING_APPROVAL"}

    def settled():
        listed = suite.gateway.get("/v1/promotions?filter.pipeline=order").json["promotions"]
        return {each["id"]: each["state"] for each in listed} == states

    wait_for(settled, what="each promotion's state")


def test_a_higher_version_is_not_newer(suite):
    post = add(suite, "versions")
    high = accepted(suite, post(body("2.0.0", age=20)))
    low = accepted(suite, post(body("1.0.0", age=10)))
    assert suite.gateway.get(f"/v1/promotions/{high['id']}").json["promotion"]["state"] == "SUPERSEDED"
    assert low["state"] != "SUPERSEDED"


def test_of_two_events_of_one_second_the_later_arrival_is_newer(suite):
    post = add(suite, "seconds")
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    first = accepted(suite, post(body("1", timestamp=stamp)))
    second = accepted(suite, post(body("2", timestamp=stamp)))
    assert suite.gateway.get(f"/v1/promotions/{first['id']}").json["promotion"]["state"] == "SUPERSEDED"
    assert second["state"] != "SUPERSEDED"


def test_ignored_events_share_a_record_that_counts_them(suite):
    post = add(suite, "ignored")
    first = accepted(suite, post(body("1", age=20, reason="Progressing")))
    again = accepted(suite, post(body("1", age=10, reason="Progressing")))
    assert again["id"] == first["id"]
    assert (first["eventCount"], again["eventCount"]) == (1, 2)
    assert again["lastSeenTime"] != first["lastSeenTime"]
    others = [body("1", reason="HealthCheckFailed"), body("2", reason="Progressing")]
    assert len({first["id"], *(accepted(suite, post(other))["id"] for other in others)}) == 3


# What does not fit the pipeline.

@pytest.mark.parametrize("changes", [{"kind": "Kustomization"}, {"namespace": "elsewhere"}, {"name": "cart"},
                                     {"apiVersion": "kustomize.toolkit.fluxcd.io/v1"}])
def test_an_object_that_is_not_the_pipelines_is_422(suite, changes):
    refused(suite.post(body(involvedObject=named(**changes))), 422, "OBJECT_MISMATCH")


def test_the_version_of_the_api_is_not_compared(suite):
    for version in ("v2beta1", "v2beta2", "v2"):
        event = body(f"3-{version}", involvedObject=named(apiVersion=f"helm.toolkit.fluxcd.io/{version}"))
        assert suite.post(event).status == 202, version


def test_a_next_environment_without_targets_is_422(suite):
    refused(add(suite, "nowhere", targets="[]")(body()), 422, "NO_TARGETS")


# Keys.

def test_a_pipeline_without_a_key_is_401(suite):
    refused(add(suite, "keyless", secret=SECRET.format("none"))(body()), 401, "SIGNING_KEY_MISSING")
    refused(add(suite, "secretless", secret="")(body()), 401, "SIGNING_KEY_MISSING")


def test_the_key_is_that_of_the_environment_in_the_path(suite):
    own = suite.secrets / "shopping/of-dev"
    own.mkdir()
    (own / "hmac-key").write_text("dev-key")
    post = add(suite, "keys",
               dev=", promotion: {strategy: {notification: {}, secretRef: {name: of-dev}}}")
    text = body()
    refused(post(text), 401, "SIGNATURE_INVALID")
    assert post(text, headers=signed(text, key=b"dev-key")).status == 202
    refused(post(text, environment="prod", headers=signed(text, key=b"dev-key")), 401, "SIGNATURE_INVALID")
    refused(post(text, environment="prod"), 422, "LAST_ENVIRONMENT")


def test_a_key_that_ends_in_white_space_is_accepted_as_it_is_and_trimmed(suite):
    text = body("4")
    for key in (KEY, KEY + b"\n"):  # the file ends with a line break
        assert suite.post(text, headers=signed(text, key=key)).status == 202, key
    refused(suite.post(text, headers=signed(text, key=KEY + b" ")), 401, "SIGNATURE_INVALID")


def test_the_approval_key_signs_no_events(suite):
    text = body("5")
    refused(suite.post(text, headers=signed(text, key=b"approver")), 401, "SIGNATURE_INVALID")


def test_allow_unsigned_is_for_pipelines_without_a_key_and_max_age_can_be_set(tmp_path):
    suite = Suite(tmp_path, receiver_flags=["--allow-unsigned", "--max-age", "10m"])
    try:
        assert add(suite, "keyless", secret="")(body(), headers={}).status == 202
        refused(suite.post(body(), headers={}), 401, "SIGNATURE_INVALID")
        refused(suite.post(body(age=700)), 401, "EVENT_STALE")
        assert suite.post(body(age=500)).status == 202
    finally:
        suite.stop()


# Order.

def test_what_is_wrong_first_is_told(suite):
    """Each request is wrong in two ways that follow each other in the order of checks."""
    post = add(suite, "checks", targets="[]")
    unsigned, mismatch = {"X-Signature": "sha256=00"}, named(name="cart")
    stale, started = 2 * 3600, {"reason": "Progressing"}
    refused(suite.post(body(), "/promotion/shopping/none/dev", headers=unsigned), 404, "PIPELINE_UNKNOWN")
    refused(post(b"no JSON", headers=unsigned), 401, "SIGNATURE_INVALID")
    text = json.dumps({**json.loads(body(age=stale)), "metadata": 5}).encode()
    refused(post(text), 400, "EVENT_MALFORMED")
    refused(post(body(age=stale), environment="none"), 401, "EVENT_STALE")
    refused(post(body(involvedObject=mismatch), environment="none"), 422, "EVENT_ENVIRONMENT_UNKNOWN")
    refused(post(body(involvedObject=mismatch, **started)), 422, "OBJECT_MISMATCH")
    assert accepted(suite, post(body(metadata={}, **started)))["state"] == "IGNORED"
    refused(post(body(metadata={})), 422, "EVENT_WITHOUT_REVISION")
    refused(post(body()), 422, "NO_TARGETS")
