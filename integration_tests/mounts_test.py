"""Publishing by bind mounts, by the real agent as root, in a mount namespace of the test's own."""

import signal
import subprocess
import sys

import pytest

from harness import as_root, wait_for
from mount_namespace import MountNamespace

pytestmark = pytest.mark.skipif(not as_root(), reason="bind mounts need root")

# Round after round: opens the directory once and its files through it. Prints what was seen that
# may never be seen, and at the end how many rounds there were and how many versions were met.
READER = """
import os, sys
directory, stop, names = sys.argv[1], sys.argv[2], sys.argv[3:]
rounds, versions = 0, set()
while not os.path.exists(stop):
    at = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    seen = set()
    for name in names:
        try:
            file = os.open(name, os.O_RDONLY, dir_fd=at)
            seen.add(os.read(file, 100))
            os.close(file)
        except OSError as error:
            print("round", rounds, name, error)
    os.close(at)
    if len(seen) > 1:
        print("round", rounds, "a mix", seen)
    versions |= seen
    rounds += 1
print("end", rounds, len(versions))
"""


class MountedHost:
    """A host whose agents publish in the namespace that is current; see reboot()."""

    def __init__(self, host, repository):
        self.host = host
        self.repository = repository
        self.namespace = None
        self.started = None

    def boot(self):
        self.namespace = MountNamespace().__enter__()

    def shut_down(self):
        if self.started is not None:
            self.started.kill()
        if self.namespace is not None:
            self.namespace.__exit__()

    def reboot(self):
        """No mount survives it; what is on disk does."""
        self.shut_down()
        self.boot()
        self.started.wrapper = self.namespace.wrapper
        return self.started

    def agent(self, config=None):
        self.started = self.host.agent(config, root=True, wrapper=self.namespace.wrapper)
        return self.started

    def seen(self, name):
        return self.namespace.path(self.host.local(name))

    def read(self, name):
        return self.seen(name).read_text()

    def mounts(self):
        return sorted(self.namespace.mounts_below(self.host.base))


@pytest.fixture
def mounted(host, repository):
    mounted = MountedHost(host, repository)
    mounted.boot()
    yield mounted
    mounted.shut_down()


def nested(host):
    """A directory, one inside of it from elsewhere in the repository, and a single file."""
    return {"machine": "web1", "service": "web", "dirs": [
        {"local": host.local("web"), "link": "web"},
        {"local": host.local("web/conf.d"), "link": "db"},
        {"local": host.local("one.conf"), "link": "one/settings.conf", "file": True}]}


def test_directories_files_and_nested_places_are_mounted_and_exchanged(mounted, host, repository):
    first = repository.commit({"one/settings.conf": "one\n"})
    with mounted.agent(host.config(nested(host))) as agent:
        agent.wait_service("web", state="OK", hash=first, stateInfo="")
        assert mounted.read("web/index.html") == "version 1\n"
        assert mounted.read("web/conf.d/db.conf") == "size = 1\n"
        assert mounted.read("one.conf") == "one\n"
        assert not host.local("web/index.html").exists(), "outside of the namespace"
        second = repository.commit({"one/settings.conf": "two\n", "web/index.html": "version 2\n",
                                    "db/db.conf": "size = 2\n"})
        agent.wait_service("web", state="OK", hash=second, stateInfo="")
        assert mounted.read("web/index.html") == "version 2\n"
        assert mounted.read("web/conf.d/db.conf") == "size = 2\n"
        assert mounted.read("one.conf") == "two\n"
        assert mounted.mounts() == sorted(
            str(host.local(name)) for name in ["web", "web/conf.d", "one.conf"])
        agent.ctl("diff", "web")  # exit status 0: no difference


@pytest.mark.parametrize("writable", [True, False])
def test_writable_decides_whether_the_service_may_write(mounted, host, repository, writable):
    spec = host.spec(writable=writable)
    with mounted.agent(host.config(spec)) as agent:
        for version in (2, 3):
            agent.wait_service("web", state="OK", hash=repository.head())
            made = mounted.seen(f"web/made-{version}")
            if writable:
                made.write_text("by the service\n")
            else:
                with pytest.raises(OSError, match="Read-only"):
                    made.write_text("by the service\n")
                options = mounted.namespace.run("findmnt", "-no", "OPTIONS", host.local("web"))
                assert options.startswith("ro,")
            repository.commit({"web/index.html": f"version {version}\n"})
        agent.wait_service("web", state="OK", hash=repository.head())
        assert mounted.read("web/index.html") == "version 3\n"


