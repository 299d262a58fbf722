"""The measurements of the gateway. Each returns plain numbers: seconds, bytes, counts."""

import contextlib
import json
import os
import pathlib
import socket
import ssl
import subprocess
import time

import grpc

import processes
import protos
from fleet import Fleet, Program
from gateway import Gateway
from harness import BIN

RECEIVER = BIN / "services/promotion_receiver/gitops-promotion-receiver"
KEY = "a key of some thirty-two bytes.."
CONNECTIONS = 64
pb = protos.messages("gitops/v1/promotion")

# Promotions into prod wait for an approval, so nothing but the intake of events is measured.
PIPELINE = """---
apiVersion: pipelines.weave.works/v1alpha1
kind: Pipeline
metadata: {{name: app{number}, namespace: bench}}
spec:
  appRef: {{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, name: search}}
  environments:
  - {{name: dev, targets: [{{namespace: shopping}}]}}
  - {{name: prod, targets: [{{namespace: shopping}}]}}
  promotion:
    manual: true
    strategy: {{notification: {{}}, secretRef: {{name: promotion}}}}
"""


def load(address, path, key_file, expect, seconds, *more):
    """What bench/event_load.cc saw; `refused`: how many events had another status than expected, and `unexpected` the
    first of those answers."""
    done = subprocess.run([str(BIN / "bench/event_load"), "--address", address, "--path", path, "--key-file",
                           str(key_file), "--expect", str(expect), "--seconds", str(seconds), *map(str, more)],
                          stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    found["refused"] = found["sent"] - found["statuses"].get(str(expect), 0)
    return found


class Suite:
    """A gateway with a promotion receiver that has a pipeline for each connection."""

    def __init__(self, directory, *gateway_flags):
        self.directory = pathlib.Path(directory)
        pipelines, secrets = self.directory / "pipelines", self.directory / "secrets"
        self.key_file = secrets / "bench/promotion/hmac-key"
        self.key_file.parent.mkdir(parents=True)
        self.key_file.write_text(KEY)
        pipelines.mkdir()
        (pipelines / "bench.yaml").write_text("".join(PIPELINE.format(number=n) for n in range(CONNECTIONS)))
        self.receiver = Program(RECEIVER, self.directory / "receiver", [
            "--pipelines", pipelines, "--secrets", secrets, "--state-dir", self.directory / "receiver/state",
            "--listen", "127.0.0.1:0", "--log-level", "warning"])
        self.gateway_flags = ["--planner", "", "--rate-limit", "0", "--log-level", "warning", *gateway_flags]

    def __enter__(self):
        self.receiver.start()
        self.gateway = Gateway(self.directory / "gateway",
                               ["--promotion-receiver", self.receiver.address(), *self.gateway_flags])
        try:
            self.gateway.start()
        except BaseException:
            self.receiver.kill()
            raise
        return self

    def __exit__(self, *_):
        self.gateway.kill()
        self.receiver.kill()

    def load(self, seconds, *more, pipelines=CONNECTIONS):
        self.locations = self.directory / "locations"
        return load(self.gateway.address("http"), "/pipelines/promotions/bench/app{}/dev", self.key_file, 202, seconds,
                    "--paths", pipelines, "--locations", self.locations, *more)

    def cpu(self):
        return {name: processes.Cpu.of(program.process.pid).total
                for name, program in (("gateway", self.gateway), ("receiver", self.receiver))}

    def stored(self):
        """The ids of all promotions, and the number of events that they count."""
        ids, events, token = [], 0, ""
        with grpc.insecure_channel(self.receiver.address(), [("grpc.max_receive_message_length", -1)]) as channel:
            stub = protos.stubs("gitops/v1/promotion").PromotionServiceStub(channel)
            while True:
                page = stub.ListPromotions(pb.ListPromotionsRequest(page_size=10_000, page_token=token), timeout=60,
                                           wait_for_ready=True)
                ids += [promotion.id for promotion in page.promotions]
                events += sum(promotion.event_count for promotion in page.promotions)
                token = page.next_page_token
                if not token:
                    return ids, events


def events(directory, seconds, pipelines=CONNECTIONS):
    """The load with all connections. Afterwards the receiver is killed and started again: how many events were
    `accepted`, and how many of those are in the store."""
    with Suite(directory) as suite:
        before = suite.cpu()
        found = suite.load(seconds, pipelines=pipelines)
        after = suite.cpu()
        suite.receiver.kill()
        suite.receiver.start()
        stored, counted = suite.stored()
        accepted = set(line.rpartition("/")[2] for line in suite.locations.read_text().splitlines())
    # An event whose call took too long is refused, and may be stored nevertheless.
    assert len(accepted) <= len(stored) == len(set(stored)) == counted <= found["sent"], (len(stored), counted, found)
    return {**found, "accepted": len(accepted), "kept": len(accepted & set(stored)),
            "cpu": {name: (after[name] - before[name]) / found["sent"] for name in after}}


def one_at_a_time(directory, seconds):
    with Suite(directory) as suite:
        return suite.load(seconds, "--connections", 1)


def peer(kind, directory, seconds):
    directory.mkdir(parents=True)
    key_file = directory / "key"
    key_file.write_text(KEY)
    with kind(directory / "peer", key_file) as server:
        found = load(server.address, server.path, key_file, server.expect, seconds)
    assert found["refused"] == 0, found
    return found


def certificate(directory):
    """A directory for --tls-dir."""
    directory.mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-days", "2", "-keyout", directory / "tls.key", "-out",
                    directory / "tls.crt"], check=True, stderr=subprocess.DEVNULL)
    return directory


def idle_connections(directory, count, tls=False):
    """Memory of a gateway before, and with so many open connections that have had one answer each."""
    flags = []
    if tls:
        directory.mkdir(parents=True)
        flags = ["--tls-dir", certificate(directory / "tls")]
    with Suite(directory / "suite", *flags) as suite, contextlib.ExitStack() as stack:
        pid = suite.gateway.process.pid
        before = processes.memory(pid)["resident"]
        host, port = suite.gateway.address("http").rsplit(":", 1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for _ in range(count):
            client = socket.create_connection((host, int(port)), timeout=30)
            client = stack.enter_context(context.wrap_socket(client) if tls else client)
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        # Longer than memory of requests is kept, shorter than a connection may be idle.
        time.sleep(5)
        resident = processes.memory(pid)["resident"]
        still_open = len(os.listdir(f"/proc/{pid}/fd"))
        assert still_open >= count, f"the gateway has {still_open} open files of {count} connections"
    return {"before": before, "resident": resident}


def reads(directory, rounds):
    """Medians, and 99th percentiles, of reads of one service and of one host: at the gateway, and by gRPC."""
    with Fleet(directory / "fleet", hosts=1) as fleet:
        fleet.commit("1")
        fleet.deploy("sync", check=True)
        planner, agent = f"unix:{fleet.sockets}/planner", f"unix:{fleet.sockets}/web1"
        token = directory / "token"
        token.write_text("token-viewer")
        with Gateway(directory / "gateway", ["--planner", planner, "--promotion-receiver", "", "--rate-limit", "0",
                                             "--log-level", "warning"]) as gateway:
            done = subprocess.run([str(BIN / "bench/get_latency"), "--gateway", gateway.address("http"), "--token-file",
                                   str(token), "--planner", planner, "--agent", agent, "--host", "web1",
                                   "--service", "app", "--rounds", str(rounds)],
                                  stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)
