"""What goes wrong on a host: the service says so, serves what it had, and gets well by itself once
the cause is gone."""

import os
import pathlib
import pwd
import random
import shutil
import signal
import subprocess

import pytest
from git_http_server import Fault, GitHttpServer
from harness import Repository, as_root, wait_for
from mount_namespace import MountNamespace

root_only = pytest.mark.skipif(not as_root(), reason="needs root")

# Root, to whom permissions apply as to everyone.
PLAIN_ROOT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if as_root() else []


@pytest.fixture
def tmp_path(open_directory):
    return open_directory


@pytest.fixture
def server(tmp_path):
    with GitHttpServer(tmp_path) as server:
        yield server


@pytest.fixture
def namespace():
    with MountNamespace() as namespace:
        yield namespace


@pytest.fixture
def account():
    """The name of an account that does not exist; should a test make it, it is removed."""
    name = f"gitops-t{os.getpid() % 100000}"
    yield name
    subprocess.run(["userdel", "--force", name], capture_output=True)


def descendants(pid):
    found = []
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
        except OSError:
            pass
    return found


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def git_owners(pid):
    """Whose the git processes beneath this one are; what is not git yet becomes somebody first."""
    owners = set()
    for process in (pathlib.Path(f"/proc/{child}") for child in descendants(pid)):
        try:
            if process.joinpath("comm").read_text().startswith("git"):
                owners.add(process.stat().st_uid)
        except OSError:
            pass
    return owners


def mirror(agent):
    """The repository of the agent's only mirror."""
    return next(agent.state.glob("mirrors/*/repository.git"))


def noise(size, seed=1):
    """Text that does not compress well."""
    return random.Random(seed).randbytes(size // 2).hex()


def fill(directory):
    """Leaves no room in the file system of this directory. Returns the file that takes it."""
    filler = directory / "filler"
    with open(filler, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1 << 9):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return filler


# Killed processes.

def test_agent_and_git_killed_in_the_middle_of_a_fetch_leave_nothing_that_stops_the_next(
        host, repository, server):
    agent = host.agent(host.config(upstream=server.url())).start()
    agent.wait_service("web", state="OK", hash=repository.head())
    fault = server.put("pack", Fault("stall"))
    second = repository.commit({"web/index.html": "version 2\n", "web/large": noise(1 << 20)})
    wait_for(fault.reached.is_set, what="the fetch")
    children = wait_for(lambda: descendants(agent.process.pid), what="git's processes")
    agent.kill()
    kill_all(children)
    server.mend()
    assert host.read("web/index.html") == "version 1\n"
    agent.start()
    agent.wait_service("web", state="OK", hash=second)
    assert host.read("web/index.html") == "version 2\n"


def test_a_fetch_that_outlives_its_agent_does_not_stop_the_next(host, repository, server):
    agent = host.agent(host.config(upstream=server.url())).start()
    agent.wait_service("web", state="OK", hash=repository.head())
    fault = server.put("pack", Fault("stall"))
    second = repository.commit({"web/index.html": "version 2\n", "web/large": noise(1 << 20)})
    wait_for(fault.reached.is_set, what="the fetch")
    orphans = descendants(agent.process.pid)
    agent.kill()
    server.faults = {}
    agent.start()
    agent.wait_service("web", state="OK", hash=second)
    fault.released.set()
    wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in orphans),
             what="the orphans' end")
    third = repository.commit({"web/index.html": "version 3\n"})
    agent.wait_service("web", state="OK", hash=third)


def test_git_alone_killed_in_the_middle_of_a_fetch_is_started_again(host, repository, server):
    with host.agent(host.config(upstream=server.url())) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        fault = server.put("pack", Fault("stall"))
        second = repository.commit({"web/index.html": "version 2\n", "web/large": noise(1 << 20)})
        wait_for(fault.reached.is_set, what="the fetch")
        server.faults = {}
        kill_all(descendants(agent.process.pid))
        agent.wait_service("web", state="OK", hash=second)
        fault.released.set()


def test_locks_that_a_killed_git_left_stop_nothing(host, repository):
    agent = host.agent().start()
    agent.wait_service("web", state="OK", hash=repository.head())
    agent.kill()
    for name in ["HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock",
                 "objects/pack/tmp_pack_abcdef"]:
        (mirror(agent) / name).write_bytes(b"")
    reference = next((mirror(agent) / "refs/gitops").iterdir())
    reference.with_name(reference.name + ".lock").write_bytes(b"")
    second = repository.commit({"web/index.html": "version 2\n"})
    agent.start()
    agent.wait_service("web", state="OK", hash=second)
    assert not list(mirror(agent).rglob("*.lock")) and not list(mirror(agent).rglob("tmp_*"))


# Damaged mirrors.

