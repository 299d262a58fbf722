"""Fixtures of the tests in containers."""

import pytest

from agent_host import AgentHost


@pytest.fixture(name="machine", scope="module")
def machine_fixture(tmp_path_factory):
    """One booted host for all tests of a file."""
    with AgentHost(tmp_path_factory.mktemp("site")) as host:
        yield host


@pytest.fixture(name="host")
def host_fixture(machine):
    """The host as it was installed, with an upstream of one commit: web and db at version 1."""
    machine.new_repository({"web/version": "1\n", "db/version": "1\n"})
    yield machine
    machine.forget("web", "db")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows what the host, or the fleet, logged where a test failed."""
    outcome = yield
    report = outcome.get_result()
    for name in ("machine", "site"):
        machine = getattr(item, "funcargs", {}).get(name)
        if report.failed and machine is not None:
            report.sections.append((f"logs of the {name}", machine.logs(lines=80)))