def test_readers_never_see_a_mix_through_two_hundred_publications(mounted, host, repository,
                                                                  tmp_path):
    names = ["a", "b", "deep/c", "deep/er/d", "z"]
    with mounted.agent(host.config(poll="1h")) as agent:
        def publish(version):
            repository.commit({f"web/{name}": f"version {version}\n" for name in names})
            agent.ctl("pull", "web")

        publish(0)
        stop = tmp_path / "stop"
        reader = subprocess.Popen(
            [*mounted.namespace.wrapper, sys.executable, "-c", READER, str(host.local("web")),
             str(stop), *names], stdout=subprocess.PIPE, text=True)
        try:
            for version in range(1, 201):
                publish(version)
                if version == 50:
                    assert mounted.mounts() == [str(host.local("web"))]
            assert agent.service("web")["hash"] == repository.head()
        finally:
            stop.touch()
            lines = reader.communicate(timeout=30)[0].splitlines()
        assert lines[:-1] == []
        rounds, versions = map(int, lines[-1].split()[1:])
        # Otherwise the reader was not there to see.
        assert rounds > 1000 and versions > 100
        assert mounted.mounts() == [str(host.local("web"))]


def test_after_a_reboot_everything_is_published_again_from_disk(mounted, host, repository):
    repository.commit({"side/f": "version 1\n", "one/settings.conf": "one\n"})
    first = repository.head()
    services = [nested(host), host.spec("side"), host.spec("pinned", link="web")]
    agent = mounted.agent(host.config(*services)).start()
    for service in ["web", "side", "pinned"]:
        agent.wait_service(service, state="OK", hash=first)
    agent.ctl("freeze", "side", "--reason", "release day")
    second = repository.commit({"side/f": "version 2\n", "web/index.html": "version 2\n"})
    for service in ["web", "pinned"]:
        agent.wait_service(service, state="OK", hash=second)
    agent.ctl("rollback", "pinned", first)
    before = {name: agent.service(name)["changes"] for name in ["side", "pinned"]}
    agent.kill()
    repository.path.rename(repository.path.with_name("away"))
    mounted.reboot()
    assert not mounted.seen("web/index.html").exists()
    with agent:
        wait_for(lambda: mounted.seen("web/index.html").exists(), what="web")
        wait_for(lambda: mounted.seen("side/f").exists(), what="side")
        wait_for(lambda: mounted.seen("pinned/index.html").exists(), what="pinned")
        assert mounted.read("web/index.html") == "version 2\n"
        wait_for(lambda: len(mounted.mounts()) == 5)
        assert mounted.read("web/conf.d/db.conf") == "size = 1\n"
        assert mounted.read("one.conf") == "one\n"
        assert mounted.read("side/f") == "version 1\n"
        assert mounted.read("pinned/index.html") == "version 1\n"
        pinned = agent.wait_service("pinned", state="FREEZE", hash=first)
        assert pinned["stateInfo"] == f"ROLLBACK: {first}"
        assert agent.wait_service("side", hash=first)["state"] == "FREEZE"
        # It is published; only the upstream cannot be asked.
        assert agent.wait_service("web", state="DIFF")["hash"] == second
        for name, changes in before.items():
            assert agent.service(name)["changes"][-len(changes):] == changes
        repository.path.with_name("away").rename(repository.path)
        agent.wait_service("web", state="OK", hash=second)


def test_what_was_unmounted_by_hand_is_drift(mounted, host, repository):
    with mounted.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        mounted.namespace.run("umount", host.local("web"))
        drifted = agent.wait_service("web", state="DIFF")
        assert str(host.local("web")) in drifted["stateInfo"]
        diff = agent.ctl("diff", "web", check=False)
        assert diff.status == 1 and str(host.local("web")) in diff.out
        assert mounted.mounts() == []
        agent.write_config(host.config(host.spec(drift="correct")))
        agent.process.send_signal(signal.SIGHUP)
        agent.wait_service("web", state="OK", stateInfo="")
        wait_for(lambda: mounted.mounts() == [str(host.local("web"))])
        mounted.namespace.run("umount", host.local("web"))
        wait_for(lambda: mounted.seen("web/index.html").exists(), what="the mount, once more")


