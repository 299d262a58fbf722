"""Bootstrap: the config itself comes out of a repository, as with gitopper's -U -D -B -M -P."""

import subprocess

import pytest

from harness import AGENT, Agent, wait_for


class Bootstrapped(Agent):
    """An agent whose config is in the repository."""

    def __init__(self, host, *flags, config="config.toml"):
        super().__init__(host.base / "agent", "")
        self.mount = host.base / "boot"
        self.flags = ["-U", host.repository.url, "-M", str(self.mount), "-c", config, *flags]
        host.agents.append(self)

    def command(self):
        command = super().command()
        at = command.index("--config")
        return command[:at] + command[at + 2:]


def config_of(host, *services):
    return host.config(*services) + '\n[agent]\npoll = "100ms"\n'


@pytest.fixture
def committed(host, repository):
    """The repository with a config for "web" in gitopper/config.toml."""
    repository.commit({"gitopper/config.toml": config_of(host, host.spec("web"))}, "config")
    return repository


def names(agent):
    return [one["service"] for one in
            agent.ctl("list", "services", "-o", "json").json()["services"]]


def test_an_agent_begins_from_a_repository_and_takes_up_what_is_committed(host, committed):
    with Bootstrapped(host) as agent:
        agent.wait_service("web", state="OK", hash=committed.head())
        agent.wait_service("gitopper", state="OK", hash=committed.head())
        assert host.read("web/index.html") == "version 1\n"
        assert (agent.mount / "gitopper" / "gitopper").is_symlink()
        committed.commit({"gitopper/config.toml":
                          config_of(host, host.spec("web"), host.spec("db"))}, "db too")
        wait_for(lambda: names(agent) == ["db", "gitopper", "web"], what="the new service")
        agent.wait_service("db", state="OK", hash=committed.head())
        assert host.read("db/db.conf") == "size = 1\n"
        committed.commit({"gitopper/config.toml": "[global\n"}, "a fault")
        wait_for(lambda: "config.toml:1" in agent.logged(), what="the fault in the log")
        assert names(agent) == ["db", "gitopper", "web"]
        fixed = committed.commit({"gitopper/config.toml": config_of(host, host.spec("db"))})
        wait_for(lambda: names(agent) == ["db", "gitopper"], what="the fixed config")
        agent.wait_service("gitopper", state="OK", hash=fixed)


def test_directory_and_branch_are_chosen(host, repository):
    repository.git("switch", "-q", "-c", "fleet")
    repository.commit({"ops/fleet/hosts.toml": config_of(host, host.spec("web"))})
    tip = repository.head()
    repository.git("switch", "-q", "main")
    with Bootstrapped(host, "-D", "ops/fleet", "-B", "fleet", config="hosts.toml") as agent:
        assert agent.wait_service("gitopper", state="OK")["hash"] == tip
        agent.wait_service("web", state="OK", hash=repository.head())


def test_an_upstream_that_is_gone_does_not_keep_it_from_starting_again(host, committed):
    first = committed.head()
    agent = Bootstrapped(host)
    with agent:
        agent.wait_service("web", state="OK", hash=first)
    away = committed.path.with_name("away")
    committed.path.rename(away)
    for flags in ([], ["-P"]):
        agent.flags = [flag for flag in agent.flags if flag != "-P"] + flags
        with agent:
            assert names(agent) == ["gitopper", "web"]
            assert agent.wait_service("web", state="DIFF")["hash"] == first
            assert host.read("web/index.html") == "version 1\n"
    assert "continuing with the existing one" in agent.logged()
    away.rename(committed.path)
    with agent:
        agent.wait_service("web", state="OK", hash=first)


def test_pull_looks_at_the_upstream_before_the_first_config_is_read(host, committed):
    agent = Bootstrapped(host)
    with agent:
        agent.wait_service("web", state="OK")
    committed.commit({"gitopper/config.toml": config_of(host, host.spec("db"))})
    agent.flags.append("-P")
    with agent:
        assert names(agent) == ["db", "gitopper"]
    assert agent.logged().count("removed from the configuration") == 0


def test_freezing_it_freezes_the_config(host, committed):
    with Bootstrapped(host) as agent:
        agent.wait_service("gitopper", state="OK")
        agent.wait_service("web", state="OK")
        agent.ctl("freeze", "gitopper")
        committed.commit({"gitopper/config.toml": config_of(host, host.spec("db"))})
        agent.wait_service("web", hash=committed.head())
        assert names(agent) == ["gitopper", "web"]
        agent.ctl("unfreeze", "gitopper")
        wait_for(lambda: names(agent) == ["db", "gitopper"])


def test_a_second_agent_does_not_touch_what_the_first_has_published(host, committed):
    with Bootstrapped(host) as agent:
        agent.wait_service("gitopper", state="OK")
        agent.ctl("freeze", "gitopper")
        before = (agent.mount / "gitopper" / "gitopper").resolve()
        committed.commit({"gitopper/config.toml": config_of(host, host.spec("db"))})
        done = subprocess.run([*agent.command(), "-P"], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1
        assert str(agent.state) in done.stderr
        assert (agent.mount / "gitopper" / "gitopper").resolve() == before


def test_a_second_agent_does_not_touch_the_config_that_the_first_has_kept(host, committed):
    with Bootstrapped(host) as agent:
        agent.wait_service("gitopper", state="OK")
        kept = (agent.state / "config.accepted").read_bytes()
        assert config_of(host, host.spec("web")).encode() in kept
        second = host.base / "second"
        follows_itself = {"machine": "web1", "service": "self", "dirs": [{"local": second, "link": "web"}]}
        for config in (host.config(follows_itself), host.config(host.spec("db"))):
            other = Agent(second, config)
            other.state = agent.state
            other.start(wait=False)
            assert other.process.wait(timeout=20) == 1, other.logged()
            assert (agent.state / "config.accepted").read_bytes() == kept


@pytest.mark.parametrize("flags, told", [
    (["-U", "file:///nowhere", "-c", "c.toml"], "--mount"),
    (["-U", "file:///nowhere", "-M", "relative", "-c", "c.toml"], "--mount"),
    (["-U", "file:///nowhere", "-M", "/srv/x", "-c", "/etc/c.toml"], "--config"),
    (["-U", "file:///nowhere", "-M", "/srv/x", "-D", "../x", "-c", "c.toml"], "--directory"),
])
def test_flags_that_cannot_be_meant_are_named(tmp_path, flags, told):
    done = subprocess.run([str(AGENT), "--root=false", "--state-dir", str(tmp_path / "state"),
                           *flags], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "state").exists()


def test_an_upstream_without_the_config_is_an_error_that_names_it(host, repository):
    agent = Bootstrapped(host)
    agent.start(wait=False)
    assert agent.process.wait(timeout=20) != 0
    assert "gitopper" in agent.logged() and repository.head()[:10] in agent.logged()
    gone = Bootstrapped(host)
    gone.flags[1] = "file:///nowhere/at/all"
    gone.start(wait=False)
    assert gone.process.wait(timeout=20) == 1
    assert "/nowhere/at/all" in gone.logged()
