"""A hostile repository gains nothing by size: trees without end, files without number, a gigabyte.
What it costs stays bounded, other services follow their own upstreams meanwhile, gitopsctl is
answered, and the former revision stays served."""

import time

import pytest

from harness import Repository, wait_for
from hostile_host import Served
from hostile_repository import FILE, SYMLINK, TREE, resident_memory, usage

MEBIBYTE = 1 << 20


class Siege(Served):
    """A host that also follows an upstream which nobody attacks."""

    def __init__(self, base):
        self.calm = Repository(base / "calm")
        self.calm.commit({"f": "0"})
        self.rounds = 0
        self.most_memory = self.most_disk = 0
        self.slowest_answer = 0.0
        # Where a limit is missing, the test fails and the machine goes on.
        super().__init__(base, wrapper=("prlimit", f"--as={4096 * MEBIBYTE}"))

    def services(self):
        web, db = super().services()
        web["max_bytes"] = "100MiB"
        return [web, db, self.host.spec("calm", ".", upstream=self.calm.url)]

    def decided(self, commit):
        """Each look measures what the attack costs so far, and sees the other upstream followed."""
        self.most_memory = max(self.most_memory, resident_memory(self.agent.process.pid))
        self.most_disk = max(self.most_disk, usage(self.host.base))
        begin = time.monotonic()
        service = super().decided(commit)
        self.slowest_answer = max(self.slowest_answer, time.monotonic() - begin)
        if self.agent.service("calm")["hash"] == self.calm.head():
            self.rounds += 1
            self.calm.commit({"f": str(self.rounds)})
        return service

    def withstand(self, commit, *reasons, seconds=60):
        self.assert_refused(commit, *reasons, seconds=seconds)
        self.agent.wait_service("calm", state="OK", hash=self.calm.head())
        assert self.rounds > 0
        assert self.slowest_answer < 15, "gitopsctl had to wait"
        assert self.most_memory < 400 * MEBIBYTE
        assert self.most_disk < 64 * MEBIBYTE
        assert usage(self.host.base) < 64 * MEBIBYTE


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    shared = Siege(tmp_path_factory.mktemp("siege"))
    with shared.agent:
        shared.publish()
        yield shared


@pytest.fixture
def siege(shared):
    shared.force_back()
    shared.publish()
    shared.rounds = shared.most_memory = shared.most_disk = 0
    shared.slowest_answer = 0.0
    return shared


def nested(repository, oid, levels, names="0123456789"):
    """A directory that holds the same under each name, and so on."""
    for _ in range(levels):
        oid = repository.tree(*((TREE, name, oid) for name in names))
    return oid


@pytest.mark.parametrize("levels", [5, 10])
def test_a_tree_that_unfolds_without_end_is_refused(siege, levels):
    r = siege.repository
    bomb = nested(r, r.tree(r.file("f")), levels)
    siege.withstand(siege.commit_web((TREE, "bomb", bomb)), "max_files")


def test_a_tree_of_nothing_but_directories_is_refused(siege):
    r = siege.repository
    siege.withstand(siege.commit_web((TREE, "bomb", nested(r, r.tree(), 10))), "max_files")


def test_a_tree_that_only_goes_deeper_is_refused(siege):
    r = siege.repository
    deep = nested(r, r.tree(r.file("f")), 50, [100 * "d"])
    siege.withstand(siege.commit_web((TREE, "deep", deep)), "web/deep")


def test_a_bomb_beside_the_links_costs_nothing(siege):
    r = siege.repository
    bomb = (TREE, "zz", nested(r, r.tree(r.file("f")), 10))
    siege.assert_published(r.commit_root(*siege.root(None, None, bomb)))


def test_a_hundred_thousand_files_are_refused(siege):
    r = siege.repository
    blob = r.blob()
    many = r.tree(*((FILE, f"{i:06}", blob) for i in range(100_000)))
    siege.withstand(siege.commit_web((TREE, "many", many)), "max_files")


def test_as_many_symlinks_as_are_allowed_are_checked_in_bounded_time(siege):
    # Each through 30 others with a long way to go: far more steps than there are links.
    r = siege.repository
    loop = "./" * 1000
    chain = [r.symlink(f"chain{i:02}", f"{loop}chain{i + 1:02}") for i in range(30)]
    entry = r.symlink("", "chain00")[2]
    many = [(SYMLINK, f"l{i:05}", entry) for i in range(2_000)]
    siege.withstand(siege.commit_web(*chain, *many), "take too long to resolve")


def test_a_gigabyte_in_one_file_is_refused_and_does_not_fill_the_disk(siege, tmp_path):
    zeros = tmp_path / "zeros"
    with open(zeros, "wb") as file:
        file.truncate(1 << 30)
    r = siege.repository
    blob = r.git("-c", "core.compression=1", "-c", "core.bigFileThreshold=1m", "hash-object", "-w",
                 "--no-filters", str(zeros))
    siege.withstand(siege.commit_web((FILE, "big", blob)), "max_bytes", "web/big", seconds=120)


def test_files_that_are_small_but_too_much_together_are_refused(siege):
    # One stored megabyte, named often: on the host each name would be a file of its own.
    r = siege.repository
    blob = r.blob(bytes(MEBIBYTE))
    commit = siege.commit_web(*((FILE, f"f{i:04}", blob) for i in range(120)))
    siege.assert_refused(commit, "max_bytes", seconds=60)
    wait_for(lambda: usage(siege.host.base) < 64 * MEBIBYTE, what="the removal of what was written")