def truncate_packs(repository_path):
    for pack in repository_path.glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        os.truncate(pack, pack.stat().st_size // 2)


def remove_objects(repository_path):
    shutil.rmtree(repository_path / "objects")


def spoil_head(repository_path):
    (repository_path / "HEAD").write_text("nonsense\n")


def spoil_config(repository_path):
    (repository_path / "config").write_text("[[[\n")


def remove_mirror(repository_path):
    # In one step, as the agent may be about to write into it.
    shutil.rmtree(repository_path.parent.rename(repository_path.parent.parent.parent / "gone"))


def file_in_place_of_mirror(repository_path):
    shutil.rmtree(repository_path)
    repository_path.write_text("not a directory\n")


@pytest.mark.parametrize("while_running", [True, False])
@pytest.mark.parametrize("damage", [truncate_packs, remove_objects, spoil_head, spoil_config,
                                    remove_mirror, file_in_place_of_mirror])
def test_a_damaged_mirror_is_made_anew(host, repository, damage, while_running):
    agent = host.agent().start()
    agent.wait_service("web", state="OK", hash=repository.head())
    if not while_running:
        agent.stop()
    damage(mirror(agent))
    if not while_running:
        agent.start()
    second = repository.commit({"web/index.html": "version 2\n"})
    agent.wait_service("web", state="OK", hash=second)
    assert host.read("web/index.html") == "version 2\n"


# Full disks.

@root_only
def test_a_full_disk_for_revisions_is_diff_with_the_old_one_served_until_there_is_room(
        host, repository, namespace):
    revisions = host.base / "revisions"
    revisions.mkdir(parents=True)
    namespace.run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", revisions)
    with host.agent(wrapper=namespace.wrapper) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        filler = fill(namespace.path(revisions))
        second = repository.commit({"web/index.html": "version 2\n", "web/large": noise(1 << 19)})
        agent.wait_diff("web", "No space left on device")
        assert namespace.run("cat", host.local("web") / "index.html") == "version 1\n"
        filler.unlink()
        agent.wait_service("web", state="OK", hash=second, seconds=60)
        assert namespace.run("cat", host.local("web") / "index.html") == "version 2\n"


@root_only
def test_a_full_disk_for_the_state_is_said_and_nothing_is_lost_once_there_is_room(
        host, repository, namespace):
    agent = host.agent(wrapper=namespace.wrapper)
    agent.state.mkdir()
    namespace.run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", agent.state)
    with agent:
        first = repository.head()
        agent.wait_service("web", state="OK", hash=first)
        filler = fill(namespace.path(agent.state))
        second = repository.commit({"web/index.html": "version 2\n", "web/large": noise(1 << 20)})
        agent.wait_diff("web", "No space left on device|disk is full")
        assert host.read("web/index.html") == "version 1\n"
        refused = agent.ctl("freeze", "web", check=False)
        # SQLite may have had room of its own for so little; but it never only seems to.
        if refused.status == 0:
            agent.ctl("unfreeze", "web", check=False)
        else:
            assert agent.service("web")["frozenBy"] == ""
        filler.unlink()
        agent.ctl("unfreeze", "web")
        agent.wait_service("web", state="OK", hash=second, seconds=60)
        agent.ctl("freeze", "web")
        agent.kill()
        agent.start()
        agent.wait_service("web", state="FREEZE", hash=second)


# Accounts.

@root_only
def test_an_unknown_user_is_diff_for_its_service_alone_until_the_account_is_made(
        host, repository, account):
    services = [host.spec("web", user=account), host.spec("db")]
    with host.agent(host.config(*services)) as agent:
        agent.wait_service("db", state="OK", hash=repository.head())
        agent.wait_diff("web", f'no account "{account}"')
        second = repository.commit({"db/db.conf": "size = 2\n"})
        agent.wait_service("db", state="OK", hash=second)
        subprocess.run(["useradd", "--no-create-home", "--shell", "/usr/sbin/nologin", account],
                       check=True, capture_output=True)
        agent.wait_service("web", state="OK", hash=second, seconds=60)
        assert host.read("web/index.html") == "version 1\n"
        owner = pwd.getpwnam(account).pw_uid
        assert (host.local("web") / "index.html").stat().st_uid == owner


@root_only
def test_an_account_that_is_removed_is_diff_and_one_made_anew_with_another_number_is_served(
        host, repository, account):
    subprocess.run(["useradd", "--no-create-home", account], check=True, capture_output=True)
    old = pwd.getpwnam(account).pw_uid
    with host.agent(host.config(host.spec(user=account))) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        # Forced, as git may just be running as it.
        subprocess.run(["userdel", "--force", account], check=True, capture_output=True)
        agent.wait_diff("web", f'no account "{account}"')
        assert host.read("web/index.html") == "version 1\n"
        subprocess.run(["useradd", "--no-create-home", "--uid", str(old + 7), account], check=True,
                       capture_output=True)
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second, seconds=60)
        assert (host.local("web") / "index.html").stat().st_uid == old + 7


