"""A promotion receiver with pipelines that are added as tests need them, and a gateway before it.

    with PromotionSuite(tmp_path) as suite:
        suite.pipeline("search", "notification: {}")
        promotion = suite.event("search", "1.1.0")
        suite.wait(promotion, "SUCCEEDED")
"""

import http.client
import signal

from fleet import Program
from gateway import Gateway
from gateway_promotions_test import KEY, RECEIVER, body, signed
from harness import wait_for

PIPELINE = """apiVersion: pipelines.weave.works/v1alpha1
kind: Pipeline
metadata: {{name: {name}, namespace: shopping}}
spec:
  appRef: {app}
  environments:
  - {{name: dev, targets: [{{namespace: shopping}}]}}
  - {{name: prod, targets: {targets}}}
  promotion:
    manual: false
    strategy: {{{strategy}, secretRef: {{name: {name}}}}}
"""
HELM = ("helm.toolkit.fluxcd.io/v2", "HelmRelease")
ENDS = ("SUCCEEDED", "FAILED", "REJECTED", "SUPERSEDED", "IGNORED")


class PromotionSuite:
    def __init__(self, directory, config="", flags=()):
        self.directory = directory
        self.pipelines = directory / "pipelines"
        self.secrets = directory / "secrets"
        self.pipelines.mkdir()
        self.kinds = {}
        (directory / "receiver.toml").write_text(config)
        self.address = f"unix:{directory}/receiver.sock"
        self.receiver = Program(RECEIVER, directory / "receiver", [
            "--config", directory / "receiver.toml", "--pipelines", self.pipelines, "--secrets", self.secrets,
            "--state-dir", directory / "receiver/state", "--listen", self.address, *flags])
        self.gateway = Gateway(directory / "gateway", [
            "--promotion-receiver", self.address, "--planner", "", "--rate-limit", "0"])

    def __enter__(self):
        self.receiver.start()
        self.gateway.start()
        return self

    def __exit__(self, *_):
        self.gateway.kill()
        self.receiver.kill()

    def secret(self, name, **keys):
        """Sets keys as a mount does, by renames; ca_crt is the key ca.crt."""
        directory = self.secrets / "shopping" / name
        directory.mkdir(parents=True, exist_ok=True)
        for key, value in keys.items():
            fresh = directory / f".{key}"
            fresh.write_text(value)
            fresh.rename(directory / key.replace("_", "."))

    def pipeline(self, name, strategy, targets="[{namespace: shopping}]", kind=HELM, **secret):
        self.secret(name, **{"hmac-key": KEY.decode(), **secret})
        (self.pipelines / f"{name}.yaml").write_text(PIPELINE.format(
            name=name, strategy=strategy, app=f"{{apiVersion: {kind[0]}, kind: {kind[1]}, name: {name}}}",
            targets=targets))
        self.kinds[name] = kind
        if not self.receiver.running():
            return
        self.receiver.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.gateway.get(f"/v1/pipelines/shopping/{name}").status == 200, what=f"the pipeline {name}")

    def pull_requests(self, name, provider, **secret):
        """A pipeline whose promotions are pull requests at the provider."""
        strategy = f"pull-request: {{type: {provider.kind}, url: \"{provider.url()}\", baseBranch: main}}"
        self.pipeline(name, strategy, **{"token": "the-token", **secret})

    def text(self, name, revision, **members):
        """An event that reports the revision in dev."""
        version, kind = self.kinds[name]
        reason = "UpgradeSucceeded" if kind == "HelmRelease" else "ReconciliationSucceeded"
        reported = {"apiVersion": version, "kind": kind, "namespace": "shopping", "name": name}
        return body(revision, **{"involvedObject": reported, "reason": reason, **members})

    def post(self, name, text):
        return self.gateway.request("POST", f"/promotion/shopping/{name}/dev", body=text, token=None,
                                    headers=signed(text))

    def event(self, name, revision, **members):
        """Reports the revision in dev; returns the id of its promotion."""
        answer = self.post(name, self.text(name, revision, **members))
        assert answer.status == 202, answer.body
        return answer.json["id"]

    def event_until_accepted(self, name, revision, stop, **members):
        """Like event, and like Flux: the same bytes again while there is no answer. None: `stop` is set."""
        text = self.text(name, revision, **members)
        while not stop.is_set():
            try:
                answer = self.post(name, text)
            except (OSError, http.client.HTTPException, AttributeError):
                continue  # the gateway is not there
            if answer.status == 202:
                return answer.json["id"]
        return None

    def get(self, promotion):
        return self.gateway.get(f"/v1/promotions/{promotion}").json["promotion"]

    def wait(self, promotion, state, seconds=30):
        """Waits for the end of the promotion, which must be `state`."""
        def ended():
            found = self.get(promotion)
            return found if found["state"] in ENDS else None
        try:
            found = wait_for(ended, seconds, "the end of a promotion")
        except AssertionError:
            raise AssertionError(f"{self.get(promotion)}\n{self.receiver.logged()[-3000:]}") from None
        assert found["state"] == state, found
        return found

    def wait_error(self, promotion, *words, seconds=20):
        """Waits until an attempt has failed, which is tried again; returns what is said about it."""
        def failed():
            found = self.get(promotion)
            assert found["state"] not in ENDS, found
            return found["lastError"] or None
        error = wait_for(failed, seconds, "an attempt that fails")
        for word in words:
            assert word in error, error
        return error

    def replay(self, name, revision):
        answer = self.gateway.post(f"/v1/pipelines/shopping/{name}/environments/prod:replay", {"revision": revision})
        assert answer.status == 200, answer.body
        return answer.json["promotion"]["id"]

    def all(self):
        """All promotions."""
        found, page = [], ""
        while True:
            listed = self.gateway.get(f"/v1/promotions?pageSize=500&pageToken={page}").json
            found += listed["promotions"]
            page = listed["nextPageToken"]
            if not page:
                return found

