"""The service's account makes files without end, where the agent carries over what a service made itself: that
costs the agent bounded memory, disk and time, the old revision stays served, and commands are answered."""

import os
import pathlib
import re
import subprocess
import time

import pytest

from attacked_host import OWNER, AttackedHost
from harness import as_root, wait_for
from hostile_repository import usage

pytestmark = pytest.mark.skipif(not as_root(), reason="needs root, mounts and other accounts")

MEBIBYTE = 1 << 20
# Where a limit is missing, the test fails and the machine goes on.
GUARD = ("prlimit", f"--as={6144 * MEBIBYTE}")
MEMORY = 300 * MEBIBYTE
# Seconds, beside other tests on a busy machine.
PROMPT = 5


@pytest.fixture
def attacked(open_directory):
    host = AttackedHost(open_directory)
    yield host
    # Deeper than Python's own remover can go.
    subprocess.run(["rm", "-rf", host.home, host.revisions], check=True)


def most_memory(agent):
    """Resident bytes of the agent alone, the most it ever had."""
    status = pathlib.Path(f"/proc/{agent.process.pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.M).group(1)) * 1024


def seconds_of(call, *arguments, **fields):
    begin = time.monotonic()
    answer = call(*arguments, **fields)
    return time.monotonic() - begin, answer


def refused(host, newest, disk=64 * MEBIBYTE):
    """Waits for the decision about a commit; the old one stays served, whatever that costs."""
    def decided():
        assert most_memory(host.agent) < MEMORY
        assert usage(host.revisions) < disk
        service = host.service_now()
        return service if service["state"] == "DIFF" or service["hash"] == newest else None
    service = wait_for(decided, 60, "a decision")
    assert service["state"] == "DIFF", "it is published"
    assert len(service["stateInfo"]) < 1500
    assert host.read() == "version 1\n"
    return service["stateInfo"]


def test_names_without_end_below_paths_without_end_cost_no_memory(attacked):
    host = attacked
    with host.running(wrapper=GUARD) as agent:
        first = host.repository.head()
        agent.wait_service("web", state="OK", hash=first)
        with host.attacker("deep", host.local, 200, 250, 30_000):
            pass
        assert "ddd" in refused(host, host.commit(2))
        # diff reads all of it, however it is asked.
        for _ in range(2):
            took, diff = seconds_of(agent.ctl, "diff", "web", check=False)
            assert len(diff.out) < 8 * MEBIBYTE and took < 20
            assert most_memory(agent) < MEMORY
        took, answer = seconds_of(host.call, "RollbackService", service="web", hash=host.repository.head())
        assert took < PROMPT, "the reason is told at once"
        assert answer is None or (answer.service.hash == first and "ddd" in answer.service.state_info), answer
        assert seconds_of(host.call, "FreezeService", service="web")[0] < PROMPT
        host.call("UnfreezeService", service="web")
        subprocess.run(f"rm -rf {host.seen(host.local)}/ddd*", shell=True, check=True)
        host.assert_follows(3, seconds=60)
        assert most_memory(agent) < MEMORY


@pytest.mark.parametrize("files", [1200, pytest.param(100_001, marks=pytest.mark.long)])
def test_more_files_than_are_carried_over_are_refused_with_the_fullest_directory(attacked, files):
    host = attacked
    service = host.service(**({"max_untracked_files": 1000} if files < 100_000 else {}))
    with host.running(service, wrapper=GUARD) as agent:
        agent.wait_service("web", state="OK")
        made = host.make(pathlib.Path(host.seen(host.local)) / "cache", OWNER)
        host.make(made / "full", OWNER)
        with host.attacker("names", host.local / "cache" / "full", files):
            pass
        said = refused(host, host.commit(2))
        assert "max_untracked_files" in said and "cache/full" in said, said
        # Once few enough are left, the next revision is published meanwhile, with those.
        wait_for(lambda: subprocess.run(["rm", "-rf", made]).returncode == 0, 60, "their removal")
        host.assert_follows(3, seconds=60)


def test_files_within_the_limits_are_carried_over_every_one(attacked):
    host = attacked
    with host.running() as agent:
        agent.wait_service("web", state="OK")
        with host.attacker("deep", host.local, 12, 200, 5_000):
            pass
        agent.wait_service("web", state="OK", hash=host.commit(2))
        assert host.read() == "version 2\n"
        assert sum(len(files) for _, _, files in os.walk(host.seen(host.local))) == 5_001


def test_names_of_one_endless_file_that_can_have_no_more_are_not_written_out(attacked):
    """65,000 names is what ext4 allows: one more, and linking fails."""
    host = attacked
    with host.running() as agent:
        agent.wait_service("web", state="OK")
        with host.attacker("sparse", host.local, 1 << 40, 65_000):
            pass
        names = len(list(pathlib.Path(host.seen(host.local)).iterdir())) - 1
        linked = os.stat(host.seen(host.local / "hole")).st_nlink
        newest = host.commit(2)
        slowest = 0
        for _ in range(20):
            slowest = max(slowest, seconds_of(host.call, "FreezeService", service="web")[0])
            assert usage(host.revisions) < 64 * MEBIBYTE
            host.call("UnfreezeService", service="web")
            host.call("PullService", service="web")
        assert slowest < PROMPT
        assert names == linked
        if linked >= 65_000:
            assert "hole" in refused(host, newest) or str(host.local) in host.service_now()["stateInfo"]
        subprocess.run(["find", host.seen(host.local), "-name", "hole?*", "-delete"], check=True)
        # What is left can be linked; a hole is never filled.
        host.assert_follows(3, seconds=60)
        assert os.stat(host.seen(host.local / "hole")).st_blocks == 0