@root_only
def test_git_runs_as_the_services_user_and_its_files_are_theirs(
        host, repository, server):
    owner = pwd.getpwnam("nobody").pw_uid
    config = host.config(host.spec(user="nobody"), upstream=server.url())
    with host.agent(config) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        fault = server.put("pack", Fault("stall"))
        second = repository.commit({"web/deep/er/file": "new\n", "web/index.html": "version 2\n"})
        wait_for(fault.reached.is_set, what="the fetch")
        owners = wait_for(lambda: git_owners(agent.process.pid), what="git's processes")
        assert owners == {owner}
        server.mend()
        agent.wait_service("web", state="OK", hash=second)
        published = host.local("web").resolve()
        assert {path.stat().st_uid for path in [published, *published.rglob("*")]} == {owner}
        assert {path.lstat().st_uid for path in mirror(agent).rglob("*")} == {owner}


@root_only
def test_a_repository_on_this_disk_that_is_anothers_is_followed(host, repository):
    """git itself refuses it, unless told that it was meant."""
    for path in [repository.path, *repository.path.rglob("*")]:
        os.chown(path, 65534, 65534)
    with host.agent() as agent:
        head = subprocess.run(["git", "-c", f"safe.directory={repository.path}", "-C",
                               repository.path, "rev-parse", "HEAD"], capture_output=True,
                              text=True, check=True).stdout.strip()
        agent.wait_service("web", state="OK", hash=head)


# Permissions, and things that are not there yet.

def test_an_upstream_that_may_not_be_read_is_diff_until_it_may(host, repository):
    with host.agent(wrapper=PLAIN_ROOT) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        repository.path.chmod(0)
        try:
            agent.wait_diff("web", "ermission denied|may not")
            assert host.read("web/index.html") == "version 1\n"
        finally:
            repository.path.chmod(0o755)
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)


def test_a_mount_directory_that_may_not_be_written_is_diff_until_it_may(host, repository):
    closed = host.base / "closed"
    closed.mkdir(parents=True, mode=0o500)
    services = [host.spec("web", mount=closed / "revisions"), host.spec("db")]
    with host.agent(host.config(*services), wrapper=PLAIN_ROOT) as agent:
        agent.wait_service("db", state="OK", hash=repository.head())
        agent.wait_diff("web", "ermission denied")
        closed.chmod(0o700)
        agent.wait_service("web", state="OK", hash=repository.head())


def test_a_mount_directory_that_comes_later_is_used_when_it_is_there(host, repository):
    """Such as a disk that is mounted after the agent has started."""
    disk = host.base / "disk"
    host.base.mkdir()
    disk.write_text("no directory yet\n")
    with host.agent(host.config(mount=disk / "revisions")) as agent:
        agent.wait_diff("web", str(disk))
        disk.unlink()
        disk.mkdir()
        agent.wait_service("web", state="OK", hash=repository.head())
        assert host.read("web/index.html") == "version 1\n"


def test_a_target_that_may_not_be_made_is_diff_until_it_may(host, repository):
    closed = host.base / "etc"
    closed.mkdir(parents=True, mode=0o500)
    with host.agent(wrapper=PLAIN_ROOT) as agent:
        agent.wait_diff("web", "ermission denied")
        closed.chmod(0o700)
        agent.wait_service("web", state="OK", hash=repository.head())


def test_a_state_directory_that_may_not_be_made_is_named_and_the_agent_ends(host):
    agent = host.agent(wrapper=PLAIN_ROOT)
    agent.directory.chmod(0o500)
    agent.addresses = host.base / "addresses"
    agent.log = host.base / "log"
    try:
        agent.start(wait=False)
        assert agent.process.wait(timeout=20) != 0
    finally:
        agent.directory.chmod(0o700)
    assert "--state-dir" in agent.logged() and str(agent.state) in agent.logged()


def test_mirrors_that_may_not_be_made_are_diff_until_they_may(host, repository):
    agent = host.agent(wrapper=PLAIN_ROOT)
    mirrors = agent.state / "mirrors"
    mirrors.mkdir(parents=True, mode=0o500)
    with agent:
        agent.wait_diff("web", "ermission denied")
        mirrors.chmod(0o700)
        agent.wait_service("web", state="OK", hash=repository.head())


def test_an_upstream_that_is_no_repository_is_diff_until_it_is_one(host, tmp_path):
    path = tmp_path / "plain"
    path.mkdir()
    (path / "file").write_text("no repository\n")
    with host.agent(host.config(upstream=f"file://{path}")) as agent:
        agent.wait_diff("web", f"{path}.*not appear to be a git repository")
        shutil.rmtree(path)
        real = Repository(path)
        agent.wait_diff("web", 'no branch "main"')
        commit = real.commit({"web/index.html": "at last\n"})
        agent.wait_service("web", state="OK", hash=commit)
        assert host.read("web/index.html") == "at last\n"


def test_a_commit_without_the_services_directory_is_diff_with_the_old_files_served(
        host, repository):
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        repository.commit({}, remove=["web/index.html"])
        agent.wait_diff("web", "web")
        assert host.read("web/index.html") == "version 1\n"
        third = repository.commit({"web/index.html": "version 3\n"})
        agent.wait_service("web", state="OK", hash=third)
