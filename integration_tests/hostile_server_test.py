"""A Git server that is itself hostile: what it sends costs the host bounded memory, it learns no login that is not
for it, and it holds up nobody but those who follow it."""

import hashlib
import itertools
import random
import struct
import subprocess
import sys
import time
import urllib.request
import zlib

import grpc
import pytest

import protos
from git_http_server import Fault, GitHttpServer
from harness import ROOT, Repository, wait_for
from hostile_repository import resident_memory

ATTACKS = ROOT / "integration_tests/attacks.py"
MEBIBYTE = 1 << 20
GIT_MEMORY = 256 * MEBIBYTE
# git's, the agent's own, and what helps git with HTTP.
MEMORY = GIT_MEMORY + 200 * MEBIBYTE
# Beside other tests on a busy machine; what is not prompt takes half a minute.
PROMPT = 5
# Where a limit is missing, the test fails and the machine goes on.
GUARD = ("prlimit", f"--as={3072 * MEBIBYTE}")


@pytest.fixture
def server(tmp_path):
    with GitHttpServer(tmp_path) as server:
        yield server


@pytest.fixture
def calm(tmp_path):
    """The upstream of somebody else."""
    calm = Repository(tmp_path / "calm")
    calm.commit({"f": "1\n"})
    return calm


# What a server can send.

def packet(data):
    return b"%04x" % (len(data) + 4) + data


def varint(number):
    groups = []
    while number:
        groups.append(number & 127)
        number >>= 7
    return bytes([group | 128 for group in groups[:-1]] + groups[-1:])


def pack_entry(kind, size, data, between=b""):
    """The header has four bits of the size in its first byte, then seven in each."""
    first, size = (kind << 4) | (size & 15), size >> 4
    header = bytes([first | 128]) + varint(size) if size else bytes([first])
    return header + between + zlib.compress(data, 9)


def bomb_of_deltas(gigabytes=1):
    """Some kilobytes: a file of zeros, and one that is 64 copies of it for each gigabyte."""
    size = (1 << 24) - 1
    base = pack_entry(3, size, bytes(size))
    copies = 64 * gigabytes
    delta = varint(size) + varint(size * copies) + b"\xf0\xff\xff\xff" * copies
    offset = len(base)
    back = [offset & 127]
    while offset := offset >> 7:
        offset -= 1
        back.insert(0, 128 | (offset & 127))
    pack = b"PACK" + struct.pack(">II", 2, 2) + base + pack_entry(6, len(delta), delta, bytes(back))
    pack += hashlib.sha1(pack).digest()
    pieces = [pack[at:at + 60_000] for at in range(0, len(pack), 60_000)]
    body = packet(b"acknowledgments\n") + packet(b"ready\n") + b"0001" + packet(b"packfile\n") + b"".join(packet(b"\1" + piece) for piece in pieces) + b"0000"
    return "pack", Fault("answer", 200, "application/x-git-upload-pack-result", body)


