"""Agents that report far too much, to a real planner over sockets: its memory, its disk and its answers stay
within bounds, and the hosts of its configuration are not affected."""

import concurrent.futures
import re

import grpc
import pytest

import protos
from fleet import PLANNER, Program

pb = protos.messages("gitops/v1/planner")
report_pb = protos.messages("gitops/v1/report")
types_pb = protos.messages("gitops/v1/types")

MADE_UP = 200
MIB = 1 << 20
# What the planner keeps of hosts that it does not know, and of one agent.
UNKNOWN, AGENT = 64 * MIB, 2 * MIB

CONFIG = """[global]
upstream = "file:///nowhere"
mount = "/srv/gitops"

[[hosts]]
name = "web1"
address = "127.0.0.1:1"
"""


class Stream:
    """An agent's stream, with its hello. `refused`: the reason, None while it is not."""

    def __init__(self, address, host, services, size):
        self._channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        hello = report_pb.Hello(names=[host], address=":8004", version="1", boot_id="boot")
        for number in range(services):
            hello.services.append(types_pb.Service(host=host, service=f"s{number}", state_info="x" * size))
        self.bytes = hello.ByteSize()
        self._open = concurrent.futures.Future()
        self._call = protos.stubs("gitops/v1/report").ReportServiceStub(self._channel).Report(
            self._requests(report_pb.ReportRequest(hello=hello)), timeout=120)
        self.refused = None
        try:
            next(self._call)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
            self.refused = error.details()

    def _requests(self, hello):
        yield hello
        self._open.result()

    def close(self):
        self._open.set_result(None)
        self._call.cancel()
        self._channel.close()


@pytest.fixture
def planner(tmp_path):
    (tmp_path / "fleet.toml").write_text(CONFIG)
    planner = Program(PLANNER, tmp_path / "planner", [
        "--config", tmp_path / "fleet.toml", "--listen", "127.0.0.1:0", "--state-dir", tmp_path / "state"])
    planner.start()
    yield planner
    planner.kill()


def peak_memory(planner):
    status = open(f"/proc/{planner.process.pid}/status", encoding="utf-8").read()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status).group(1)) * 1024


def flood(planner, services, size):
    """The streams of MADE_UP hosts that report at a time."""
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        return list(pool.map(lambda n: Stream(planner.address(), f"made-up-{n}", services, size),
                             range(MADE_UP)))


def every_service(planner):
    """How many services all pages have, and the size of the largest page."""
    count = largest = 0
    token = ""
    with grpc.insecure_channel(planner.address()) as channel:
        stub = protos.stubs("gitops/v1/planner").PlannerServiceStub(channel)
        while True:
            page = stub.ListFleetServices(
                pb.ListFleetServicesRequest(page_size=10_000, page_token=token), timeout=60)
            count += len(page.services)
            largest = max(largest, page.ByteSize())
            token = page.next_page_token
            if not token:
                return count, largest


def test_agents_that_report_far_too_much_cost_the_planner_little(planner, tmp_path):
    known = Stream(planner.address(), "web1", services=500, size=1000)
    assert known.refused is None
    before = peak_memory(planner)

    # More than one agent may report.
    for stream in flood(planner, services=1900, size=4000):
        assert stream.bytes > 7 * MIB and "at most 2097152" in stream.refused
        stream.close()
    # As much as one may report: together more than is kept of unknown hosts.
    streams = flood(planner, services=490, size=4000)
    assert streams[0].bytes < AGENT
    kept = [stream for stream in streams if stream.refused is None]
    assert 0 < len(kept) * streams[0].bytes <= UNKNOWN * 1.1
    assert all("not in its configuration" in stream.refused for stream in streams if stream.refused)

    # Messages that are being received count too: 20 at a time.
    grown = peak_memory(planner) - before
    assert grown < 400 * MIB, f"{grown / MIB:.0f} MiB"
    count, largest = every_service(planner)
    assert count == 500 + 490 * len(kept) and largest <= 3 * MIB
    # A host of the configuration can still reconnect.
    known.close()
    known = Stream(planner.address(), "web1", services=500, size=2000)
    assert known.refused is None
    for stream in [*streams, known]:
        stream.close()
    planner.stop()
    # Each is stored when it connects and when its stream ends; SQLite reuses the pages later.
    disk = sum(file.stat().st_size for file in (tmp_path / "state").rglob("*") if file.is_file())
    print(f"peak RSS grew by {grown / MIB:.0f} MiB, {disk / MIB:.0f} MiB on disk, {len(kept)} hosts kept")
    assert disk < 4 * UNKNOWN, f"{disk / MIB:.0f} MiB"
