"""What users of such systems reported, each with what is right."""

import os
import shutil
import signal
import subprocess

import pytest

from bootstrap_test import Bootstrapped, config_of
from harness import ACCOUNT, AGENT, as_root, fleet_config, wait_for
from mount_namespace import MountNamespace

root_only = pytest.mark.skipif(not as_root(), reason="needs root and mounts")


@pytest.fixture
def namespace():
    with MountNamespace() as namespace:
        yield namespace


class Place:
    """The service "web" of one host, published by mounts or by symlinks."""

    def __init__(self, host, namespace, mounts):
        self.host, self.namespace, self.mounts = host, namespace, mounts
        self.revisions = host.base / "revisions"

    def agent(self, config=None):
        return self.host.agent(config, root=self.mounts, wrapper=self.namespace.wrapper)

    def read(self, name="index.html"):
        try:
            return self.namespace.path(self.host.local("web") / name).read_text()
        except OSError:
            return None

    def remove_published(self, commit):
        for path in (self.revisions / "web").glob(f"{commit}*"):
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True) if not path.is_dir() else None


@pytest.fixture(params=[pytest.param("mounts", marks=root_only), "symlinks"])
def place(request, host):
    if request.param == "symlinks" and not as_root():
        pytest.skip("needs root for a namespace")
    with MountNamespace() as namespace:
        yield Place(host, namespace, request.param == "mounts")
        for agent in host.agents:
            agent.kill()


# The published revision vanishes.

def test_a_published_revision_that_is_removed_is_told_and_the_next_commit_is_published(place, host, repository):
    with place.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        place.remove_published(repository.head())
        wait_for(lambda: agent.service("web")["state"] == "DIFF", 15, "DIFF")
        assert agent.ctl("diff", "web", check=False).status == 1
        assert agent.ctl("check", check=False).status == 1
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second, stateInfo="")
        assert place.read() == "version 2\n"
        shutil.rmtree(place.revisions / "web", ignore_errors=True)
        third = repository.commit({"web/index.html": "version 3\n"})
        agent.wait_service("web", state="OK", hash=third, stateInfo="")
        assert place.read() == "version 3\n"
        agent.ctl("check")


def test_a_published_revision_that_is_removed_is_written_again_where_drift_is_corrected(place, host, repository):
    with place.agent(host.config(host.spec(drift="correct"))) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        place.remove_published(repository.head())
        wait_for(lambda: place.read() == "version 1\n", 15, "the files again")
        agent.wait_service("web", state="OK", stateInfo="")
        shutil.rmtree(place.revisions / "web", ignore_errors=True)
        wait_for(lambda: place.read() == "version 1\n", 15, "the files again")
        agent.wait_service("web", state="OK", stateInfo="", hash=repository.head())


# Bootstrap with a bad config.

def syntax_error(_):
    return "[global\n"


def unknown_key(host):
    return config_of(host, host.spec("web", colour="blue"))


def refused_path(host):
    return config_of(host, {**host.spec("web"), "dirs": [{"local": "/etc", "link": "web"}]})


@pytest.mark.parametrize("fault", [syntax_error, unknown_key, refused_path])
def test_a_bootstrapped_agent_starts_with_the_last_good_config_and_takes_up_the_fix(host, repository, fault):
    repository.commit({"gitopper/config.toml": config_of(host, host.spec("web"))})
    agent = Bootstrapped(host)
    with agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        agent.wait_service("gitopper", state="OK", hash=repository.head())
        bad = repository.commit({"gitopper/config.toml": fault(host)})
        agent.wait_service("gitopper", hash=bad)
        wait_for(lambda: "config.toml:" in agent.logged(), what="the fault in the log")
    before = len(agent.logged())
    with agent:
        assert "config.toml:" in agent.logged()[before:]
        check = agent.ctl("check", check=False)
        assert check.status == 1 and "config" in check.out + check.err, check
        assert "gitops_config_in_force 0" in agent.metrics()
        newest = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=newest)
        fixed = repository.commit({"gitopper/config.toml": config_of(host, host.spec("web"), host.spec("db"))})
        agent.wait_service("gitopper", state="OK", hash=fixed)
        wait_for(lambda: len(agent.ctl("list", "services", "-o", "json").json()["services"]) == 3, what="the fix")
        agent.wait_service("db", state="OK", hash=fixed)
        agent.ctl("check")
        assert "gitops_config_in_force 1" in agent.metrics()


def test_a_plain_config_with_a_fault_is_still_refused(host):
    agent = host.agent("[global\n")
    agent.start(wait=False)
    assert agent.process.wait(timeout=20) == 2


# Nested places without root.

def nested(host):
    return {"machine": "web1", "service": "web", "dirs": [
        {"local": host.local("web"), "link": "outer"}, {"local": host.local("web/conf.d"), "link": "inner"}]}


