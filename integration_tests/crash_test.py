"""The agent is killed at every named place (docs/reference/crash-points.md) of every kind of move,
and started again: it converges by itself, what is published is whole, and nothing that was
acknowledged is forgotten."""

import os
import re
import signal

import pytest

from harness import ACCOUNT, CRASH_AGENT, ROOT, as_root, wait_for
from mount_namespace import MountNamespace

# Reached in every publication of a revision that is not on disk yet.
PUBLICATION = [
    "after-fetch", "before-revision-commit", "after-checkout", "before-publish", "before-exchange",
    "between-exchanges", "after-exchange", "after-publish", "after-published-stored",
    "before-activate", "after-activate",
]
# Only where a service may have files of its own, in what was published before.
CARRYING = ["after-second-pass"]
# Only where the activation succeeds, and only where it fails.
SUCCESS = ["after-activated-stored"]
FAILURE = ["before-fallback"]
# Only where one mount takes the place of another.
EXCHANGE_OF_MOUNTS = ["within-exchange", "within-exchange:3"]
# Around what systemd does: containers/ has a systemd to try them with.
IN_CONTAINERS = ["before-action", "after-action"]

NAMES = {point.split(":")[0] for point in
         [*PUBLICATION, *CARRYING, *SUCCESS, *FAILURE, *EXCHANGE_OF_MOUNTS, *IN_CONTAINERS]}

# Where one commit's files are published to: three exchanges, one of them of a single file.
PLACES = {"web": "web", "db": "db", "one/settings": "one/settings"}
FILES = ["web/a", "web/deep/b", "web/deep/c", "db/a", "db/b", "one/settings"]


def test_every_crash_point_of_the_source_is_tried():
    named = set()
    for file in (ROOT / "agent").rglob("*.cc"):
        if not file.name.endswith("_test.cc"):
            named |= set(re.findall(r'CrashPoint\("([^"]+)"\)', file.read_text()))
    assert named == NAMES


