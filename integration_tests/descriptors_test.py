"""The agent's file descriptors: it raises the limit that systemd gives it, tells how many it uses, and
needs none for a service that has nothing to do."""

import re
import resource

import pytest

from harness import Repository, wait_for
from local_host import Host

# systemd's defaults, as far as this container's own limit goes.
HARD = min(524288, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
SYSTEMD_LIMITS = ("prlimit", f"--nofile=1024:{HARD}")


def value(agent, series):
    return float(re.search(rf"^{series} (\S+)$", agent.metrics(), re.M).group(1))


def all_ok(agent, services):
    listed = agent.ctl("list", "services", "-o", "json").json()["services"]
    return len(listed) == services and all(each["state"] == "OK" and each["hash"] for each in listed)


def serve(tmp_path, services, poll="1s"):
    repository = Repository(tmp_path / "upstream")
    repository.commit({"app/config": "1\n"})
    host = Host(tmp_path, repository)
    specs = [host.spec(f"s{number}", link="app") for number in range(services)]
    return host, host.agent(host.config(*specs, poll=poll), wrapper=SYSTEMD_LIMITS)


def in_use(tmp_path, services):
    _, agent = serve(tmp_path, services)
    with agent:
        wait_for(lambda: all_ok(agent, services), 60, f"{services} services")
        # The fewest of a while: polls and their git processes come and go.
        fewest = []

        def seen():
            fewest.append(value(agent, "process_open_fds"))
            return len(fewest) > 50

        wait_for(seen, 30)
        return min(fewest)


def test_a_service_with_nothing_to_do_holds_no_descriptor(tmp_path):
    few, more = in_use(tmp_path / "few", 5), in_use(tmp_path / "more", 105)
    assert more - few < 20, f"{few} with 5 services, {more} with 105"


def test_the_limit_of_systemd_is_raised_and_told(tmp_path):
    _, agent = serve(tmp_path, 1)
    with agent:
        assert value(agent, "process_max_fds") == min(65536, HARD)
        assert 3 <= value(agent, "process_open_fds") < 200


@pytest.mark.long
def test_two_thousand_services_work_with_the_limits_of_systemd(tmp_path):
    host, agent = serve(tmp_path, 2000, poll="10s")
    with agent:
        wait_for(lambda: all_ok(agent, 2000), 900, "2,000 services")
        second = host.repository.commit({"app/config": "2\n"})
        wait_for(lambda: all(each["hash"] == second for each in agent.ctl(
            "list", "services", "-o", "json").json()["services"]), 900, "the second commit")
        assert value(agent, "process_open_fds") < 1024
        assert "Too many open files" not in agent.logged()
