#!/usr/bin/python3
"""Makes promotions.db: state that the promotion receiver in GITOPS_BIN_DIR wrote, for the tests that open it.

    GITOPS_BIN_DIR=bazel-bin integration_tests/stored_state/make_receiver.py DIRECTORY

As make.py, which makes the others: run it with the binaries of a release. It has a promotion in each state in
which one can be found after a kill, and each kind of record. Needs no root."""

import hashlib
import hmac
import http.server
import pathlib
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent)]

from harness import wait_for  # noqa: E402
from promotion_intake_test import Receiver, event, pb  # noqa: E402
from stored import keep  # noqa: E402

# The sinks by name, with what they answer.
SINKS = {"chat": 202, "down": 503, "refuses": 400}

# One for each way in which a promotion goes on.
PIPELINES = "---\n".join(f"""apiVersion: pipelines.weave.works/v1alpha1
kind: Pipeline
metadata: {{name: {name}, namespace: shopping}}
spec:
  appRef: {{apiVersion: helm.toolkit.fluxcd.io/v2beta1, kind: HelmRelease, name: search}}
  environments:
  - {{name: dev, targets: [{{namespace: shopping}}]}}
  - {{name: prod, targets: [{{namespace: shopping}}]}}
  promotion:
    manual: {manual}
    strategy: {{notification: {{sinks: [{sinks}]}}, secretRef: {{name: promotion}}}}
""" for name, manual, sinks in (("search", "true", "chat"), ("retries", "false", "chat, down"),
                                ("fails", "false", "refuses"), ("held", "false", "chat")))


class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(SINKS[self.path.strip("/")])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def await_state(receiver, promotion, state):
    number = pb.PromotionState.Value("PROMOTION_STATE_" + state)
    wait_for(lambda: receiver.get(promotion).state == number, what=f"{promotion} to be {state}")


def approve(receiver, revision):
    now, path = str(int(time.time())), f"/approval/shopping/search/prod/{revision}"
    mac = hmac.new(b"approver", f"POST\n{path}\n{now}\n".encode(), hashlib.sha256).hexdigest()
    receiver.ask("ReceiveApproval", pb.ReceiveApprovalRequest(
        namespace="shopping", pipeline="search", environment="prod", revision=revision, method="POST", path=path,
        timestamp=now, signature=f"sha256={mac}"))


def run(receiver):
    where = {"namespace": "shopping", "environment": "prod"}
    receiver.ask("HoldEnvironment", pb.HoldEnvironmentRequest(pipeline="held", reason="incident 7", **where))
    await_state(receiver, receiver.accept(event("1.0", pipeline="held")), "HELD")

    older = receiver.accept(event("1.0"))
    done = receiver.accept(event("1.1"))
    await_state(receiver, older, "SUPERSEDED")
    await_state(receiver, done, "WAITING_APPROVAL")
    approve(receiver, "1.1")
    await_state(receiver, done, "SUCCEEDED")
    rejected = receiver.accept(event("1.2"))
    await_state(receiver, rejected, "WAITING_APPROVAL")
    receiver.ask("RejectPromotion", pb.RejectPromotionRequest(
        pipeline="search", revision="1.2", reason="too slow", **where))
    receiver.accept(event("1.3", severity="error"))
    waits = receiver.accept(event("1.3"))
    receiver.accept(event("1.3", message="Helm upgrade succeeded again"))
    await_state(receiver, waits, "WAITING_APPROVAL")

    failed = receiver.accept(event("1.0", pipeline="fails"))
    await_state(receiver, failed, "FAILED")
    receiver.ask("ReplayPromotion", pb.ReplayPromotionRequest(
        pipeline="fails", revision="1.0", reason="once more", request_id="replay-1", **where))
    await_state(receiver, failed, "FAILED")

    running = receiver.accept(event("1.0", pipeline="retries"))
    wait_for(lambda: receiver.get(running).attempt_count > 0, what="an attempt")
    receiver.kill()


def new_receiver(directory):
    """A receiver with these pipelines and sinks, which is not started."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = pathlib.Path(directory) / "receiver.toml"
    config.write_text("\n".join(f'[[sinks]]\nname = "{name}"\ntype = "cloudevents"\n'
                                f'url = "http://127.0.0.1:{server.server_port}/{name}"' for name in SINKS))
    receiver = Receiver(pathlib.Path(directory) / "receiver", "--config", str(config))
    (receiver.pipelines / "search.yaml").write_text(PIPELINES)
    return receiver


def main():
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="state-", dir="/tmp") as directory:
        receiver = new_receiver(directory)
        run(receiver.start())
        keep(receiver.directory / "state/promotions.db", target / "promotions.db")


if __name__ == "__main__":
    main()