def test_the_page_lists_every_crash_point():
    page = (ROOT / "docs" / "reference" / "crash-points.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) == NAMES


class Crashing:
    """A host whose service "web" is killed on its way and whose service "side" is frozen."""

    def __init__(self, host, repository, namespace):
        self.host = host
        self.repository = repository
        self.namespace = namespace
        self.at_point = ""
        self.agent = host.agent(self.config(), binary=CRASH_AGENT, root=namespace is not None,
                                wrapper=namespace.wrapper if namespace else ())

    def config(self, **keys):
        web = {"machine": "web1", "service": "web", **keys,
               "dirs": [{"local": self.host.local(local), "link": link, "file": "." in link or
                         link.startswith("one/")} for local, link in PLACES.items()]}
        side = {"machine": "web1", "service": "side",
                "dirs": [{"local": self.host.local("side"), "link": "side"}]}
        return self.host.config(web, side)

    def start(self, point=""):
        self.at_point = point
        self.agent.env = {"GITOPS_CRASH_AT": point}
        # Where it dies before it has written its addresses, there is nothing to wait for.
        self.agent.start(wait=not point)
        if point:
            wait_for(lambda: self.agent.addresses.exists() or
                     self.agent.process.poll() is not None, what="the agent's start")

    def await_death(self):
        wait_for(lambda: self.agent.process.poll() is not None,
                 what=f"the agent's end at {self.at_point}")
        assert self.agent.process.returncode == -signal.SIGKILL, self.agent.logged()

    def commit(self, version):
        return self.repository.commit(
            {**{name: f"version {version}\n" for name in FILES}, "side/f": f"version {version}\n"})

    def path(self, name):
        path = self.host.local(name)
        return self.namespace.path(path) if self.namespace else path

    def published(self, place):
        """What the files of one place say; each place is exchanged in one step."""
        return {self.path(name).read_text() for name in FILES if name.startswith(place)
                if self.path(place).exists()}

    def assert_each_place_is_whole(self):
        for place in PLACES:
            if self.path(place).is_dir() and not list(self.path(place).iterdir()):
                continue  # made to be mounted on, not yet published to
            assert len(self.published(place)) <= 1, place

    def all_show(self, version):
        return all(self.path(name).read_text() == f"version {version}\n" for name in FILES)

    def assert_all_show(self, version):
        for name in FILES:
            assert self.path(name).read_text() == f"version {version}\n", name

    def assert_nothing_is_left_over(self):
        revisions = self.host.base / "revisions" / "web"
        # The first look at what is published carries it over.
        wait_for(lambda: not (revisions / ".left-behind").exists(), what="the second pass")
        names = {entry.name for entry in revisions.iterdir()} - {".published", ".stage"}
        assert all(re.fullmatch("[0-9a-f]{40}-[0-9]+", name) for name in names), names
        for name in names:
            assert {entry.name for entry in (revisions / name).iterdir()} - {"durable"} == {"manifest", "tree"}
        assert not (revisions / ".stage").exists() or not list((revisions / ".stage").iterdir())
        assert sorted(entry.name for entry in (self.host.base / "etc").iterdir()) == [
            "db", "one", "side", "web"]
        if self.namespace:
            expected = sorted(str(self.host.local(name)) for name in [*PLACES, "side"])
            # Not at once: the kernel's table is read in pieces, not as of one moment.
            wait_for(lambda: sorted(self.namespace.mounts_below(self.host.base)) == expected, 5,
                     "one mount for each place")


def killed_at(*points):
    """Each way of publishing with each point that it passes; symlinks are replaced in one step."""
    return pytest.mark.parametrize("crashing, point", [
        pytest.param(way, point, id=f"{way}-{point}")
        for way in ("symlinks", "mounts") for point in points
        if way == "mounts" or not point.startswith("within-exchange")], indirect=["crashing"])


@pytest.fixture
def crashing(request, host, repository):
    if request.param == "symlinks":
        yield Crashing(host, repository, None)
        return
    if not as_root():
        pytest.skip("bind mounts need root")
    with MountNamespace() as namespace:
        yield Crashing(host, repository, namespace)
        host.agents[0].kill()


@killed_at(*PUBLICATION, *SUCCESS)
def test_killed_during_the_first_publication(crashing, point):
    first = crashing.commit(1)
    crashing.start(point)
    crashing.await_death()
    crashing.assert_each_place_is_whole()
    crashing.start()
    crashing.agent.wait_service("web", state="OK", hash=first, stateInfo="")
    crashing.agent.wait_service("side", state="OK", hash=first)
    crashing.assert_all_show(1)
    crashing.assert_nothing_is_left_over()
    history = crashing.agent.service("web")["changes"]
    assert [change["toHash"] for change in history if change["toState"] == "OK"] == [first]


@killed_at(*PUBLICATION, *CARRYING, *SUCCESS, *EXCHANGE_OF_MOUNTS)
def test_killed_during_an_update(crashing, point):
    first = crashing.commit(1)
    crashing.start()
    crashing.agent.wait_service("web", state="OK", hash=first)
    crashing.agent.wait_service("side", state="OK", hash=first)
    crashing.agent.ctl("freeze", "side", "--reason", "release day")
    crashing.agent.stop()
    crashing.start(point)
    second = crashing.commit(2)
    crashing.await_death()
    crashing.assert_each_place_is_whole()
    crashing.start()
    crashing.agent.wait_service("web", state="OK", hash=second, stateInfo="")
    crashing.assert_all_show(2)
    side = crashing.agent.service("side")
    assert (side["state"], side["hash"]) == ("FREEZE", first)
    assert ACCOUNT in side["frozenBy"]
    assert "release day" in side["changes"][0]["reason"]
    assert crashing.path("side/f").read_text() == "version 1\n"
    crashing.assert_nothing_is_left_over()
    moves = [(change["fromHash"], change["toHash"])
             for change in crashing.agent.service("web")["changes"]]
    assert moves.count((first, second)) == 1


@killed_at("after-exchange", "after-second-pass")
def test_what_a_service_wrote_between_the_two_passes_survives_a_kill(crashing, point):
    first = crashing.commit(1)
    crashing.start()
    crashing.agent.wait_service("web", state="OK", hash=first)
    crashing.agent.wait_service("side", state="OK", hash=first)
    crashing.agent.ctl("freeze", "side")
    crashing.agent.stop()
    # A process of the service that has the former directory as its own.
    former = os.open(crashing.path("web"), os.O_RDONLY | os.O_DIRECTORY)
    crashing.start(point)
    second = crashing.commit(2)
    crashing.await_death()
    crashing.assert_all_show(2)
    with open(os.open("late", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=former), "w") as late:
        late.write("of the service\n")
    os.close(former)
    assert not crashing.path("web/late").exists()
    crashing.start()
    crashing.agent.wait_service("web", state="OK", hash=second, stateInfo="")
    wait_for(lambda: crashing.path("web/late").exists(), what="the second pass")
    assert crashing.path("web/late").read_text() == "of the service\n"
    crashing.assert_all_show(2)
    crashing.assert_nothing_is_left_over()


@killed_at(*PUBLICATION, *CARRYING, *SUCCESS, *EXCHANGE_OF_MOUNTS)
def test_killed_during_a_rollback(crashing, point):
    first = crashing.commit(1)
    second = crashing.commit(2)
    crashing.start()
    crashing.agent.wait_service("web", state="OK", hash=second)
    crashing.agent.wait_service("side", state="OK")
    crashing.agent.stop()
    crashing.start(point)
    crashing.agent.ctl("rollback", "web", first, "--reason", "two is bad", check=False)
    crashing.await_death()
    crashing.assert_each_place_is_whole()
    crashing.commit(3)  # is not followed
    crashing.start()
    pinned = crashing.agent.wait_service("web", state="FREEZE", hash=first,
                                         stateInfo=f"ROLLBACK: {first}")
    assert ACCOUNT in pinned["frozenBy"]
    assert any("two is bad" in change["reason"] for change in pinned["changes"])
    crashing.assert_all_show(1)
    crashing.assert_nothing_is_left_over()


@killed_at(*PUBLICATION, *SUCCESS, *EXCHANGE_OF_MOUNTS)
def test_killed_when_an_unfreeze_has_begun_to_catch_up(crashing, point):
    first = crashing.commit(1)
    crashing.start()
    crashing.agent.wait_service("web", state="OK", hash=first)
    crashing.agent.wait_service("side", state="OK", hash=first)
    crashing.agent.ctl("freeze", "web")
    crashing.agent.ctl("freeze", "side")
    second = crashing.commit(2)
    crashing.agent.stop()
    crashing.start(point)
    assert crashing.agent.service("web")["state"] == "FREEZE"
    crashing.agent.ctl("unfreeze", "web", check=False)
    crashing.await_death()
    crashing.assert_each_place_is_whole()
    crashing.start()
    after = crashing.agent.wait_service("web", state="OK", hash=second, stateInfo="")
    assert after["frozenBy"] == ""
    assert crashing.agent.service("side")["state"] == "FREEZE"
    crashing.assert_all_show(2)
    crashing.assert_nothing_is_left_over()


# A unit that systemd does not know (or no systemd at all) is an activation that fails.
@killed_at(*PUBLICATION, *CARRYING, *FAILURE, *EXCHANGE_OF_MOUNTS,
           "before-exchange:2", "after-exchange:2", "between-exchanges:3")
def test_killed_during_a_failed_activation_or_the_way_back(crashing, point):
    first = crashing.commit(1)
    crashing.start()
    crashing.agent.wait_service("web", state="OK", hash=first)
    crashing.agent.wait_service("side", state="OK", hash=first)
    crashing.agent.ctl("freeze", "side")
    crashing.agent.stop()
    crashing.agent.write_config(crashing.config(action="reload", healthy_within="1s"))
    crashing.start(point)
    second = crashing.commit(2)
    crashing.await_death()
    crashing.assert_each_place_is_whole()
    crashing.start()
    broken = crashing.agent.wait_service("web", state="BROKEN", hash=first)
    assert second in broken["stateInfo"]
    assert crashing.agent.service("side")["state"] == "FREEZE"
    # It is tried again and again, ever more rarely; in between, the last good one is served.
    wait_for(lambda: crashing.all_show(1), what="the way back")
    # Without the action nothing fails: what is left over would be seen.
    crashing.agent.write_config(crashing.config())
    crashing.agent.process.send_signal(signal.SIGHUP)
    crashing.agent.wait_service("web", state="OK", hash=second, stateInfo="")
    crashing.assert_all_show(2)
    crashing.assert_nothing_is_left_over()