def bomb_of_gzip():
    """A megabyte of zeros, compressed so that it can be repeated."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(bytes(MEBIBYTE)) + compressor.flush(zlib.Z_FULL_FLUSH)
    body = b"\x1f\x8b\x08\0\0\0\0\0\0\3" + block * 2000
    return "refs", Fault("answer", 200, "application/x-git-upload-pack-advertisement", body,
                         [("Content-Encoding", "gzip")])


def references_without_end():
    def pieces():
        yield packet(b"# service=git-upload-pack\n") + b"0000"
        for number in itertools.count():
            yield b"".join(packet(b"%040x refs/heads/%s%d\n" % (number + 1, b"b" * 200, number * 500 + each))
                           for each in range(500))
    return "refs", Fault("stream", 200, "application/x-git-upload-pack-advertisement", pieces())


@pytest.mark.parametrize("bomb", [bomb_of_deltas, bomb_of_gzip, references_without_end])
def test_what_unfolds_in_memory_is_refused_and_the_mirror_is_whole(host, repository, server, calm, bomb):
    services = [host.spec("web", upstream=server.url(), git_memory="256MiB"),
                host.spec("calm", ".", upstream=calm.url)]
    with host.agent(host.config(*services), wrapper=GUARD) as agent:
        first = repository.head()
        agent.wait_service("web", state="OK", hash=first)
        server.put(*bomb())
        second = repository.commit({"web/index.html": "version 2\n"})

        def refused():
            assert resident_memory(agent.process.pid) < MEMORY
            service = agent.service("web")
            # A request that was under way may fail in another way first.
            return service["state"] == "DIFF" and "git_memory" in service["stateInfo"]
        wait_for(refused, 60, "DIFF that names git_memory")
        assert host.read("web/index.html") == "version 1\n"
        agent.wait_service("calm", state="OK", hash=calm.commit({"f": "2\n"}))
        server.mend()
        agent.wait_service("web", state="OK", hash=second)
        assert "damaged" not in agent.logged()


@pytest.mark.parametrize("mebibytes", [4, pytest.param(600, marks=pytest.mark.long)])
def test_a_commit_that_is_nothing_but_message_is_refused(host, repository, mebibytes):
    with host.agent(wrapper=GUARD) as agent:
        first = repository.head()
        agent.wait_service("web", state="OK", hash=first)
        tree = repository.head("HEAD^{tree}")
        text = f"tree {tree}\nparent {first}\nauthor T <t@t> 1 +0000\ncommitter T <t@t> 1 +0000\n\n"
        message = host.base / "message"
        with open(message, "w", encoding="ascii") as file:
            file.write(text)
            for _ in range(mebibytes):
                file.write("x" * MEBIBYTE)
        commit = repository.git("hash-object", "-t", "commit", "-w", "--literally", str(message))
        repository.git("update-ref", "refs/heads/main", commit)
        told = agent.wait_diff("web", "commit|git_memory", seconds=90)
        assert agent.service("web")["hash"] == first and len(told) < 1500
        assert resident_memory(agent.process.pid) < 400 * MEBIBYTE
        repository.git("update-ref", "refs/heads/main", first)
        agent.wait_service("web", state="OK", hash=first)


# Callers that wait for a hostile server.

class Calls:
    """Many calls of one method at the same time."""

    def __init__(self, agent):
        self.channels = [grpc.insecure_channel(agent.address(), [("grpc.use_local_subchannel_pool", 1)])
                         for _ in range(8)]
        self.pb = protos.messages("gitops/v1/agent")
        stubs = protos.stubs("gitops/v1/agent")
        self.stubs = [stubs.AgentServiceStub(channel) for channel in self.channels]

    def begin(self, count, service):
        request = self.pb.PullServiceRequest(service=service)
        return [self.stubs[number % 8].PullService.future(request, timeout=90) for number in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for channel in self.channels:
            channel.close()


def test_four_hundred_pulls_that_hang_do_not_hold_up_the_brake(host, repository, server, calm):
    services = [host.spec("web", upstream=server.url(), poll="1h"),
                host.spec("calm", ".", upstream=calm.url)]
    with host.agent(host.config(*services)) as agent, Calls(agent) as calls:
        agent.wait_service("web", state="OK", hash=repository.head())
        agent.wait_service("calm", state="OK")
        fault = server.put("refs", Fault("hang"))
        pulls = calls.begin(400, "web")
        wait_for(fault.reached.is_set, what="a pull that hangs")
        for name in ("calm", "web"):
            began = time.monotonic()
            calls.stubs[0].FreezeService(calls.pb.FreezeServiceRequest(service=name), timeout=30)
            assert time.monotonic() - began < PROMPT, f"freeze of {name} had to wait"
        began = time.monotonic()
        assert len(calls.stubs[1].ListServices(calls.pb.ListServicesRequest(), timeout=30).services) == 2
        assert time.monotonic() - began < PROMPT
        server.mend()
        wait_for(lambda: all(pull.done() for pull in pulls), 60, "the end of the pulls")
        calls.stubs[0].UnfreezeService(calls.pb.UnfreezeServiceRequest(service="web"), timeout=30)
        newest = repository.commit({"web/index.html": "version 2\n"})
        agent.ctl("pull", "web")
        agent.wait_service("web", state="OK", hash=newest)


def test_forty_services_on_an_upstream_that_drips_hold_up_nobody_else(host, repository, server, calm):
    names = [f"s{number:02}" for number in range(40)]
    repository.commit({f"{name}/f": random.Random(name).randbytes(4000).hex() for name in names})
    fault = server.put("pack", Fault("drip"))
    slow = [host.spec(name, upstream=server.url()) for name in names]
    with host.agent(host.config(*slow, host.spec("calm", ".", upstream=calm.url))) as agent:
        wait_for(fault.reached.is_set, what="what drips")
        agent.wait_service("calm", state="OK", hash=calm.head(), seconds=10)
        for version in range(2, 5):
            agent.wait_service("calm", state="OK", hash=calm.commit({"f": f"{version}\n"}), seconds=10)
        assert agent.service("s00")["state"] != "OK" or not agent.service("s00")["hash"]
        server.mend()
        for name in names:
            agent.wait_service(name, state="OK", hash=repository.head(), seconds=60)


# What it may learn.

@pytest.mark.parametrize("asked_first", [False, True], ids=["no login wanted", "login wanted"])
def test_a_redirect_to_another_port_does_not_carry_the_login(host, tmp_path, server, asked_first):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login deploy password s3cr3t\n")
    netrc.chmod(0o600)
    with GitHttpServer(tmp_path) as thief:
        thief.login = ("deploy", "another password")
        server.login = ("deploy", "s3cr3t") if asked_first else None
        server.redirect = ("/upstream/.git", thief.url())
        with host.agent(host.config(upstream=server.url(), netrc_file=netrc)) as agent:
            agent.wait_service("web", state="DIFF")
            wait_for(lambda: len(server.requests) > 3, what="some more polls")
        assert thief.logins == []
        assert bool(server.logins) == asked_first


def test_clients_that_never_end_their_headers_do_not_hold_up_health_and_metrics(host):
    with host.agent() as agent:
        agent.wait_service("web", state="OK")
        address = agent.address("http")
        attack = [sys.executable, ATTACKS, "slow_headers", *address.rsplit(":", 1), "600"]
        with subprocess.Popen(attack, stdout=subprocess.PIPE) as attacker:
            try:
                assert attacker.stdout.readline() == b"ready\n"
                for page in ["healthz", "metrics", "readyz"] * 10:
                    began = time.monotonic()
                    with urllib.request.urlopen(f"http://{address}/{page}", timeout=30) as answer:
                        assert answer.status == 200
                    assert time.monotonic() - began < PROMPT, f"{page} had to wait"
                assert attacker.poll() is None
            finally:
                attacker.kill()
