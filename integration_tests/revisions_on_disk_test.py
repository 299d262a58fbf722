"""What is in <mount>/<service>: an upgrade from the former layout, and revisions that somebody removes."""

import pathlib
import shutil

import pytest

from harness import as_root, wait_for
from mount_namespace import MountNamespace


@pytest.fixture(params=["mounts", "symlinks"])
def placed(request, host):
    """Starts agents that publish in the given way, and reads what is published."""
    if request.param == "mounts" and not as_root():
        pytest.skip("bind mounts need root")

    class Placed:
        mounts = request.param == "mounts"
        revisions = host.base / "revisions" / "web"

        def agent(self, config=None):
            wrapper = {"wrapper": namespace.wrapper} if self.mounts else {}
            return host.agent(config, root=self.mounts, **wrapper)

        def seen(self, name):
            return namespace.path(host.local(name)) if self.mounts else host.local(name)

        def read(self, name):
            return self.seen(name).read_text()

        def identity(self):
            """Changes when something is mounted, or another symlink is made."""
            if not self.mounts:
                return host.local("web").lstat().st_ino
            lines = pathlib.Path(f"/proc/{namespace.holder.pid}/mountinfo").read_text().splitlines()
            return [line for line in lines if line.split()[4] == str(host.local("web"))]

    with MountNamespace() if Placed.mounts else open("/dev/null") as namespace:
        yield Placed()


def to_former_layout(placed, host, newest):
    """As an agent before this layout would have left it; mounts follow their directory."""
    for number, directory in enumerate(sorted(placed.revisions.glob("*-*"),
                                              key=lambda each: int(each.name.rpartition("-")[2]))):
        commit = directory.name.rpartition("-")[0]
        lines = (directory / "manifest").read_text().split("\n", 2)
        manifest = placed.revisions / f"{commit}.manifest"
        manifest.write_text(f"gitops-manifest 1\nsequence {number + 1}\n{lines[2]}")
        manifest.chmod(0o644)
        (directory / "tree").rename(placed.revisions / commit)
        shutil.rmtree(directory)
    for name in [".published", ".stage"]:
        path = placed.revisions / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    placed.revisions.chmod(0o755)
    if not placed.mounts:
        host.local("web").unlink()
        host.local("web").symlink_to(placed.revisions / newest / "web")


def test_a_host_of_the_former_layout_goes_on_with_what_is_published_and_rolls_back(placed, host, repository):
    first = repository.head()
    agent = placed.agent()
    with agent:
        agent.wait_service("web", state="OK", hash=first)
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        placed.seen("web/made").write_text("by the service\n")
    to_former_layout(placed, host, second)
    before = placed.identity()
    files = {path: path.stat().st_ino for path in placed.revisions.rglob("*") if path.is_file()}
    with agent:
        agent.wait_service("web", state="OK", hash=second)
        agent.ctl("pull", "web")
        changes = agent.service("web")["changes"]
        assert placed.identity() == before, "published again"
        assert agent.service("web")["revisions"] == [second, first]
        assert placed.revisions.stat().st_mode & 0o777 == (0o700 if placed.mounts else 0o711)
        agent.ctl("rollback", "web", first)
        assert (placed.read("web/index.html"), placed.read("web/made")) == ("version 1\n", "by the service\n")
        agent.ctl("unfreeze", "web")
        agent.wait_service("web", state="OK", hash=second)
        assert placed.read("web/index.html") == "version 2\n"
        for path, inode in files.items():
            assert path.stat().st_ino == inode, f"{path} was rewritten"
        third = repository.commit({"web/index.html": "version 3\n"})
        agent.wait_service("web", state="OK", hash=third)
        assert (placed.read("web/index.html"), placed.read("web/made")) == ("version 3\n", "by the service\n")
        written = [path.name.rpartition("-")[0] for path in placed.revisions.glob("*-*")]
        assert written == [third], "a former revision was written again"
        assert len(changes) == 2, "the upgrade is a change in the history"


def test_a_published_revision_that_somebody_removes_is_diff_until_the_next_commit(placed, host, repository):
    with placed.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        for removed in [lambda: [shutil.rmtree(path) for path in placed.revisions.glob("*-*")],
                        lambda: shutil.rmtree(placed.revisions),
                        lambda: shutil.rmtree(placed.revisions.parent)]:
            removed()
            agent.wait_diff("web", f"the published revision was removed from {placed.revisions}")
            assert agent.ctl("check", check=False).status != 0
            version = f"after {repository.head()}\n"
            commit = repository.commit({"web/index.html": version})
            agent.wait_service("web", state="OK", hash=commit)
            assert placed.read("web/index.html") == version


def test_a_published_revision_that_somebody_removes_is_put_right_where_asked(placed, host, repository):
    with placed.agent(host.config(host.spec(drift="correct"))) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        for path in [*placed.revisions.glob("*-*")]:
            shutil.rmtree(path)
        wait_for(lambda: placed.seen("web/index.html").exists() and
                 placed.read("web/index.html") == "version 1\n", what="the revision is there again")
        agent.wait_service("web", state="OK", hash=repository.head())