def test_what_somebody_mounted_over_it_is_drift(mounted, host, repository):
    with mounted.agent(host.config(host.spec(drift="correct"))) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        other = host.base / "other"
        other.mkdir()
        mounted.namespace.run("mount", "--bind", other, host.local("web"))
        wait_for(lambda: "correcting drift" in agent.logged(), what="the drift to be seen")
        wait_for(lambda: mounted.seen("web/index.html").exists(), what="the right mount on top")
        agent.wait_service("web", state="OK", stateInfo="")


def test_changed_files_are_drift_and_new_ones_are_carried_over(mounted, host, repository):
    with mounted.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        mounted.seen("web/index.html").write_text("edited by hand\n")
        mounted.seen("web/made").write_text("by the service\n")
        mounted.seen("web/made").chmod(0o640)
        drifted = agent.wait_service("web", state="DIFF")
        assert "index.html" in drifted["stateInfo"] and "made" not in drifted["stateInfo"]
        diff = agent.ctl("diff", "web", check=False)
        assert diff.status == 1
        assert "index.html" in diff.out and "made" in diff.out
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second, stateInfo="")
        assert mounted.read("web/index.html") == "version 2\n"
        assert mounted.read("web/made") == "by the service\n"
        assert mounted.seen("web/made").stat().st_mode & 0o777 == 0o640
        first = repository.head("HEAD~1")
        agent.ctl("rollback", "web", first)
        assert mounted.read("web/index.html") == "version 1\n", "not what somebody made of it"
        assert mounted.read("web/made") == "by the service\n"


def test_a_restart_leaves_the_mounts_as_they_are(mounted, host, repository):
    agent = mounted.agent()
    with agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        before = agent.service("web")["changes"]
    inode = mounted.seen("web").stat().st_ino
    assert mounted.read("web/index.html") == "version 1\n", "while no agent runs"
    with agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        assert agent.service("web")["changes"] == before
        assert mounted.seen("web").stat().st_ino == inode
        assert mounted.mounts() == [str(host.local("web"))]


def test_a_link_that_the_commit_lacks_leaves_all_places_as_they_were(mounted, host, repository):
    first = repository.commit({"one/settings.conf": "one\n"})
    with mounted.agent(host.config(nested(host))) as agent:
        agent.wait_service("web", state="OK", hash=first)
        repository.commit({"web/index.html": "version 2\n"}, remove=["one/settings.conf"])
        refused = agent.wait_service("web", state="DIFF", hash=first)
        assert "one/settings.conf" in refused["stateInfo"]
        assert mounted.read("web/index.html") == "version 1\n"
        assert mounted.read("one.conf") == "one\n"


def test_what_a_service_made_in_gitoppers_checkout_is_carried_over_and_the_log_says_where_the_rest_is(
        mounted, host):
    checkout = host.base / "revisions" / "web" / "web"  # <mount>/<service>/<link>
    checkout.mkdir(parents=True)
    (checkout / "made").write_text("mine\n")
    (checkout / "index.html").mkdir()  # where the commit has a file
    host.local("web").mkdir(parents=True)
    mounted.namespace.run("mount", "--bind", checkout, host.local("web"))
    with mounted.agent() as agent:
        agent.wait_service("web", state="OK")
        assert (mounted.read("web/index.html"), mounted.read("web/made")) == ("version 1\n", "mine\n")
        said = [line for line in agent.logged().splitlines() if "not carried over" in line]
        assert len(said) == 1 and f"stays_in={checkout}/index.html" in said[0], agent.logged()


def test_what_a_service_made_in_a_mount_from_elsewhere_is_not_carried_over_and_named_in_the_log(mounted, host):
    other = host.base / "elsewhere"
    other.mkdir(parents=True)
    (other / "made").write_text("mine\n")
    host.local("web").mkdir(parents=True)
    mounted.namespace.run("mount", "--bind", other, host.local("web"))
    with mounted.agent() as agent:
        agent.wait_service("web", state="OK")
        assert not mounted.seen("web/made").exists()
        said = [line for line in agent.logged().splitlines() if "not carried over" in line]
        assert len(said) == 1 and str(host.local("web")) in said[0] and str(other) in said[0], agent.logged()
