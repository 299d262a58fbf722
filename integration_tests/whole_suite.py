"""All of the suite behind one gateway: a fleet of two hosts with a hook, and a promotion receiver whose
pipeline has a promotion that waits for approval.

    with WholeSuite(tmp_path) as suite:
        suite.gateway.get("/v1/promotions")
"""

import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import time

from fleet import Fleet, HookEndpoint, Program
from gateway import Gateway
from harness import BIN, ROOT

RECEIVER = BIN / "services/promotion_receiver/gitops-promotion-receiver"
VENV = ROOT / ".venv/bin"
NODE_MODULES = ROOT / "node_modules"
PIPELINE = """apiVersion: pipelines.weave.works/v1alpha1
kind: Pipeline
metadata: {name: search, namespace: shopping}
spec:
  appRef: {apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, name: search}
  environments:
  - {name: dev, targets: [{namespace: shopping}]}
  - {name: prod, targets: [{namespace: shopping}]}
  promotion:
    manual: true
    strategy: {notification: {}, secretRef: {name: promotion}}
"""


class WholeSuite:
    def __init__(self, directory):
        directory = pathlib.Path(directory)
        self.hook = HookEndpoint()
        self.fleet = Fleet(directory / "fleet", hosts={"web1": {"tags": ["prod"]}, "web2": {}},
                           hooks=[{"name": "drain", "points": ["pre-deploy"], "url": self.hook}])
        (directory / "pipelines").mkdir()
        (directory / "pipelines/search.yaml").write_text(PIPELINE)
        secret = directory / "secrets/shopping/promotion"
        secret.mkdir(parents=True)
        (secret / "hmac-key").write_text("hunter2")
        sockets = self.fleet.sockets
        self.receiver = Program(RECEIVER, directory / "receiver", [
            "--pipelines", directory / "pipelines", "--secrets", directory / "secrets",
            "--state-dir", directory / "receiver/state", "--planner", f"unix:{sockets}/planner",
            "--listen", f"unix:{sockets}/receiver"])
        self.gateway = Gateway(directory / "gateway", [
            "--planner", f"unix:{sockets}/planner", "--hook-dispatcher", f"unix:{sockets}/hooks",
            "--promotion-receiver", f"unix:{sockets}/receiver", "--rate-limit", "0"])

    def __enter__(self):
        try:
            self.fleet.start()
            self.fleet.commit("1")
            assert self.fleet.deploy("sync").status == 0
            self.receiver.start()
            self.gateway.start()
            self.send_event("1.0.0")
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.gateway.kill()
        self.receiver.kill()
        self.fleet.stop()
        self.hook.close()

    @property
    def url(self):
        return f"http://{self.gateway.address('http')}"

    def send_event(self, revision):
        """A signed event: dev runs the revision."""
        body = json.dumps({
            "involvedObject": {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
                               "namespace": "shopping", "name": "search"},
            "severity": "info", "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "message": "Helm upgrade succeeded", "reason": "UpgradeSucceeded",
            "metadata": {"revision": revision}}).encode()
        signature = hmac.new(b"hunter2", body, hashlib.sha256).hexdigest()
        answer = self.gateway.post("/pipelines/promotions/shopping/search/dev", body, token=None,
                                   headers={"X-Signature": f"sha256={signature}"})
        assert answer.status == 202, answer.body


def run(directory, *command, timeout=300):
    """What a tool prints; the test fails with it if the tool does."""
    assert pathlib.Path(command[0]).exists(), f"{command[0]} is missing: run tools/install-deps"
    done = subprocess.run([str(word) for word in command], cwd=directory, timeout=timeout, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={"PATH": os.environ["PATH"], "HOME": str(directory)})
    assert done.returncode == 0, f"{command[0]}: exit {done.returncode}\n{done.stdout}"
    return done.stdout
