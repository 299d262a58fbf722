"""The one name of a host in the fleet, aliases that hosts share, and which configuration is in force."""

import pytest

from fleet import PLANNER, Program
from harness import Agent, Repository, ctl, wait_for

CONFIG = """[[services]]
machine = "{machine}"
service = "app"
upstream = "{upstream}"
mount = "{directory}/revisions"
poll = "200ms"
dirs = [{{ local = "{directory}/etc/app", link = "app" }}]
"""


class Hosts:
    """A planner, and agents whose configs are their own."""

    def __init__(self, tmp_path):
        self.base = tmp_path
        self.repository = Repository(tmp_path / "upstream")
        self.repository.commit({"app/version": "1\n"}, "first")
        self.fleet_file = tmp_path / "fleet.toml"
        self.fleet_file.write_text("")
        self.planner = Program(PLANNER, tmp_path / "planner", [
            "--config", self.fleet_file, "--listen", "127.0.0.1:0", "--state-dir", tmp_path / "planner/state"])
        self.programs = [self.planner.start()]

    def config(self, directory, machine, more=""):
        return CONFIG.format(machine=machine, upstream=self.repository.url, directory=self.base / directory) + more

    def agent(self, directory, hosts, *flags, machine=None, more=""):
        agent = Agent(self.base / directory, self.config(directory, machine or hosts, more), host=hosts,
                      flags=[*flags, "--planner", self.planner.address()])
        self.programs.append(agent.start())
        return agent

    def ctl(self, *arguments, check=True):
        return ctl(*arguments, "--planner", self.planner.address(), check=check)

    def hosts(self):
        return {host["host"]: host for host in self.ctl("list", "hosts", "-o", "json").json()["hosts"]}

    def services(self):
        return {(s["host"], s["service"]) for s in self.ctl("list", "services", "-o", "json").json()["services"]}

    def await_hosts(self, *names):
        wait_for(lambda: sorted(self.hosts()) == sorted(names), what=f"the hosts {names}")


@pytest.fixture
def hosts(tmp_path):
    hosts = Hosts(tmp_path)
    yield hosts
    for program in hosts.programs:
        program.kill()


def test_two_hosts_with_one_alias_are_two_hosts(hosts):
    first = hosts.agent("a", "localhost", "--name", "n1")
    hosts.agent("b", "localhost", "--name", "n2")
    hosts.await_hosts("n1", "n2")
    wait_for(lambda: hosts.services() == {("n1", "app"), ("n2", "app")}, what="the services of both")
    assert first.service("app")["host"] == "n1"


def test_without_a_name_the_alias_is_the_name_as_before(hosts):
    agent = hosts.agent("a", "web1")
    hosts.await_hosts("web1")
    assert hosts.services() == {("web1", "app")}
    assert agent.service("app")["host"] == "web1"
    hosts.agent("b", "web2,web", machine="web2")
    hosts.await_hosts("web1", "web2")


def test_the_alias_in_the_fleet_is_the_name_and_has_the_tags(hosts):
    more = '[[hosts]]\nname = "web1"\ntags = ["web"]\n'
    agent = hosts.agent("a", "web1,web", machine="other", more=more + f"""
[[services]]
tagged = ["web"]
service = "tagged"
upstream = "{hosts.repository.url}"
mount = "{hosts.base}/a/revisions"
""")
    hosts.await_hosts("web1")
    assert hosts.services() == {("web1", "tagged")}
    agent.wait_service("tagged", state="OK")


def test_a_rejected_and_a_different_configuration_are_shown(hosts):
    agent = hosts.agent("a", "web1", "--name", "web1")
    hosts.await_hosts("web1")
    in_force = hosts.hosts()["web1"]["config"]
    assert len(in_force["hash"]) == 64 and in_force["acceptTime"] and not in_force["fault"]
    host = f'[[hosts]]\nname = "web1"\naddress = "{agent.address()}"\n'
    hosts.fleet_file.write_text(hosts.config("a", "web1") + host)
    wait_for(lambda: hosts.hosts()["web1"]["configured"], what="the planner's configuration")
    assert hosts.hosts()["web1"]["configDifference"] == ""
    hosts.fleet_file.write_text(hosts.config("a", "web1").replace("200ms", "300ms") + host)
    wait_for(lambda: "services" in hosts.hosts()["web1"]["configDifference"], what="the difference")
    wait_for(lambda: 'gitops_host_config_differs{host="web1"} 1' in hosts.planner.metrics(), what="the metric")
    agent.write_config("[global\n")
    wait_for(lambda: "config.toml:1" in hosts.hosts()["web1"]["config"]["fault"], what="the fault")
    assert hosts.hosts()["web1"]["config"]["hash"] == in_force["hash"]
    checked = hosts.ctl("check", check=False)
    assert checked.status == 1 and "config.toml:1" in checked.out, "what is wrong is the result of a check"
    assert "rejected config" in checked.err
    assert 'gitops_host_config_in_force{host="web1"} 0' in hosts.planner.metrics()
    agent.write_config(hosts.config("a", "web1").replace("200ms", "300ms"))
    wait_for(lambda: not hosts.hosts()["web1"]["config"]["fault"], what="the end of the fault")
    assert hosts.hosts()["web1"]["configDifference"] == ""
    assert hosts.hosts()["web1"]["config"]["hash"] != in_force["hash"]
