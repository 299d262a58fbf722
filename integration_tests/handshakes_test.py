"""TLS handshakes that stop half way: what they cost a real planner, and whether others are served meanwhile."""

import contextlib
import pathlib
import re
import resource
import select
import socket
import ssl

import pytest

from fleet import PLANNER, Program
from fleet_certificates import FleetAuthority
from harness import ctl, wait_for

# Also what gRPC holds of a connection that has sent nothing.
MAX_BYTES = 150_000


def first_message():
    """What a client sends first: a ClientHello."""
    context = ssl.create_default_context()
    context.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024


@pytest.mark.parametrize("connections", [500, pytest.param(10_000, marks=pytest.mark.long)])
def test_handshakes_that_stop_half_way_end_and_others_are_served_meanwhile(tmp_path, connections):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    authority = FleetAuthority(tmp_path / "ca")
    planner = Program(PLANNER, tmp_path / "planner", [
            "--listen", "127.0.0.1:0", "--state-dir", tmp_path / "state", "--tls-dir",
            authority.issue("planner/main")]).start()
    with contextlib.ExitStack() as ended:
        ended.callback(planner.kill)
        admin = authority.issue("admin/alice")

        def served():
            return ctl("list", "hosts", "--planner", planner.address(), "--tls-dir", str(admin)).status == 0

        assert served()
        before = resident(planner.process.pid)
        host, port = planner.address().split(":")
        # Nothing, half of the first message, and all of it: then the server has answered, and waits.
        message = first_message()
        parts = [b"", message[:len(message) // 2], message]
        with contextlib.ExitStack() as stack:
            open_ones = select.poll()
            left = set()
            for number in range(connections):
                one = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
                one.sendall(parts[number % len(parts)])
                left.add(one.fileno())
                open_ones.register(one, select.POLLRDHUP)
            assert served()
            grown = resident(planner.process.pid) - before
            assert grown < connections * MAX_BYTES, f"{grown / connections:.0f} bytes each"

            def all_ended():
                for number, _ in open_ones.poll(1000):
                    open_ones.unregister(number)
                    left.discard(number)
                return not left

            wait_for(all_ended, 60, "the planner ends them")
        assert served()
