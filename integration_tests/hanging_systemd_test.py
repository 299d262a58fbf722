"""A systemd that hangs holds up the services whose units it hangs with, and nothing else."""

import contextlib
import signal
import time

import pytest

from harness import wait_for
from systemd_bus import SystemdBus

HANGING = [pytest.param(100), pytest.param(500, marks=pytest.mark.long)]


class UnitHost:
    """Services "hangs-N", "answers" and "plain" (without a unit), which all publish the same directory."""

    def __init__(self, host, repository, bus, count):
        self.host, self.repository, self.count = host, repository, count
        self.hanging = [f"hangs-{number}" for number in range(count)]
        self.agent = host.agent(self.config(self.hanging), env=bus.env)

    def config(self, hanging, *more):
        specs = [self.host.spec(name, link="web", action="reload", healthy_within="5m") for name in hanging]
        return self.host.config(*specs, self.host.spec("answers", link="web", action="reload"),
                                *(self.host.spec(name, link="web") for name in ("plain", *more)))

    def published(self):
        return [name for name in self.hanging if (self.host.local(name) / "index.html").exists()]

    def await_all_published(self):
        """Only the units are waited for."""
        wait_for(lambda: len(self.published()) == self.count, 20 + self.count / 5, "the publications")

    def reload(self, config):
        self.agent.write_config(config)
        self.agent.process.send_signal(signal.SIGHUP)

    def names(self):
        return {service["service"] for service in self.agent.ctl("list", "services", "-o", "json").json()["services"]}

    def assert_goes_on(self):
        """For everybody but the hanging ones, and for commands to those."""
        commit = self.repository.commit({"web/index.html": "version 2\n"})
        self.agent.wait_service("plain", seconds=10, state="OK", hash=commit)
        began = time.monotonic()
        self.agent.ctl("freeze", "hangs-1", "--reason", "it hangs")
        self.agent.ctl("get", "service", "hangs-2")
        assert time.monotonic() - began < 5
        gone = {"hangs-0", f"hangs-{self.count - 1}"}
        self.reload(self.config([name for name in self.hanging if name not in gone], "new"))
        wait_for(lambda: not gone & self.names(), 10, "the removal of services that hang")
        self.agent.wait_service("new", seconds=10, state="OK", hash=commit)
        return commit


@pytest.fixture
def units(host, repository):
    with contextlib.ExitStack() as stack:
        def start(count, **bus):
            units = UnitHost(host, repository, stack.enter_context(SystemdBus(**bus)), count)
            units.agent.start()
            stack.callback(units.agent.kill)
            units.await_all_published()
            return units
        yield start


@pytest.mark.parametrize("count", HANGING)
def test_a_bus_that_accepts_and_never_answers_holds_up_no_service_without_a_unit(units, count):
    host = units(count, mute=True)
    host.assert_goes_on()
    assert host.agent.service("answers")["state"] != "OK"
    began = time.monotonic()
    assert host.agent.stop() == 0
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("count", HANGING)
def test_jobs_that_never_end_hold_up_no_unit_whose_jobs_do(units, count):
    host = units(count, says=lambda call: "never" if call.member == "ReloadUnit" and "hangs" in call.unit else "answer")
    commit = host.assert_goes_on()
    host.agent.wait_service("answers", seconds=10, state="OK", hash=commit)
    assert host.agent.stop() == 0
