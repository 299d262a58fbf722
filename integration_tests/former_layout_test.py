"""An agent that is started where one of the former layout ran: what is published stays as it is, and the
revisions on disk can be rolled back to."""

import os
import signal

import pytest

from former_layout import FILES, SERVICES, FormerHost, use
from harness import as_root, wait_for
from mount_namespace import MountNamespace

pytestmark = pytest.mark.skipif(not as_root(), reason="bind mounts need root")


@pytest.fixture
def former(tmp_path):
    with MountNamespace() as namespace:
        former = FormerHost(tmp_path)
        former.namespace = namespace
        yield former


def mounts(host):
    """The ID and the source of each mount: a mount that is made anew has another ID."""
    with open(f"/proc/{host.namespace.holder.pid}/mountinfo", encoding="utf-8") as table:
        fields = [line.split() for line in table]
    return {line[4]: (line[0], line[3]) for line in fields if line[4].startswith(str(host.base))}


def database_name(tmp_path_factory):
    """What this version calls its store."""
    with MountNamespace() as namespace:
        agent = FormerHost(tmp_path_factory.mktemp("name")).agent(namespace).start()
        agent.kill()
        return next(agent.state.glob("*.db")).name


def read(host, service, name):
    return host.namespace.path(host.local(service) / name).read_text()


def assert_shows(host, service, version):
    for name in FILES:
        assert read(host, service, name) == f"{name} of {service}, version {version}\n"


def assert_upgraded(host, agent):
    before = mounts(host)
    assert sorted(before) == [str(host.local(service)) for service in SERVICES]
    inodes = {service: os.stat(host.namespace.path(host.local(service))).st_ino for service in SERVICES}
    with agent:
        agent.wait_service("follows", state="OK", hash=host.commits[1], stateInfo="")
        frozen = agent.wait_service("frozen", state="FREEZE", hash=host.commits[0])
        pinned = agent.wait_service("pinned", state="FREEZE", hash=host.commits[0],
                                    stateInfo=f"ROLLBACK: {host.commits[0]}")
        assert "release day" in repr(frozen["changes"]) and "two is bad" in repr(pinned["changes"])
        # There is no systemd here: an action would have made a service BROKEN.
        assert not [change for service in SERVICES for change in agent.service(service)["changes"]
                    if change["toState"] == "BROKEN"]
        for service in SERVICES:
            agent.ctl("diff", service)
        assert mounts(host) == before, "nothing is mounted anew"
        assert inodes == {service: os.stat(host.namespace.path(host.local(service))).st_ino for service in SERVICES}
        agent.write_config(host.config())
        agent.process.send_signal(signal.SIGHUP)  # without the action, which would fail
        for version in (1, 2):
            commit = host.commits[version - 1]
            agent.ctl("rollback", "follows", commit)
            assert_shows(host, "follows", version)
            assert os.path.samefile(host.namespace.path(host.local("follows")),
                                    host.base / "revisions" / "follows" / commit / "follows"), "it was on disk"
        # The service's own files come along into the new layout, and back.
        host.namespace.path(host.local("follows") / "made").write_text("by the service\n")
        agent.ctl("unfreeze", "follows")
        third = host.commit(3)
        agent.wait_service("follows", state="OK", hash=third, stateInfo="")
        assert_shows(host, "follows", 3)
        assert read(host, "follows", "made") == "by the service\n"
        agent.ctl("rollback", "follows", host.commits[0])
        assert_shows(host, "follows", 1)
        assert read(host, "follows", "made") == "by the service\n"
        agent.ctl("unfreeze", "pinned")
        agent.wait_service("pinned", state="OK", hash=third)
        assert sorted(mounts(host)) == sorted(before), "one mount for each place"


def test_a_host_of_the_former_layout_is_taken_over_without_a_remount_or_an_action(former, tmp_path_factory):
    former.lay_out(former.namespace, database_name(tmp_path_factory))
    assert_upgraded(former, former.agent(former.namespace, action="restart"))


def test_old_revisions_are_pruned_with_their_manifests(former, tmp_path_factory):
    former.lay_out(former.namespace, database_name(tmp_path_factory))
    with former.agent(former.namespace, keep_revisions=1) as agent:
        agent.wait_service("follows", state="OK", hash=former.commits[1])
        for version in (3, 4):
            agent.wait_service("follows", state="OK", hash=former.commit(version))
        wrapper = former.base / "revisions" / "follows"
        wait_for(lambda: not list(wrapper.glob(f"{former.commits[0]}*")), what="the first to be removed")
        wait_for(lambda: not list(wrapper.glob(f"{former.commits[1]}*")), what="the second to be removed")
        # What is published stays, whatever its layout.
        assert list((former.base / "revisions" / "frozen").glob(f"{former.commits[0]}*"))
        assert_shows(former, "frozen", 1)


@pytest.mark.skipif("GITOPS_FORMER_AGENT" not in os.environ, reason="names no agent of the former layout")
def test_a_host_on_which_a_former_agent_really_ran_is_taken_over(former):
    """For work on the layout: the scripted host above stands for this one in CI."""
    agent = former.agent(former.namespace)
    agent.binary = os.environ["GITOPS_FORMER_AGENT"]
    use(former, agent)
    agent.stop()
    assert_upgraded(former, former.agent(former.namespace, action="restart"))
