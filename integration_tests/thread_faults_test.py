"""A host that gives the agent no more threads, or no more event descriptors, for a while: what fails is told and tried
again, nothing ends the agent, and all is well afterwards."""

import pathlib
import shutil
import signal

import pytest

from harness import as_root, wait_for
from injected_faults_test import Injector
from systemd_bus import SystemdBus

pytestmark = [
    pytest.mark.skipif(not as_root(), reason="needs root, to trace the agent"),
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")]

MORE = [f"unit-{number}" for number in range(10)]
# The call, its error, and what is told.
FAULTS = [pytest.param("clone3", "EAGAIN", "cannot start a thread", id="threads"),
          pytest.param("eventfd2", "EMFILE", "event descriptor", id="events")]


class FaultyAgent:
    """One plain service, and after reload() ten with units, which need what the agent has not begun yet."""

    def __init__(self, host, repository, bus):
        self.host, self.repository, self.bus = host, repository, bus
        self.agent = host.agent(host.config(host.spec()), env=bus.env)

    def reload(self):
        self.agent.write_config(self.host.config(
            self.host.spec(), *(self.host.spec(name, link="web", action="reload") for name in MORE)))
        self.agent.process.send_signal(signal.SIGHUP)

    def assert_runs(self):
        assert self.agent.process.poll() is None, self.agent.logged()[-3000:]

    def assert_well(self):
        head = self.repository.head()
        for name in ("web", *MORE):
            self.agent.wait_service(name, seconds=90, state="OK", hash=head)
        assert {unit for _, unit in self.bus.called} == {f"{name}.service" for name in MORE}


@pytest.fixture
def faulty(host, repository):
    with SystemdBus() as bus:
        yield FaultyAgent(host, repository, bus)
        for agent in host.agents:
            agent.kill()


@pytest.mark.parametrize("call, error, told", FAULTS)
def test_a_running_agent_goes_on_and_tries_again(faulty, repository, tmp_path, call, error, told):
    agent = faulty.agent.start()
    agent.wait_service("web", state="OK", hash=repository.head())
    injector = Injector(error, "1+", tmp_path / "strace", calls=call)
    injector.attach(agent.process.pid)
    try:
        repository.commit({"web/index.html": "version 2\n"})
        faulty.reload()
        wait_for(lambda: told in agent.logged(), 60, "a message")
        wait_for(lambda: injector.count() >= 5, 60, "some errors")
    finally:
        injector.stop(agent.process.pid)
    faulty.assert_runs()
    faulty.assert_well()


# Not event descriptors: an attempt that needs several would fail each time.
@pytest.mark.parametrize("every", [pytest.param(2, marks=pytest.mark.long), 3, 5])
def test_threads_that_fail_now_and_then_hold_up_nothing_for_long(faulty, repository, tmp_path, every):
    agent = faulty.agent.start()
    injector = Injector("EAGAIN", f"{every}+{every}", tmp_path / "strace", calls="clone3")
    injector.attach(agent.process.pid)
    try:
        faulty.reload()
        faulty.assert_well()
        repository.commit({"web/index.html": "version 2\n"})
        faulty.assert_well()
        assert injector.count() > 0
    finally:
        injector.stop(agent.process.pid)
    faulty.assert_runs()
    assert agent.stop() == 0


def thread_names(pid):
    return {path.read_text().strip() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/comm")}


# Not event descriptors: gRPC aborts if it gets none while it starts, and the service manager starts the agent again.
# The 8th to 13th are gRPC's, which goes on without a thread that it does not get; some calls then never end.
@pytest.mark.parametrize("nth", [1, 2, 3, 5, 8, 9, 10, 13])
def test_a_start_succeeds_or_ends_with_a_message(faulty, tmp_path, nth):
    agent = faulty.agent
    injector = Injector("EAGAIN", str(nth), tmp_path / "strace", calls="clone3")
    agent.wrapper = injector.wrapper()
    agent.start(wait=False)
    wait_for(lambda: agent.addresses.exists() or agent.process.poll() is not None, 60, "a start or its end")
    code = agent.process.poll()
    assert code is None or code > 0, f"it was killed by {code}:\n{agent.logged()[-3000:]}"
    injector.stop(agent.process.pid)
    if code is not None:
        assert "cannot start a thread" in agent.logged()
        agent.wrapper = ()
        agent.start()
    assert {"default-executo", "resolver-execut", "grpc_global_tim", "timer_manager"} <= thread_names(agent.process.pid)
    faulty.reload()
    faulty.assert_well()