@pytest.mark.parametrize("turned", [False, True], ids=["outer first", "inner first"])
def test_places_of_one_service_may_nest_without_root(host, repository, turned):
    spec = nested(host)
    if turned:
        spec["dirs"].reverse()

    def files(version):
        return {"outer/o": f"{version}\n", "outer/conf.d/hidden": f"{version}\n", "inner/i": f"{version}\n",
                "inner/deep/j": f"{version}\n"}
    first = repository.commit(files(1))
    with host.agent(host.config(spec)) as agent:
        agent.wait_service("web", state="OK", hash=first, stateInfo="")
        second = repository.commit(files(2))
        agent.wait_service("web", state="OK", hash=second, stateInfo="")
        for name in ("o", "conf.d/i", "conf.d/deep/j"):
            assert host.read(f"web/{name}") == "2\n"
        assert not host.local("web/conf.d/hidden").exists()
        agent.ctl("diff", "web")
        agent.ctl("rollback", "web", first)
        assert host.read("web/o") == host.read("web/conf.d/i") == "1\n"


def test_nested_places_of_two_services_are_refused_without_root_in_any_order(host, tmp_path):
    outer, inner = host.spec("outer"), host.spec("inner", link="inner")
    inner["dirs"][0]["local"] = host.local("outer/conf.d")
    file = tmp_path / "config.toml"

    def check(root):
        return subprocess.run([AGENT, "--check-config", "--hosts=web1", f"--root={root}", "--config", file], text=True,
                              capture_output=True, timeout=20, env={"PATH": os.environ["PATH"]})
    for services in ([outer, inner], [inner, outer]):
        file.write_text(fleet_config({"upstream": "file:///srv/git", "mount": tmp_path / "m"}, services))
        assert check("true").returncode == 0
        refused = check("false")
        assert refused.returncode == 2
        assert "outer" in refused.stderr and "inner" in refused.stderr and f"{file}:" in refused.stderr


# Services below one directory that is not there yet.

@pytest.mark.parametrize("rounds", [6, pytest.param(60, marks=pytest.mark.long)])
def test_services_below_one_missing_directory_do_not_disturb_each_other(host, repository, rounds):
    def services(number):
        return [{"machine": "web1", "service": f"s{number}-{each}",
                 "dirs": [{"local": host.local(f"new{number}/a/b/{each}"), "link": "web"}]} for each in range(12)]

    with host.agent(host.config(*services(0))) as agent:
        for number in range(rounds):
            for service in services(number):
                wait_for(lambda name=service["service"]: name in agent.ctl("list", "services", "-o", "name").out)
                changes = agent.wait_service(service["service"], state="OK", hash=repository.head())["changes"]
                assert [change["toState"] for change in changes] == ["OK"], changes
            agent.write_config(host.config(*services(number + 1)))
            agent.process.send_signal(signal.SIGHUP)
        assert "replaced" not in agent.logged()


# A rollback during a move of the service's own.

@root_only
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("first_time", [False, True], ids=["a move", "the first publication"])
def test_a_rollback_during_a_move_is_a_second_entry_with_its_own_actor(host, repository, namespace, first_time):
    """The kernel takes its time over the last step of an exchange."""
    last_step = "move_mount" if first_time else "umount2"
    slow = ["strace", "-D", "-f", "-q", "-o", "/dev/null", f"--trace={last_step}",
            f"--inject={last_step}:delay_exit=500000"]
    first = repository.head()
    shown = namespace.path(host.local("web") / "index.html")
    if first_time:
        second = repository.commit({"web/index.html": "version 2\n"})
    with host.agent(root=True, wrapper=[*namespace.wrapper, *slow]) as agent:
        if not first_time:
            agent.wait_service("web", state="OK", hash=first)
            second = repository.commit({"web/index.html": "version 2\n"})
        wait_for(lambda: shown.exists() and shown.read_text() == "version 2\n", what="the exchange")
        before = "" if first_time else first
        assert agent.service("web")["hash"] == before, "the move has not ended"
        agent.ctl("rollback", "web", first, "--reason", "two is bad")
        assert shown.read_text() == "version 1\n"
        pinned = agent.wait_service("web", state="FREEZE", hash=first)
        moves = [(change["fromHash"], change["toHash"], ACCOUNT in change["actor"])
                 for change in pinned["changes"] if change["fromHash"] != change["toHash"]]
        assert moves[:2] == [(second, first, True), (before, second, False)], pinned["changes"]
        assert "two is bad" in repr(pinned["changes"])


# 13. What git LFS has instead of a file.

def test_a_pointer_of_git_lfs_is_published_as_one_and_said(host, repository):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    with host.agent() as agent:
        second = repository.commit({"web/big.bin": pointer})
        web = agent.wait_service("web", state="OK", hash=second)
        assert '"web/big.bin" is a pointer of git LFS' in web["stateInfo"]
        assert host.read("web/big.bin") == pointer
        third = repository.commit({"web/big.bin": "the content\n"})
        agent.wait_service("web", state="OK", hash=third, stateInfo="")
